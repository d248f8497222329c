//! Numbers as they are written, compared exactly.

use std::cmp::Ordering;
use std::fmt;

/// A decimal number of any size and precision, by its JSON text (RFC 8259 §6). Two are equal if their values are,
/// however they are written: `30`, `30.0` and `3e1`. Nothing is ever rounded.
#[derive(Debug, Clone)]
pub struct Decimal {
    text: Box<str>,
    negative: bool,
    /// The digits without zeros before or after; empty for zero.
    digits: Box<str>,
    /// The value is `0.digits` times ten to this power.
    magnitude: i64,
}

/// Beyond every exponent that is written with fewer than 18 digits. Numbers that differ only beyond it compare as
/// equal; no text of a bounded length that is written down here reaches it.
const FAR: i64 = i64::MAX / 4;

impl Decimal {
    /// Reads the text of a JSON number; `None` of anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, exponent(power)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(halves) => halves,
            None => (mantissa, ""),
        };
        if !are_digits(whole) || (!fraction.is_empty() && !are_digits(fraction)) {
            return None;
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let all = [whole, fraction].concat();
        let after_zeros = all.trim_start_matches('0');
        let zeros = length(&all) - length(after_zeros);
        let digits = after_zeros.trim_end_matches('0');
        let zero = digits.is_empty();
        Some(Self {
            text: text.into(),
            negative: negative && !zero,
            digits: digits.into(),
            magnitude: if zero { 0 } else { exponent + length(whole) - zeros },
        })
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number times ten to the power of `places`, if that is a whole number of 64 bits and not negative.
    pub fn scaled(&self, places: u8) -> Option<u64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let power = u32::try_from(self.magnitude - length(&self.digits) + i64::from(places)).ok()?;
        let digits: u64 = self.digits.parse().ok().filter(|_| !self.negative)?;
        digits.checked_mul(10_u64.checked_pow(power)?)
    }

    /// The number without exponent and without zeros that say nothing: `1e6` is `1000000`; `None` beyond 40 digits.
    pub fn plain(&self) -> Option<String> {
        const MOST: i64 = 40;
        let (count, sign) = (length(&self.digits), if self.negative { "-" } else { "" });
        if count > MOST || self.magnitude.abs() > MOST {
            return None;
        }
        let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or(0));
        Some(match usize::try_from(self.magnitude) {
            _ if count == 0 => "0".to_owned(),
            Ok(whole) if self.magnitude < count && whole > 0 => {
                format!("{sign}{}.{}", &self.digits[..whole], &self.digits[whole..])
            }
            Ok(whole) if whole > 0 => format!("{sign}{}{}", self.digits, zeros(self.magnitude - count)),
            _ => format!("{sign}0.{}{}", zeros(-self.magnitude), self.digits),
        })
    }

    fn size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                self.magnitude.cmp(&other.magnitude).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(FAR)
}

fn exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if !are_digits(digits) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let power = if digits.len() > 18 { FAR } else { digits.parse().unwrap_or(0) };
    Some(if negative { -power } else { power })
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.size(other),
            (true, true) => other.size(self),
        }
    }
}

impl From<u32> for Decimal {
    fn from(n: u32) -> Self {
        let text = n.to_string();
        let digits = text.trim_end_matches('0').into();
        let magnitude = if n == 0 { 0 } else { length(&text) };
        Self { negative: false, digits, magnitude, text: text.into() }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn a_number_is_scaled_exactly_or_not_at_all() {
        for (text, millionths) in [
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("12.5", Some(12_500_000)),
            ("1e-6", Some(1)),
            ("0.0000001", None),
            ("-1", None),
            ("1e12", Some(1_000_000_000_000_000_000)),
            ("1e13", Some(10_000_000_000_000_000_000)),
            ("1e14", None),
            ("1e999999999999999999999", None),
            ("123456789012345678901234567890", None),
        ] {
            assert_eq!(d(text).scaled(6), millionths, "{text}");
        }
    }

    #[test]
    fn a_number_is_written_without_an_exponent_or_not_at_all() {
        for (text, plain) in [
            ("0", Some("0")),
            ("-0.0", Some("0")),
            ("1e6", Some("1000000")),
            ("-12.50", Some("-12.5")),
            ("0.05", Some("0.05")),
            ("1.5e-3", Some("0.0015")),
            ("120", Some("120")),
            ("12.5e1", Some("125")),
            ("1e41", None),
            ("1e99999999999999999999", None),
        ] {
            assert_eq!(d(text).plain().as_deref(), plain, "{text}");
            assert!(plain.is_none_or(|plain| d(plain) == d(text)), "{text}");
        }
    }

    #[test]
    fn values_are_equal_however_they_are_written() {
        for (a, b) in [("30", "30.0"), ("30", "3e1"), ("0", "-0.00e9"), ("0.5", "5E-1"), ("1e2", "100")] {
            assert_eq!(d(a), d(b), "{a} {b}");
        }
        assert_eq!(Decimal::from(300), d("3e2"));
        assert_eq!(Decimal::from(0), d("-0"));
    }

    #[test]
    fn nothing_is_rounded() {
        let rising = [
            "-1e99999999999999999999",
            "-30.1",
            "-30",
            "-1e-99999999999999999999",
            "0",
            "1e-400",
            "0.1",
            "29.999999999999999999999999",
            "30",
            "30.000000000000000000000001",
            "9007199254740992",
            "9007199254740993",
            "1e400",
            "1e99999999999999999999",
        ];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(d(a).cmp(&d(b)), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn what_json_does_not_call_a_number_is_none() {
        for bad in
            ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1e1.5", "0x1", "NaN", " 1", "1 ", "١", "1_0"]
        {
            assert!(Decimal::parse(bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn integers_and_fractions_compare_as_they_do_elsewhere(a: i64, b: i64, shift in 0_u32..6) {
            prop_assert_eq!(d(&a.to_string()).cmp(&d(&b.to_string())), a.cmp(&b));
            let scaled = |n: i64| d(&format!("{n}e-{shift}"));
            prop_assert_eq!(scaled(a).cmp(&scaled(b)), a.cmp(&b));
        }

        #[test]
        fn any_text_is_read_or_not_and_never_panics(text in "[-+0-9.eE]{0,24}") {
            if let Some(n) = Decimal::parse(&text) {
                prop_assert_eq!(n.cmp(&n), Ordering::Equal);
            }
        }
    }
}
