//! Challenges (§6): made without being stored, each another one, good for a while, and nobody else can make one.

use crate::jose::{decode, encode};
use crate::seal::{MacKey, MasterKey, SealError};
use prokura_core::{Rng, Timestamp};
use std::time::Duration;

/// So many random bytes are in a challenge.
const RANDOM: usize = 16;
/// When it was made, in seconds.
const MADE: usize = 8;
/// So many bytes of the tag go into it.
const TAG: usize = 16;

/// A challenge that is not, or is no longer, one of this place (`use_attestation_challenge`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use the challenge of the header `OAuth-Client-Attestation-Challenge`, once")]
pub struct BadChallenge;

/// Makes and checks the challenges of one installation: every process with the same master key knows them. That each is
/// used once is for whoever can remember.
#[derive(Debug, Clone)]
pub struct Challenges {
    key: MacKey,
    life: Duration,
}

impl Challenges {
    /// The challenges under this master key, good for `life`.
    ///
    /// # Errors
    /// [`SealError`] if no key can be derived.
    pub fn new(master: &MasterKey, life: Duration) -> Result<Self, SealError> {
        Ok(Self { key: master.mac_key("attestation challenges")?, life })
    }

    /// A new challenge.
    pub fn issue(&self, rng: &dyn Rng, now: Timestamp) -> String {
        let mut bytes = vec![0; RANDOM];
        rng.fill(&mut bytes);
        bytes.extend(now.seconds().to_be_bytes());
        let tag = self.key.mac(&bytes);
        bytes.extend(&tag[..TAG]);
        encode(&bytes)
    }

    /// Checks a challenge that came back; one that is missing is none. Says until when it must be remembered.
    ///
    /// # Errors
    /// [`BadChallenge`] if it was not made here, or too long ago.
    pub fn check(&self, challenge: Option<&str>, now: Timestamp) -> Result<Timestamp, BadChallenge> {
        let bytes = challenge.filter(|c| c.len() <= 64).and_then(decode).ok_or(BadChallenge)?;
        let (said, tag) = bytes.split_at_checked(RANDOM + MADE).ok_or(BadChallenge)?;
        if !crate::secret::constant_time_eq(tag, &self.key.mac(said)[..TAG]) {
            return Err(BadChallenge);
        }
        let made = said.last_chunk::<MADE>().ok_or(BadChallenge)?;
        let made = Timestamp::from_seconds(i64::from_be_bytes(*made));
        // Another process may be a little ahead.
        let ahead = made > now.after(Duration::from_secs(10));
        let until = made.after(self.life);
        if ahead || now > until { Err(BadChallenge) } else { Ok(until.after(Duration::from_secs(11))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::SeededRng;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn challenges(master: u8) -> Challenges {
        Challenges::new(&MasterKey::new([master; 32]), Duration::from_secs(300)).unwrap()
    }

    #[test]
    fn each_is_another_and_good_for_a_while_where_it_was_made() {
        let (here, rng) = (challenges(7), SeededRng::new(1));
        let one = here.issue(&rng, NOW);
        assert_ne!(one, here.issue(&rng, NOW));
        assert!(here.check(Some(&one), NOW).unwrap() > NOW.after(Duration::from_secs(300)));
        assert!(here.check(Some(&one), NOW.after(Duration::from_secs(300))).is_ok());
        assert_eq!(here.check(Some(&one), NOW.after(Duration::from_secs(301))), Err(BadChallenge));
        assert_eq!(here.check(Some(&one), NOW.before(Duration::from_secs(60))), Err(BadChallenge));
        assert_eq!(challenges(8).check(Some(&one), NOW), Err(BadChallenge));
        assert_eq!(here.check(None, NOW), Err(BadChallenge));
    }

    #[test]
    fn nobody_else_makes_one() {
        let (here, rng) = (challenges(7), SeededRng::new(1));
        let one = here.issue(&rng, NOW);
        for i in 0..one.len() {
            let mut odd = one.clone().into_bytes();
            odd[i] = if odd[i] == b'A' { b'B' } else { b'A' };
            assert!(here.check(std::str::from_utf8(&odd).ok(), NOW).is_err(), "{i}");
        }
        for odd in ["", "AAAA", &one[..16], &format!("{one}A"), &"A".repeat(100)] {
            assert_eq!(here.check(Some(odd), NOW), Err(BadChallenge), "{odd}");
        }
    }
}
