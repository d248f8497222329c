//! Declared mappings: what a server says that a call of its tool is for policies, in `x-authzen-mapping` of the tool's input
//! schema (COAZ framework and COAZ-MCP binding, Draft 1).
//!
//! A mapping is the word of the party that is authorized, so it names what is done, to what, and in which circumstances, and
//! never who does it: the subject is that of the token, and a mapping that makes another of it is refused. What it says of the
//! subject, of properties and of the context stands in the question under `declared`, apart from what is verified. It is part
//! of the description that is pinned, so that a mapping that changes puts the tool aside.

mod template;

use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::EntityId;
use prokura_relations::expression::{Inputs, InvalidExpression, Unevaluated};
use template::Template;

/// Where a mapping stands in an input schema.
pub const MEMBER: &str = "x-authzen-mapping";
/// So many decisions a mapping may ask for.
const MOST: usize = 16;
/// The largest mapping, in canonical bytes.
const LARGEST: usize = 16 * 1024;
/// The longest name of an action, in bytes.
const LONGEST: usize = 1024;
/// What servers cannot name: what this gateway names itself.
const OURS: [&str; 4] = ["Tool", "Resource", "Prompt", "Server"];

/// A mapping that was read.
#[derive(Debug)]
pub struct Mapping {
    subject: Option<Template>,
    evaluations: Vec<Evaluation>,
}

/// One decision that it asks for.
#[derive(Debug)]
struct Evaluation {
    action: Template,
    resource: Template,
    context: Option<Template>,
}

/// A mapping from which no question can be made: of this call, or at all (COAZ framework, "Mapping Error").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// It is not of the form of a mapping.
    #[error("`{at}` {why}")]
    Form {
        /// Where.
        at: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An expression cannot be taken.
    #[error("`{at}`: {why}")]
    Expression {
        /// Where.
        at: String,
        /// What is wrong.
        why: InvalidExpression,
    },
    /// An expression has no value.
    #[error("the expression of `{at}` failed: {why}")]
    Failed {
        /// Where.
        at: String,
        /// What is wrong.
        why: Unevaluated,
    },
    /// It makes somebody else of the subject.
    #[error("`subject.id` is not the subject of the token")]
    Subject,
}

fn form(at: impl Into<String>, why: &'static str) -> MappingError {
    MappingError::Form { at: at.into(), why }
}

/// What a mapping makes of a call: one question that is put to policies.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// What is done.
    pub action: String,
    /// To what.
    pub resource: EntityId,
    /// All that the mapping made, but for the id of the subject.
    pub declared: Object,
}

/// What can be told of a question before there are arguments; what they only tell is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline<'a> {
    /// What is done.
    pub action: &'a str,
    /// The kind of what it is done to.
    pub kind: &'a str,
}

impl Mapping {
    /// The mapping of an input schema, if there is one.
    ///
    /// # Errors
    /// [`MappingError`] if it is malformed.
    pub fn of(schema: Option<&Value>) -> Result<Option<Self>, MappingError> {
        let said = schema.and_then(Value::as_object).and_then(|schema| schema.get(MEMBER));
        said.map(Self::read).transpose()
    }

    fn read(said: &Value) -> Result<Self, MappingError> {
        if said.to_jcs().len() > LARGEST {
            return Err(form(MEMBER, "is larger than 16 KiB"));
        }
        let envelope = || form(MEMBER, "must be an object with one member, `evaluation` or `evaluations`");
        let said = said.as_object().filter(|said| said.len() == 1).ok_or_else(envelope)?;
        let (name, template) = said.iter().next().ok_or_else(envelope)?;
        let template = template.as_object();
        match name {
            "evaluation" => one(template.ok_or_else(envelope)?, "evaluation"),
            "evaluations" => several(template.ok_or_else(envelope)?),
            _ => Err(envelope()),
        }
    }

    /// What it makes of a call with these parameters, by this token of this subject.
    ///
    /// # Errors
    /// [`MappingError`] if it makes no question of it.
    pub fn apply(
        &self,
        params: &Object,
        token: &Object,
        subject: &EntityId,
    ) -> Result<Vec<Mapped>, MappingError> {
        let inputs = Inputs::new([("params", params), ("token", token)]);
        let party = self.subject.as_ref().map(|s| s.resolve(&inputs, "subject")).transpose()?;
        let party = declared_subject(party, subject)?;
        self.evaluations.iter().map(|evaluation| evaluation.apply(&inputs, &party)).collect()
    }

    /// What can be told of its questions before there are arguments.
    pub fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.evaluations.iter().filter_map(|evaluation| {
            let action = evaluation.action.literal("name")?;
            Some(Outline { action, kind: evaluation.resource.literal("type")? })
        })
    }
}

/// The template of an Access Evaluation request (Authorization API 1.0, §6.1).
fn one(template: &Object, at: &str) -> Result<Mapping, MappingError> {
    known(template, at, &["subject", "action", "resource", "context"])?;
    let evaluation = Evaluation::read(template, &Object::new(), at)?;
    Ok(Mapping { subject: subject(template, at)?, evaluations: vec![evaluation] })
}

