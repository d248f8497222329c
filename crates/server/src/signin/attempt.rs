//! How fast guesses may come: per account and address together, per account from everywhere, per address at any
//! account.

use crate::people::Visit;
use prokura_core::Timestamp;
use prokura_store::{Attempt, StoreError, Tx, fold_name};
use std::time::Duration;

/// The names under which one guess counts.
#[derive(Clone)]
pub(crate) struct Counters {
    pair: String,
    account: String,
    place: String,
    /// How fast at one account from everywhere.
    pace: Pace,
}

/// How many guesses are free, and how long the pause grows. In the time of the longest pause one guess is forgotten, so
/// that those who mistype now and then are not added up for ever, and nobody guesses faster than the pauses allow.
#[derive(Clone, Copy)]
struct Pace {
    free: u32,
    longest: Duration,
}

/// One person at one place who has forgotten the password: a few tries, then ever longer pauses.
const PAIR: Pace = Pace { free: 5, longest: Duration::from_secs(15 * 60) };
/// Everybody at one account: short pauses only, or a stranger could keep its owner out. A passkey is never
/// paused.
const ACCOUNT: Pace = Pace { free: 30, longest: Duration::from_secs(20) };
/// One place at many accounts: an office behind one address must be able to sign in of a morning.
const PLACE: Pace = Pace { free: 60, longest: Duration::from_secs(5 * 60) };

impl Pace {
    fn pause(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(20)).min(self.longest),
        }
    }
}

impl Counters {
    /// The counters of a guess at `login`. Case and surrounding space make no other account of it.
    pub(crate) fn new(login: &str, visit: &Visit) -> Self {
        let (login, place) = (fold_name(login), visit.address.place());
        Self {
            pair: format!("pair {place} {login}"),
            account: format!("account {login}"),
            place: format!("place {place}"),
            pace: ACCOUNT,
        }
    }

    /// The counters of a guess at the second factor of `user`. Who guesses here knows the password, so nobody else is
    /// kept out by long pauses.
    pub(crate) fn second(user: &str, visit: &Visit) -> Self {
        let place = visit.address.place();
        Self {
            pair: format!("second pair {place} {user}"),
            account: format!("second account {user}"),
            place: format!("place {}", visit.address.place()),
            pace: PAIR,
        }
    }

    /// Counts a guess before it is checked; until when it is paused, if it is.
    pub(crate) fn begin(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        for (name, pace) in [(&self.place, PLACE), (&self.account, self.pace), (&self.pair, PAIR)] {
            let attempt = tx.begin_attempt(&[name.as_str()], now, pace.longest, |n| pace.pause(n))?;
            if let Attempt::Blocked { until } = attempt {
                return Ok(Some(until));
            }
        }
        Ok(None)
    }

    /// Forgets the guesses at this account. Of those of the place only this one, which was none, is taken back: who
    /// has an account of their own could else guess at others without end.
    pub(crate) fn clear(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        tx.take_back_attempt(&self.place, now)?;
        tx.clear_attempts(&self.account)?;
        tx.clear_attempts(&self.pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let seconds = |n| PAIR.pause(n).as_secs();
        assert_eq!([seconds(4), seconds(5), seconds(6), seconds(9)], [0, 1, 2, 16]);
        assert_eq!(seconds(u32::MAX), 900);
        assert_eq!(ACCOUNT.pause(u32::MAX).as_secs(), 20);
    }
}
