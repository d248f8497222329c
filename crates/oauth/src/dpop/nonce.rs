//! Nonces for proofs (RFC 9449 §8, §9): made without being stored, good for a while, and nobody else can make one.

use crate::jose::{decode, encode};
use crate::seal::{MacKey, MasterKey, SealError};
use prokura_core::Timestamp;
use std::time::Duration;

/// So many bytes of the tag go into a nonce.
const TAG: usize = 16;

/// A nonce that is not, or is no longer, one of this place (`use_dpop_nonce`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use the nonce of the header `DPoP-Nonce` in the DPoP proof")]
pub struct BadNonce;

/// Makes and checks the nonces of one installation: every process with the same master key knows them, server and
/// gateway alike, for clients keep one nonce for each origin (RFC 9449 §8.2, §9) and these two share theirs.
#[derive(Debug, Clone)]
pub struct Nonces {
    key: MacKey,
    life: Duration,
}

impl Nonces {
    /// The nonces under this master key, good for `life`.
    ///
    /// # Errors
    /// [`SealError`] if no key can be derived.
    pub fn new(master: &MasterKey, life: Duration) -> Result<Self, SealError> {
        Ok(Self { key: master.mac_key("DPoP nonces")?, life })
    }

    /// The nonce of this second.
    pub fn issue(&self, now: Timestamp) -> String {
        let made = now.seconds().to_be_bytes();
        let tag = self.key.mac(&made);
        encode(&[&made[..], &tag[..TAG]].concat())
    }

    /// Checks the nonce of a proof; one that is missing is none.
    ///
    /// # Errors
    /// [`BadNonce`] if it was not made here, or too long ago.
    pub fn check(&self, nonce: Option<&str>, now: Timestamp) -> Result<(), BadNonce> {
        let bytes = nonce.filter(|n| n.len() <= 64).and_then(decode).ok_or(BadNonce)?;
        let (made, tag) = bytes.split_first_chunk::<8>().ok_or(BadNonce)?;
        let expected = self.key.mac(made);
        if !crate::secret::constant_time_eq(tag, &expected[..TAG]) {
            return Err(BadNonce);
        }
        let made = Timestamp::from_seconds(i64::from_be_bytes(*made));
        // Another process may be a little ahead.
        let ahead = made > now.after(Duration::from_secs(10));
        if ahead || now.since(made) > self.life { Err(BadNonce) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn nonces(master: u8) -> Nonces {
        Nonces::new(&MasterKey::new([master; 32]), Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn a_nonce_is_good_for_a_while_and_where_it_was_made() {
        let (here, nonce) = (nonces(7), nonces(7).issue(NOW));
        assert_eq!(here.check(Some(&nonce), NOW), Ok(()));
        assert_eq!(here.check(Some(&nonce), NOW.after(Duration::from_secs(60))), Ok(()));
        assert_eq!(here.check(Some(&nonce), NOW.after(Duration::from_secs(61))), Err(BadNonce));
        assert_eq!(here.check(Some(&nonce), NOW.before(Duration::from_secs(60))), Err(BadNonce));
        assert_eq!(nonces(8).check(Some(&nonce), NOW), Err(BadNonce));
        assert_eq!(here.check(None, NOW), Err(BadNonce));
    }

    #[test]
    fn nobody_else_makes_one() {
        let nonce = nonces(7).issue(NOW);
        let far = nonces(7).issue(NOW.after(Duration::from_secs(3600)));
        for i in 0..nonce.len() {
            let mut odd = nonce.clone().into_bytes();
            odd[i] = if odd[i] == b'A' { b'B' } else { b'A' };
            assert!(nonces(7).check(std::str::from_utf8(&odd).ok(), NOW).is_err(), "{i}");
        }
        for odd in ["", "AAAA", &nonce[..16], &format!("{nonce}A"), &"A".repeat(100), &far] {
            assert_eq!(nonces(7).check(Some(odd), NOW), Err(BadNonce), "{odd}");
        }
        assert!(nonce.bytes().all(|b| b.is_ascii_graphic()), "NQCHAR (RFC 9449 §8.1)");
    }
}
