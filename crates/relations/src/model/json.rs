//! The JSON of an authorization model, as OpenFGA's API has it.

use super::raw::{
    ModelError, Place, Raw, RawCondition, RawRelation, RawRestriction, RawRewrite, RawType, Word,
};
use prokura_oauth::json::{Object, Value};

/// How deep rewrites may nest.
const DEEPEST: u32 = 20;

/// Reads `{"schema_version": …, "type_definitions": […], "conditions": {…}}`.
pub(crate) fn read(model: &Object) -> Result<Raw, ModelError> {
    let types = match model.get("type_definitions") {
        Some(Value::Array(types)) => types,
        _ => return Err(wrong("type_definitions", "it must be an array")),
    };
    let types = types.iter().enumerate().map(|(i, t)| kind(t, &format!("type_definitions[{i}]")));
    let none = Object::default();
    let conditions = members(model, "conditions", "conditions", &none)?;
    Ok(Raw {
        module: None,
        schema: word(model, "schema_version", "schema_version")?,
        types: types.collect::<Result<_, _>>()?,
        conditions: conditions.iter().map(|(name, c)| condition(name, c)).collect::<Result<_, _>>()?,
    })
}

fn wrong(path: &str, why: &str) -> ModelError {
    ModelError::at(&Place::Member(path.to_owned()), why)
}

fn word(of: &Object, name: &str, path: &str) -> Result<Word, ModelError> {
    let text = of.str(name).ok_or_else(|| wrong(path, &format!("`{name}` must be a text")))?;
    Ok(Word { text: text.to_owned(), at: Place::Member(path.to_owned()) })
}

/// A member that is an object; `none` where it is missing or null.
fn members<'a>(of: &'a Object, name: &str, path: &str, none: &'a Object) -> Result<&'a Object, ModelError> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(none),
        Some(Value::Object(found)) => Ok(found),
        Some(_) => Err(wrong(path, "it must be an object")),
    }
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Object, ModelError> {
    value.as_object().ok_or_else(|| wrong(path, "it must be an object"))
}

fn kind(value: &Value, path: &str) -> Result<RawType, ModelError> {
    let of = object(value, path)?;
    let none = Object::default();
    let metadata = members(of, "metadata", path, &none)?;
    let metadata = members(metadata, "relations", path, &none)?;
    let relations = members(of, "relations", path, &none)?.iter().map(|(name, value)| {
        let path = format!("{path}.relations.{name}");
        let known = members(metadata, name, &path, &none)?;
        Ok(RawRelation {
            name: Word { text: name.to_owned(), at: Place::Member(path.clone()) },
            rewrite: rewrite(value, &path, 0)?,
            direct: restrictions(known, &path)?,
        })
    });
    Ok(RawType {
        name: word(of, "type", path)?,
        extends: false,
        relations: relations.collect::<Result<_, _>>()?,
    })
}

fn rewrite(value: &Value, path: &str, depth: u32) -> Result<RawRewrite, ModelError> {
    let of = object(value, path)?;
    let mut each = of.iter();
    let (Some((name, inner)), None, true) = (each.next(), each.next(), depth <= DEEPEST) else {
        return Err(wrong(path, "it must have exactly one member, and nest at most 20 deep"));
    };
    let path = format!("{path}.{name}");
    match name {
        "this" => Ok(RawRewrite::Direct),
        "computedUserset" => Ok(RawRewrite::Computed(word(object(inner, &path)?, "relation", &path)?)),
        "tupleToUserset" => {
            let of = object(inner, &path)?;
            let part = |name: &str| {
                let path = format!("{path}.{name}");
                word(object(of.get(name).unwrap_or(&Value::Null), &path)?, "relation", &path)
            };
            Ok(RawRewrite::From(part("computedUserset")?, part("tupleset")?))
        }
        "union" => Ok(RawRewrite::Union(children(inner, &path, depth)?)),
        "intersection" => Ok(RawRewrite::Intersection(children(inner, &path, depth)?)),
        "difference" => {
            let of = object(inner, &path)?;
            let part = |name: &str| {
                let path = format!("{path}.{name}");
                rewrite(of.get(name).unwrap_or(&Value::Null), &path, depth + 1).map(Box::new)
            };
            Ok(RawRewrite::Exclusion(part("base")?, part("subtract")?))
        }
        _ => Err(wrong(
            &path,
            "it is none of this, computedUserset, tupleToUserset, union, intersection, difference",
        )),
    }
}

fn children(value: &Value, path: &str, depth: u32) -> Result<Vec<RawRewrite>, ModelError> {
    match object(value, path)?.get("child") {
        Some(Value::Array(all)) if all.len() >= 2 => all
            .iter()
            .enumerate()
            .map(|(i, v)| rewrite(v, &format!("{path}.child[{i}]"), depth + 1))
            .collect(),
        _ => Err(wrong(path, "`child` must be an array of two or more")),
    }
}

fn restrictions(known: &Object, path: &str) -> Result<Vec<RawRestriction>, ModelError> {
    let all = match known.get("directly_related_user_types") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(all)) => all,
        Some(_) => return Err(wrong(path, "`directly_related_user_types` must be an array")),
    };
    let one = |value: &Value| {
        let of = object(value, path)?;
        let some = |name: &str| match of.str(name).filter(|t| !t.is_empty()) {
            None => Ok(None),
            Some(_) => word(of, name, path).map(Some),
        };
        Ok(RawRestriction {
            kind: word(of, "type", path)?,
            relation: some("relation")?,
            everybody: of.get("wildcard").is_some_and(|w| !w.is_null()),
            condition: some("condition")?,
        })
    };
    all.iter().map(one).collect()
}

fn condition(name: &str, value: &Value) -> Result<RawCondition, ModelError> {
    let path = format!("conditions.{name}");
    let of = object(value, &path)?;
    if of.str("name").is_some_and(|n| n != name) {
        return Err(wrong(&path, "its `name` must be the name it stands under"));
    }
    let none = Object::default();
    let parameters = members(of, "parameters", &path, &none)?.iter().map(|(parameter, value)| {
        let path = format!("{path}.parameters.{parameter}");
        let kind = parameter_type(object(value, &path)?, &path)?;
        let at = Place::Member(path);
        Ok((Word { text: parameter.to_owned(), at: at.clone() }, Word { text: kind, at }))
    });
    Ok(RawCondition {
        name: Word { text: name.to_owned(), at: Place::Member(path.clone()) },
        parameters: parameters.collect::<Result<_, _>>()?,
        expression: word(of, "expression", &path)?,
    })
}

fn parameter_type(of: &Object, path: &str) -> Result<String, ModelError> {
    let name = of.str("type_name").and_then(|n| n.strip_prefix("TYPE_NAME_"));
    let name =
        name.ok_or_else(|| wrong(path, "`type_name` must be one of TYPE_NAME_…"))?.to_ascii_lowercase();
    match of.get("generic_types") {
        Some(Value::Array(of)) if of.len() == 1 => {
            let inner = object(&of[0], path)?.str("type_name").and_then(|n| n.strip_prefix("TYPE_NAME_"));
            let inner =
                inner.ok_or_else(|| wrong(path, "`generic_types` has types in it"))?.to_ascii_lowercase();
            Ok(format!("{name}<{inner}>"))
        }
        _ => Ok(name),
    }
}
