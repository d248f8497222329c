//! Reading the members of an object, each by its type, none unknown.

use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{Entity, EntityId};

/// What is wrong, where the caller knows where.
pub(super) type Wrong = String;

/// An object that is read member by member.
pub(super) struct Members(Object);

impl Members {
    pub(super) fn of(value: Value) -> Result<Self, Wrong> {
        value.into_object().map(Self).ok_or_else(|| "must be a table".to_owned())
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Reads a member by `read`, if it is there.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Wrong> {
        self.take(name).map(read).transpose().map_err(|why| format!("`{name}` {why}"))
    }

    /// Nothing may be left.
    pub(super) fn end(self, known: &str) -> Result<(), Wrong> {
        match self.0.keys().next() {
            Some(other) => Err(format!("there is no key `{other}`: known are {known}")),
            None => Ok(()),
        }
    }
}

pub(super) fn text(value: Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a text".to_owned()),
    }
}

pub(super) fn list(value: Value) -> Result<Vec<Value>, Wrong> {
    match value {
        Value::Array(list) => Ok(list),
        _ => Err("must be a list".to_owned()),
    }
}

pub(super) fn texts(value: Value) -> Result<Vec<String>, Wrong> {
    list(value)?.into_iter().map(text).collect()
}

pub(super) fn object(value: Value) -> Result<Object, Wrong> {
    value.into_object().ok_or_else(|| "must be a table".to_owned())
}

#[allow(clippy::needless_pass_by_value, reason = "as the other readers")]
pub(super) fn truth(value: Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// A name: `Kind::"id"`, or `{ type = "Kind", id = "id" }`.
pub(super) fn name(value: Value) -> Result<EntityId, Wrong> {
    match value {
        Value::String(text) => named(&text),
        Value::Object(o) => match (o.str("type"), o.str("id"), o.len()) {
            (Some(kind), Some(id), 2) => EntityId::new(kind, id).map_err(|e| e.to_string()),
            _ => Err("must have `type` and `id`, and nothing else".to_owned()),
        },
        _ => Err("must be a name such as `User::\"alice\"`".to_owned()),
    }
}

pub(super) fn names(value: Value) -> Result<Vec<EntityId>, Wrong> {
    list(value)?.into_iter().map(name).collect()
}

fn named(text: &str) -> Result<EntityId, Wrong> {
    let wrong = || format!("must be a name such as `User::\"alice\"`, and not `{text}`");
    let (kind, id) = text.split_once("::\"").ok_or_else(wrong)?;
    let id = id.strip_suffix('"').ok_or_else(wrong)?;
    EntityId::new(kind, id).map_err(|e| e.to_string())
}

/// An entity as in Cedar's entity files: `uid`, `attrs`, `parents`.
pub(super) fn entity(value: Value) -> Result<Entity, Wrong> {
    let mut members = Members::of(value)?;
    let id = members.read("uid", name)?.ok_or("has no `uid`")?;
    let attributes = members.read("attrs", object)?.unwrap_or_default();
    let parents = members.read("parents", names)?.unwrap_or_default();
    members.end("uid, attrs, parents")?;
    Ok(Entity { id, attributes, parents })
}

/// An entity, or the name of one.
pub(super) fn entity_or_name(value: Value) -> Result<Who, Wrong> {
    if value.as_object().is_some_and(|o| o.contains_key("uid")) {
        return entity(value).map(Who::Described);
    }
    name(value).map(Who::Named)
}

/// Somebody or something that a case is about.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// By name, as the table knows it.
    Named(EntityId),
    /// As it stands in the case.
    Described(Entity),
}
