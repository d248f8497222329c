//! Secrets are looked up by their hash, so that a copy of the database lets nobody in.

use aws_lc_rs::digest::{Context, SHA256};
use std::fmt;

/// The SHA-256 of a secret of at least 128 random bits. Not for passwords.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash(pub(crate) [u8; 32]);

impl SecretHash {
    /// The hash of `secret`.
    pub fn of(secret: &str) -> Self {
        Self::of_parts(&[secret])
    }

    /// The hash of several texts of which none may run into the next.
    pub(crate) fn of_parts(parts: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            if parts.len() > 1 {
                context.update(&part.len().to_be_bytes());
            }
            context.update(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// Reads what [`Display`](fmt::Display) wrote: 64 lower-case hexadecimal digits.
    pub fn from_hex(s: &str) -> Option<Self> {
        let fine = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if s.len() != 64 || !s.as_bytes().iter().all(fine) {
            return None;
        }
        let mut hash = [0; 32];
        for (i, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&s[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(hash))
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        <[u8; 32]>::try_from(bytes).map(Self).map_err(|b| format!("{} bytes are no hash", b.len()))
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_there_and_back() {
        let hash = SecretHash::of("abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(SecretHash::from_hex(&hash.to_string()), Some(hash));
        for bad in ["", "ba78", &"BA".repeat(32), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(SecretHash::from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(SecretHash::of_parts(&["ab", "c"]), SecretHash::of_parts(&["a", "bc"]));
    }
}
