//! SPIFFE IDs (the SPIFFE-ID standard, §2), compared byte for byte.

use std::fmt;
use std::sync::Arc;

/// The longest SPIFFE ID, in bytes (§2.3).
const MAX_ID: usize = 2048;
/// The longest name of a trust domain, in bytes (§2.3).
const MAX_DOMAIN: usize = 255;
const SCHEME: &str = "spiffe://";

/// The name of a trust domain: lower-case letters, digits, `.`, `-` and `_` (§2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(Arc<str>);

/// A SPIFFE ID: a trust domain and perhaps a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: Arc<str>,
    domain: TrustDomain,
}

/// A text that is no SPIFFE ID, or no name of a trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpiffeId {
    /// Longer than the standard allows.
    #[error("a SPIFFE ID has at most 2048 bytes")]
    TooLong,
    /// Another scheme.
    #[error("a SPIFFE ID begins with `spiffe://`")]
    Scheme,
    /// The trust domain is empty, too long, or has other characters.
    #[error(
        "a trust domain is 1 to 255 of the characters a-z, 0-9, `.`, `-` and `_`, in lower case and without port, like `example.org`"
    )]
    Domain,
    /// The path has an empty or relative segment, other characters, or ends in `/`.
    #[error(
        "the path of a SPIFFE ID is segments of letters, digits, `.`, `-` and `_`, like `/ns/prod/sa/planner`"
    )]
    Path,
}

impl TrustDomain {
    /// Reads the name, or a SPIFFE ID without a path.
    ///
    /// # Errors
    /// [`InvalidSpiffeId::Domain`].
    pub fn parse(text: &str) -> Result<Self, InvalidSpiffeId> {
        let name = text.strip_prefix(SCHEME).unwrap_or(text);
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > MAX_DOMAIN || !name.bytes().all(allowed) {
            return Err(InvalidSpiffeId::Domain);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SpiffeId {
    /// Reads a SPIFFE ID. What the standard compares without regard to case has to come in lower case.
    ///
    /// # Errors
    /// [`InvalidSpiffeId`].
    pub fn parse(text: &str) -> Result<Self, InvalidSpiffeId> {
        if text.len() > MAX_ID {
            return Err(InvalidSpiffeId::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidSpiffeId::Scheme)?;
        let (name, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let domain = TrustDomain::parse(name)?;
        let segments = path.strip_prefix('/').map(|p| p.split('/'));
        if segments.is_some_and(|mut all| all.any(|segment| !is_segment(segment))) {
            return Err(InvalidSpiffeId::Path);
        }
        Ok(Self { text: text.into(), domain })
    }

    /// Its trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// Its path, with the leading `/`; empty if it has none, and so names the trust domain and no workload.
    pub fn path(&self) -> &str {
        self.text.get(SCHEME.len() + self.domain.0.len()..).unwrap_or_default()
    }

    /// The whole.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn is_segment(segment: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_a_domain_and_a_path() {
        let id = SpiffeId::parse("spiffe://example.org/ns/prod/sa/planner").unwrap();
        assert_eq!((id.trust_domain().as_str(), id.path()), ("example.org", "/ns/prod/sa/planner"));
        let bare = SpiffeId::parse("spiffe://10.0.0.1").unwrap();
        assert_eq!((bare.trust_domain().as_str(), bare.path()), ("10.0.0.1", ""));
        assert_eq!(TrustDomain::parse("spiffe://a_b-c.d").unwrap().as_str(), "a_b-c.d");
    }

    #[test]
    fn d07_what_could_be_read_in_two_ways_is_no_id() {
        use InvalidSpiffeId::{Domain, Path, Scheme, TooLong};
        for (text, why) in [
            ("", Scheme),
            ("example.org/x", Scheme),
            ("SPIFFE://example.org/x", Scheme),
            ("https://example.org/x", Scheme),
            ("spiffe:/example.org/x", Scheme),
            ("spiffe:///x", Domain),
            ("spiffe://Example.org/x", Domain),
            ("spiffe://example.org:8081/x", Domain),
            ("spiffe://user@example.org/x", Domain),
            ("spiffe://example.org%2Fx", Domain),
            ("spiffe://exämple.org/x", Domain),
            ("spiffe://example.org?x", Domain),
            ("spiffe://example.org/", Path),
            ("spiffe://example.org/x/", Path),
            ("spiffe://example.org//x", Path),
            ("spiffe://example.org/./x", Path),
            ("spiffe://example.org/../x", Path),
            ("spiffe://example.org/a%20b", Path),
            ("spiffe://example.org/x?y", Path),
            ("spiffe://example.org/x#y", Path),
            ("spiffe://example.org/*", Path),
        ] {
            assert_eq!(SpiffeId::parse(text), Err(why), "{text}");
        }
        assert_eq!(SpiffeId::parse(&format!("spiffe://d/{}", "x".repeat(2048))), Err(TooLong));
        assert_eq!(TrustDomain::parse(&"x".repeat(256)), Err(Domain));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(text in "\\PC{0,60}", path in "(/[a-zA-Z0-9._-]{1,9}){0,4}") {
            let _ = SpiffeId::parse(&text);
            let whole = format!("spiffe://example.org{path}");
            if let Ok(id) = SpiffeId::parse(&whole) {
                prop_assert_eq!((id.as_str(), id.path()), (whole.as_str(), path.as_str()));
            }
        }
    }
}
