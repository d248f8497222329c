//! Whatever a server declares of its tools, and whatever a call brings: nothing panics, nobody else is made of the subject, and
//! nothing is named that only the gateway names. The input is a mapping, a zero byte and the parameters of a call.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_gateway::wire::{MEMBER, Mapping};
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_policy::pdp::EntityId;
use prokura_relations::expression::{Expression, Inputs};

fn object(bytes: &[u8]) -> Option<Object> {
    parse(bytes, &Limits::MESSAGE).ok()?.into_object()
}

fuzz_target!(|bytes: &[u8]| {
    let at = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let params = bytes.get(at + 1..).and_then(object).unwrap_or_default();
    let token = obj([("sub", "usr_alice".into()), ("roles", Value::Array(vec!["hr".into()]))]);
    if let Ok(text) = std::str::from_utf8(&bytes[..at])
        && let Ok(expression) = Expression::new(text, &["params", "token"])
        && let Ok(Some(value)) = expression.evaluate(&Inputs::new([("params", &params), ("token", &token)]))
    {
        let written = value.to_vec();
        assert_eq!(parse(&written, &Limits::MESSAGE).as_ref(), Ok(&value), "its value is JSON");
    }
    let Some(mapping) = object(&bytes[..at]) else { return };
    let schema = Value::Object(obj([(MEMBER, mapping.into())]));
    let Ok(Some(mapping)) = Mapping::of(Some(&schema)) else { return };
    let outlines: Vec<_> = mapping.outlines().map(|o| (o.action.to_owned(), o.kind.to_owned())).collect();
    let alice = EntityId::new("User", "usr_alice").expect("a name");
    let Ok(questions) = mapping.apply(&params, &token, &alice) else { return };
    assert!(!questions.is_empty());
    for (action, kind) in outlines {
        assert!(
            questions.iter().any(|q| q.action == action && q.resource.kind() == kind),
            "told before, and not asked"
        );
    }
    for question in questions {
        assert!(!["Tool", "Resource", "Prompt", "Server"].contains(&question.resource.kind()));
        let subject = question.declared.get("subject").and_then(Value::as_object).expect("somebody");
        assert!(!subject.contains_key("id"), "who asks is not declared");
    }
});
