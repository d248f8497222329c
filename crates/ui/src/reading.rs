//! Numbers and dates as people read them more easily, beside how they are written.

use jiff::civil::{Date, Time};
use prokura_core::Decimal;

/// A number with its digits in groups and without an exponent: `1052000` is `1 052 000`; `None` where it is written so
/// already, or would be too long. The groups are held together by no-break spaces.
pub fn number_reading(text: &str) -> Option<String> {
    let plain = Decimal::parse(text)?.plain()?;
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut said = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && whole.len() > 4 {
            said.push('\u{a0}');
        }
        said.push(digit);
    }
    if let Some(fraction) = fraction {
        said.push('.');
        said.push_str(fraction);
    }
    (said != text).then_some(said)
}

/// A date or time as RFC 3339 writes it, in words: `2027-01-01` is `Friday, 1 January 2027`. The zone is the one that is
/// written; nothing is converted.
pub fn date_reading(text: &str) -> Option<String> {
    let date: Date = text.get(..10)?.parse().ok()?;
    let said = date.strftime("%A, %-d %B %Y").to_string();
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else { return Some(said) };
    let (time, zone) = split_zone(rest.strip_prefix(['T', 't'])?)?;
    let time: Time = time.parse().ok()?;
    let zone = if matches!(zone, "Z" | "z") { "UTC".to_owned() } else { format!("UTC{zone}") };
    let time = time.strftime("%H:%M:%S").to_string();
    Some(format!("{said}, {} {zone}", time.strip_suffix(":00").unwrap_or(&time)))
}

/// The time of the day, and its zone: `Z`, `+01:00`.
fn split_zone(text: &str) -> Option<(&str, &str)> {
    let (time, zone) = text.split_at_checked(text.find(['Z', 'z', '+', '-'])?)?;
    let offset = |zone: &str| {
        let digits = zone
            .bytes()
            .enumerate()
            .all(|(at, b)| if at == 3 { b == b':' } else { at == 0 || b.is_ascii_digit() });
        zone.len() == 6 && digits
    };
    (time.len() >= 8 && (matches!(zone, "Z" | "z") || offset(zone))).then_some((time, zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_in_groups() {
        let read = |text| number_reading(text).map(|said| said.replace('\u{a0}', " "));
        for (text, said) in [
            ("5", None),
            ("2026", None),
            ("50000", Some("50 000")),
            ("1052000", Some("1 052 000")),
            ("-1234567.891", Some("-1 234 567.891")),
            ("1e6", Some("1 000 000")),
            ("5e-3", Some("0.005")),
            ("1e99", None),
            ("12 345", None),
            ("x", None),
        ] {
            assert_eq!(read(text).as_deref(), said, "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_words_and_stay_in_their_zone() {
        for (text, said) in [
            ("2027-01-01", Some("Friday, 1 January 2027")),
            ("2027-01-01T00:00:00+01:00", Some("Friday, 1 January 2027, 00:00 UTC+01:00")),
            ("2026-11-21T18:05:09.5Z", Some("Saturday, 21 November 2026, 18:05:09 UTC")),
            ("2027-02-30", None),
            ("2027-01-01T25:00:00Z", None),
            ("2027-01-01T00:00:00", None),
            ("2027-01-01T00:00:00+1:00", None),
            ("2027-01-01 to 2028", None),
            ("20270101", None),
            ("", None),
        ] {
            assert_eq!(date_reading(text).as_deref(), said, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_not(text in "\\PC{0,40}|[0-9TZ:+.e-]{0,30}") {
            let _ = (number_reading(&text), date_reading(&text));
        }
    }
}
