//! Formats that say a type (JSON Schema 2020-12, validation §7.3); others are remarks.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text is written in a format, and what that is called; `None` for formats that are not looked at.
pub(super) fn is_written(format: &str, text: &str) -> Option<(bool, &'static str)> {
    Some(match format {
        "date" => (is_date(text), "a date, such as 2026-07-28"),
        "date-time" => (is_date_time(text), "a date and time, such as 2026-07-28T12:00:00Z"),
        "uuid" => (is_uuid(text), "a UUID"),
        "ipv4" => (text.parse::<Ipv4Addr>().is_ok(), "an IPv4 address"),
        "ipv6" => (text.parse::<Ipv6Addr>().is_ok(), "an IPv6 address"),
        _ => return None,
    })
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let fine = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    fine.then(|| text.parse().ok()).flatten()
}

fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits| parts.next().and_then(|p| number(p, digits));
    let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else { return false };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// RFC 3339 §5.6, with `T` and `Z` in upper case.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some(at) = time.find(['Z', '+', '-']) else { return false };
    let (time, zone) = time.split_at(at);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let clock = |text: &str, most: &[u32]| {
        let parts: Vec<_> = text.split(':').map(|p| number(p, 2)).collect();
        parts.len() == most.len() && parts.iter().zip(most).all(|(p, most)| p.is_some_and(|p| p <= *most))
    };
    let zone_fits = zone == "Z" || clock(&zone[1..], &[23, 59]);
    let fraction_fits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    is_date(date) && clock(time, &[23, 59, 60]) && fraction_fits && zone_fits
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    lengths && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_so_and_what_is_not() {
        for (format, good, bad) in [
            ("date", "2024-02-29", "2026-02-29"),
            ("date-time", "2026-07-28T12:00:00.5+02:00", "2026-07-28 12:00:00Z"),
            ("date-time", "2026-07-28T23:59:60Z", "2026-07-28T24:00:00Z"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
            ("ipv4", "127.0.0.1", "127.0.0.01"),
            ("ipv6", "::1", "::g"),
        ] {
            assert!(is_written(format, good).is_some_and(|(fits, _)| fits), "{good}");
            assert!(is_written(format, bad).is_some_and(|(fits, _)| !fits), "{bad}");
        }
        assert_eq!(is_written("email", "x"), None);
    }
}
