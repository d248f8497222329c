//! Calls that are alike: what somebody who agreed often enough may agree to for a while.

use super::ApprovalSeal;
use super::facts::text;
use prokura_core::{Amount, Decimal};
use prokura_oauth::json::{Object, Value, obj};
use std::collections::{BTreeMap, BTreeSet};

/// What one argument must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Exactly this.
    Is(Value),
    /// A number from 0 to this.
    UpTo(Value),
}

/// What all arguments must be. There may be no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions(BTreeMap<String, Condition>);

impl Conditions {
    /// Exactly these arguments.
    pub fn exactly(arguments: &Object) -> Self {
        Self(arguments.iter().map(|(name, value)| (name.to_owned(), Condition::Is(value.clone()))).collect())
    }

    /// The narrowest conditions that a call meets together with those that were agreed to before, of which only the shapes
    /// are known: what was always the same must stay so, and a number that was not may be at most what it is now. None if
    /// something else was not the same: then the calls are not alike.
    pub fn of(key: &ApprovalSeal, arguments: &Object, before: &[&str]) -> Option<Self> {
        let names: BTreeSet<String> = arguments.keys().map(|name| key.name(name)).collect();
        let of_shape = |shape: &str| -> BTreeSet<String> {
            shape.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
        };
        if before.iter().any(|shape| of_shape(shape) != names) {
            return None;
        }
        let condition = |(name, value): (&str, &Value)| {
            let line = key.line(name, value);
            let same = before.iter().all(|shape| shape.lines().any(|known| known == line));
            let condition = match same {
                true => Condition::Is(value.clone()),
                false => Condition::UpTo(amount(value).map(|_| value.clone())?),
            };
            Some((name.to_owned(), condition))
        };
        arguments.iter().map(condition).collect::<Option<_>>().map(Self)
    }

    /// Whether a call with these arguments meets them.
    pub fn meets(&self, arguments: &Object) -> bool {
        let met = |(name, condition): (&String, &Condition)| match (arguments.get(name), condition) {
            (Some(value), Condition::Is(is)) => value.to_jcs() == is.to_jcs(),
            (Some(value), Condition::UpTo(most)) => match (amount(value), amount(most)) {
                (Some(value), Some(most)) => value <= most,
                _ => false,
            },
            (None, _) => false,
        };
        arguments.len() == self.0.len() && self.0.iter().all(met)
    }

    /// As they are shown: the name, whether it is a bound, and the value.
    pub fn shown(&self) -> impl Iterator<Item = (&str, bool, String)> {
        self.0.iter().map(|(name, condition)| match condition {
            Condition::Is(value) => (name.as_str(), false, text(value)),
            Condition::UpTo(most) => (name.as_str(), true, text(most)),
        })
    }

    pub(super) fn to_object(&self) -> Object {
        let mut all = Object::default();
        for (name, condition) in &self.0 {
            let (word, value) = match condition {
                Condition::Is(value) => ("is", value),
                Condition::UpTo(value) => ("up_to", value),
            };
            all.insert(name.as_str(), Value::Object(obj([(word, value.clone())])));
        }
        all
    }

    pub(super) fn read(object: &Object) -> Option<Self> {
        let condition = |(name, value): (&str, &Value)| {
            let o = value.as_object()?;
            let condition = match (o.get("is"), o.get("up_to")) {
                (Some(value), None) => Condition::Is(value.clone()),
                (None, Some(value)) => Condition::UpTo(value.clone()),
                _ => return None,
            };
            Some((name.to_owned(), condition))
        };
        object.iter().map(condition).collect::<Option<_>>().map(Self)
    }
}

/// A number of 0 or more, exactly; none of anything else.
fn amount(value: &Value) -> Option<Amount> {
    let text = value.as_number()?.text().into_owned();
    Amount::of(&Decimal::parse(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};
    use prokura_oauth::seal::MasterKey;

    fn object(text: &str) -> Object {
        parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap()
    }

    fn conditions(now: &str, before: &[&str]) -> Option<Conditions> {
        let key = ApprovalSeal::new(&MasterKey::new([7; 32])).unwrap();
        let shapes: Vec<String> = before.iter().map(|text| key.shape(&object(text))).collect();
        let shapes: Vec<&str> = shapes.iter().map(String::as_str).collect();
        Conditions::of(&key, &object(now), &shapes)
    }

    #[test]
    fn what_was_always_the_same_stays_so_and_a_number_is_a_bound() {
        let before = [r#"{"to":"x","amount":10}"#, r#"{"amount":30.5,"to":"x"}"#];
        let found = conditions(r#"{"to":"x","amount":20}"#, &before).unwrap();
        for (meets, with) in [
            (true, r#"{"to":"x","amount":20}"#),
            (true, r#"{"amount":0.01,"to":"x"}"#),
            (true, r#"{"amount":2e1,"to":"\u0078"}"#),
            (false, r#"{"to":"x","amount":20.000001}"#),
            (false, r#"{"to":"x","amount":30}"#),
            (false, r#"{"to":"x","amount":-1}"#),
            (false, r#"{"to":"x","amount":"20"}"#),
            (false, r#"{"to":"y","amount":20}"#),
            (false, r#"{"to":"x"}"#),
            (false, r#"{"to":"x","amount":20,"note":"z"}"#),
            (false, r#"{"to":["x"],"amount":20}"#),
        ] {
            assert_eq!(found.meets(&object(with)), meets, "{with}");
        }
        assert_eq!(Conditions::read(&found.to_object()), Some(found));
    }

    #[test]
    fn calls_that_differ_in_more_than_numbers_are_not_alike() {
        let now = r#"{"to":"x","amount":20}"#;
        assert_eq!(conditions(now, &[r#"{"to":"y","amount":20}"#]), None);
        assert_eq!(conditions(now, &[r#"{"to":"x"}"#]), None);
        assert_eq!(conditions(now, &[r#"{"to":"x","amount":20,"cc":"y"}"#]), None);
        assert_eq!(conditions(r#"{"amount":-5}"#, &[r#"{"amount":5}"#]), None, "there is no bound below 0");
        let same = conditions(now, &[now, now]).unwrap();
        assert!(same.meets(&object(now)) && !same.meets(&object(r#"{"to":"x","amount":19}"#)));
    }
}
