//! A question that somebody writes down: for explanations and for what would be.

use prokura_core::Timestamp;
use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{Directory, Entity, EntityId, Question};
use std::sync::Arc;

/// A question in writing, as AuthZEN and Rego have it: `{"subject": {"type", "id"}, "actor", "chain", "grant", "action",
/// "arguments", "resource": {"type", "id"}, "context"}`. Of an entity, `properties` are added to what is known of it.
#[derive(Debug, Clone)]
pub struct Written {
    subject: Named,
    actor: Option<Named>,
    chain: Vec<EntityId>,
    grant: Option<String>,
    action: String,
    arguments: Option<Object>,
    resource: Named,
    context: Object,
}

#[derive(Debug, Clone)]
struct Named {
    id: EntityId,
    properties: Object,
}

/// A question that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{member}`: {why}")]
pub struct Unreadable {
    /// The member.
    pub member: &'static str,
    /// What is wrong with it, and how it is written.
    pub why: String,
}

fn unreadable(member: &'static str, why: impl Into<String>) -> Unreadable {
    Unreadable { member, why: why.into() }
}

impl Written {
    /// Reads a question.
    ///
    /// # Errors
    /// [`Unreadable`] names the member.
    pub fn of(object: &Object) -> Result<Self, Unreadable> {
        const KNOWN: [&str; 8] =
            ["subject", "actor", "chain", "grant", "action", "arguments", "resource", "context"];
        if let Some(other) = object.keys().find(|k| !KNOWN.contains(k)) {
            return Err(unreadable(
                "question",
                format!("`{other}` is not known: there are {}", KNOWN.join(", ")),
            ));
        }
        let required = |member| named(object, member)?.ok_or_else(|| unreadable(member, "it is missing"));
        let actor = named(object, "actor")?;
        let chain = match object.get("chain") {
            None => actor.iter().map(|a| a.id.clone()).collect(),
            Some(chain) => chain
                .as_array()
                .and_then(|all| all.iter().map(|v| Some(entity(v)?.id)).collect())
                .ok_or_else(|| unreadable("chain", "write a list of `{\"type\": …, \"id\": …}`"))?,
        };
        let part = |member| match object.get(member) {
            None => Ok(None),
            Some(Value::Object(part)) => Ok(Some(part.clone())),
            Some(_) => Err(unreadable(member, "it must be an object")),
        };
        Ok(Self {
            subject: required("subject")?,
            chain,
            actor,
            grant: object.str("grant").map(ToOwned::to_owned),
            action: action(object)?,
            arguments: part("arguments")?,
            resource: required("resource")?,
            context: part("context")?.unwrap_or_default(),
        })
    }

    /// Whose authority it is about.
    pub fn subject(&self) -> &EntityId {
        &self.subject.id
    }

    /// Its entities, with what is known of them in `directory`.
    pub fn parts(&self, directory: &dyn Directory) -> Parts {
        Parts {
            subject: self.subject.known(directory),
            actor: self.actor.as_ref().map(|a| a.known(directory)),
            resource: self.resource.known(directory),
        }
    }

    /// The question of `parts`.
    pub fn question<'a>(
        &'a self,
        parts: &'a Parts,
        directory: &'a dyn Directory,
        now: Timestamp,
    ) -> Question<'a> {
        Question {
            subject: &parts.subject,
            actor: parts.actor.as_deref(),
            chain: &self.chain,
            grant: self.grant.as_deref(),
            action: &self.action,
            arguments: self.arguments.as_ref(),
            resource: &parts.resource,
            context: &self.context,
            directory,
            now,
        }
    }
}

/// The entities of a question, as they are known.
#[derive(Debug, Clone)]
pub struct Parts {
    subject: Arc<Entity>,
    actor: Option<Arc<Entity>>,
    resource: Arc<Entity>,
}

impl Named {
    fn known(&self, directory: &dyn Directory) -> Arc<Entity> {
        let known = directory.entity(&self.id).unwrap_or_else(|| Arc::new(Entity::bare(self.id.clone())));
        if self.properties.is_empty() {
            return known;
        }
        let mut entity = (*known).clone();
        for (name, value) in self.properties.iter() {
            entity.attributes.insert(name, value.clone());
        }
        Arc::new(entity)
    }
}

fn action(object: &Object) -> Result<String, Unreadable> {
    let name = match object.get("action") {
        Some(Value::Object(action)) => action.str("name"),
        other => other.and_then(Value::as_str),
    };
    let fits = name.filter(|n| !n.is_empty() && n.len() <= 1024);
    fits.map(ToOwned::to_owned).ok_or_else(|| unreadable("action", "write its name"))
}

fn named(object: &Object, member: &'static str) -> Result<Option<Named>, Unreadable> {
    let Some(value) = object.get(member) else { return Ok(None) };
    let why =
        "write `{\"type\": …, \"id\": …}`, with `properties` if something is to be added to what is known";
    entity(value).map(Some).ok_or_else(|| unreadable(member, why))
}

fn entity(value: &Value) -> Option<Named> {
    let object = value.as_object()?;
    let known = object.keys().all(|k| matches!(k, "type" | "id" | "properties"));
    let properties = match object.get("properties") {
        None => Object::default(),
        Some(properties) => properties.as_object()?.clone(),
    };
    let id = EntityId::new(object.str("type")?, object.str("id")?).ok()?;
    known.then_some(Named { id, properties })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};
    use prokura_policy::pdp::NoEntities;

    fn read(text: &str) -> Result<Written, Unreadable> {
        Written::of(parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().as_object().unwrap())
    }

    #[test]
    fn a_question_is_read_as_it_is_written() {
        let written = read(
            r#"{"subject":{"type":"User","id":"usr_a","properties":{"level":3}},"actor":{"type":"Agent","id":"agt_x"},
                "action":{"name":"view"},"resource":{"type":"Employee","id":"e7"},"arguments":{"id":"e7"}}"#,
        )
        .unwrap();
        let parts = written.parts(&NoEntities);
        let q = written.question(&parts, &NoEntities, Timestamp::from_seconds(1));
        assert_eq!(q.subject.attributes.get("level").and_then(Value::as_i64), Some(3));
        assert_eq!((q.action, q.chain.len()), ("view", 1));
        assert_eq!(q.arguments.and_then(|a| a.str("id")), Some("e7"));
    }

    #[test]
    fn what_cannot_be_read_names_the_member() {
        for (text, member) in [
            ("{}", "subject"),
            (r#"{"subject":{"type":"User"}}"#, "subject"),
            (r#"{"subject":{"type":"User","id":"a","x":1}}"#, "subject"),
            (r#"{"subject":{"type":"User","id":"a"},"resource":{"type":"T","id":"t"}}"#, "action"),
            (
                r#"{"subject":{"type":"User","id":"a"},"action":"v","chain":[1],"resource":{"type":"T","id":"t"}}"#,
                "chain",
            ),
            (
                r#"{"subject":{"type":"User","id":"a"},"action":"v","context":[],"resource":{"type":"T","id":"t"}}"#,
                "context",
            ),
            (r#"{"who":1}"#, "question"),
        ] {
            assert_eq!(read(text).unwrap_err().member, member, "{text}");
        }
    }
}
