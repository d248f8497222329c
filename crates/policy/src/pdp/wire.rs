//! A question as JSON: what Rego sees as `input`, and what other decision points are sent.

use super::{Directory, Entity, EntityId, Question};
use prokura_oauth::json::{Object, Value, obj};
use std::collections::BTreeSet;

/// No more than so many groups, roles and folders of one entity are told, as no more are looked at by Cedar here: a directory
/// that has them is broken. Fewer would leave out what a rule may forbid by.
const MOST_ANCESTORS: usize = 100_000;

/// The member of a context in which stands what a server declares of its own tool, apart from what is verified: `subject`
/// without its id, `action`, `resource` and `context`, as an Access Evaluation request has them.
pub const DECLARED: &str = "declared";

impl Question<'_> {
    /// The question as JSON: `subject`, `actor`, `chain`, `grant`, `action`, `arguments`, `resource`, `context`. What is not
    /// known is not there. An entity is `{"type", "id", "properties", "ancestors"}`, in which `ancestors` are all that it
    /// belongs to, directly or not, as `{"type", "id"}`.
    pub fn to_object(&self) -> Object {
        let mut question = obj([("subject", self.described(self.subject).into())]);
        if let Some(actor) = self.actor {
            question.insert("actor", self.described(actor).into());
        }
        question.insert("chain", Value::Array(self.chain.iter().map(|id| named(id).into()).collect()));
        if let Some(grant) = self.grant {
            question.insert("grant", grant.into());
        }
        question.insert("action", self.action.into());
        if let Some(arguments) = self.arguments {
            question.insert("arguments", arguments.clone().into());
        }
        question.insert("resource", self.described(self.resource).into());
        question.insert("context", self.context.clone().into());
        question
    }

    fn described(&self, entity: &Entity) -> Object {
        describe(self.directory, entity)
    }
}

/// An entity as JSON: `{"type", "id", "properties", "ancestors"}`.
pub fn describe(directory: &dyn Directory, entity: &Entity) -> Object {
    let mut described = named(&entity.id);
    described.insert("properties", entity.attributes.clone().into());
    let ancestors = ancestors(directory, entity);
    described.insert("ancestors", Value::Array(ancestors.iter().map(|id| named(id).into()).collect()));
    described
}

/// Everything that `entity` belongs to, directly or not, in the order of names; of more than 100,000, that many.
pub fn ancestors(directory: &dyn Directory, entity: &Entity) -> BTreeSet<EntityId> {
    let (mut found, mut open) = (BTreeSet::new(), entity.parents.clone());
    while let Some(id) = open.pop() {
        if found.len() >= MOST_ANCESTORS {
            break;
        }
        if found.contains(&id) {
            continue;
        }
        if let Some(known) = directory.entity(&id) {
            open.extend(known.parents.iter().cloned());
        }
        found.insert(id);
    }
    found
}

fn named(id: &EntityId) -> Object {
    obj([("type", id.kind().into()), ("id", id.id().into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::Timestamp;
    use std::sync::Arc;

    struct Ring;

    impl Directory for Ring {
        fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
            let next = if id.id() == "a" { "b" } else { "a" };
            let mut entity = Entity::bare(id.clone());
            entity.parents.push(EntityId::new("Group", next).ok()?);
            Some(Arc::new(entity))
        }

        fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
            Box::new(std::iter::empty())
        }

        fn revision(&self) -> u64 {
            0
        }
    }

    struct Chain;

    impl Directory for Chain {
        fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
            let next: u32 = id.id().parse::<u32>().ok()? + 1;
            let mut entity = Entity::bare(id.clone());
            entity.parents.extend((next < 3000).then(|| EntityId::new("Group", &next.to_string()).unwrap()));
            Some(Arc::new(entity))
        }

        fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
            Box::new(std::iter::empty())
        }

        fn revision(&self) -> u64 {
            0
        }
    }

    #[test]
    fn f01_nothing_is_left_out_by_which_a_rule_may_forbid() {
        let first = Chain.entity(&EntityId::new("Group", "0").unwrap()).unwrap();
        let all = ancestors(&Chain, &first);
        assert!(all.len() == 2999 && all.contains(&EntityId::new("Group", "2999").unwrap()));
    }

    #[test]
    fn what_is_unknown_is_not_there_and_groups_in_a_ring_end() {
        let mut alice = Entity::bare(EntityId::new("User", "alice").unwrap());
        alice.attributes.insert("acr", "gold".into());
        alice.parents.push(EntityId::new("Group", "a").unwrap());
        let tool = Entity::bare(EntityId::new("Tool", "hr/view").unwrap());
        let question = Question {
            subject: &alice,
            actor: None,
            chain: &[],
            grant: None,
            action: "view",
            arguments: None,
            resource: &tool,
            context: &Object::new(),
            directory: &Ring,
            now: Timestamp::from_micros(0),
        };
        assert_eq!(
            Value::from(question.to_object()).to_string(),
            concat!(
                r#"{"subject":{"type":"User","id":"alice","properties":{"acr":"gold"},"#,
                r#""ancestors":[{"type":"Group","id":"a"},{"type":"Group","id":"b"}]},"#,
                r#""chain":[],"action":"view","#,
                r#""resource":{"type":"Tool","id":"hr/view","properties":{},"ancestors":[]},"context":{}}"#
            )
        );
    }
}
