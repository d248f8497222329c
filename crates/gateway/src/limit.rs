//! The limit on calls: a leaky bucket for each caller (the generic cell rate algorithm), in bounded memory.

use prokura_core::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Whether a call may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may.
    Go,
    /// It may not.
    Wait {
        /// When the next call may be made, in seconds from now, at least 1.
        seconds: u64,
        /// Whether this is the first refusal since a call went through; the others need no record.
        first: bool,
    },
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When the bucket will be empty, in microseconds since the epoch.
    empty_at: i64,
    refused: bool,
}

/// Counts calls.
#[derive(Debug)]
pub(crate) struct Limiter {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<u64, Bucket>>>,
}

const SHARDS: usize = 16;
/// Callers remembered in one shard: 65,536 callers in all, about 2 MiB.
const SHARD_SIZE: usize = 4096;

impl Default for Limiter {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }
}

impl Limiter {
    /// Takes one call of `caller` at `now`: `calls` at once, and `calls` in every `per` after that.
    pub(crate) fn take(&self, caller: impl Hash, calls: u32, per: Duration, now: Timestamp) -> Verdict {
        let key = self.hasher.hash_one(caller);
        let per = i64::try_from(per.as_micros()).unwrap_or(i64::MAX);
        let cost = (per / i64::from(calls.max(1))).max(1);
        let shard = usize::try_from(key % SHARDS as u64).unwrap_or(0);
        let mut shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= SHARD_SIZE && !shard.contains_key(&key) {
            make_room(&mut shard);
        }
        let bucket = shard.entry(key).or_insert(Bucket { empty_at: now.micros(), refused: false });
        let filled = bucket.empty_at.max(now.micros()).saturating_add(cost);
        let over = filled.saturating_sub(now.micros()).saturating_sub(per);
        if over > 0 {
            let first = !std::mem::replace(&mut bucket.refused, true);
            return Verdict::Wait { seconds: u64::try_from(over).unwrap_or(0).div_ceil(1_000_000), first };
        }
        *bucket = Bucket { empty_at: filled, refused: false };
        Verdict::Go
    }
}

/// Forgets one of a few: the one that would be forgotten soonest anyway. Looking at all would be slow just when a
/// flood is on.
fn make_room(shard: &mut HashMap<u64, Bucket>) {
    const FEW: usize = 16;
    let soonest = shard.iter().take(FEW).min_by_key(|(_, b)| b.empty_at).map(|(key, _)| *key);
    if let Some(soonest) = soonest {
        shard.remove(&soonest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let limiter = Limiter::default();
        let at = |s| Timestamp::from_seconds(s);
        for _ in 0..6 {
            assert_eq!(limiter.take("a", 6, MINUTE, at(0)), Verdict::Go);
        }
        assert_eq!(limiter.take("a", 6, MINUTE, at(0)), Verdict::Wait { seconds: 10, first: true });
        assert_eq!(limiter.take("a", 6, MINUTE, at(9)), Verdict::Wait { seconds: 1, first: false });
        assert_eq!(limiter.take("b", 6, MINUTE, at(0)), Verdict::Go);
        assert_eq!(limiter.take("a", 6, MINUTE, at(10)), Verdict::Go);
        assert_eq!(limiter.take("a", 6, MINUTE, at(10)), Verdict::Wait { seconds: 10, first: true });
    }

    #[test]
    fn a_flood_of_callers_stays_within_its_bound() {
        let limiter = Limiter::default();
        for caller in 0..200_000_u32 {
            limiter.take(caller, 1, MINUTE, Timestamp::from_seconds(0));
        }
        let held: usize = limiter.shards.iter().map(|s| s.lock().unwrap().len()).sum();
        assert!(held <= SHARDS * SHARD_SIZE, "{held}");
    }

    #[test]
    fn a_clock_that_goes_back_does_not_lock_anybody_out_for_longer_than_the_window() {
        let limiter = Limiter::default();
        assert_eq!(limiter.take("a", 1, MINUTE, Timestamp::from_seconds(1000)), Verdict::Go);
        let back = limiter.take("a", 1, MINUTE, Timestamp::from_seconds(0));
        assert!(matches!(back, Verdict::Wait { .. }));
        assert_eq!(limiter.take("a", 1, MINUTE, Timestamp::from_seconds(1060)), Verdict::Go);
    }
}
