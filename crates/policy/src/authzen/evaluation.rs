//! One question (§5, §6).

use super::malformed::{object, optional, properties, text};
use super::{Kinds, Malformed};
use crate::pdp::{DECLARED, Entity, EntityId, Question};
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
    ///
    /// What a server declares of its own tool stands in the context under [`DECLARED`], and besides where the COAZ-MCP binding
    /// has it: its context, and the properties of a resource of which nothing is known here. A name that is used here never
    /// comes from there, also where nothing is known under it; `agent` is the verified client.
    pub fn of(question: &Question<'_>, kinds: &Kinds) -> Object {
        let mut context = question.context.clone();
        let declared = question.context.get(DECLARED).and_then(Value::as_object);
        if let Some(declared) = declared {
            lift(declared, &mut context);
        }
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
            ("resource", resource(question.resource, declared, kinds).into()),
        ]);
        if !context.is_empty() {
            request.insert("context", context.into());
        }
        request
    }
}

/// The names in a context that are used here, each for something that was verified.
const OURS: [&str; 16] = [
    "actor",
    "approval",
    "arguments",
    "chain",
    "client",
    "device",
    "facts",
    "grant",
    "method",
    "now",
    "relations",
    "scopes",
    "server",
    "sign_in",
    "supported_obligations",
    "tool",
];

/// Takes over what a server declares of the circumstances, where that is told apart from what is verified.
fn lift(declared: &Object, context: &mut Object) {
    let said = declared.get("context").and_then(Value::as_object);
    for (name, value) in said.into_iter().flatten() {
        if name != DECLARED && name != "agent" && !OURS.contains(&name) {
            context.insert(name, value.clone());
        }
    }
    if let Some(client) = context.get("client").cloned() {
        context.insert("agent", client);
    }
}

fn resource(entity: &Entity, declared: Option<&Object>, kinds: &Kinds) -> Object {
    let said = declared.and_then(|d| d.get("resource")?.as_object()?.get("properties")?.as_object());
    match said.filter(|_| entity.attributes.is_empty()) {
        Some(said) => with_properties(named(&entity.id, kinds), said),
        None => Party::of(entity, kinds),
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

    #[test]
    fn e13_what_a_server_declares_never_stands_where_something_verified_does() {
        let id = |kind: &str, id: &str| EntityId::new(kind, id).unwrap();
        let object = |text: &str| parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        let (alice, known) = (
            Entity::bare(id("User", "usr_a")),
            Entity { attributes: object(r#"{"n":1}"#), ..Entity::bare(id("doc", "2")) },
        );
        let context = object(
            r#"{"client":"cli_1","scopes":["a"],"declared":{"subject":{"type":"admin"},"action":{"name":"get"},
                "resource":{"type":"doc","id":"1","properties":{"n":7,"owner":"usr_a"}},
                "context":{"case":"c-1","agent":"somebody","client":"forged","sign_in":{"acr":"phr"},"scopes":["all"],
                           "facts":{},"actor":{"type":"agent","id":"x"},"declared":{},"grant":"g","tool":{},"approval":{"id":"1"}}}}"#,
        );
        let asked = |resource: &Entity| {
            let question = Question {
                subject: &alice,
                actor: None,
                chain: &[],
                grant: None,
                action: "get",
                arguments: None,
                resource,
                context: &context,
                directory: &NoEntities,
                now: Timestamp::from_seconds(0),
            };
            Evaluation::read(Evaluation::of(&question, &Kinds::default())).unwrap()
        };
        let unknown = asked(&Entity::bare(id("doc", "1")));
        let names: Vec<_> = unknown.context.keys().collect();
        assert_eq!(names, ["client", "scopes", "declared", "case", "agent"]);
        assert_eq!((unknown.context.str("case"), unknown.context.str("agent")), (Some("c-1"), Some("cli_1")));
        assert_eq!(unknown.context.get("scopes").unwrap().to_string(), r#"["a"]"#);
        assert_eq!((unknown.subject.kind.as_str(), unknown.subject.properties.len()), ("user", 0));
        assert_eq!(unknown.resource.properties.str("owner"), Some("usr_a"));
        assert_eq!(asked(&known).resource.properties.to_vec(), br#"{"n":1}"#, "what is known is not made up");
    }
}
