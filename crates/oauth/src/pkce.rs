//! Proof key for code exchange (RFC 7636). `S256` for every client; `plain` does not exist here.

use crate::jose::decode;
use crate::secret::{constant_time_eq, sha256_base64url};

/// The one method that is served, as it stands in `code_challenge_methods_supported`.
pub const METHOD: &str = "S256";

/// A `code_challenge` with the method `S256` (RFC 7636 §4.2): 43 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(String);

/// A `code_verifier` (RFC 7636 §4.1): 43 to 128 unreserved characters.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeVerifier(String);

/// A proof key that breaks RFC 7636, or is of a kind that is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// There is no `code_challenge`.
    #[error("`code_challenge` is missing: every client proves its code by PKCE (RFC 7636)")]
    Missing,
    /// `code_challenge_method` is absent (which would mean `plain`) or anything but `S256`.
    #[error("`code_challenge_method` must be `S256`")]
    Method,
    /// The challenge is not the base64url of a SHA-256 hash.
    #[error("`code_challenge` is not 43 characters of base64url")]
    Challenge,
    /// The verifier is too short, too long, or has other characters.
    #[error("`code_verifier` is not 43 to 128 unreserved characters")]
    Verifier,
    /// The verifier is not the one whose challenge was given.
    #[error("`code_verifier` does not match the `code_challenge`")]
    Mismatch,
}

impl CodeChallenge {
    /// Reads the two parameters of the authorization request.
    ///
    /// # Errors
    /// [`PkceError`] unless the challenge is there and the method is exactly `S256`.
    pub fn from_request(challenge: Option<&str>, method: Option<&str>) -> Result<Self, PkceError> {
        let challenge = challenge.ok_or(PkceError::Missing)?;
        if method != Some(METHOD) {
            return Err(PkceError::Method);
        }
        Self::parse(challenge)
    }

    /// Reads a challenge whose method is known to be `S256`.
    ///
    /// # Errors
    /// [`PkceError::Challenge`] unless it is the base64url of 32 bytes without padding.
    pub fn parse(challenge: &str) -> Result<Self, PkceError> {
        match decode(challenge) {
            Some(hash) if hash.len() == 32 => Ok(Self(challenge.to_owned())),
            _ => Err(PkceError::Challenge),
        }
    }

    /// Whether `verifier` is the one behind this challenge, compared in constant time.
    ///
    /// # Errors
    /// [`PkceError::Mismatch`].
    pub fn prove(&self, verifier: &CodeVerifier) -> Result<(), PkceError> {
        let same = constant_time_eq(verifier.challenge().0.as_bytes(), self.0.as_bytes());
        if same { Ok(()) } else { Err(PkceError::Mismatch) }
    }

    /// The text of the challenge.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CodeVerifier {
    /// Takes a verifier.
    ///
    /// # Errors
    /// [`PkceError::Verifier`] if it breaks RFC 7636 §4.1.
    pub fn parse(verifier: impl Into<String>) -> Result<Self, PkceError> {
        let verifier = verifier.into();
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if (43..=128).contains(&verifier.len()) && verifier.bytes().all(fine) {
            Ok(Self(verifier))
        } else {
            Err(PkceError::Verifier)
        }
    }

    /// The challenge of this verifier.
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(sha256_base64url(self.0.as_bytes()))
    }

    /// The text of the verifier, a secret of the client.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeVerifier(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        assert_eq!(verifier.challenge().as_str(), CHALLENGE);
        let challenge = CodeChallenge::from_request(Some(CHALLENGE), Some("S256")).unwrap();
        assert_eq!(challenge.prove(&verifier), Ok(()));
        let other = CodeVerifier::parse("x".repeat(43)).unwrap();
        assert_eq!(challenge.prove(&other), Err(PkceError::Mismatch));
    }

    #[test]
    fn only_s256_exists() {
        for method in [None, Some("plain"), Some("s256"), Some(""), Some("S256 "), Some("S512")] {
            assert_eq!(CodeChallenge::from_request(Some(CHALLENGE), method), Err(PkceError::Method));
        }
        assert_eq!(CodeChallenge::from_request(None, Some("S256")), Err(PkceError::Missing));
    }

    #[test]
    fn shapes_are_checked() {
        for bad in ["", "abc", &format!("{CHALLENGE}="), &"A".repeat(44), &"+".repeat(43)] {
            assert_eq!(CodeChallenge::parse(bad), Err(PkceError::Challenge), "{bad}");
        }
        for bad in ["", &"x".repeat(42), &"x".repeat(129), &"é".repeat(30), &format!("{VERIFIER} ")] {
            assert_eq!(CodeVerifier::parse(bad), Err(PkceError::Verifier), "{bad}");
        }
    }

    #[test]
    fn a_verifier_does_not_print_itself() {
        assert!(!format!("{:?}", CodeVerifier::parse(VERIFIER).unwrap()).contains(VERIFIER));
    }
}
