//! What RFC 8785 says about numbers (§3.2.2.3) and the order of members (§3.2.3).

use super::Number;
use super::write::integer;
use std::cmp::Ordering;

/// The largest integer up to which a double counts without gaps.
const EXACT: u64 = 1 << 53;

/// The order of UTF-16 code units, found from UTF-8: the same but for the characters beyond U+FFFF, which
/// UTF-16 writes with surrogates and so before U+E000.
pub(super) fn name_order(a: &str, b: &str) -> Ordering {
    let rank = |byte: u8| match byte {
        0xEE | 0xEF => byte + 0x10,
        0xF0.. => byte - 2,
        _ => byte,
    };
    a.bytes().map(rank).cmp(b.bytes().map(rank))
}

/// Writes a number as ECMAScript does, by its exact decimal value.
pub(super) fn number(n: &Number, out: &mut Vec<u8>) {
    match n.integer() {
        Some(i) if i.unsigned_abs() <= EXACT => integer(i, out),
        _ => match Decimal::of(&n.text()) {
            Some(decimal) => decimal.write(out),
            None => out.extend_from_slice(n.text().as_bytes()),
        },
    }
}

/// ±0.DIGITS × 10^point, without zeros at either end of the digits.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    /// The value of a number's text; `None` if its exponent has more digits than are counted with (such a
    /// number keeps its text).
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = all.iter().take_while(|d| **d == b'0').count();
        let trailing = all[leading..].iter().rev().take_while(|d| **d == b'0').count();
        let digits = all[leading..all.len() - trailing].to_vec();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, point: 0 });
        }
        let exponent: i64 = exponent.parse().ok()?;
        let shift = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(leading).ok()?)?;
        Some(Self { negative, digits, point: exponent.checked_add(shift)? })
    }

    /// As `Number::toString` writes a double with these digits (ECMA-262 §6.1.6.1.20).
    fn write(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        match usize::try_from(self.point) {
            _ if self.digits.is_empty() => out.push(b'0'),
            Ok(point @ 0..=21) => self.write_plain(point, out),
            _ if (-5..0).contains(&self.point) => self.write_small(out),
            _ => self.write_exponent(out),
        }
    }

    fn write_plain(&self, point: usize, out: &mut Vec<u8>) {
        if point == 0 {
            return self.write_small(out);
        }
        let whole = point.min(self.digits.len());
        out.extend_from_slice(&self.digits[..whole]);
        out.resize(out.len() + point - whole, b'0');
        if whole < self.digits.len() {
            out.push(b'.');
            out.extend_from_slice(&self.digits[whole..]);
        }
    }

    fn write_small(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + usize::try_from(-self.point).unwrap_or(0), b'0');
        out.extend_from_slice(&self.digits);
    }

    fn write_exponent(&self, out: &mut Vec<u8>) {
        out.push(self.digits[0]);
        if self.digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&self.digits[1..]);
        }
        out.extend_from_slice(if self.point > 0 { b"e+" } else { b"e" });
        // `point` is at most 21 below what was checked when it was summed up.
        integer(self.point.saturating_sub(1), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        number(&Number::parse(text).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_rfc_8785_appendix_b_shows() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.0e99999999999999999999999", "0"),
            ("5e-324", "5e-324"),
            ("-5e-324", "-5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("-9007199254740992", "-9007199254740992"),
            ("295147905179352830000", "295147905179352830000"),
            ("9.999999999999997e22", "9.999999999999997e+22"),
            ("1e23", "1e+23"),
            ("999999999999999700000", "999999999999999700000"),
            ("1000000000000000000000", "1e+21"),
            ("100000000000000000000", "100000000000000000000"),
            ("9.999999999999997e-7", "9.999999999999997e-7"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("333333333.33333325", "333333333.33333325"),
            ("-0.0000033333333333333333", "-0.0000033333333333333333"),
            ("1424953923781206.2", "1424953923781206.2"),
            ("10.0", "10"),
            ("100E-2", "1"),
            ("0.1", "0.1"),
            ("12.34e1", "123.4"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn names_beyond_the_first_plane_come_before_the_end_of_it() {
        let sorted =
            ["", "a", "\u{7f}", "\u{80}", "\u{d7ff}", "\u{10000}", "\u{10ffff}", "\u{e000}", "\u{ffff}"];
        assert!(sorted.is_sorted_by(|a, b| name_order(a, b) == Ordering::Less));
        assert!(sorted.is_sorted_by(|a, b| a.encode_utf16().lt(b.encode_utf16())));
    }

    #[test]
    fn a_number_that_no_double_holds_keeps_its_value() {
        assert_eq!(written("9007199254740993"), "9007199254740993");
        assert_eq!(written("18446744073709551615"), "18446744073709551615");
        assert_eq!(written("1e400"), written("10e399"));
        assert_eq!(written("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827");
        assert_eq!(written("1e99999999999999999999"), "1e99999999999999999999");
    }
}
