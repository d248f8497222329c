//! How many registrations, or device codes, one place may ask for.

use prokura_core::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);
/// More places than this are not told apart: together they are one.
const MAX_PLACES: usize = 4096;

/// Counts by place, a minute at a time.
pub(crate) struct Admission {
    per_window: u32,
    counts: Mutex<Counts>,
}

struct Counts {
    since: Timestamp,
    by_place: HashMap<IpAddr, u32>,
    others: u32,
}

impl Admission {
    pub(crate) fn new(per_window: u32, now: Timestamp) -> Self {
        let counts = Mutex::new(Counts { since: now, by_place: HashMap::new(), others: 0 });
        Self { per_window, counts }
    }

    /// Counts one more from `place`; false if there were enough in this minute.
    pub(crate) fn admit(&self, place: IpAddr, now: Timestamp) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(counts.since) >= WINDOW || now < counts.since {
            *counts = Counts { since: now, by_place: HashMap::new(), others: 0 };
        }
        let full = counts.by_place.len() >= MAX_PLACES && !counts.by_place.contains_key(&place);
        let count = if full { &mut counts.others } else { counts.by_place.entry(place).or_default() };
        if *count >= self.per_window {
            return false;
        }
        *count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_place_has_its_share_of_every_minute() {
        let at = Timestamp::from_seconds;
        let admission = Admission::new(2, at(0));
        let place = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(n));
        assert!(admission.admit(place(1), at(0)) && admission.admit(place(1), at(1)));
        assert!(!admission.admit(place(1), at(2)));
        assert!(admission.admit(place(2), at(2)));
        assert!(admission.admit(place(1), at(60)));
    }

    #[test]
    fn memory_is_bounded_however_many_places_there_are() {
        let admission = Admission::new(1, Timestamp::from_seconds(0));
        let admitted = (0..10_000_u32)
            .filter(|n| admission.admit(IpAddr::V4(Ipv4Addr::from_bits(*n)), Timestamp::from_seconds(1)))
            .count();
        assert_eq!(admitted, MAX_PLACES + 1);
    }
}
