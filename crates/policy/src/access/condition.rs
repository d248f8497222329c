//! What must be so: tests of facts, times, and `all`, `any` and `not` over them.

use super::calendar::Calendar;
use prokura_core::{Fact, FactName, FactValue, Network, Timestamp};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A fact that claims to be of the future by more than this does not count.
pub(super) const LEEWAY: Duration = Duration::from_secs(10);

/// How a fact is compared. A fact of another type than is compared with says nothing: it counts as unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It is exactly this.
    Is(FactValue),
    /// It is something else.
    IsNot(FactValue),
    /// It is one of these.
    OneOf(Vec<FactValue>),
    /// It is none of these.
    NoneOf(Vec<FactValue>),
    /// It is this number or more.
    AtLeast(i64),
    /// It is this number or less.
    AtMost(i64),
    /// It is a text that begins so.
    StartsWith(Arc<str>),
    /// It is an address in one of these networks.
    Within(Vec<Network>),
    /// It is an address in none of these networks.
    Outside(Vec<Network>),
    /// Something is known.
    Known,
}

impl Comparison {
    /// Whether `value` is so; `None` if it is of another type.
    fn holds(&self, value: &FactValue) -> Option<bool> {
        let same_type = |wanted: &FactValue| std::mem::discriminant(wanted) == std::mem::discriminant(value);
        let one_of = |wanted: &[FactValue]| wanted.iter().any(same_type).then(|| wanted.contains(value));
        match self {
            Self::Is(wanted) => same_type(wanted).then(|| wanted == value),
            Self::IsNot(wanted) => same_type(wanted).then(|| wanted != value),
            Self::OneOf(wanted) => one_of(wanted),
            Self::NoneOf(wanted) => one_of(wanted).map(|is| !is),
            Self::AtLeast(least) => number(value).map(|n| n >= *least),
            Self::AtMost(most) => number(value).map(|n| n <= *most),
            Self::StartsWith(start) => text(value).map(|t| t.starts_with(&**start)),
            Self::Within(nets) => address(value).map(|a| nets.iter().any(|n| n.contains(a))),
            Self::Outside(nets) => address(value).map(|a| !nets.iter().any(|n| n.contains(a))),
            Self::Known => Some(true),
        }
    }
}

fn number(value: &FactValue) -> Option<i64> {
    if let FactValue::Number(number) = value { Some(*number) } else { None }
}

fn text(value: &FactValue) -> Option<&str> {
    if let FactValue::Text(text) = value { Some(text) } else { None }
}

fn address(value: &FactValue) -> Option<IpAddr> {
    text(value)?.parse().ok()
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => write!(f, "is {value}"),
            Self::IsNot(value) => write!(f, "is not {value}"),
            Self::OneOf(values) => write!(f, "is one of {}", list(values)),
            Self::NoneOf(values) => write!(f, "is none of {}", list(values)),
            Self::AtLeast(least) => write!(f, "is at least {least}"),
            Self::AtMost(most) => write!(f, "is at most {most}"),
            Self::StartsWith(start) => write!(f, "starts with {start}"),
            Self::Within(nets) => write!(f, "is within {}", list(nets)),
            Self::Outside(nets) => write!(f, "is outside {}", list(nets)),
            Self::Known => f.write_str("is known"),
        }
    }
}

/// What follows from a test whose fact is unknown or stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// The policy denies, unless other tests settle it.
    #[default]
    Deny,
    /// As if the test stood in nobody's way.
    Pass,
    /// As if the test stood in the way: the policy's `otherwise` follows.
    Fail,
}

impl Unknown {
    /// Its word in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Pass => "pass",
            Self::Fail => "otherwise",
        }
    }
}

/// A test of one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactTest {
    /// Which fact.
    pub name: FactName,
    /// How it must be.
    pub comparison: Comparison,
    /// What follows if it is unknown or stale.
    pub unknown: Unknown,
    /// How old it may be here, if that is stricter than what the fact says of itself.
    pub max_age: Option<Duration>,
    pub(super) slot: usize,
}

impl FactTest {
    /// A test that denies where the fact is unknown.
    pub fn new(name: FactName, comparison: Comparison) -> Self {
        Self { name, comparison, unknown: Unknown::Deny, max_age: None, slot: 0 }
    }

    /// When the fact stops counting; `None`: not by itself.
    fn ends(&self, fact: &Fact) -> Option<Timestamp> {
        let life = [self.max_age, fact.max_age].into_iter().flatten().min();
        life.map(|life| fact.observed_at.after(life))
    }

    /// Whether the fact is fresh enough for this test.
    pub(super) fn counts(&self, fact: &Fact, now: Timestamp) -> bool {
        fact.is_fresh(now, LEEWAY) && self.max_age.is_none_or(|most| fact.age(now) <= most)
    }

