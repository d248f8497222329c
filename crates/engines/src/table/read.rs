//! Reading a table.

use super::Table;
use super::case::{Asked, Case};
use super::known::Known;
use super::member::{self, Members, Wrong};
use prokura_oauth::json::{Limits, Number, Object, Value, parse};
use prokura_policy::pdp::EngineError;

/// A table that cannot be read: where, and why.
pub type TableError = EngineError;

/// A large table of a large company.
const LIMITS: Limits = Limits { max_bytes: 16 << 20, max_depth: 64 };

impl Table {
    /// Reads the text of a file: JSON if its name ends so, by the strict reader; otherwise TOML.
    ///
    /// # Errors
    /// [`TableError`], with the line where it is known.
    pub fn read(file: &str, text: &str) -> Result<Self, TableError> {
        let whole = if file.ends_with(".json") { from_json(file, text) } else { from_toml(file, text) }?;
        Self::of(whole).map_err(|why| TableError { place: file.to_owned(), why })
    }

    fn of(whole: Value) -> Result<Self, Wrong> {
        let mut members = Members::of(whole)?;
        let mut defaults = Members::of(members.take("defaults").unwrap_or(Value::Object(Object::new())))?;
        let asked = Asked::read(&mut defaults).map_err(|why| format!("in `defaults`: {why}"))?;
        defaults.end("subject, actor, chain, grant, action, arguments, resource, context, now")?;
        let entities = members.read("entities", member::list)?.unwrap_or_default();
        let known = entities.into_iter().enumerate().map(entity).collect::<Result<Known, _>>()?;
        let cases = members.read("cases", member::list)?.unwrap_or_default().into_iter().enumerate();
        let cases =
            cases.map(|(at, case)| Case::read(case, &asked).map_err(|why| format!("case {}: {why}", at + 1)));
        let cases: Vec<_> = cases.collect::<Result<_, _>>()?;
        members.end("defaults, entities, cases")?;
        if cases.is_empty() {
            return Err("it has no `cases`: a table that asks nothing shows nothing".to_owned());
        }
        Ok(Self { known, cases })
    }
}

fn entity((at, value): (usize, Value)) -> Result<prokura_policy::pdp::Entity, Wrong> {
    member::entity(value).map_err(|why| format!("entity {}: {why}", at + 1))
}

fn from_json(file: &str, text: &str) -> Result<Value, TableError> {
    parse(text.as_bytes(), &LIMITS).map_err(|e| {
        let before = text.as_bytes().get(..e.at()).unwrap_or(text.as_bytes());
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        TableError { place: format!("{file}:{line}"), why: e.problem().to_string() }
    })
}

fn from_toml(file: &str, text: &str) -> Result<Value, TableError> {
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(1, |at| text.get(..at.start).map_or(1, |t| t.lines().count().max(1)));
        TableError { place: format!("{file}:{line}"), why: e.message().to_owned() }
    })?;
    value(toml::Value::Table(table)).map_err(|why| TableError { place: file.to_owned(), why })
}

fn value(toml: toml::Value) -> Result<Value, Wrong> {
    Ok(match toml {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(n) => n.into(),
        toml::Value::Boolean(b) => b.into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Float(f) => {
            let number = Number::parse(&format!("{f:?}"));
            number.map(Value::from).ok_or_else(|| format!("`{f}` is no number of JSON"))?
        }
        toml::Value::Array(items) => Value::Array(items.into_iter().map(value).collect::<Result<_, _>>()?),
        toml::Value::Table(members) => {
            let members = members.into_iter().map(|(name, member)| Ok((name, value(member)?)));
            Value::Object(members.collect::<Result<Vec<_>, Wrong>>()?.into_iter().collect())
        }
    })
}
