//! A condition on rows, as partial evaluation leaves it.

use super::Counted;
use prokura_core::{Part, Selector};
use prokura_oauth::json::{Object, Value};
use std::collections::BTreeSet;

/// A condition on an entity of which only the attributes and the id are open. What a row does not have, or has in another
/// type, meets nothing, nor does the negation of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every row.
    All,
    /// No row.
    Nothing,
    /// The attribute compares so to the value. `$` alone is the id.
    Is(Selector, Comparison, Value),
    /// The attribute is there.
    Has(Selector),
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// It cannot be said: the engine is asked about every row.
    Ask,
}

/// How values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Below, of whole numbers.
    Below,
    /// At most, of whole numbers.
    AtMost,
    /// One of the values of a list.
    OneOf,
    /// A list that has the value.
    Contains,
}

/// Whether a row meets a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be said: the engine has to be asked about this row.
    Ask,
}

/// What a filter is about a row: besides true and false, nothing at all (what it is about is not there, or of another type),
/// or unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    True,
    False,
    Neither,
    Unknown,
}

impl From<bool> for Holds {
    fn from(b: bool) -> Self {
        if b { Self::True } else { Self::False }
    }
}

impl Filter {
    /// Whether a row meets it, by its id and its attributes. Numbers are what they [count](Counted); `null` is not there.
    /// What is known only of an entity that the row refers to has to be asked for.
    pub fn meets(&self, id: &str, attributes: &Object) -> Met {
        match self.holds(id, attributes) {
            Holds::True => Met::Yes,
            Holds::False | Holds::Neither => Met::No,
            Holds::Unknown => Met::Ask,
        }
    }

    /// The attributes it looks at, by their first names.
    pub fn names(&self) -> BTreeSet<&str> {
        match self {
            Self::All | Self::Nothing | Self::Ask => BTreeSet::new(),
            Self::Is(at, ..) | Self::Has(at) => match at.parts().first() {
                Some(Part::Member(name)) => BTreeSet::from([name.as_str()]),
                _ => BTreeSet::new(),
            },
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::names).collect(),
            Self::Not(what) => what.names(),
        }
    }

    fn holds(&self, id: &str, row: &Object) -> Holds {
        match self {
            Self::All => Holds::True,
            Self::Nothing => Holds::False,
            Self::Ask => Holds::Unknown,
            Self::Is(at, how, than) if at.parts().is_empty() => {
                how.holds(&Value::String(id.to_owned()), than)
            }
            Self::Is(at, how, than) => match found(at, row) {
                Ok(Some(value)) => how.holds(value, than),
                Ok(None) => Holds::Neither,
                Err(Elsewhere) => Holds::Unknown,
            },
            Self::Has(at) => found(at, row).map_or(Holds::Unknown, |v| v.is_some().into()),
            Self::Not(what) => match what.holds(id, row) {
                Holds::True => Holds::False,
                Holds::False => Holds::True,
                other => other,
            },
            Self::And(all) => {
                strongest(all, id, row, [Holds::False, Holds::Neither, Holds::Unknown], Holds::True)
            }
            Self::Or(any) => {
                strongest(any, id, row, [Holds::True, Holds::Unknown, Holds::Neither], Holds::False)
            }
        }
    }
}

/// The first of `order` that any part is, else `otherwise`.
fn strongest(parts: &[Filter], id: &str, row: &Object, order: [Holds; 3], otherwise: Holds) -> Holds {
    let mut best = order.len();
    for part in parts {
        let holds = part.holds(id, row);
        best = order.iter().position(|o| *o == holds).map_or(best, |at| at.min(best));
        if best == 0 {
            break;
        }
    }
    order.get(best).copied().unwrap_or(otherwise)
}

/// It stands with another entity.
struct Elsewhere;

fn found<'a>(at: &Selector, row: &'a Object) -> Result<Option<&'a Value>, Elsewhere> {
    let mut object = row;
    let mut parts = at.parts().iter().peekable();
    while let Some(part) = parts.next() {
        let Part::Member(name) = part else { return Err(Elsewhere) };
        let Some(value) = object.get(name).filter(|v| **v != Value::Null) else { return Ok(None) };
        object = match value {
            _ if parts.peek().is_none() => return Ok(Some(value)),
            Value::Object(inner) if refers(inner) => return Err(Elsewhere),
            Value::Object(inner) => inner,
            _ => return Ok(None),
        };
    }
    Ok(None)
}