    /// `wanted` is whether the policy wants this test met: under `not` it does not.
    fn read(&self, fact: Option<&Fact>, now: Timestamp, wanted: bool) -> Reading {
        let known = fact.filter(|fact| self.counts(fact, now));
        let holds = known.and_then(|fact| Some((fact, self.comparison.holds(&fact.value)?)));
        let met = |met: bool| if met { Standing::Met } else { Standing::Unmet };
        match (holds, self.unknown) {
            (Some((fact, holds)), _) => Reading { standing: met(holds), until: self.ends(fact) },
            (None, Unknown::Deny) => Reading { standing: Standing::Unknown, until: None },
            (None, Unknown::Pass) => Reading { standing: met(wanted), until: None },
            (None, Unknown::Fail) => Reading { standing: met(!wanted), until: None },
        }
    }
}

impl fmt::Display for FactTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.comparison)
    }
}

/// What must be so.
#[derive(Debug, Clone)]
pub enum Condition {
    /// All of these; never empty.
    All(Vec<Condition>),
    /// At least one of these; never empty.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// This fact is so.
    Fact(FactTest),
    /// It is a time of this calendar.
    Time(Arc<Calendar>),
}

/// How a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is so.
    Met,
    /// It is not so.
    Unmet,
    /// Nobody knows.
    Unknown,
}

impl Standing {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Unmet => "unmet",
            Self::Unknown => "unknown",
        }
    }

    fn turned(self) -> Self {
        match self {
            Self::Met => Self::Unmet,
            Self::Unmet => Self::Met,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// How a condition stands, and until when as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) standing: Standing,
    pub(super) until: Option<Timestamp>,
}

/// The earlier of two ends, where `None` never comes.
pub(super) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn later(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    Some(a?.max(b?))
}

/// Where the facts of one situation are kept, each asked for once.
pub(super) trait Seen {
    fn now(&self) -> Timestamp;
    fn fact(&mut self, test: &FactTest) -> Option<Arc<Fact>>;
}

impl Condition {
    /// How it stands. Nothing is left out: what is looked at does not depend on the order of the tests.
    pub(super) fn read(&self, seen: &mut dyn Seen, wanted: bool) -> Reading {
        match self {
            Self::All(parts) => together(parts, Standing::Unmet, seen, wanted),
            Self::Any(parts) => together(parts, Standing::Met, seen, wanted),
            Self::Not(part) => {
                let reading = part.read(seen, !wanted);
                Reading { standing: reading.standing.turned(), ..reading }
            }
            Self::Fact(test) => {
                let fact = seen.fact(test);
                test.read(fact.as_deref(), seen.now(), wanted)
            }
            Self::Time(calendar) => {
                let period = calendar.period(seen.now());
                let standing = if period.open { Standing::Met } else { Standing::Unmet };
                Reading { standing, until: period.until }
            }
        }
    }

    /// Gives every test the place of its fact.
    pub(super) fn settle(&mut self, slot: &mut dyn FnMut(&FactName) -> usize) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|p| p.settle(slot)),
            Self::Not(part) => part.settle(slot),
            Self::Fact(test) => test.slot = slot(&test.name),
            Self::Time(_) => {}
        }
    }

    /// Whether `all` or `any` of nothing stands in it.
    pub(super) fn is_of_nothing(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.is_empty() || parts.iter().any(Self::is_of_nothing),
            Self::Not(part) => part.is_of_nothing(),
            Self::Fact(_) | Self::Time(_) => false,
        }
    }
}

/// Three-valued: one part that is `settles` settles it (unmet for `all`, met for `any`) and stays so for as long as the last
/// such part; else one that is unknown leaves it unknown; else all agree, for as long as the first.
fn together(parts: &[Condition], settles: Standing, seen: &mut dyn Seen, wanted: bool) -> Reading {
    let (mut settled, mut unknown, mut agreed): (Option<Option<Timestamp>>, bool, Option<Timestamp>) =
        (None, false, None);
    for part in parts {
        let reading = part.read(seen, wanted);
        if reading.standing == settles {
            settled = Some(settled.map_or(reading.until, |until| later(until, reading.until)));
        } else if reading.standing == Standing::Unknown {
            unknown = true;
        } else {
            agreed = earlier(agreed, reading.until);
        }
    }
    match settled {
        Some(until) => Reading { standing: settles, until },
        None if unknown => Reading { standing: Standing::Unknown, until: None },
        None => Reading { standing: settles.turned(), until: agreed },
    }
}

impl FactTest {
    /// How it stands with this fact, whatever follows where nothing is known.
    pub(super) fn standing(&self, fact: Option<&Fact>, now: Timestamp) -> Standing {
        self.read(fact, now, true).standing
    }
}
