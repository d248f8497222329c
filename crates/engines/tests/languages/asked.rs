//! A question of mia, through an assistant, about `Employee::"e1"`.

use prokura_core::Timestamp;
use prokura_engines::table::Known;
use prokura_oauth::json::{Limits, Object, parse};
use prokura_policy::pdp::{Engine, Entity, EntityId, Finding, Question};

pub(crate) struct Asked {
    pub(crate) subject: Entity,
    pub(crate) actor: Option<Entity>,
    pub(crate) action: &'static str,
    pub(crate) arguments: Option<Object>,
    pub(crate) resource: Entity,
    pub(crate) context: Object,
    pub(crate) known: Known,
    pub(crate) now: Timestamp,
}

pub(crate) fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap()
}

pub(crate) fn entity(kind: &str, id: &str, attributes: &str) -> Entity {
    let id = EntityId::new(kind, id).unwrap();
    Entity { id, attributes: object(attributes), parents: Vec::new() }
}

impl Default for Asked {
    fn default() -> Self {
        let manager = r#"{"manager":{"__entity":{"type":"User","id":"mia"}},"grade":3}"#;
        Self {
            subject: entity("User", "mia", r#"{"tenant":"acme"}"#),
            actor: Some(entity("Agent", "assistant", "{}")),
            action: "view",
            arguments: None,
            resource: entity("Employee", "e1", manager),
            context: Object::new(),
            known: Known::default(),
            now: Timestamp::from_seconds(1_795_251_600),
        }
    }
}

impl Asked {
    pub(crate) fn with(arguments: &str) -> Self {
        Self { arguments: Some(object(arguments)), ..Self::default() }
    }

    pub(crate) fn of(&self, engine: &dyn Engine) -> Finding {
        let chain: Vec<_> = self.actor.iter().map(|a| a.id.clone()).collect();
        engine.decide(&Question {
            subject: &self.subject,
            actor: self.actor.as_ref(),
            chain: &chain,
            grant: Some("grt_1"),
            action: self.action,
            arguments: self.arguments.as_ref(),
            resource: &self.resource,
            context: &self.context,
            directory: &self.known,
            now: self.now,
        })
    }
}

pub(crate) fn file(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}
