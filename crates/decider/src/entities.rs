//! Entities as Cedar writes them in JSON: `[{"uid": {"type", "id"}, "attrs": {…}, "parents": [{"type", "id"}]}]`.

use crate::files;
use crate::text::MAX_BYTES;
use prokura_config::Policy;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_policy::pdp::{EngineError, Entity, EntityId};
use std::collections::BTreeSet;
use std::path::Path;

/// Under which name the tags of an entity stand among its attributes.
const TAGS: &str = "__tags";

/// An entity that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidEntity(String);

fn invalid(why: impl Into<String>) -> InvalidEntity {
    InvalidEntity(why.into())
}

/// Reads a list of entities by the strict reader.
///
/// # Errors
/// [`InvalidEntity`] says which entry, and why.
pub fn parse(text: &str) -> Result<Vec<Entity>, InvalidEntity> {
    let limits = Limits { max_bytes: MAX_BYTES, max_depth: 32 };
    let value = json::parse(text.as_bytes(), &limits).map_err(|e| invalid(e.to_string()))?;
    let list = value.as_array().ok_or_else(|| invalid("entities stand in a list: `[{\"uid\": …}]`"))?;
    let mut seen = BTreeSet::new();
    let read = |(n, value): (usize, &Value)| {
        let entity = value.as_object().ok_or_else(|| invalid("it is no object")).and_then(of_object);
        let entity = entity.map_err(|e| invalid(format!("the entry number {}: {e}", n + 1)))?;
        if seen.insert(entity.id.clone()) {
            Ok(entity)
        } else {
            Err(invalid(format!("{} stands there twice", entity.id)))
        }
    };
    list.iter().enumerate().map(read).collect()
}

/// Reads one entity.
///
/// # Errors
/// [`InvalidEntity`].
pub fn of_object(object: &Object) -> Result<Entity, InvalidEntity> {
    if let Some(other) = object.keys().find(|k| !matches!(*k, "uid" | "attrs" | "parents" | "tags")) {
        return Err(invalid(format!(
            "`{other}` is not known: there are `uid`, `attrs`, `parents` and `tags`"
        )));
    }
    let id =
        object.get("uid").and_then(uid).ok_or_else(|| invalid("`uid` must be `{\"type\": …, \"id\": …}`"))?;
    let mut attributes = part(object, "attrs")?;
    let tags = part(object, "tags")?;
    if attributes.contains_key(TAGS) {
        return Err(invalid(format!("`{TAGS}` is where tags are kept: write them as `tags`")));
    }
    if !tags.is_empty() {
        attributes.insert(TAGS, tags.into());
    }
    references(&Value::Object(attributes.clone()))?;
    let parents = match object.get("parents") {
        None => Vec::new(),
        Some(parents) => parents
            .as_array()
            .and_then(|all| all.iter().map(uid).collect::<Option<Vec<_>>>())
            .ok_or_else(|| invalid("`parents` must be a list of `{\"type\": …, \"id\": …}`"))?,
    };
    if parents.contains(&id) {
        return Err(invalid(format!("{id} is its own parent")));
    }
    Ok(Entity { id, attributes, parents })
}

fn part(object: &Object, name: &str) -> Result<Object, InvalidEntity> {
    match object.get(name) {
        None => Ok(Object::default()),
        Some(Value::Object(part)) => Ok(part.clone()),
        Some(_) => Err(invalid(format!("`{name}` must be an object"))),
    }
}

/// Writes one entity as it is read.
pub fn to_object(entity: &Entity) -> Object {
    let mut attributes = entity.attributes.clone();
    let tags = attributes.remove(TAGS);
    let mut object = obj([
        ("uid", named(&entity.id)),
        ("attrs", attributes.into()),
        ("parents", entity.parents.iter().map(named).collect()),
    ]);
    if let Some(tags) = tags {
        object.insert("tags", tags);
    }
    object
}

fn named(id: &EntityId) -> Value {
    obj([("type", id.kind().into()), ("id", id.id().into())]).into()
}

