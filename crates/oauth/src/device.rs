//! Device authorization (RFC 8628): the code that a person carries from one device to another, and the answer that
//! brings it.

use crate::json::{Object, obj};
use prokura_core::Rng;
use std::fmt;
use std::time::Duration;

/// The code that a person reads on one device and types on another (RFC 8628 §6.1): eight consonants, so that no
/// word comes of it and none is taken for another. 20⁸ of them are 34 bits; guesses are counted besides.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode([u8; UserCode::LENGTH]);

/// A text that is no user code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user code has {} letters, none of them a vowel", UserCode::LENGTH)]
pub struct InvalidUserCode;

impl UserCode {
    /// The letters of a code.
    pub const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    /// How many letters there are.
    pub const LENGTH: usize = 8;
    /// The longest text that is looked at, in bytes.
    const MAX_TEXT: usize = 64;

    /// A new code. Random bytes that would favour some letters are thrown away.
    pub fn random(rng: &dyn Rng) -> Self {
        let mut code = [0; Self::LENGTH];
        for letter in &mut code {
            *letter = Self::letter(rng);
        }
        Self(code)
    }

    fn letter(rng: &dyn Rng) -> u8 {
        let most = u8::MAX - (u8::MAX % 20) - 1;
        loop {
            let mut byte = [0];
            rng.fill(&mut byte);
            if byte[0] <= most {
                return Self::ALPHABET[usize::from(byte[0] % 20)];
            }
        }
    }

    /// Reads what a person typed: in any case, with hyphens, dots and spaces wherever they like.
    ///
    /// # Errors
    /// [`InvalidUserCode`] if other signs or another number of letters are left.
    pub fn parse(typed: &str) -> Result<Self, InvalidUserCode> {
        if typed.len() > Self::MAX_TEXT {
            return Err(InvalidUserCode);
        }
        let between = |c: &char| matches!(c, '-' | '.' | '_' | '\u{2010}'..='\u{2015}') || c.is_whitespace();
        let letter =
            |c: char| u8::try_from(c.to_ascii_uppercase()).ok().filter(|b| Self::ALPHABET.contains(b));
        let letters: Option<Vec<u8>> = typed.chars().filter(|c| !between(c)).map(letter).collect();
        letters.and_then(|l| l.try_into().ok()).map(Self).ok_or(InvalidUserCode)
    }

    /// The letters without a hyphen: what a code is compared by.
    pub fn letters(&self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }
}

impl fmt::Display for UserCode {
    /// As it is shown: `WDJB-MJHT`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.letters();
        let (first, last) = letters.split_at(Self::LENGTH / 2);
        write!(f, "{first}-{last}")
    }
}

/// Whoever reads a log could go to the page with it.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

/// What a device is told (RFC 8628 §3.2).
pub struct DeviceAuthorization<'a> {
    /// What the device asks with.
    pub device_code: &'a str,
    /// What it shows.
    pub user_code: &'a UserCode,
    /// The page where the person goes.
    pub verification_uri: &'a str,
    /// How long both codes live.
    pub expires_in: Duration,
    /// How long the device waits between two questions.
    pub interval: Duration,
}

impl DeviceAuthorization<'_> {
    /// The document. The complete address has the code in it, which the page shows and asks to compare all the same
    /// (RFC 8628 §3.3.1).
    pub fn to_object(&self) -> Object {
        obj([
            ("device_code", self.device_code.into()),
            ("user_code", self.user_code.to_string().into()),
            ("verification_uri", self.verification_uri.into()),
            (
                "verification_uri_complete",
                format!("{}?user_code={}", self.verification_uri, self.user_code).into(),
            ),
            ("expires_in", self.expires_in.as_secs().into()),
            ("interval", self.interval.as_secs().into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::SeededRng;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = UserCode::parse("WDJBMJHT").unwrap();
        for typed in ["wdjb-mjht", " WdJb MjHt ", "w-d-j-b-m-j-h-t", "WDJB\u{2013}MJHT", "wdjb.mjht"] {
            assert_eq!(UserCode::parse(typed).unwrap(), code, "{typed}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
        assert_eq!(format!("{code:?}"), "UserCode(…)");
    }

    #[test]
    fn what_is_no_code_is_none() {
        for bad in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "WDJB-MJHA",
            "WDJB-MJH0",
            "WDJB+MJHT",
            "ẆDJB-MJHT",
            &"-".repeat(65),
        ] {
            assert_eq!(UserCode::parse(bad), Err(InvalidUserCode), "{bad}");
        }
    }

    #[test]
    fn codes_use_every_letter_about_as_often() {
        let rng = SeededRng::new(7);
        let codes: Vec<_> = (0..4000).map(|_| UserCode::random(&rng)).collect();
        assert_eq!(codes.iter().map(UserCode::letters).collect::<HashSet<_>>().len(), 4000);
        for letter in UserCode::ALPHABET {
            let times = codes.iter().flat_map(|c| c.0).filter(|l| l == letter).count();
            assert!((1450..1750).contains(&times), "{}: {times}", char::from(*letter));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_read_or_refused(typed in "\\PC{0,80}") {
            if let Ok(code) = UserCode::parse(&typed) {
                prop_assert_eq!(UserCode::parse(&code.to_string()), Ok(code));
            }
        }
    }
}
