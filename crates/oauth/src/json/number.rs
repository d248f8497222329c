//! Numbers that keep their text.

use std::borrow::Cow;
use std::fmt;

/// A number, kept by its exact text: neither large integers nor trailing zeros are lost. Two numbers are equal
/// if their texts are.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Repr);

/// An integer stands for its plain decimal text; whatever has another text keeps it. So each text has exactly
/// one form here, and equality of the forms is equality of the texts.
#[derive(Clone, PartialEq, Eq)]
enum Repr {
    Integer(i64),
    Text(Box<str>),
}

/// So many digits fit an `i64` whatever they are.
const SAFE_DIGITS: usize = 18;

impl Number {
    /// Reads the text of a number (RFC 8259 §6), all of it.
    pub fn parse(text: &str) -> Option<Self> {
        (scan(text.as_bytes()) == Some(text.len())).then(|| Self::of_checked(text))
    }

    /// Takes text that [`scan`] has accepted.
    pub(super) fn of_checked(text: &str) -> Self {
        Self(plain_integer(text.as_bytes()).map_or_else(|| Repr::Text(text.into()), Repr::Integer))
    }

    /// The exact text.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Integer(n) => Cow::Owned(n.to_string()),
            Repr::Text(text) => Cow::Borrowed(text),
        }
    }

    /// The integer, if it is written as one (no fraction, no exponent) and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Integer(n) => Some(*n),
            Repr::Text(text) => text.parse().ok(),
        }
    }

    /// The integer of 0 or more, if it is written as one and fits.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Integer(n) => u64::try_from(*n).ok(),
            Repr::Text(text) => text.parse().ok(),
        }
    }

    /// The nearest double; infinite if it is out of range. Loses digits: never decide about money or
    /// identity by it.
    pub fn as_f64(&self) -> f64 {
        self.text().parse().unwrap_or(f64::NAN)
    }

    /// The integer, if it is held as one: the writer's short way.
    pub(super) fn integer(&self) -> Option<i64> {
        match self.0 {
            Repr::Integer(n) => Some(n),
            Repr::Text(_) => None,
        }
    }
}

/// The length of the number at the start of `bytes`, if one is there (RFC 8259 §6).
pub(super) fn scan(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some(at)
}

fn plain_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > SAFE_DIGITS || (negative && digits == b"0") {
        return None;
    }
    let mut n = 0_i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        n = n * 10 + i64::from(digit - b'0');
    }
    Some(if negative { -n } else { n })
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        // The text of an integer with more digits is kept as text when it is read, so it is here.
        if n.unsigned_abs() < 10_u64.pow(18) {
            Self(Repr::Integer(n))
        } else {
            Self(Repr::Text(n.to_string().into()))
        }
    }
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        i64::try_from(n).map_or_else(|_| Self(Repr::Text(n.to_string().into())), Self::from)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_that_of_the_standard() {
        for good in ["0", "-0", "10", "-1.0", "1e5", "1E+05", "0.0e-0", "123456789012345678901234567890"] {
            assert_eq!(Number::parse(good).unwrap().text(), good);
        }
        for bad in
            ["", "-", "00", "01", "-01", "+1", ".5", "1.", "1e", "1e+", "1.e1", "0x1", "NaN", "1 ", "١"]
        {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn equal_texts_are_equal_however_they_came() {
        for n in [0, -1, 999_999_999_999_999_999, 1_000_000_000_000_000_000, i64::MIN, i64::MAX] {
            assert_eq!(Number::parse(&n.to_string()).unwrap(), Number::from(n));
            assert_eq!(Number::from(n).as_i64(), Some(n));
        }
        assert_eq!(Number::parse(&u64::MAX.to_string()).unwrap(), Number::from(u64::MAX));
        assert_ne!(Number::parse("1.0"), Number::parse("1"));
    }

    #[test]
    fn an_integer_is_what_is_written_as_one() {
        let n = |s| Number::parse(s).unwrap();
        assert_eq!(n("1.0").as_i64(), None);
        assert_eq!(n("1e2").as_i64(), None);
        assert_eq!(n("9223372036854775808").as_i64(), None);
        assert_eq!(n("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(n("-1").as_u64(), None);
    }
}
