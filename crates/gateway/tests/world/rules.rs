//! Policies that a test writes as a closure, and that remember what they were asked.

use super::World;
use prokura_core::Obligation;
use prokura_decider::InForce;
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::{
    Aim, Directory, Effect, Engine, Entity, EntityId, Finding, Listed, Question, RuleRef,
};
use std::fmt;
use std::sync::{Arc, Mutex};

/// A question, as it was asked: `User::"usr_alice" Agent::"agt_planner" view Employee::"e7"`, with the rest as JSON.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    pub arguments: Option<Object>,
    pub context: Object,
}

/// What a test decides on a question.
pub type Decide = dyn Fn(&Question<'_>) -> Finding + Send + Sync;

/// The rules of a test.
pub struct Rules {
    decide: Box<Decide>,
    /// What is permitted in lists: the names of actions that no argument could permit.
    never: Vec<&'static str>,
    asked: Mutex<Vec<Asked>>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rules")
    }
}

impl Rules {
    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The last that was asked.
    pub fn last(&self) -> Asked {
        self.asked().pop().expect("something was asked")
    }
}

impl Engine for Rules {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        let actor = question.actor.map(|a| format!(" {}", a.id)).unwrap_or_default();
        self.asked.lock().unwrap().push(Asked {
            line: format!("{}{actor} {} {}", question.subject.id, question.action, question.resource.id),
            arguments: question.arguments.cloned(),
            context: question.context.clone(),
        });
        (self.decide)(question)
    }

    fn visible(&self, _: &Question<'_>, listed: &[Listed<'_>]) -> Vec<Effect> {
        let effect = |one: &Listed<'_>| match one.aim {
            _ if self.never.contains(&one.action) => Effect::Silent,
            Aim::At(_) | Aim::Some(_) => Effect::Permit,
        };
        listed.iter().map(effect).collect()
    }
}

/// A permit with these obligations.
pub fn permit(obligations: Vec<Obligation>) -> Finding {
    let rule = RuleRef { set: "test".into(), rule: "allow".into(), note: None };
    Finding { effect: Effect::Permit, rules: vec![rule], obligations, ..Finding::silent() }
}

/// A permit if, else silence.
pub fn permit_if(permitted: bool) -> Finding {
    if permitted { permit(vec![]) } else { Finding::silent() }
}

/// A deny by a rule that says something for people.
pub fn deny(note: &str) -> Finding {
    let rule = RuleRef { set: "test".into(), rule: "no".into(), note: Some(note.into()) };
    Finding { effect: Effect::Deny, rules: vec![rule], ..Finding::silent() }
}

/// What tests know of entities: Alice is a manager, and `e7` is hers.
#[derive(Debug)]
pub struct People;

impl Directory for People {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        let boss = Value::Object(obj([("type", "User".into()), ("id", "usr_alice".into())]));
        let attributes = match (id.kind(), id.id()) {
            ("Employee", "e7") => obj([("manager", Value::Object(obj([("__entity", boss)])))]),
            ("User", "usr_alice") => obj([("login", "alice".into())]),
            _ => return None,
        };
        Some(Arc::new(Entity { id: id.clone(), attributes, parents: vec![] }))
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(std::iter::empty())
    }

    fn revision(&self) -> u64 {
        1
    }
}

impl World {
    /// Puts rules in force.
    pub fn rule(&self, decide: impl Fn(&Question<'_>) -> Finding + Send + Sync + 'static) -> Arc<Rules> {
        self.rule_never(vec![], decide)
    }

    /// The same, where these actions can never be permitted.
    pub fn rule_never(
        &self,
        never: Vec<&'static str>,
        decide: impl Fn(&Question<'_>) -> Finding + Send + Sync + 'static,
    ) -> Arc<Rules> {
        let rules = Arc::new(Rules { decide: Box::new(decide), never, asked: Mutex::default() });
        self.decider.replace(InForce {
            set: Some("set_1".into()),
            engines: vec![Arc::clone(&rules) as Arc<dyn Engine>],
            directory: Some(Arc::new(People)),
            ..InForce::default()
        });
        rules
    }
}