/// The template of an Access Evaluations request (§7.1): what an entry does not say is taken, as a whole, from the top.
fn several(template: &Object) -> Result<Mapping, MappingError> {
    let at = "evaluations";
    known(template, at, &["subject", "action", "resource", "context", "evaluations"])?;
    let entries = match template.get("evaluations") {
        None => &[][..],
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(form("evaluations.evaluations", "must be an array")),
    };
    if entries.len() > MOST {
        return Err(form("evaluations.evaluations", "asks for more than 16 decisions"));
    }
    let read = |(number, entry): (usize, &Value)| {
        let at = format!("evaluations.evaluations[{number}]");
        let entry = entry.as_object().ok_or_else(|| form(at.as_str(), "must be an object"))?;
        // The one subject stands at the top, so that nobody smuggles in another.
        known(entry, &at, &["action", "resource", "context"])?;
        Evaluation::read(entry, template, &at)
    };
    let mut evaluations = entries.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    if evaluations.is_empty() {
        evaluations.push(Evaluation::read(template, &Object::new(), at)?);
    }
    Ok(Mapping { subject: subject(template, at)?, evaluations })
}

fn known(object: &Object, at: &str, names: &[&str]) -> Result<(), MappingError> {
    match object.keys().find(|name| !names.contains(name)) {
        Some(other) => Err(form(format!("{at}.{other}"), "is nothing that a mapping says there")),
        None => Ok(()),
    }
}

fn subject(template: &Object, at: &str) -> Result<Option<Template>, MappingError> {
    template.get("subject").map(|said| Template::read(said, &format!("{at}.subject"))).transpose()
}

impl Evaluation {
    fn read(said: &Object, defaults: &Object, at: &str) -> Result<Self, MappingError> {
        let part = |name: &str| {
            let part = said.get(name).or_else(|| defaults.get(name));
            part.map(|part| Template::read(part, &format!("{at}.{name}"))).transpose()
        };
        let needed = |name: &str| part(name)?.ok_or_else(|| form(format!("{at}.{name}"), "is missing"));
        Ok(Self { action: needed("action")?, resource: needed("resource")?, context: part("context")? })
    }

    fn apply(&self, inputs: &Inputs, subject: &Object) -> Result<Mapped, MappingError> {
        let action = party(self.action.resolve(inputs, "action")?, "action", &["name", "properties"])?;
        let resource =
            party(self.resource.resolve(inputs, "resource")?, "resource", &["type", "id", "properties"])?;
        let name = text(&action, "action", "name")?;
        if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
            return Err(form("action.name", "is no name that policies have"));
        }
        let (kind, id) = (text(&resource, "resource", "type")?, text(&resource, "resource", "id")?);
        if OURS.contains(&kind) {
            return Err(form("resource.type", "names what only the gateway names"));
        }
        let id = EntityId::new(kind, id).map_err(|_| form("resource", "names nothing that policies have"))?;
        let context = match self.context.as_ref().map(|c| c.resolve(inputs, "context")).transpose()?.flatten()
        {
            None => None,
            Some(Value::Object(context)) => Some(context),
            Some(_) => return Err(form("context", "must be an object")),
        };
        let mut declared = obj([("subject", subject.clone().into()), ("action", action.clone().into())]);
        declared.insert("resource", resource.clone().into());
        if let Some(context) = context {
            declared.insert("context", context.into());
        }
        Ok(Mapped { action: name.to_owned(), resource: id, declared })
    }
}

/// A required part of a request, with known members alone: what else is said stands in `properties`.
fn party(said: Option<Value>, at: &str, names: &[&str]) -> Result<Object, MappingError> {
    let Some(Value::Object(party)) = said else { return Err(form(at, "must be an object")) };
    known(&party, at, names)?;
    match party.get("properties") {
        None | Some(Value::Object(_)) => Ok(party),
        Some(_) => Err(form(format!("{at}.properties"), "must be an object")),
    }
}

fn text<'a>(party: &'a Object, at: &str, member: &str) -> Result<&'a str, MappingError> {
    party.str(member).ok_or_else(|| form(format!("{at}.{member}"), "must be a text"))
}

/// What is said of the subject, without its id: that is the token's, and what a mapping says must be the same.
fn declared_subject(said: Option<Option<Value>>, subject: &EntityId) -> Result<Object, MappingError> {
    let mut said = match said {
        None => Object::new(),
        Some(said) => party(said, "subject", &["type", "id", "properties"])?,
    };
    match said.remove("id") {
        None => {}
        Some(Value::String(id)) if id == subject.id() => {}
        Some(_) => return Err(MappingError::Subject),
    }
    match said.get("type") {
        None => said.insert("type", "identity".into()),
        Some(Value::String(_)) => {}
        Some(_) => return Err(form("subject.type", "must be a text")),
    }
    Ok(said)
}

#[cfg(test)]
mod tests;
