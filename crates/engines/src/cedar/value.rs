//! Values: what a policy computes with, read from JSON only where a policy looks.
//!
//! A number is what it counts, however it is written: `7`, `7.0`, `70e-1` and `7e0` are the Long 7, for whoever executes the
//! call takes them for the same. What has up to four digits behind the point is a decimal. Whatever else (larger than 64 bits,
//! finer than a ten-thousandth, `null` where a value is needed) is nothing that a policy can compute with: looking at it
//! fails, and a rule that fails permits nothing and forbids what it might have forbidden.

use super::fail::{Fail, Stop};
use cedar_policy_core::ast;
use cedar_policy_core::extensions::Extensions;
use prokura_oauth::json::{Object, Value as Json};
use prokura_policy::pdp::{Counted, EntityId};
use std::rc::Rc;

/// The name of an entity, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Uid<'a> {
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
}

impl<'a> Uid<'a> {
    pub(super) fn of(id: &'a EntityId) -> Self {
        Self { kind: id.kind(), id: id.id() }
    }
}

impl std::fmt::Display for Uid<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{:?}", self.kind, self.id)
    }
}

/// Whether `{"__entity": …}` and `{"__extn": …}` mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// They do: attributes and facts, which our side wrote.
    Escapes,
    /// They do not: arguments are what the caller sent, and whoever executes the call sees an object.
    Plain,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Val<'a> {
    Bool(bool),
    Long(i64),
    Str(&'a str),
    Entity(Uid<'a>),
    Set(Rc<Vec<Val<'a>>>),
    Record(Rc<Vec<(&'a str, Val<'a>)>>),
    /// A decimal, an address, a point in time, a duration: Cedar's own value.
    Ext(ast::Value),
    /// A constant of a policy.
    Const(&'a ast::Value),
    /// The whole context of the question.
    Context,
    /// Something that nobody has looked into yet.
    Json(&'a Json, Reading),
    Members(&'a Object, Reading),
}

/// As Cedar's decimal, if it fits.
fn decimal(counted: Counted) -> Option<ast::Value> {
    let units = counted.ten_thousandths()?;
    let sign = if units < 0 { "-" } else { "" };
    let (whole, rest) = (units.unsigned_abs() / 10_000, units.unsigned_abs() % 10_000);
    call("decimal", &[format!("{sign}{whole}.{rest:04}").into()]).ok()
}

/// Calls a function of Cedar's extensions.
pub(super) fn call(name: &str, arguments: &[ast::Value]) -> Result<ast::Value, Stop> {
    let name: ast::Name =
        name.parse().map_err(|_| Stop::Failed(Fail::Extension(format!("no function `{name}`"))))?;
    apply(&name, arguments)
}

/// Calls a function of Cedar's extensions by its parsed name.
pub(super) fn apply(name: &ast::Name, arguments: &[ast::Value]) -> Result<ast::Value, Stop> {
    let failed = |why: String| Stop::Failed(Fail::Extension(why));
    let function = Extensions::all_available().func(name).map_err(|e| failed(e.to_string()))?;
    match function.call(arguments) {
        Ok(ast::PartialValue::Value(value)) => Ok(value),
        Ok(ast::PartialValue::Residual(_)) => Err(failed(format!("`{name}` gives no value"))),
        Err(_) => Err(failed(format!("`{name}` has no answer for these arguments"))),
    }
}

impl<'a> Val<'a> {
    /// The value itself, so far as its kind is known: JSON is looked at, one level deep.
    pub(super) fn seen(self) -> Result<Self, Stop> {
        let Self::Json(json, reading) = self else { return self.constant() };
        Ok(match json {
            Json::Null => return Err(Stop::Failed(Fail::Null)),
            Json::Bool(b) => Self::Bool(*b),
            Json::Number(n) => match Counted::of(n).ok_or(Stop::Failed(Fail::Number))? {
                Counted::Whole(whole) => Self::Long(whole),
                parts => Self::Ext(decimal(parts).ok_or(Stop::Failed(Fail::Number))?),
            },
            Json::String(s) => Self::Str(s),
            Json::Array(items) => Self::Set(Rc::new(items.iter().map(|i| Self::Json(i, reading)).collect())),
            Json::Object(object) if reading == Reading::Escapes => escaped(object)?,
            Json::Object(object) => Self::Members(object, reading),
        })
    }

    /// Constants of policies become values of the walk.
    fn constant(self) -> Result<Self, Stop> {
        let Self::Const(value) = self else { return Ok(self) };
        Ok(Self::Ext(value.clone()))
    }

    /// What kind of value it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a Bool",
            Self::Long(_) => "a Long",
            Self::Str(_) => "a String",
            Self::Entity(_) => "an entity",
            Self::Set(_) => "a Set",
            Self::Record(_) | Self::Members(..) | Self::Context => "a record",
            Self::Ext(_) | Self::Const(_) => "an extension value",
            Self::Json(..) => "a value",
        }
    }

    pub(super) fn bool(self) -> Result<bool, Stop> {
        match self.seen()? {
            Self::Bool(b) => Ok(b),
            other => Err(other.is_not("a Bool")),
        }
    }

    pub(super) fn long(self) -> Result<i64, Stop> {
        match self.seen()? {
            Self::Long(n) => Ok(n),
            other => Err(other.is_not("a Long")),
        }
    }

    pub(super) fn str(self) -> Result<&'a str, Stop> {
        match self.seen()? {
            Self::Str(s) => Ok(s),
            other => Err(other.is_not("a String")),
        }
    }

    pub(super) fn entity(self) -> Result<Uid<'a>, Stop> {
        match self.seen()? {
            Self::Entity(uid) => Ok(uid),
            other => Err(other.is_not("an entity")),
        }
    }

    pub(super) fn set(self) -> Result<Rc<Vec<Self>>, Stop> {
        match self.seen()? {
            Self::Set(items) => Ok(items),
            other => Err(other.is_not("a Set")),
        }
    }

    pub(super) fn is_not(&self, wanted: &'static str) -> Stop {
        Stop::Failed(Fail::Type { wanted, found: self.kind() })
    }

    /// As a value of Cedar's own, for its functions; only what they take. A number of JSON becomes a decimal where
    /// `decimals` are wanted.
    pub(super) fn core(self, decimals: bool) -> Result<ast::Value, Stop> {
        if let (true, Self::Json(Json::Number(n), _)) = (decimals, &self) {
            return Counted::of(n).and_then(decimal).ok_or(Stop::Failed(Fail::Number));
        }
        match self.seen()? {
            Self::Bool(b) => Ok(b.into()),
            Self::Long(n) => Ok(n.into()),
            Self::Str(s) => Ok(s.into()),
            Self::Ext(value) => Ok(value),
            other => Err(other.is_not("what the function takes")),
        }
    }
}

/// An object of ours: an entity, an extension value, or a record.
fn escaped(object: &Object) -> Result<Val<'_>, Stop> {
    if let Some(reference) = object.get("__entity") {
        let named = |r: &'_ Object| r.len() == 2;
        return match reference {
            Json::Object(r) if object.len() == 1 && named(r) => match (r.str("type"), r.str("id")) {
                (Some(kind), Some(id)) => Ok(Val::Entity(Uid { kind, id })),
                _ => Err(Stop::Failed(Fail::Reference)),
            },
            _ => Err(Stop::Failed(Fail::Reference)),
        };
    }
    if let Some(extension) = object.get("__extn") {
        let read = || {
            let Json::Object(e) = extension else { return None };
            let name = e.str("fn").filter(|_| object.len() == 1)?;
            if let Some(argument) = e.str("arg").filter(|_| e.len() == 2) {
                return call(name, &[argument.into()]).ok();
            }
            let Some(Json::Array(arguments)) = e.get("args").filter(|_| e.len() == 2) else { return None };
            let taken = arguments.iter().map(|a| Val::Json(a, Reading::Escapes).core(false).ok());
            call(name, &taken.collect::<Option<Vec<_>>>()?).ok()
        };
        return read().map(Val::Ext).ok_or(Stop::Failed(Fail::Reference));
    }
    Ok(Val::Members(object, Reading::Escapes))
}