/// `{"type", "id"}`, also within `{"__entity": …}`.
fn uid(value: &Value) -> Option<EntityId> {
    let object = value.as_object()?;
    let object = match object.get("__entity") {
        Some(inner) if object.len() == 1 => inner.as_object()?,
        Some(_) => return None,
        None => object,
    };
    let fits = object.len() == 2;
    EntityId::new(object.str("type")?, object.str("id")?).ok().filter(|_| fits)
}

/// References in attributes name entities.
fn references(value: &Value) -> Result<(), InvalidEntity> {
    match value {
        Value::Object(object) if object.contains_key("__entity") => uid(value)
            .map(drop)
            .ok_or_else(|| invalid("`__entity` must be `{\"type\": …, \"id\": …}`, alone")),
        Value::Object(object) => object.iter().try_for_each(|(_, v)| references(v)),
        Value::Array(all) => all.iter().try_for_each(references),
        _ => Ok(()),
    }
}

/// The entities of the files that the configuration names.
///
/// # Errors
/// Which file, and why.
pub fn read(policy: &Policy) -> Result<Vec<Entity>, EngineError> {
    let (mut all, mut seen, mut left) = (Vec::new(), BTreeSet::new(), MAX_BYTES);
    for file in policy.entities.iter().flat_map(|e| &e.files) {
        let wrong = |why: String| EngineError { place: file.clone(), why };
        let entities = parse(&files::text(Path::new(file), &mut left)?).map_err(|e| wrong(e.to_string()))?;
        if let Some(twice) = entities.iter().find(|e| !seen.insert(e.id.clone())) {
            return Err(wrong(format!("{} stands in another file too", twice.id)));
        }
        all.extend(entities);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_read_as_cedar_writes_them_and_written_the_same() {
        let text = r#"[{"uid":{"type":"Employee","id":"e7"},
            "attrs":{"salary":70000,"manager":{"__entity":{"type":"User","id":"usr_a"}},"since":{"__extn":{"fn":"datetime","arg":"2026-01-01"}}},
            "parents":[{"__entity":{"type":"Team","id":"t"}}],"tags":{"since":3}},{"uid":{"__entity":{"type":"Team","id":"t"}},"attrs":{},"parents":[]}]"#;
        let read = parse(text).unwrap();
        assert_eq!(read[0].id.to_string(), "Employee::\"e7\"");
        assert_eq!(read[0].parents, [read[1].id.clone()]);
        assert_eq!(read[0].attributes.get("salary").and_then(Value::as_i64), Some(70_000));
        for entity in read {
            assert_eq!(of_object(&to_object(&entity)), Ok(entity));
        }
    }

    #[test]
    fn what_names_nothing_or_two_things_is_refused() {
        for (text, says) in [
            ("{}", "stand in a list"),
            (r#"[{"uid":"User::\"a\""}]"#, "`uid` must be"),
            (r#"[{"uid":{"type":"User","id":"a","x":1}}]"#, "`uid` must be"),
            (r#"[{"uid":{"type":"User","id":"a"},"attributes":{}}]"#, "`attributes` is not known"),
            (r#"[{"uid":{"type":"User","id":"a"},"attrs":[]}]"#, "`attrs` must be"),
            (r#"[{"uid":{"type":"User","id":"a"},"attrs":{"b":[{"__entity":"x"}]}}]"#, "`__entity` must be"),
            (r#"[{"uid":{"type":"User","id":"a"},"parents":["b"]}]"#, "`parents` must be"),
            (r#"[{"uid":{"type":"User","id":"a"},"parents":[{"type":"User","id":"a"}]}]"#, "its own parent"),
            (r#"[{"uid":{"type":"User","id":"a"},"attrs":{"__tags":{}}}]"#, "write them as `tags`"),
            (r#"[{"uid":{"type":"User","id":"a"}},{"uid":{"type":"User","id":"a"}}]"#, "stands there twice"),
            (r#"[{"uid":{"type":"User","id":"a"},"uid":{"type":"User","id":"b"}}]"#, "duplicate"),
        ] {
            let said = parse(text).unwrap_err().to_string().to_lowercase();
            assert!(said.contains(&says.to_lowercase()) || says == "duplicate", "{text}: {said}");
        }
    }
}
