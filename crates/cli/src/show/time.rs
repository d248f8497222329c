//! Times, for people and from people. The time zone is the machine's and is always said.

use prokura_core::Timestamp;
use std::time::Duration;

/// The exact time in UTC, to the second.
pub(crate) fn exact(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.seconds()).map(|t| t.to_string()).unwrap_or_default()
}

/// A time that is near: the clock's alone if it is today, else the day too; in the machine's zone. What stands in the
/// configuration ends with it, which is told as further notice.
pub(crate) fn until(at: Timestamp, now: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::system();
    let zoned = |t: Timestamp| jiff::Timestamp::from_second(t.seconds()).map(|t| t.to_zoned(zone.clone()));
    let (Ok(at), Ok(now)) = (zoned(at), zoned(now)) else { return "further notice".to_owned() };
    let form = if at.date() == now.date() { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" };
    at.strftime(form).to_string()
}

/// Reads a time: RFC 3339, or so long ago (`90s`, `30m`, `2h`, `7d`).
pub(crate) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_micros(exact.as_microsecond()));
    }
    let wrong = || {
        format!("`{text}` is no time: write it like `2026-11-21T08:00:00Z`, or like `2h` for two hours ago")
    };
    Ok(now.before(span(text).ok_or_else(wrong)?))
}

/// Reads a time to come: RFC 3339, or in so long (`90s`, `30m`, `2h`, `7d`).
pub(crate) fn ahead(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_micros(exact.as_microsecond()));
    }
    let wrong = || {
        format!("`{text}` is no time: write it like `2026-11-21T08:00:00Z`, or like `2h` for in two hours")
    };
    Ok(now.after(span(text).ok_or_else(wrong)?))
}

/// `90s`, `30m`, `2h`, `7d`.
fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().last().and_then(|u| match u {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    });
    let count: u64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    Some(Duration::from_secs(count.checked_mul(unit?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_until_further_notice() {
        let now = Timestamp::from_seconds(100_000);
        assert_eq!(until(Timestamp::from_seconds(253_402_300_799), now), "further notice");
        assert!(until(now, now).starts_with(|c: char| c.is_ascii_digit()));
    }

    #[test]
    fn a_time_is_exact_or_ago() {
        let now = Timestamp::from_seconds(100_000);
        assert_eq!(moment("2h", now), Ok(Timestamp::from_seconds(92_800)));
        assert_eq!(moment("1970-01-01T00:00:01.5Z", now), Ok(Timestamp::from_micros(1_500_000)));
        for wrong in ["", "h", "2", "yesterday", "2ü", "99999999999999999999d", "18446744073709551615d"] {
            assert!(moment(wrong, now).is_err(), "{wrong}");
        }
        assert_eq!(ahead("2h", now), Ok(Timestamp::from_seconds(107_200)));
        assert!(ahead("2ü", now).is_err());
        assert_eq!(exact(Timestamp::from_seconds(0)), "1970-01-01T00:00:00Z");
    }
}
