//! Times as people read them: relative, with the exact time beside it.

use crate::text::{Catalogue, Text};
use jiff::Timestamp;

/// A point in time on a page. The time zone is always stated; a script may put in the reader's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// For machines: RFC 3339, UTC.
    pub machine: String,
    /// For people who ask: `20 February 2027, 18:05 UTC`.
    pub exact: String,
    /// For people: `in 3 hours`, or the date where that is clearer.
    pub relative: String,
}

impl When {
    /// `at` as it is read at `now`; both in seconds since the epoch.
    pub fn at(at: i64, now: i64, text: &Catalogue) -> Self {
        let time = Timestamp::from_second(at).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
        Self {
            machine: time.timestamp().to_string(),
            exact: time.strftime("%-d %B %Y, %H:%M UTC").to_string(),
            relative: relative(at - now, text).unwrap_or_else(|| time.strftime("%-d %B %Y").to_string()),
        }
    }
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn relative(seconds: i64, text: &Catalogue) -> Option<String> {
    // What was chosen a moment ago is still what was chosen: "in 30 days", not "in 29 days".
    let (size, past) =
        if seconds > 0 { (seconds.saturating_add(30), false) } else { (seconds.saturating_neg(), true) };
    let (n, one, many) = match (size, past) {
        (0..MINUTE, true) => return Some(text.now.to_string()),
        (0..MINUTE, false) => return Some(text.in_moments.to_string()),
        (MINUTE..HOUR, true) => (size / MINUTE, text.minutes_ago_one, text.minutes_ago),
        (MINUTE..HOUR, false) => (size / MINUTE, text.in_minutes_one, text.in_minutes),
        (HOUR..DAY, true) => (size / HOUR, text.hours_ago_one, text.hours_ago),
        (HOUR..DAY, false) => (size / HOUR, text.in_hours_one, text.in_hours),
        (_, true) if size < 30 * DAY => (size / DAY, text.days_ago_one, text.days_ago),
        (_, false) if size < 30 * DAY => (size / DAY, text.in_days_one, text.in_days),
        _ => return None,
    };
    Some(counted(n, one, many))
}

/// How long something lasts: `1 hour`, `30 days`.
pub fn lasting(seconds: i64, text: &Catalogue) -> String {
    if seconds < DAY {
        counted((seconds / HOUR).max(1), text.hour_one, text.hours)
    } else {
        counted(seconds / DAY, text.day_one, text.days)
    }
}

fn counted(n: i64, one: Text, many: Text) -> String {
    if n == 1 { one.to_string() } else { many.with("n", n).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ENGLISH;

    #[test]
    fn near_times_are_relative_and_far_ones_are_dates() {
        let at = |t| When::at(t, 1_795_000_000, &ENGLISH).relative;
        assert_eq!(at(1_795_000_000), "just now");
        assert_eq!(at(1_795_000_000 - 61), "1 minute ago");
        assert_eq!(at(1_795_000_000 + 2 * HOUR), "in 2 hours");
        assert_eq!(at(1_795_000_000 + 2 * DAY - 20), "in 2 days");
        assert_eq!(at(1_795_000_000 - 3 * DAY), "3 days ago");
        assert_eq!(at(1_795_000_000 + 90 * DAY), "16 February 2027");
    }

    #[test]
    fn the_zone_is_stated() {
        let when = When::at(0, 0, &ENGLISH);
        assert_eq!(when.exact, "1 January 1970, 00:00 UTC");
        assert_eq!(when.machine, "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_time_that_cannot_be_does_not_break_a_page() {
        assert!(!When::at(i64::MAX, i64::MAX - 5, &ENGLISH).exact.is_empty());
    }
}
