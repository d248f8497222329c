//! What must be so, as the file says it.

use crate::Span;
use prokura_core::{FactName, FactValue, Network};
use prokura_policy::access::{Calendar, Comparison, Condition, Days, FactTest, Unknown, Window};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// How deep conditions may stand in each other.
const DEEPEST: usize = 16;

/// What must be so: exactly one of `all`, `any`, `not`, `time` and `fact`; beside `fact` exactly one comparison.
#[derive(Debug, Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionConfig {
    /// All of these.
    pub all: Option<Vec<ConditionConfig>>,
    /// At least one of these.
    pub any: Option<Vec<ConditionConfig>>,
    /// Not this.
    pub not: Option<Box<ConditionConfig>>,
    /// It is a time of this calendar.
    pub time: Option<TimeConfig>,
    /// This fact is as the comparison beside it says.
    pub fact: Option<String>,
    /// Exactly this.
    pub is: Option<FactLiteral>,
    /// Something else than this.
    pub is_not: Option<FactLiteral>,
    /// One of these.
    pub one_of: Option<Vec<FactLiteral>>,
    /// None of these.
    pub none_of: Option<Vec<FactLiteral>>,
    /// This number or more.
    pub at_least: Option<i64>,
    /// This number or less.
    pub at_most: Option<i64>,
    /// A text that begins so.
    pub starts_with: Option<String>,
    /// An address in one of these networks.
    pub within: Option<Vec<String>>,
    /// An address in none of these networks.
    pub outside: Option<Vec<String>>,
    /// `true`: something is known.
    pub known: Option<bool>,
    /// How old the fact may be here, if that is stricter than what it says of itself.
    pub max_age: Option<Span>,
    /// What follows if the fact is unknown or stale; as the policy says if nothing is said.
    pub unknown: Option<UnknownConfig>,
}

/// The value of a fact: a text, a whole number, or yes or no. The number 1 is not the text `1`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text, a whole number, `true` or `false`")]
pub enum FactLiteral {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// What follows from a test whose fact is unknown or stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum UnknownConfig {
    /// The policy denies, unless other tests settle it.
    #[default]
    Deny,
    /// As if the test were not met: the policy's `otherwise` follows.
    Otherwise,
    /// As if the test were not there.
    Pass,
}

/// Windows of time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeConfig {
    /// The IANA name of the zone whose clocks count: `Europe/Berlin`.
    pub zone: String,
    /// When: at least one.
    pub windows: Vec<WindowConfig>,
    /// Days on which no window holds: holidays, freezes.
    #[serde(default)]
    pub except: Vec<DaysConfig>,
}

/// A window by the clock on the wall: from its first minute up to its last, which is no more in it. One that ends no later
/// than it begins goes over midnight.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowConfig {
    /// The days on which it begins: `mon` to `sun`; every day if nothing is said.
    #[serde(default)]
    pub days: Vec<String>,
    /// `08:00`.
    pub from: String,
    /// `18:00`; `24:00` for the end of the day.
    pub to: String,
}

/// Whole days, the first and the last among them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DaysConfig {
    /// `2026-12-24`.
    pub first: String,
    /// `2027-01-01`; the first alone if nothing is said.
    #[serde(default)]
    pub last: Option<String>,
}

/// What is wrong with a condition, and how to mend it.
pub(super) struct Wrong {
    pub(super) reason: String,
    pub(super) fix: String,
}

fn wrong<T>(reason: impl Into<String>, fix: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { reason: reason.into(), fix: fix.into() })
}

impl From<FactLiteral> for FactValue {
    fn from(literal: FactLiteral) -> Self {
        match literal {
            FactLiteral::Flag(flag) => Self::Flag(flag),
            FactLiteral::Number(number) => Self::Number(number),
            FactLiteral::Text(text) => Self::Text(text.into()),
        }
    }
}

impl From<UnknownConfig> for Unknown {
    fn from(config: UnknownConfig) -> Self {
        match config {
            UnknownConfig::Deny => Self::Deny,
            UnknownConfig::Otherwise => Self::Fail,
            UnknownConfig::Pass => Self::Pass,
        }
    }
}

