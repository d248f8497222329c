//! Durations and sizes as people write them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use std::time::Duration;

/// A duration: a whole number and `s`, `m`, `h` or `d`, such as `90s` or `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Span(Duration);

impl Span {
    /// So many seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// So many minutes.
    pub const fn minutes(n: u64) -> Self {
        Self::seconds(n * 60)
    }

    /// So many hours.
    pub const fn hours(n: u64) -> Self {
        Self::minutes(n * 60)
    }

    /// So many days of 24 hours.
    pub const fn days(n: u64) -> Self {
        Self::hours(n * 24)
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl Serialize for Span {
    /// As a whole number of the largest unit that fits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0.as_secs();
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let fitting = units.into_iter().find(|(n, _)| seconds.is_multiple_of(*n));
        let (n, unit) = fitting.unwrap_or((1, 's'));
        serializer.collect_str(&format_args!("{}{unit}", seconds / n))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let (number, unit) = s.split_at(s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len()));
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => 0,
        };
        let total = number.parse::<u64>().ok().and_then(|n| n.checked_mul(seconds)).filter(|&n| n > 0);
        // A century keeps every later sum far from overflow.
        match total {
            Some(total) if total <= 100 * 366 * 86_400 => Ok(Self::seconds(total)),
            _ => Err(format!(
                "`{s}` is no duration: write a whole number above 0 and s, m, h or d, such as `90s` or `30d`"
            )),
        }
    }
}

/// A size: a whole number and `KiB` or `MiB`, such as `4MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct ByteSize(usize);

impl ByteSize {
    /// So many mebibytes.
    pub const fn mebibytes(n: usize) -> Self {
        Self(n * 1024 * 1024)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let (number, unit) = s.split_at(s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len()));
        let factor = match unit.trim() {
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            _ => 0,
        };
        let total = number.parse::<usize>().ok().and_then(|n| n.checked_mul(factor)).filter(|&n| n > 0);
        match total {
            Some(total) if total <= 256 * 1024 * 1024 => Ok(Self(total)),
            _ => Err(format!(
                "`{s}` is no size: write a whole number and KiB or MiB, up to 256 MiB, such as `4MiB`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_or_refused_with_the_fix() {
        assert_eq!(Span::try_from("5m".to_owned()), Ok(Span::minutes(5)));
        assert_eq!(ByteSize::try_from("4 MiB".to_owned()), Ok(ByteSize::mebibytes(4)));
        for bad in ["", "5", "m", "0s", "-1s", "5 minutes", "99999999999999999999d", "1000000d"] {
            assert!(Span::try_from(bad.to_owned()).unwrap_err().contains("such as"), "{bad}");
        }
        assert!(ByteSize::try_from("1GiB".to_owned()).is_err());
    }
}
