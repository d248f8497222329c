//! Obligations on the wire: the AuthZEN Profile for Obligations, draft of 2026-07-03 (openid/authzen, commit e287920).
//!
//! The draft has no type for rewriting a result, so those are `custom` with the properties `vendor`, `action` and `with`:
//! the name and the text by which policies write them here.

use crate::pdp::{InvalidObligation, from_words, to_object};
use prokura_core::{Acr, Demand, Obligation};
use prokura_oauth::json::{Object, Value, obj};

/// Who says what a `custom` obligation means.
pub const VENDOR: &str = "prokura";

/// The types that are issued here (§"Discovery").
pub const SUPPORTED: [&str; 2] = [STEP_UP, CUSTOM];

const STEP_UP: &str = "step-up";
const CUSTOM: &str = "custom";

/// The types that whoever asks says to know (`supported_obligations`, §"Negotiation"); `None` if they say nothing that can
/// be read.
pub fn declared(context: &Object) -> Option<Vec<&str>> {
    let declared = context.get("supported_obligations")?.as_array()?;
    declared.iter().map(Value::as_str).collect()
}

/// The type of an obligation on the wire; none for what only concerns the gateway itself.
pub fn type_of(obligation: &Obligation) -> Option<&'static str> {
    match obligation {
        Obligation::MarkPrivate => None,
        Obligation::SignIn(_) => Some(STEP_UP),
        _ => Some(CUSTOM),
    }
}

/// The obligations of an answer. Their ids count from 1.
pub fn obligations_to(obligations: &[Obligation]) -> Value {
    let written = obligations.iter().filter_map(|o| Some((type_of(o)?, properties(o)?)));
    let numbered = written.enumerate().map(|(at, (kind, properties))| {
        let id = format!("obl-{}", at + 1);
        obj([("id", id.into()), ("type", kind.into()), ("properties", properties.into())])
    });
    numbered.collect()
}

fn properties(obligation: &Obligation) -> Option<Object> {
    if let Obligation::SignIn(demand) = obligation {
        let mut properties = obj([("acr_value", demand.acr.unwrap_or_default().as_str().into())]);
        if let Some(age) = demand.max_age {
            properties.insert("max_age", age.into());
        }
        return Some(properties);
    }
    let words = to_object(obligation)?;
    let member = |name| Value::from(words.str(name).unwrap_or_default());
    Some(obj([("vendor", VENDOR.into()), ("action", member("type")), ("with", member("with"))]))
}

/// The obligations in the context of another decision point's answer. One that is not known, or not readable, makes the
/// answer a deny (§"Non-Compliance").
///
/// # Errors
/// [`InvalidObligation`].
pub fn obligations_from(context: &Object) -> Result<Vec<Obligation>, InvalidObligation> {
    let list = match context.get("obligations") {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid("obligations", "they are no array")),
    };
    list.iter().map(|o| o.as_object().ok_or_else(|| invalid("?", "it is no object")).and_then(one)).collect()
}

fn one(object: &Object) -> Result<Obligation, InvalidObligation> {
    let kind = object.str("type").ok_or_else(|| invalid("?", "it has no `type`"))?;
    let properties = object.get("properties").and_then(Value::as_object);
    let properties = properties.ok_or_else(|| invalid(kind, "it has no `properties`"))?;
    match kind {
        STEP_UP => step_up(properties),
        CUSTOM if properties.str("vendor") == Some(VENDOR) => {
            let (Some(action), Some(with)) = (properties.str("action"), properties.str("with")) else {
                return Err(invalid(kind, "`action` and `with` must be texts"));
            };
            from_words(action, with)
        }
        _ => Err(invalid(kind, "nothing here knows how to meet it")),
    }
}

fn step_up(properties: &Object) -> Result<Obligation, InvalidObligation> {
    let bad = |why| Err(invalid(STEP_UP, why));
    if properties.contains_key("amr_values") {
        return bad("`amr_values` cannot be asked for here");
    }
    let Some(acr) = properties.str("acr_value").and_then(Acr::parse) else {
        return bad("`acr_value` is none of `single`, `mfa`, `phr`");
    };
    let max_age = match properties.get("max_age") {
        None => None,
        Some(age) => match age.as_u64() {
            Some(age) => Some(age),
            None => return bad("`max_age` is no number of seconds"),
        },
    };
    Ok(Obligation::SignIn(Demand { acr: Some(acr), max_age }))
}

fn invalid(name: &str, why: &str) -> InvalidObligation {
    InvalidObligation { name: name.chars().take(64).collect(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn read(text: &str) -> Result<Vec<Obligation>, InvalidObligation> {
        obligations_from(&parse(text.as_bytes(), &Limits::TOKEN).unwrap().into_object().unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let all = vec![
            from_words("redact", "$..ssn").unwrap(),
            from_words("mask", "4: $.iban").unwrap(),
            from_words("approval", "2 of hr for 600s: raises").unwrap(),
            Obligation::SignIn(Demand { acr: Some(Acr::Phr), max_age: Some(60) }),
        ];
        let written = obligations_to(&all);
        let first = written.as_array().unwrap()[0].as_object().unwrap();
        assert_eq!((first.str("id"), first.str("type")), (Some("obl-1"), Some("custom")));
        assert_eq!(obligations_from(&obj([("obligations", written)])), Ok(all));
        assert_eq!(obligations_to(&[Obligation::MarkPrivate]), Value::Array(Vec::new()));
    }

    #[test]
    fn what_nobody_here_can_meet_is_no_permit() {
        assert_eq!(read("{}"), Ok(Vec::new()));
        for bad in [
            r#"{"obligations":{}}"#,
            r#"{"obligations":["x"]}"#,
            r#"{"obligations":[{"id":"1","properties":{}}]}"#,
            r#"{"obligations":[{"id":"1","type":"custom"}]}"#,
            r#"{"obligations":[{"id":"1","type":"notification","properties":{"to":"a","body":"b"}}]}"#,
            r#"{"obligations":[{"id":"1","type":"custom","properties":{"vendor":"other","action":"redact","with":"$"}}]}"#,
            r#"{"obligations":[{"id":"1","type":"custom","properties":{"vendor":"prokura","action":"forget","with":"$"}}]}"#,
            r#"{"obligations":[{"id":"1","type":"step-up","properties":{"acr_value":"loa9"}}]}"#,
            r#"{"obligations":[{"id":"1","type":"step-up","properties":{"acr_value":"mfa","amr_values":["hwk"]}}]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_declared_is_a_list_of_names_or_nothing() {
        let declared = |text: &str| {
            let context = parse(text.as_bytes(), &Limits::TOKEN).unwrap().into_object().unwrap();
            super::declared(&context).map(|d| d.join(","))
        };
        assert_eq!(declared(r#"{"supported_obligations":["custom"]}"#).as_deref(), Some("custom"));
        assert_eq!(declared(r#"{"supported_obligations":[]}"#).as_deref(), Some(""));
        for none in [r#"{}"#, r#"{"supported_obligations":"custom"}"#, r#"{"supported_obligations":[7]}"#] {
            assert_eq!(declared(none), None, "{none}");
        }
    }
}
