//! Policies and verdicts as JSON: for the record, for the hash of a set, and for administrators.

use super::condition::{Comparison, Condition, FactTest, Unknown};
use super::policy::{AccessPolicy, Otherwise};
use super::verdict::{Narrowing, Outcome, Used, Verdict, Weighed};
use super::{Applies, Explained, Leaf, Mode, Stage};
use prokura_core::{FactValue, Timestamp};
use prokura_oauth::json::{Object, Value, obj};
use std::time::Duration;

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::from(item.to_string())).collect())
}

fn value(value: &FactValue) -> Value {
    match value {
        FactValue::Text(text) => Value::from(&**text),
        FactValue::Number(number) => Value::from(*number),
        FactValue::Flag(flag) => Value::from(*flag),
    }
}

fn values(all: &[FactValue]) -> Value {
    Value::Array(all.iter().map(value).collect())
}

fn seconds(span: Duration) -> Value {
    Value::from(span.as_secs())
}

impl AccessPolicy {
    /// All of it.
    pub fn to_object(&self) -> Object {
        let mut o = obj([
            ("name", self.name.as_str().into()),
            ("mode", self.mode.as_str().into()),
            ("applies", Value::Object(self.applies.to_object())),
            ("otherwise", self.otherwise.outcome().as_str().into()),
        ]);
        if let Otherwise::Narrow(narrowing) = &self.otherwise {
            o.insert("narrow", Value::Object(narrowing.to_object()));
        }
        if let Some(condition) = &self.requires {
            o.insert("requires", condition.to_value());
        }
        o
    }
}

impl Applies {
    fn to_object(&self) -> Object {
        let mut o = Object::default();
        let mut put = |name: &str, list: Value| {
            if list.as_array().is_some_and(|l| !l.is_empty()) {
                o.insert(name, list);
            }
        };
        put("agents", texts(&self.agents));
        put("users", texts(&self.users));
        put("clients", texts(&self.clients));
        put("resources", texts(&self.resources));
        put("actions", texts(&self.actions));
        put("stages", texts(self.stages.iter().map(|s: &Stage| s.as_str())));
        put("providers", texts(&self.providers));
        o
    }
}

impl Narrowing {
    /// What it takes: `without` and `life` in seconds.
    pub fn to_object(&self) -> Object {
        let mut o = Object::default();
        if !self.without.is_empty() {
            o.insert("without", self.without.to_string().into());
        }
        if let Some(life) = self.life {
            o.insert("life", seconds(life));
        }
        o
    }
}

impl Condition {
    fn to_value(&self) -> Value {
        let all = |parts: &[Self]| Value::Array(parts.iter().map(Self::to_value).collect());
        Value::Object(match self {
            Self::All(parts) => obj([("all", all(parts))]),
            Self::Any(parts) => obj([("any", all(parts))]),
            Self::Not(part) => obj([("not", part.to_value())]),
            Self::Fact(test) => test.to_object(),
            Self::Time(calendar) => obj([
                ("zone", calendar.zone().into()),
                ("windows", texts(calendar.windows())),
                ("except", texts(calendar.except())),
            ]),
        })
    }
}

impl FactTest {
    fn to_object(&self) -> Object {
        let (word, wanted) = match &self.comparison {
            Comparison::Is(wanted) => ("is", value(wanted)),
            Comparison::IsNot(wanted) => ("is_not", value(wanted)),
            Comparison::OneOf(wanted) => ("one_of", values(wanted)),
            Comparison::NoneOf(wanted) => ("none_of", values(wanted)),
            Comparison::AtLeast(least) => ("at_least", Value::from(*least)),
            Comparison::AtMost(most) => ("at_most", Value::from(*most)),
            Comparison::StartsWith(start) => ("starts_with", Value::from(&**start)),
            Comparison::Within(nets) => ("within", texts(nets)),
            Comparison::Outside(nets) => ("outside", texts(nets)),
            Comparison::Known => ("known", true.into()),
        };
        let mut o = obj([("fact", self.name.as_str().into()), (word, wanted)]);
        if self.unknown != Unknown::Deny {
            o.insert("unknown", self.unknown.as_str().into());
        }
        if let Some(most) = self.max_age {
            o.insert("max_age", seconds(most));
        }
        o
    }
}

impl Verdict {
    /// As it stands in the record: the set, the outcome, each policy that applied, the facts with their ages in seconds,
    /// and what those that only report would have done.
    pub fn to_object(&self) -> Object {
        let mut o = obj([("set", self.set.as_str().into()), ("outcome", self.outcome.as_str().into())]);
        if let Outcome::Narrowed(narrowing) = &self.outcome {
            o.insert("narrowed", Value::Object(narrowing.to_object()));
        }
        if let Some(until) = self.until.filter(|_| self.outcome.permits()) {
            o.insert("until", until.seconds().into());
        }
        let on = self.weighed.iter().filter(|w| w.mode == Mode::On);
        o.insert("policies", Value::Array(on.map(Weighed::to_value).collect()));
        let would: Vec<_> = self.would_have().map(Weighed::to_value).collect();
        if !would.is_empty() {
            o.insert("would_have", Value::Array(would));
        }
        o.insert("facts", Value::Array(self.used.iter().map(|u| u.to_value(self.at)).collect()));
        o
    }
}

impl Weighed {
    fn to_value(&self) -> Value {
        let mut o = obj([("policy", self.policy.as_str().into()), ("outcome", self.outcome.as_str().into())]);
        if !self.unmet.is_empty() {
            o.insert("unmet", texts(&self.unmet));
        }
        Value::Object(o)
    }
}

impl Used {
    fn to_value(&self, now: Timestamp) -> Value {
        let mut o = obj([("name", self.name.as_str().into())]);
        match &self.fact {
            None => o.insert("unknown", true.into()),
            Some(fact) => {
                o.insert("value", value(&fact.value));
                o.insert("source", Value::from(&*fact.source));
                o.insert("age", seconds(fact.age(now)));
                if !self.counts {
                    o.insert("stale", true.into());
                }
            }
        }
        Value::Object(o)
    }
}

impl Explained {
    /// For administrators: all of it.
    pub fn to_object(&self, now: Timestamp) -> Object {
        let mut o = obj([
            ("policy", self.policy.as_str().into()),
            ("mode", self.mode.as_str().into()),
            ("applies", self.beside.is_none().into()),
        ]);
        if let Some(beside) = self.beside {
            o.insert("because", beside.into());
        }
        if let Some(outcome) = &self.outcome {
            o.insert("outcome", outcome.as_str().into());
            if let Outcome::Narrowed(narrowing) = outcome {
                o.insert("narrowed", Value::Object(narrowing.to_object()));
            }
            o.insert("tests", Value::Array(self.leaves.iter().map(|l| l.to_value(now)).collect()));
        }
        if let Some(until) = self.until {
            o.insert("until", until.seconds().into());
        }
        o
    }
}

impl Leaf {
    fn to_value(&self, now: Timestamp) -> Value {
        let mut o = obj([("test", self.test.as_str().into()), ("standing", self.standing.as_str().into())]);
        if self.negated {
            o.insert("negated", true.into());
        }
        if let Some(name) = &self.name {
            o.insert("fact", name.as_str().into());
        }
        if let Some(fact) = &self.fact {
            o.insert("value", value(&fact.value));
            o.insert("source", Value::from(&*fact.source));
            o.insert("age", seconds(fact.age(now)));
        }
        Value::Object(o)
    }
}