/// The most comparisons of two sets.
const MOST: usize = 1 << 20;

/// Whether two values are equal: of different kinds they are not, as in Cedar. It fails only where one of them holds
/// something that no policy can compute with.
pub(super) fn equal(a: &Val<'_>, b: &Val<'_>) -> Result<bool, Stop> {
    if let Some(answer) = numbers(a, b)? {
        return Ok(answer);
    }
    let (a, b) = (a.clone().seen()?, b.clone().seen()?);
    Ok(match (&a, &b) {
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Long(a), Val::Long(b)) => a == b,
        (Val::Str(a), Val::Str(b)) => a == b,
        (Val::Entity(a), Val::Entity(b)) => a == b,
        (Val::Ext(a), Val::Ext(b)) => a == b,
        (Val::Set(a), Val::Set(b)) => subset(a, b)? && subset(b, a)?,
        _ => match (members(&a), members(&b)) {
            (Some(a), Some(b)) => records(&a, &b)?,
            _ => false,
        },
    })
}

/// A number of JSON beside a decimal is one too: `10` is `decimal("10.0")`.
fn numbers(a: &Val<'_>, b: &Val<'_>) -> Result<Option<bool>, Stop> {
    let ((Val::Json(Json::Number(n), _), other) | (other, Val::Json(Json::Number(n), _))) = (a, b) else {
        return Ok(None);
    };
    let Some(number) = Counted::of(n) else { return Err(Stop::Failed(Fail::Number)) };
    Ok(match other.clone().constant()? {
        Val::Ext(value) => Some(decimal(number).is_some_and(|d| d == value)),
        _ => None,
    })
}

