//! How fast user codes may be tried (RFC 8628 §5.1): per browser, per person and per address.

use crate::people::Visit;
use prokura_core::Timestamp;
use prokura_store::{Attempt, SecretHash, StoreError, Tx};
use std::time::Duration;

/// The names under which one guess counts, each with its own pace.
#[derive(Clone)]
pub(super) struct Guesses(Vec<(String, Pace)>);

/// How many guesses are free, and how long the pause grows. In the time of the longest pause one is forgotten.
#[derive(Debug, Clone, Copy)]
struct Pace {
    free: u32,
    longest: Duration,
}

/// Somebody who mistypes.
const ONE: Pace = Pace { free: 5, longest: Duration::from_secs(10 * 60) };
/// An office behind one address.
const PLACE: Pace = Pace { free: 20, longest: Duration::from_secs(5 * 60) };

impl Pace {
    fn pause(self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(20)).min(self.longest),
        }
    }
}

impl Guesses {
    /// The counters of a guess in this visit.
    pub(super) fn new(visit: &Visit) -> Self {
        let mut names = vec![
            (format!("device place {}", visit.address.place()), PLACE),
            (format!("device browser {}", SecretHash::of(&visit.browser)), ONE),
        ];
        names.extend(visit.signed_in.as_ref().map(|who| (format!("device user {}", who.user.id), ONE)));
        Self(names)
    }

    /// Counts a guess before the code is looked for; until when it is paused, if it is.
    pub(super) fn begin(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        for (name, pace) in &self.0 {
            let attempt = tx.begin_attempt(&[name.as_str()], now, pace.longest, |n| pace.pause(n))?;
            if let Attempt::Blocked { until } = attempt {
                return Ok(Some(until));
            }
        }
        Ok(None)
    }

    /// The code was right. Only this guess is taken back: whoever may ask for codes knows some that are right, and
    /// could else guess at others without end.
    pub(super) fn take_back(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.0.iter().try_for_each(|(name, _)| tx.take_back_attempt(name, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let seconds = |n| ONE.pause(n).as_secs();
        assert_eq!([seconds(4), seconds(5), seconds(6), seconds(9)], [0, 1, 2, 16]);
        assert_eq!(seconds(u32::MAX), 600);
    }
}
