//! How much there was in each of the last minutes.

use prokura_core::Timestamp;
use std::collections::BTreeMap;

/// How far back it is counted, in minutes.
pub(crate) const BACK: i64 = 10;

/// The minute of a time, since the epoch.
pub(crate) fn minute(now: Timestamp) -> i64 {
    now.seconds().div_euclid(60)
}

/// Calls and refusals of one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) calls: u64,
    pub(crate) refused: u64,
}

/// The last minutes, at most [`BACK`] and the one that is under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Minutes(BTreeMap<i64, Count>);

impl Minutes {
    /// Counts one call.
    pub(crate) fn add(&mut self, now: Timestamp, refused: bool) {
        let at = self.0.entry(minute(now)).or_default();
        at.calls = at.calls.saturating_add(1);
        at.refused = at.refused.saturating_add(u64::from(refused));
        self.forget(now);
    }

    /// Adds what others counted.
    pub(crate) fn put(&mut self, minute: i64, count: Count) {
        let at = self.0.entry(minute).or_default();
        at.calls = at.calls.saturating_add(count.calls);
        at.refused = at.refused.saturating_add(count.refused);
    }

    /// Drops what no longer matters.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        let oldest = minute(now) - BACK;
        self.0 = self.0.split_off(&oldest);
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The minutes from `from` on.
    pub(crate) fn since(&self, from: i64) -> impl Iterator<Item = (i64, Count)> {
        self.0.range(from..).map(|(minute, count)| (*minute, *count))
    }

    /// The calls of this minute, and of the one before.
    pub(crate) fn last_two(&self, now: Timestamp) -> (u64, u64) {
        let calls = |at: i64| self.0.get(&at).map_or(0, |c| c.calls);
        (calls(minute(now)), calls(minute(now) - 1))
    }

    /// Calls and refusals of the last [`BACK`] minutes.
    pub(crate) fn sum(&self, now: Timestamp) -> Count {
        let add = |sum: Count, (_, c): (i64, Count)| Count {
            calls: sum.calls.saturating_add(c.calls),
            refused: sum.refused.saturating_add(c.refused),
        };
        self.since(minute(now) - BACK + 1).filter(|(at, _)| *at <= minute(now)).fold(Count::default(), add)
    }
}

/// How many there were in the last 60 seconds, taking those of the minute before as even.
pub(crate) fn per_minute((this, before): (u64, u64), now: Timestamp) -> u64 {
    let left = 60_u64.saturating_sub(u64::try_from(now.seconds().rem_euclid(60)).unwrap_or(0));
    this.saturating_add(before.saturating_mul(left) / 60)
}
