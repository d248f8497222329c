//! What a number of JSON counts, for policies.

use prokura_oauth::json::Number;

/// What a number counts, however it is written: `7`, `7.0`, `70e-1` and `7e0` are the same, for whoever executes a call takes
/// them for the same. What is larger than 64 bits or finer than a ten-thousandth is nothing that a policy computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// A whole number.
    Whole(i64),
    /// So many ten-thousandths; never a whole number of ones.
    Decimal(i64),
}

/// The largest power of ten that is looked at: beyond it nothing fits.
const FARTHEST: i64 = 40;

impl Counted {
    /// What the number counts, if a policy can compute with it.
    pub fn of(number: &Number) -> Option<Self> {
        if let Some(whole) = number.as_i64() {
            return Some(Self::Whole(whole));
        }
        let text = number.text();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let kept = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - kept.len()).ok()?;
        let kept = kept.trim_start_matches('0');
        if kept.is_empty() {
            return Some(Self::Whole(0));
        }
        // The value is `kept` times ten to the `scale`.
        let scale = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let scale = scale.checked_add(dropped).filter(|s| s.abs() <= FARTHEST)?;
        let unsigned: i128 = kept.parse().ok()?;
        let value = if negative { -unsigned } else { unsigned };
        let raised = |by: i64| {
            let factor = 10_i128.checked_pow(u32::try_from(by).ok()?)?;
            i64::try_from(value.checked_mul(factor)?).ok()
        };
        if scale >= 0 { raised(scale).map(Self::Whole) } else { raised(scale + 4).map(Self::Decimal) }
    }

    /// In ten-thousandths, if that fits.
    pub fn ten_thousandths(self) -> Option<i64> {
        match self {
            Self::Whole(whole) => whole.checked_mul(10_000),
            Self::Decimal(parts) => Some(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Counted> {
        Counted::of(&Number::parse(text).unwrap())
    }

    #[test]
    fn e15_a_number_is_what_it_counts() {
        for text in ["7", "7.0", "7e0", "70e-1", "0.7E+1", "7.000000000000", "700e-2"] {
            assert_eq!(of(text), Some(Counted::Whole(7)), "{text}");
        }
        for (text, whole) in [
            ("-0", 0),
            ("0e99999999", 0),
            ("1e3", 1000),
            ("-1E3", -1000),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("9223372036854775807.0", i64::MAX),
        ] {
            assert_eq!(of(text), Some(Counted::Whole(whole)), "{text}");
        }
        for (text, parts) in [("1.5", 15_000), ("-0.0001", -1), ("12345.6789", 123_456_789), ("5e-4", 5)] {
            assert_eq!(of(text), Some(Counted::Decimal(parts)), "{text}");
        }
    }

    #[test]
    fn e15_what_does_not_fit_is_nothing() {
        for text in [
            "9223372036854775808",
            "1e30",
            "0.00001",
            "1e-5",
            "1.23456",
            "1e99999999999999999999",
            "922337203685478.5",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
