//! What evidence has to be bound to.

use aws_lc_rs::digest::{SHA256, digest};
use prokura_oauth::confirmation::Thumbprint;

/// The challenge that was given out for this evidence, once, and the key that its sender has.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// The challenge, to the byte.
    pub challenge: &'a str,
    /// The key whose possession was proven together with it.
    pub key: Thumbprint,
}

impl Bound<'_> {
    /// The challenge in ten digits, since Azure's metadata service signs no longer nonce: the first eight bytes of its
    /// SHA-256 as a number, modulo 10^10. Whoever wants another challenge with the same digits has to ask for some
    /// 10^10 of them.
    pub fn digits(&self) -> String {
        digits(self.challenge)
    }
}

/// The ten digits that stand for a challenge.
pub fn digits(challenge: &str) -> String {
    let hash = digest(&SHA256, challenge.as_bytes());
    let number = hash.as_ref().iter().take(8).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    format!("{:010}", number % 10_000_000_000)
}

/// By what the first key of an instance is remembered whose evidence has no key of its own in it: `subject` is that of the
/// evidence, as `provider` vouches for it.
pub fn instance_name(provider: &str, subject: &str) -> String {
    format!("instance\n{provider}\n{subject}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_ten_and_those_of_the_challenge() {
        // printf %s abc | sha256sum: ba7816bf8f01cfea…; 0xba7816bf8f01cfea mod 10^10.
        assert_eq!(digits("abc"), format!("{:010}", 0xba78_16bf_8f01_cfea_u64 % 10_000_000_000));
        assert_eq!(digits("x").len(), 10);
        assert_ne!(digits("a"), digits("b"));
    }
}
