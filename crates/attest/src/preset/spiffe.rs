//! SPIFFE: JWT-SVIDs. The keys are those of the trust domain's bundle, never of what the token names.

use crate::error::Refused;
use crate::reading::{Collected, Place, Said};

/// The longest SPIFFE ID and the longest trust domain, in bytes (SPIFFE-ID §2.3, §2.1).
const MAX_ID: usize = 2048;
const MAX_DOMAIN: usize = 255;

pub(super) fn read(claims: Place<'_>) -> Result<Said, Refused> {
    let subject = claims.text("sub")?;
    let (domain, path) =
        taken_apart(subject).ok_or_else(|| claims.refuse("sub", "a SPIFFE ID with a path"))?;
    let mut all = Collected::default();
    all.text("spiffe_id", Some(subject));
    all.text("trust_domain", Some(domain));
    all.text("path", Some(path));
    Ok(Said::new(subject, None, all))
}

/// The trust domain that a subject says it is of, by which the provider is looked up.
pub(crate) fn trust_domain(subject: &str) -> Option<&str> {
    taken_apart(subject).map(|(domain, _)| domain)
}

/// Trust domain and path of a workload's SPIFFE ID (SPIFFE-ID §2), byte for byte.
fn taken_apart(id: &str) -> Option<(&str, &str)> {
    let rest = id.strip_prefix("spiffe://").filter(|_| id.len() <= MAX_ID)?;
    let (domain, path) = rest.split_at(rest.find('/')?);
    let in_domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    let in_path = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let segment = |s: &str| !s.is_empty() && s != "." && s != ".." && s.bytes().all(in_path);
    let fits = !domain.is_empty()
        && domain.len() <= MAX_DOMAIN
        && domain.bytes().all(in_domain)
        && path.split('/').skip(1).all(segment);
    fits.then_some((domain, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_apart_byte_for_byte() {
        assert_eq!(taken_apart("spiffe://prod.example/ns/agents"), Some(("prod.example", "/ns/agents")));
        for bad in [
            "",
            "spiffe://prod.example",
            "spiffe://prod.example/",
            "spiffe:///x",
            "SPIFFE://prod.example/x",
            "spiffe://Prod.example/x",
            "spiffe://prod.example/a//b",
            "spiffe://prod.example/../x",
            "spiffe://prod.example/x?y",
            "spiffe://prod.example:1/x",
            "spiffe://u@prod.example/x",
            "spiffe://prod.example/%41",
            "https://prod.example/x",
        ] {
            assert_eq!(taken_apart(bad), None, "{bad}");
        }
    }
}