fn refers(object: &Object) -> bool {
    object.contains_key("__entity") || object.contains_key("__extn")
}

impl Comparison {
    fn holds(self, value: &Value, than: &Value) -> Holds {
        match (self, value, than) {
            (Self::Equal, ..) => same(value, than),
            (Self::Below | Self::AtMost, Value::Number(value), Value::Number(than)) => {
                match (Counted::of(value), Counted::of(than)) {
                    (Some(Counted::Whole(value)), Some(Counted::Whole(than))) => {
                        (if self == Self::Below { value < than } else { value <= than }).into()
                    }
                    _ => Holds::Neither,
                }
            }
            (Self::OneOf, _, Value::Array(any)) => either(any.iter().map(|than| same(value, than))),
            (Self::Contains, Value::Array(has), _) => either(has.iter().map(|value| same(value, than))),
            _ => Holds::Neither,
        }
    }
}

/// Equal, unequal of the same type, or not to be compared.
fn same(a: &Value, b: &Value) -> Holds {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => (a == b).into(),
        (Value::String(a), Value::String(b)) => (a == b).into(),
        (Value::Number(a), Value::Number(b)) => match (Counted::of(a), Counted::of(b)) {
            (Some(a), Some(b)) => (a == b).into(),
            _ => Holds::Neither,
        },
        (Value::Object(a), Value::Object(b)) if refers(a) && refers(b) => (a == b).into(),
        _ => Holds::Neither,
    }
}

/// Any of them; if one cannot be compared, and none is equal, nothing.
fn either(all: impl Iterator<Item = Holds>) -> Holds {
    let mut sum = Holds::False;
    for one in all {
        match one {
            Holds::True => return Holds::True,
            Holds::Neither => sum = Holds::Neither,
            _ => {}
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::obj;

    fn is(at: &str, how: Comparison, than: impl Into<Value>) -> Filter {
        Filter::Is(Selector::parse(at).unwrap(), how, than.into())
    }

    #[test]
    fn what_is_not_there_meets_nothing_nor_its_negation() {
        let row = obj([("age", Value::from(7)), ("gone", Value::Null)]);
        let missing = is("$.gone", Comparison::Equal, 7);
        for filter in [missing.clone(), Filter::Not(Box::new(missing)), is("$.age", Comparison::Equal, "7")] {
            assert_eq!(filter.meets("a", &row), Met::No, "{filter:?}");
        }
        let unequal = Filter::Not(Box::new(is("$.age", Comparison::Equal, 8)));
        assert_eq!(unequal.meets("a", &row), Met::Yes);
        assert_eq!(is("$", Comparison::Equal, "a").meets("a", &row), Met::Yes);
    }

    #[test]
    fn what_cannot_be_said_is_asked_only_where_it_matters() {
        let row = obj([("age", Value::from(7))]);
        let age = is("$.age", Comparison::AtMost, 7);
        for (filter, met) in [
            (Filter::And(vec![Filter::Ask, age.clone()]), Met::Ask),
            (Filter::Or(vec![Filter::Ask, age.clone()]), Met::Yes),
            (Filter::And(vec![Filter::Ask, Filter::Not(Box::new(age))]), Met::No),
            (Filter::Not(Box::new(Filter::Ask)), Met::Ask),
        ] {
            assert_eq!(filter.meets("a", &row), met, "{filter:?}");
        }
    }

    #[test]
    fn what_another_entity_knows_is_asked() {
        let manager = obj([("__entity", obj([("type", "User".into()), ("id", "m".into())]).into())]);
        let row = obj([("manager", manager.clone().into())]);
        assert_eq!(is("$.manager.name", Comparison::Equal, "Mo").meets("a", &row), Met::Ask);
        assert_eq!(is("$.manager", Comparison::Equal, manager).meets("a", &row), Met::Yes);
    }
}
