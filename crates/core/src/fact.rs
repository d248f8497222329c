//! Facts: what is known about a subject, from where, and how fresh it is.

use crate::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The name of a fact: dotted lower-case words, the first of which says what it is about (`network.country`,
/// `posture.disk_encrypted`, `workload.namespace`, `risk.level`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactName(Arc<str>);

/// Not the name of a fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fact is named by two or more dotted words of lower-case letters, digits and `_`, at most 128 bytes"
)]
pub struct InvalidFactName;

impl FactName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidFactName`].
    pub fn parse(text: &str) -> Result<Self, InvalidFactName> {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let word = |w: &str| !w.is_empty() && w.bytes().all(fine);
        let named = text.len() <= 128 && text.contains('.') && text.split('.').all(word);
        if named { Ok(Self(text.into())) } else { Err(InvalidFactName) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// A word.
    Text(Arc<str>),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// A fact: it counts only while it is fresh. What is stale is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it says.
    pub value: FactValue,
    /// Who says so: a provider, a connector, a database with its build date.
    pub source: Arc<str>,
    /// When it was so.
    pub observed_at: Timestamp,
    /// For how long it counts after that; `None` if it is of this very moment.
    pub max_age: Option<Duration>,
}

impl Fact {
    /// How old it is; nothing if it is from the future, which the clocks of two machines make happen.
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.observed_at)
    }

    /// Whether it still counts. One that is observed in the future by more than `leeway` does not.
    pub fn is_fresh(&self, now: Timestamp, leeway: Duration) -> bool {
        self.observed_at <= now.after(leeway) && self.max_age.is_none_or(|max| self.age(now) <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_first_what_it_is_about() {
        for good in ["network.country", "posture.disk_encrypted", "a.b.c9"] {
            assert_eq!(FactName::parse(good).unwrap().as_str(), good);
        }
        for bad in
            ["", "country", "Network.country", "a..b", ".a", "a.", "a b.c", &format!("a.{}", "b".repeat(127))]
        {
            assert_eq!(FactName::parse(bad), Err(InvalidFactName), "{bad}");
        }
    }

    #[test]
    fn what_is_stale_or_of_the_future_does_not_count() {
        let at = Timestamp::from_seconds;
        let leeway = Duration::from_secs(10);
        let fact = |max_age| Fact {
            value: FactValue::Flag(true),
            source: "edr".into(),
            observed_at: at(1000),
            max_age,
        };
        let minute = fact(Some(Duration::from_secs(60)));
        assert!(minute.is_fresh(at(1060), leeway) && !minute.is_fresh(at(1061), leeway));
        assert!(minute.is_fresh(at(990), leeway) && !minute.is_fresh(at(989), leeway));
        assert!(fact(None).is_fresh(at(9_999_999), leeway));
    }
}
