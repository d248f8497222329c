//! Policies at calls, end to end: what only reports changes nothing and is on record; a refusal leads to its rules by its
//! trace; decision points elsewhere have their say.

use crate::world::{World, alice};
use async_trait::async_trait;
use prokura_decider::remote::Remote;
use prokura_decider::{Asked, InForce};
use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{Effect, Engine, Finding, Question, RuleRef};
use std::sync::Arc;

/// Says the same to every question.
#[derive(Debug)]
struct Says(Effect);

impl Says {
    fn finding(&self) -> Finding {
        let rule = RuleRef {
            set: "staff".into(),
            rule: "staff.cedar:3".into(),
            note: Some("not on Fridays".into()),
        };
        let rules = if self.0 == Effect::Silent { Vec::new() } else { vec![rule] };
        Finding { effect: self.0, rules, ..Finding::silent() }
    }
}

impl Engine for Says {
    fn name(&self) -> &'static str {
        "says"
    }

    fn decide(&self, _: &Question<'_>) -> Finding {
        self.finding()
    }
}

#[async_trait]
impl Remote for Says {
    fn name(&self) -> &'static str {
        "says"
    }

    async fn ask(&self, _: &Question<'_>) -> Finding {
        self.finding()
    }
}

fn counting(effect: Effect) -> InForce {
    InForce { set: Some("staff@3f2a".into()), engines: vec![Arc::new(Says(effect))], ..InForce::default() }
}

fn reporting(effect: Effect) -> InForce {
    let reporting = Asked { engines: vec![Arc::new(Says(effect))], remotes: Vec::new() };
    InForce { set: Some("staff@3f2a (reports)".into()), reporting, ..InForce::default() }
}

/// What the record says of the last call that policies were asked about.
async fn last(world: &World) -> Object {
    let record = world.record().await;
    let found = record.iter().rev().find(|e| e.event.details.contains_key("policies"));
    found.unwrap().event.details.clone()
}

#[tokio::test]
async fn what_only_reports_refuses_nothing_and_the_record_says_what_it_would_have_done() {
    let world = World::new().await;
    let token = world.token(&alice());
    for (effect, would) in
        [(Effect::Deny, Some("deny")), (Effect::Silent, Some("deny")), (Effect::Permit, None)]
    {
        world.decider.replace(reporting(effect));
        assert_eq!(world.read_report(&token).send().await.status, 200, "{effect:?}");
        let details = last(&world).await;
        let said = details.get("policies_would").and_then(Value::as_object).and_then(|w| w.str("outcome"));
        assert_eq!(said, would, "{effect:?}");
    }
    assert_eq!(world.upstream.seen().len(), 3);
    // Beside a set that counts, it changes nothing either.
    let both = InForce { reporting: reporting(Effect::Deny).reporting, ..counting(Effect::Permit) };
    world.decider.replace(both);
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let details = last(&world).await;
    let rules = details.get("rules").and_then(Value::as_array).map(<[Value]>::len);
    assert_eq!((rules, details.contains_key("policies_would")), (Some(1), true));
}

#[tokio::test]
async fn a_refusal_leads_to_its_rules_by_its_trace() {
    let world = World::new().await;
    world.decider.replace(counting(Effect::Deny));
    let refused = world.read_report(&world.token(&alice())).send().await;
    assert_eq!(refused.status, 403);
    let body = refused.body.clone();
    assert!(
        body.contains("not on Fridays") && !body.contains("staff.cedar"),
        "the rule itself is for administrators: {body}"
    );
    let trace = body
        .split("tr_")
        .nth(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
    let record = world.record().await;
    let entry = record
        .iter()
        .rev()
        .find(|e| e.event.trace.as_str() == format!("tr_{}", trace.clone().unwrap()))
        .unwrap();
    assert_eq!(entry.event.details.str("policies"), Some("staff@3f2a"));
    let rules = entry.event.details.get("rules").and_then(Value::as_array).unwrap();
    assert_eq!(rules[0].as_str(), Some("staff#staff.cedar:3"));
    assert!(world.upstream.seen().iter().all(|seen| seen.mcp() != "tools/call"));
}

#[tokio::test]
async fn a_decision_point_elsewhere_has_its_say_and_is_not_passed_over() {
    let world = World::new().await;
    let token = world.token(&alice());
    for (here, there, status) in [
        (Some(Effect::Permit), Effect::Deny, 403),
        (Some(Effect::Permit), Effect::Silent, 200),
        (Some(Effect::Silent), Effect::Permit, 200),
        (None, Effect::Silent, 403),
        (None, Effect::Permit, 200),
    ] {
        let engines = here.map(|e| Arc::new(Says(e)) as Arc<dyn Engine>).into_iter().collect();
        world.decider.replace(InForce {
            engines,
            remotes: vec![Arc::new(Says(there))],
            ..InForce::default()
        });
        assert_eq!(world.read_report(&token).send().await.status, status, "{here:?} {there:?}");
    }
}
