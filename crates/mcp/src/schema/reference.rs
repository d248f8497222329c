//! References: each leads to a place in the same document (RFC 6901), and is looked up there.

use super::BadSchema;
use prokura_oauth::json::{Object, Value};

/// At most so many parts.
const PARTS: usize = 20_000;
/// No deeper than this; what was read from a message is no deeper than 64.
const DEPTH: usize = 128;

/// Members that lead to another schema. `$dynamicRef` is looked up as it is where nothing overrides it.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Members whose values are data and no schemas.
const DATA: [&str; 5] = ["const", "enum", "default", "examples", "x-authzen-mapping"];

/// Whether every reference leads to a place in `root`, and `root` is not too large.
pub(super) fn check(root: &Value) -> Result<(), BadSchema> {
    walk(root, root, &mut 0, 0)
}

fn walk(root: &Value, at: &Value, parts: &mut usize, depth: usize) -> Result<(), BadSchema> {
    *parts += 1;
    if *parts > PARTS || depth > DEPTH {
        return Err(BadSchema::Large);
    }
    match at {
        Value::Array(items) => items.iter().try_for_each(|item| walk(root, item, parts, depth + 1)),
        Value::Object(o) => {
            refers_within(root, o)?;
            let schemas = o.iter().filter(|(name, _)| !DATA.contains(name));
            let mut schemas = schemas.map(|(_, value)| value);
            schemas.try_for_each(|value| walk(root, value, parts, depth + 1))
        }
        _ => Ok(()),
    }
}

/// A property may be called `$ref`; then what stands there is a schema and no text.
fn refers_within(root: &Value, o: &Object) -> Result<(), BadSchema> {
    let outside = |to: &str| BadSchema::Reference(to.chars().take(128).collect());
    for name in REFERENCES {
        if let Some(to) = o.str(name)
            && target(root, to).is_none()
        {
            return Err(outside(to));
        }
    }
    match o.str("$id") {
        // A schema inside with an address of its own would give the references in it another base.
        Some(id) if !std::ptr::eq(o, root.as_object().unwrap_or(o)) && !id.starts_with('#') => {
            Err(outside(id))
        }
        _ => Ok(()),
    }
}

/// What a reference leads to, if that is a part of `root`.
pub(super) fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    if pointer.is_empty() {
        return Some(root);
    }
    pointer.strip_prefix('/')?.split('/').try_fold(root, |at, token| {
        let token = token.replace("~1", "/").replace("~0", "~");
        match at {
            Value::Object(o) => o.get(&token),
            Value::Array(items) => items.get(token.parse::<usize>().ok()?),
            _ => None,
        }
    })
}
