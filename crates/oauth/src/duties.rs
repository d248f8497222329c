//! Duties in tokens and in the store: `[{"type":"sign_in","acr":"mfa","max_age":600}]`.

use crate::json::{self, Limits, Object, Value, obj};
use prokura_core::{Acr, Demand, Duty};
use std::collections::BTreeSet;

/// The duties as they are written.
pub fn to_value(duties: &BTreeSet<Duty>) -> Value {
    Value::Array(duties.iter().map(|duty| Value::Object(one(duty))).collect())
}

fn one(duty: &Duty) -> Object {
    let Duty::SignIn(demand) = duty;
    let mut o = obj([("type", "sign_in".into())]);
    if let Some(acr) = demand.acr {
        o.insert("acr", acr.as_str().into());
    }
    if let Some(age) = demand.max_age {
        o.insert("max_age", age.into());
    }
    o
}

/// Reads them; nothing is no duty, and what is not understood is none that could be done: `None`.
pub fn read(value: Option<&Value>) -> Option<BTreeSet<Duty>> {
    let Some(value) = value else { return Some(BTreeSet::new()) };
    value.as_array()?.iter().map(duty).collect()
}

fn duty(value: &Value) -> Option<Duty> {
    let o = value.as_object()?;
    let known = o.iter().all(|(name, _)| matches!(name, "type" | "acr" | "max_age"));
    if o.str("type")? != "sign_in" || !known {
        return None;
    }
    let acr = o.get("acr").map_or(Some(None), |v| v.as_str().and_then(Acr::parse).map(Some))?;
    let max_age = o.get("max_age").map_or(Some(None), |v| v.as_u64().map(Some))?;
    Some(Duty::SignIn(Demand { acr, max_age }))
}

/// As text for the store; empty if there are none.
pub fn to_text(duties: &BTreeSet<Duty>) -> String {
    if duties.is_empty() {
        String::new()
    } else {
        String::from_utf8_lossy(&to_value(duties).to_vec()).into_owned()
    }
}

/// What [`to_text`] wrote; `None` of anything else.
pub fn of_text(text: &str) -> Option<BTreeSet<Duty>> {
    if text.is_empty() {
        return Some(BTreeSet::new());
    }
    read(Some(&json::parse(text.as_bytes(), &Limits::DOCUMENT).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duties_come_back_and_unknown_ones_are_not_overlooked() {
        let both: BTreeSet<_> = [
            Duty::SignIn(Demand { acr: Some(Acr::Mfa), max_age: Some(600) }),
            Duty::SignIn(Demand { acr: None, max_age: Some(60) }),
        ]
        .into();
        assert_eq!(of_text(&to_text(&both)), Some(both));
        assert_eq!(of_text(""), Some(BTreeSet::new()));
        for odd in [r#"[{"type":"approve"}]"#, r#"[{"type":"sign_in","who":"x"}]"#, r#"{}"#, "x"] {
            assert_eq!(of_text(odd), None, "{odd}");
        }
    }
}
