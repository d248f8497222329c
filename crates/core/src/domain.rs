//! Trust domains of transaction tokens.

use std::fmt;
use std::sync::Arc;

/// The name of a trust domain: the systems within which a transaction token is worth something
/// (draft-ietf-oauth-transaction-tokens, "Terminology"). It is the whole audience of such a token, so it is no address
/// of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(Arc<str>);

/// A text that is no name of a trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a trust domain is 1 to 255 visible ASCII characters without quotes and backslashes, and no `http` address"
)]
pub struct InvalidTrustDomain;

impl TrustDomain {
    /// The longest name, in bytes.
    const MAX: usize = 255;

    /// Takes a name as it is, to the byte.
    ///
    /// # Errors
    /// [`InvalidTrustDomain`]. An `http` or `https` address is refused: it could be a resource, and a token for one of
    /// the two must never be one for the other.
    pub fn parse(text: &str) -> Result<Self, InvalidTrustDomain> {
        let fine = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        let lower = text.to_ascii_lowercase();
        let address = lower.starts_with("http:") || lower.starts_with("https:");
        if text.is_empty() || text.len() > Self::MAX || address || !text.bytes().all(fine) {
            return Err(InvalidTrustDomain);
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_domain_is_never_an_address_of_a_resource() {
        assert_eq!(TrustDomain::parse("tools.example").unwrap().as_str(), "tools.example");
        assert!(TrustDomain::parse("urn:example:tools").is_ok());
        for bad in ["", "a b", "a\"b", "https://as.example/mcp/crm", "HTTP://as.example", &"x".repeat(256)] {
            assert_eq!(TrustDomain::parse(bad), Err(InvalidTrustDomain), "{bad}");
        }
    }
}
