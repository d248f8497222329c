//! What the caller sent is what whoever executes the call sees: an object stays an object, however our side writes entities.

use crate::asked::{Asked, file, object};
use prokura_engines::cedar::{CedarEngine, Source};
use prokura_engines::polar::Polar;
use prokura_policy::pdp::{Effect, Engine};

const SENT: &str =
    r#"{"who":{"__entity":{"type":"User","id":"mia"}},"all":[{"__entity":{"type":"User","id":"mia"}}]}"#;

/// The same in the arguments, in what a server declares from them, and in what our side knows.
fn asked() -> Asked {
    let mut asked = Asked::with(SENT);
    asked.context.insert("declared", object(SENT).into());
    asked.context.insert("facts", object(SENT).into());
    asked
}

fn permits(engine: &dyn Engine) -> bool {
    asked().of(engine).effect == Effect::Permit
}

#[test]
fn e13_nobody_becomes_an_entity_by_what_the_caller_sends() {
    for (place, ours) in [("arguments", false), ("declared", false), ("facts", true)] {
        for condition in [".who == principal", ".all.contains(principal)"] {
            let text = format!("permit (principal, action, resource) when {{ context.{place}{condition} }};");
            let cedar = CedarEngine::load(&[Source::new("p.cedar", text.as_str())], None).unwrap();
            assert_eq!(permits(&cedar), ours, "{text}");
        }
        let place = if place == "arguments" { place.to_owned() } else { format!("context.{place}") };
        for condition in [format!("request.{place}.who = s"), format!("s in request.{place}.all")] {
            let text = format!("allow(s, _a, _r, request) if {condition};");
            let polar = Polar::load("set", &[file("p.polar", &text)]).unwrap();
            assert_eq!(permits(&polar), ours, "{text}");
        }
    }
}
