//! JSON as expressions see it, and back. A number is the same afterwards, or an error.

use super::Unevaluated;
use cel::Value as Cel;
use cel::objects::{Key, OptionalValue};
use prokura_oauth::json::{Number, Object, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Below this, whole numbers are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// An object, as expressions see it.
pub(super) fn object(object: &Object) -> Result<Cel, Unevaluated> {
    let members = object.iter().map(|(name, value)| Ok((name.to_owned(), cel(value)?)));
    Ok(members.collect::<Result<HashMap<String, Cel>, Unevaluated>>()?.into())
}

fn cel(value: &Value) -> Result<Cel, Unevaluated> {
    Ok(match value {
        Value::Null => Cel::Null,
        Value::Bool(b) => Cel::Bool(*b),
        Value::Number(n) => number(n).ok_or(Unevaluated::Number)?,
        Value::String(text) => text.as_str().into(),
        Value::Array(all) => Cel::List(Arc::new(all.iter().map(cel).collect::<Result<_, _>>()?)),
        Value::Object(members) => object(members)?,
    })
}

/// A number by what it counts: `7`, `7.0` and `70e-1` are one integer. None if it would be another one afterwards.
fn number(n: &Number) -> Option<Cel> {
    if let Some(whole) = n.as_i64() {
        return Some(Cel::Int(whole));
    }
    let double = n.as_f64();
    if !double.is_finite() || digits(&n.text()) != digits(&format!("{double:e}")) {
        return None;
    }
    let is_whole = double.fract() == 0.0 && double.abs() < EXACT;
    Some(if is_whole { Cel::Int(double as i64) } else { Cel::Float(double) })
}

/// What a number counts, in one writing: sign, digits without zeros around them, and the exponent of the first.
fn digits(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let kept = all.trim_start_matches('0');
    let leading = i64::try_from(all.len() - kept.len()).ok()?;
    let kept = kept.trim_end_matches('0');
    if kept.is_empty() {
        return Some((false, String::new(), 0));
    }
    let exponent = exponent.parse::<i64>().ok()?.checked_add(i64::try_from(whole.len()).ok()?)?;
    Some((negative, kept.to_owned(), exponent.checked_sub(leading)?))
}

/// What came out, as JSON; none where it is an optional that is empty.
pub(super) fn json(value: &Cel) -> Result<Option<Value>, Unevaluated> {
    match <&OptionalValue>::try_from(value) {
        Ok(optional) => optional.value().map(plain).transpose(),
        Err(_) => plain(value).map(Some),
    }
}

fn plain(value: &Cel) -> Result<Value, Unevaluated> {
    Ok(match value {
        Cel::Null => Value::Null,
        Cel::Bool(b) => Value::Bool(*b),
        Cel::Int(i) => Value::Number(Number::from(*i)),
        Cel::UInt(u) => Value::Number(Number::from(*u)),
        Cel::Float(f) if f.is_finite() => {
            Value::Number(Number::parse(&f.to_string()).ok_or(Unevaluated::Form)?)
        }
        Cel::String(text) => Value::from(text.as_str()),
        Cel::List(all) => Value::Array(all.iter().map(plain).collect::<Result<_, _>>()?),
        Cel::Map(map) => {
            let mut members = Vec::with_capacity(map.map.len());
            for (key, value) in map.map.iter() {
                let Key::String(name) = key else { return Err(Unevaluated::Form) };
                members.push((name.as_str(), plain(value)?));
            }
            // The order of a map says nothing; that of its names is always the same.
            members.sort_by_key(|(name, _)| *name);
            let mut object = Object::new();
            members.into_iter().for_each(|(name, value)| object.insert(name, value));
            Value::Object(object)
        }
        _ => return Err(Unevaluated::Form),
    })
}
