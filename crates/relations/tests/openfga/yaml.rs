//! YAML as the values that the crate reads.

use prokura_oauth::json::{Number, Object, Value};
use prokura_relations::{Attached, Key, Tuple};
use std::sync::Arc;

pub(crate) fn read(text: &str) -> Value {
    convert(&yaml_serde::from_str::<yaml_serde::Value>(text).unwrap())
}

fn convert(yaml: &yaml_serde::Value) -> Value {
    match yaml {
        yaml_serde::Value::Null => Value::Null,
        yaml_serde::Value::Bool(b) => Value::Bool(*b),
        yaml_serde::Value::Number(n) => Value::Number(Number::parse(&n.to_string()).unwrap()),
        yaml_serde::Value::String(text) => Value::String(text.clone()),
        yaml_serde::Value::Sequence(all) => Value::Array(all.iter().map(convert).collect()),
        yaml_serde::Value::Mapping(all) => {
            let mut object = Object::new();
            for (name, value) in all {
                object.insert(name.as_str().unwrap().to_owned(), convert(value));
            }
            Value::Object(object)
        }
        yaml_serde::Value::Tagged(_) => panic!("no tags"),
    }
}

pub(crate) fn array<'a>(of: &'a Object, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).unwrap_or_default()
}

pub(crate) fn object<'a>(of: &'a Object, name: &str) -> &'a Object {
    static NONE: Object = Object::new();
    of.get(name).and_then(Value::as_object).unwrap_or(&NONE)
}

pub(crate) fn texts(of: &[Value]) -> Vec<String> {
    let mut all: Vec<_> = of.iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

/// A tuple; the files leave out what JSON has.
pub(crate) fn tuple(value: &Value) -> Option<Tuple> {
    let of = value.as_object().unwrap();
    let key = Key::parse(of.str("user")?, of.str("relation")?, of.str("object")?).ok()?;
    let condition = of.get("condition").and_then(Value::as_object).map(|c| {
        let context = c.get("context").and_then(Value::as_object).cloned().unwrap_or_default();
        Arc::new(Attached { name: c.str("name").unwrap().to_owned(), context })
    });
    Some(Tuple { key, condition })
}
