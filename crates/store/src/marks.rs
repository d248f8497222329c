//! The newest word on each id, for a million of them and more.
//!
//! They stand in parts, each behind a lock of its own: a map that grows moves everything it holds, and forgetting looks at
//! everything. Behind one lock a million marks held up every call for a quarter of a second.

use crate::revoked::{Change, Kind};
use prokura_core::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

const PARTS: usize = 64;

/// About so many marks are looked at by one [`Marks::forget`].
const GLANCE: usize = 1 << 16;

/// The newest word on one id. A word of being in force is kept too, so that an older one that arrives late
/// (the writer and the watcher both bring them) cannot undo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) seq: u64,
    pub(crate) active: bool,
    pub(crate) until: Timestamp,
    /// The revision from which on tokens count.
    pub(crate) floor: u64,
}

type Part = [HashMap<Box<str>, Mark>; Kind::ALL.len()];

/// The newest word on each id of each kind.
pub(crate) struct Marks {
    parts: Box<[RwLock<Part>]>,
    hasher: RandomState,
    /// The part with which the next forgetting begins.
    next: AtomicUsize,
}

impl Default for Marks {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| RwLock::default()).collect();
        Self { parts, hasher: RandomState::new(), next: AtomicUsize::new(0) }
    }
}

impl Marks {
    fn part(&self, id: &str) -> &RwLock<Part> {
        // The remainder by 64 of a 64-bit hash fits any machine.
        #[allow(clippy::cast_possible_truncation)]
        let at = (self.hasher.hash_one(id) % PARTS as u64) as usize;
        &self.parts[at]
    }

    /// The newest word on `id`.
    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<Mark> {
        read(self.part(id))[kind as usize].get(id).copied()
    }

    /// Takes in a word, unless a newer one is known.
    pub(crate) fn apply(&self, Change { seq, kind, id, active, until, floor }: Change) {
        let mark = Mark { seq, active, until, floor };
        let mut part = write(self.part(&id));
        let known = part[kind as usize].entry(id.into()).or_insert(mark);
        if seq > known.seq {
            *known = mark;
        }
    }

    /// Makes any word newer than what is known.
    pub(crate) fn begin_anew(&self) {
        for part in &self.parts {
            write(part).iter_mut().flat_map(HashMap::values_mut).for_each(|mark| mark.seq = 0);
        }
    }

    /// Forgets words about what has expired by `now`: all of them while there are few, else some at each call.
    pub(crate) fn forget(&self, now: Timestamp) {
        let mut looked_at = 0;
        for _ in 0..PARTS {
            let at = self.next.fetch_add(1, Ordering::Relaxed) % PARTS;
            looked_at += forget(&self.parts[at], now);
            if looked_at >= GLANCE {
                return;
            }
        }
    }
}

/// How many marks were looked at.
fn forget(part: &RwLock<Part>, now: Timestamp) -> usize {
    let is_old = |mark: &Mark| mark.until < now;
    let (count, old) = {
        let part = read(part);
        (part.iter().map(HashMap::len).sum(), part.iter().any(|m| m.values().any(is_old)))
    };
    if old {
        for map in write(part).iter_mut() {
            map.retain(|_, mark| !is_old(mark));
            if map.len() < map.capacity() / 4 {
                map.shrink_to_fit();
            }
        }
    }
    count
}

fn read(part: &RwLock<Part>) -> RwLockReadGuard<'_, Part> {
    part.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(part: &RwLock<Part>) -> RwLockWriteGuard<'_, Part> {
    part.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(seq: u64, id: String, until: i64) -> Change {
        Change { seq, kind: Kind::Grant, id, active: false, until: Timestamp::from_seconds(until), floor: 0 }
    }

    #[test]
    fn of_many_only_those_are_forgotten_that_expired_and_in_the_end_all_of_them() {
        let marks = Marks::default();
        let count = GLANCE * 2 + 17;
        for n in 0..count {
            marks.apply(change(1, format!("g_{n}"), if n % 2 == 0 { 10 } else { 20 }));
        }
        let left = |even| {
            (0..count)
                .filter(|n| n % 2 == even)
                .filter(|n| marks.get(Kind::Grant, &format!("g_{n}")).is_some())
                .count()
        };
        let now = Timestamp::from_seconds(15);
        marks.forget(now);
        assert!(left(0) > 0, "one call does not look at everything");
        for _ in 0..PARTS {
            marks.forget(now);
        }
        assert_eq!((left(0), left(1)), (0, count / 2));
    }
}
