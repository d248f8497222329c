//! Small things that secrets need.

use crate::jose::encode;
use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 of `data` in base64url without padding: PKCE challenges (RFC 7636 §4.2), thumbprints
/// (RFC 7638 §3), hashes of secrets that are random enough not to be guessed.
pub fn sha256_base64url(data: &[u8]) -> String {
    encode(digest(&SHA256, data).as_ref())
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let verifier = b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(sha256_base64url(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn equal_is_equal() {
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abd"));
        assert!(!constant_time_eq(b"abc", b"abcd"));
    }
}
