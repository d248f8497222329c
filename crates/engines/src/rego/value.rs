//! Between JSON and the values of Rego.

use prokura_oauth::json::{Limits, Number, Object, Value, parse};
use std::collections::BTreeMap;

/// The most digits of a whole number.
const MOST_DIGITS: usize = 256;
/// How deep what a policy answers may nest.
const DEEPEST: usize = 64;

/// What Rego cannot be told as it is, or what it says that JSON cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untold {
    /// A number that would become another one.
    #[error("a number has more digits than are counted with here, so that policies would see another number")]
    Number,
    /// Text that is no JSON.
    #[error("a text is no JSON")]
    Text,
    /// An answer that is too deep, or a number that is none.
    #[error("an answer nests too deep, or is no JSON")]
    Answer,
}

/// A value as Rego sees it. Numbers keep their value, or are refused.
pub(super) fn to_rego(value: &Value) -> Result<regorus::Value, Untold> {
    Ok(match value {
        Value::Null => regorus::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => number(n)?,
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(to_rego).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(object) => object_to_rego(object)?,
    })
}

pub(super) fn object_to_rego(object: &Object) -> Result<regorus::Value, Untold> {
    let members = object.iter().map(|(name, value)| Ok((name.into(), to_rego(value)?)));
    Ok(members.collect::<Result<BTreeMap<regorus::Value, regorus::Value>, _>>()?.into())
}

/// The number of a text, as policies may ask for it.
pub(super) fn number_of(text: &str) -> Result<regorus::Value, Untold> {
    Number::parse(text.trim()).ok_or(Untold::Text).and_then(|n| number(&n))
}

/// The value of a JSON text, by the strict reader.
pub(super) fn json_of(text: &str) -> Result<regorus::Value, Untold> {
    to_rego(&parse(text.as_bytes(), &Limits::MESSAGE).map_err(|_| Untold::Text)?)
}

fn number(n: &Number) -> Result<regorus::Value, Untold> {
    if let Some(i) = n.as_i64() {
        return Ok(i.into());
    }
    let text = n.text();
    let is_whole = !text.contains(['.', 'e', 'E']);
    if is_whole && text.len() <= MOST_DIGITS {
        return regorus::Value::from_numeric_string(&text).map_err(|_| Untold::Number);
    }
    let double = n.as_f64();
    if is_whole || !double.is_finite() || !is_same(n, double) {
        return Err(Untold::Number);
    }
    if double.fract() == 0.0 {
        return regorus::Value::from_numeric_string(&double.to_string()).map_err(|_| Untold::Number);
    }
    Ok(double.into())
}

fn is_same(n: &Number, double: f64) -> bool {
    let of_double = Number::parse(&format!("{double:e}"));
    of_double.is_some_and(|d| Value::Number(d).to_jcs() == Value::Number(n.clone()).to_jcs())
}

/// What a policy answered; a set becomes a list. None if it is undefined.
pub(super) fn from_rego(value: &regorus::Value) -> Result<Option<Value>, Untold> {
    match value {
        regorus::Value::Undefined => Ok(None),
        defined => told(defined, DEEPEST).map(Some),
    }
}

fn told(value: &regorus::Value, depth: usize) -> Result<Value, Untold> {
    let depth = depth.checked_sub(1).ok_or(Untold::Answer)?;
    Ok(match value {
        regorus::Value::Null | regorus::Value::Undefined => Value::Null,
        regorus::Value::Bool(b) => (*b).into(),
        regorus::Value::Number(n) => {
            // As JSON it writes whole numbers beyond 64 bits as doubles.
            let whole = n.is_integer().then(|| n.format_decimal());
            let text = whole.map_or_else(|| value.to_json_str().map_err(|_| Untold::Answer), Ok)?;
            Number::parse(&text).map(Value::from).ok_or(Untold::Answer)?
        }
        regorus::Value::String(text) => (&**text).into(),
        regorus::Value::Array(items) => list(items.iter(), depth)?,
        regorus::Value::Set(items) => list(items.iter(), depth)?,
        regorus::Value::Object(members) => {
            let mut object = Object::new();
            for (name, member) in members.iter() {
                object.insert(name_of(name)?, told(member, depth)?);
            }
            object.into()
        }
    })
}

fn list<'a>(items: impl Iterator<Item = &'a regorus::Value>, depth: usize) -> Result<Value, Untold> {
    items.map(|item| told(item, depth)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn name_of(name: &regorus::Value) -> Result<String, Untold> {
    match name {
        regorus::Value::String(text) => Ok(text.to_string()),
        other => other.to_json_str().map_err(|_| Untold::Answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

    fn read(text: &str) -> Value {
        parse(text.as_bytes(), &Limits::MESSAGE).unwrap()
    }

    #[test]
    fn numbers_keep_their_value_or_are_refused() {
        for (text, told) in [
            ("0", "0"),
            ("-1", "-1"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551616", "18446744073709551616"),
            ("-123456789012345678901234567890", "-123456789012345678901234567890"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("0.1", "0.1"),
            ("-2.5", "-2.5"),
        ] {
            let seen = to_rego(&read(text)).unwrap();
            assert_eq!(from_rego(&seen).unwrap().unwrap().to_string(), told, "{text}");
        }
        for text in ["0.1000000000000000055511151231257827", "1e400", "1e999999999", "9007199254740993.5"] {
            assert_eq!(to_rego(&read(text)), Err(Untold::Number), "{text}");
        }
        assert_eq!(to_rego(&read(&"9".repeat(257))), Err(Untold::Number));
    }

    #[test]
    fn equal_numbers_are_equal_however_they_are_written() {
        for (a, b) in [("1", "1.0"), ("1000", "1e3"), ("100000000000000000000", "1e20"), ("0", "-0")] {
            assert_eq!(to_rego(&read(a)).unwrap(), to_rego(&read(b)).unwrap(), "{a} {b}");
        }
        assert_ne!(to_rego(&read("9007199254740993")), to_rego(&read("9007199254740992")));
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = "[a-zé\"\\\\\u{0}]{0,4}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text, inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_told_comes_back(value in values()) {
            prop_assert_eq!(from_rego(&to_rego(&value).unwrap()).unwrap().unwrap(), value);
        }
    }

    #[test]
    fn undefined_is_nothing() {
        assert_eq!(from_rego(&regorus::Value::Undefined), Ok(None));
    }
}