/// The members of a record, by name; none if it is no record. A member that is `null` is not there.
fn members<'a>(value: &Val<'a>) -> Option<Vec<(&'a str, Val<'a>)>> {
    let mut members: Vec<(&str, Val<'_>)> = match value {
        Val::Record(r) => r.to_vec(),
        Val::Members(o, reading) => {
            o.iter().filter(|(_, v)| **v != Json::Null).map(|(k, v)| (k, Val::Json(v, *reading))).collect()
        }
        _ => return None,
    };
    members.sort_by_key(|(name, _)| *name);
    Some(members)
}

fn records(a: &[(&str, Val<'_>)], b: &[(&str, Val<'_>)]) -> Result<bool, Stop> {
    if a.len() != b.len() || !a.iter().zip(b).all(|((a, _), (b, _))| a == b) {
        return Ok(false);
    }
    let mut same = true;
    for ((_, a), (_, b)) in a.iter().zip(b) {
        same &= equal(a, b)?;
    }
    Ok(same)
}

/// Whether a set has a value.
pub(super) fn has(set: &[Val<'_>], value: &Val<'_>) -> Result<bool, Stop> {
    let mut found = false;
    for item in set {
        found |= equal(item, value)?;
    }
    Ok(found)
}

/// Whether everything in `a` is in `b`.
pub(super) fn subset(a: &[Val<'_>], b: &[Val<'_>]) -> Result<bool, Stop> {
    bounded(a, b)?;
    let mut all = true;
    for item in a {
        all &= has(b, item)?;
    }
    Ok(all)
}

/// Whether anything in `a` is in `b`.
pub(super) fn overlap(a: &[Val<'_>], b: &[Val<'_>]) -> Result<bool, Stop> {
    bounded(a, b)?;
    let mut any = false;
    for item in a {
        any |= has(b, item)?;
    }
    Ok(any)
}

fn bounded(a: &[Val<'_>], b: &[Val<'_>]) -> Result<(), Stop> {
    if a.len().saturating_mul(b.len()) > MOST { Err(Stop::Failed(Fail::TooLarge)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_written_as_cedar_reads_it() {
        for (num, text) in [
            (Counted::Decimal(-1), "-0.0001"),
            (Counted::Decimal(15_000), "1.5"),
            (Counted::Whole(-3), "-3.0"),
        ] {
            assert_eq!(decimal(num), call("decimal", &[text.into()]).ok(), "{text}");
        }
        assert_eq!(decimal(Counted::Whole(i64::MAX)), None);
    }
}