impl ConditionConfig {
    /// As it is weighed; `unknown` is what the policy says.
    pub(super) fn condition(&self, unknown: UnknownConfig, depth: usize) -> Result<Condition, Wrong> {
        if depth > DEEPEST {
            return wrong("conditions stand in each other too deeply", "write a policy of its own for some");
        }
        let parts = |list: &[Self]| {
            if list.is_empty() {
                return wrong("`all` or `any` of nothing says nothing", "name at least one condition");
            }
            list.iter().map(|c| c.condition(unknown, depth + 1)).collect::<Result<Vec<_>, _>>()
        };
        let alone = self.comparisons() == 0 && self.max_age.is_none() && self.unknown.is_none();
        match (&self.all, &self.any, &self.not, &self.time, &self.fact) {
            (Some(list), None, None, None, None) if alone => parts(list).map(Condition::All),
            (None, Some(list), None, None, None) if alone => parts(list).map(Condition::Any),
            (None, None, Some(part), None, None) if alone => {
                part.condition(unknown, depth + 1).map(|part| Condition::Not(Box::new(part)))
            }
            (None, None, None, Some(time), None) if alone => {
                time.calendar().map(|c| Condition::Time(Arc::new(c)))
            }
            (None, None, None, None, Some(name)) => self.test(name, unknown).map(Condition::Fact),
            _ => wrong(
                "a condition is exactly one of `all`, `any`, `not`, `time` and `fact`, and comparisons stand beside `fact`",
                "put several into a list: `{ all = [ …, … ] }`",
            ),
        }
    }

    fn comparisons(&self) -> usize {
        let there = [
            self.is.is_some(),
            self.is_not.is_some(),
            self.one_of.is_some(),
            self.none_of.is_some(),
            self.at_least.is_some(),
            self.at_most.is_some(),
            self.starts_with.is_some(),
            self.within.is_some(),
            self.outside.is_some(),
            self.known.is_some(),
        ];
        there.into_iter().filter(|there| *there).count()
    }

    fn test(&self, name: &str, unknown: UnknownConfig) -> Result<FactTest, Wrong> {
        let Ok(name) = FactName::parse(name) else {
            return wrong(format!("`{name}` is no name of a fact"), "write it like `network.country`");
        };
        let root = name.as_str().split('.').next().unwrap_or_default();
        if !super::FACT_ROOTS.contains(&root) {
            let roots = super::FACT_ROOTS.join(", ");
            return wrong(format!("nobody says a fact `{name}`"), format!("facts begin with one of {roots}"));
        }
        if self.comparisons() != 1 {
            let fix = "write one of `is`, `is_not`, `one_of`, `none_of`, `at_least`, `at_most`, `starts_with`, `within`, `outside` and `known`; for two, use `all`";
            return wrong(format!("`{name}` is compared {} times", self.comparisons()), fix);
        }
        let mut test = FactTest::new(name, self.comparison()?);
        test.unknown = self.unknown.unwrap_or(unknown).into();
        test.max_age = self.max_age.map(Span::get);
        Ok(test)
    }

    fn comparison(&self) -> Result<Comparison, Wrong> {
        let value = |literal: &FactLiteral| FactValue::from(literal.clone());
        let values = |list: &[FactLiteral]| {
            if list.is_empty() {
                return wrong("a comparison with nothing is never met", "name at least one value");
            }
            Ok(list.iter().map(value).collect())
        };
        Ok(match self {
            Self { is: Some(wanted), .. } => Comparison::Is(value(wanted)),
            Self { is_not: Some(wanted), .. } => Comparison::IsNot(value(wanted)),
            Self { one_of: Some(wanted), .. } => Comparison::OneOf(values(wanted)?),
            Self { none_of: Some(wanted), .. } => Comparison::NoneOf(values(wanted)?),
            Self { at_least: Some(least), .. } => Comparison::AtLeast(*least),
            Self { at_most: Some(most), .. } => Comparison::AtMost(*most),
            Self { starts_with: Some(start), .. } if !start.is_empty() => {
                Comparison::StartsWith(start.as_str().into())
            }
            Self { within: Some(nets), .. } => Comparison::Within(networks(nets)?),
            Self { outside: Some(nets), .. } => Comparison::Outside(networks(nets)?),
            Self { known: Some(true), .. } => Comparison::Known,
            _ => return wrong("`known` is `true` or left out, and `starts_with` is not empty", "mend it"),
        })
    }
}

fn networks(texts: &[String]) -> Result<Vec<Network>, Wrong> {
    if texts.is_empty() {
        return wrong("a comparison with no network is never met", "name at least one network");
    }
    let read = |text: &String| {
        Network::parse(text)
            .map_err(|e| Wrong { reason: format!("`{text}` cannot be used"), fix: e.to_string() })
    };
    texts.iter().map(read).collect()
}

impl TimeConfig {
    fn calendar(&self) -> Result<Calendar, Wrong> {
        let said = |e: prokura_policy::access::InvalidCalendar| Wrong {
            reason: "the calendar cannot be read".to_owned(),
            fix: e.to_string(),
        };
        let windows = self.windows.iter().map(|w| Window::parse(&w.days, &w.from, &w.to));
        let windows = windows.collect::<Result<_, _>>().map_err(said)?;
        let days = self.except.iter().map(|d| Days::parse(&d.first, d.last.as_ref().unwrap_or(&d.first)));
        let except = days.collect::<Result<_, _>>().map_err(said)?;
        Calendar::new(&self.zone, windows, except).map_err(said)
    }
}
