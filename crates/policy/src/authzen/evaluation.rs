//! One question (§5, §6).

use super::malformed::{object, optional, properties, text};
use super::{Kinds, Malformed};
use crate::pdp::{Entity, EntityId, Question};
use prokura_oauth::json::{Object, Value, obj};
use std::sync::Arc;

/// A subject or a resource (§5.1, §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its `type`.
    pub kind: String,
    /// Its `id` within the type.
    pub id: String,
    /// What is said of it besides.
    pub properties: Object,
}

/// An action (§5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its name.
    pub name: String,
    /// What is said of it besides: the arguments of a call.
    pub properties: Object,
}

/// May this subject do this to this resource? (§6.1)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Who.
    pub subject: Arc<Party>,
    /// What.
    pub action: Arc<Act>,
    /// To what.
    pub resource: Arc<Party>,
    /// In which circumstances (§5.4).
    pub context: Arc<Object>,
}

impl Party {
    /// Reads the party at `name`.
    pub(super) fn take(from: &mut Object, name: &str) -> Result<Self, Malformed> {
        let mut object = object(from, name)?;
        let kind = text(&mut object, name, "type")?;
        let id = text(&mut object, name, "id")?;
        Ok(Self { kind, id, properties: properties(&mut object, name)?.unwrap_or_default() })
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        let named = obj([("type", self.kind.as_str().into()), ("id", self.id.as_str().into())]);
        with_properties(named, &self.properties)
    }

    fn of(entity: &Entity, kinds: &Kinds) -> Object {
        with_properties(named(&entity.id, kinds), &entity.attributes)
    }
}

fn named(id: &EntityId, kinds: &Kinds) -> Object {
    obj([("type", kinds.theirs(id.kind()).into()), ("id", id.id().into())])
}

fn with_properties(mut object: Object, properties: &Object) -> Object {
    if !properties.is_empty() {
        object.insert("properties", properties.clone().into());
    }
    object
}

impl Act {
    pub(super) fn take(from: &mut Object) -> Result<Self, Malformed> {
        let mut object = object(from, "action")?;
        let name = text(&mut object, "action", "name")?;
        Ok(Self { name, properties: properties(&mut object, "action")?.unwrap_or_default() })
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        with_properties(obj([("name", self.name.as_str().into())]), &self.properties)
    }
}

impl Evaluation {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(mut object: Object) -> Result<Self, Malformed> {
        Ok(Self {
            subject: Arc::new(Party::take(&mut object, "subject")?),
            action: Arc::new(Act::take(&mut object)?),
            resource: Arc::new(Party::take(&mut object, "resource")?),
            context: Arc::new(optional(&mut object, "context")?.unwrap_or_default()),
        })
    }

    /// A question as it is put to another decision point. Who acts, through whom it came and the grant stand in the
    /// context; where the question's context has members of these names, they are replaced.
    pub fn of(question: &Question<'_>, kinds: &Kinds) -> Object {
        let mut context = question.context.clone();
        if let Some(actor) = question.actor {
            context.insert("actor", Party::of(actor, kinds).into());
        }
        if !question.chain.is_empty() {
            context.insert("chain", question.chain.iter().map(|id| named(id, kinds)).collect::<Value>());
        }
        if let Some(grant) = question.grant {
            context.insert("grant", grant.into());
        }
        let nothing = Object::new();
        let arguments = question.arguments.unwrap_or(&nothing);
        let mut request = obj([
            ("subject", Party::of(question.subject, kinds).into()),
            ("action", with_properties(obj([("name", question.action.into())]), arguments).into()),
            ("resource", Party::of(question.resource, kinds).into()),
        ]);
        if !context.is_empty() {
            request.insert("context", context.into());
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdp::NoEntities;
    use prokura_core::Timestamp;
    use prokura_oauth::json::{Limits, parse};

    fn read(text: &str) -> Result<Evaluation, String> {
        let object = parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        Evaluation::read(object).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_required_is_required_and_what_is_unknown_is_ignored() {
        let whole = r#"{"subject":{"type":"user","id":"a","new":1},"action":{"name":"read"},
            "resource":{"type":"record","id":"1","properties":{"n":1}},"context":{"ip":"::1"},"foo":[]}"#;
        let e = read(whole).unwrap();
        assert_eq!(
            (e.subject.id.as_str(), e.action.name.as_str(), e.resource.kind.as_str()),
            ("a", "read", "record")
        );
        assert_eq!((e.resource.properties.len(), e.context.str("ip")), (1, Some("::1")));
        for (from, to, why) in [
            (r#""subject""#, r#""Subject""#, "`subject` is missing"),
            (r#""type":"user""#, r#""kind":"user""#, "`subject.type` is missing"),
            (r#""id":"a""#, r#""id":7"#, "`subject.id` must be a string"),
            (r#"{"name":"read"}"#, r#""read""#, "`action` must be an object"),
            (r#"{"name":"read"}"#, "{}", "`action.name` is missing"),
            (r#"{"n":1}"#, "null", "`resource.properties` must be an object"),
            (r#"{"ip":"::1"}"#, "[]", "`context` must be an object"),
        ] {
            assert_eq!(read(&whole.replacen(from, to, 1)), Err(why.to_owned()), "{from} → {to}");
        }
    }

    #[test]
    fn a_question_is_asked_in_the_words_of_the_standard() {
        let id = |kind: &str, id: &str| EntityId::new(kind, id).unwrap();
        let mut alice = Entity::bare(id("User", "usr_a"));
        alice.attributes.insert("login", "alice".into());
        let (agent, tool) = (Entity::bare(id("Agent", "agt_p")), Entity::bare(id("Tool", "hr/modify")));
        let arguments = obj([("id", "e7".into())]);
        let question = Question {
            subject: &alice,
            actor: Some(&agent),
            chain: std::slice::from_ref(&agent.id),
            grant: Some("grt_1"),
            action: "modify",
            arguments: Some(&arguments),
            resource: &tool,
            context: &obj([("actor", "forged".into()), ("ip", "::1".into())]),
            directory: &NoEntities,
            now: Timestamp::from_seconds(0),
        };
        let asked = Evaluation::of(&question, &Kinds::default());
        let e = Evaluation::read(asked).unwrap();
        assert_eq!((e.subject.kind.as_str(), e.subject.properties.str("login")), ("user", Some("alice")));
        assert_eq!((e.action.properties.str("id"), e.resource.kind.as_str()), (Some("e7"), "Tool"));
        let actor = e.context.get("actor").and_then(Value::as_object).unwrap();
        assert_eq!((actor.str("type"), actor.str("id")), (Some("agent"), Some("agt_p")));
        assert_eq!((e.context.str("grant"), e.context.str("ip")), (Some("grt_1"), Some("::1")));
    }
}
