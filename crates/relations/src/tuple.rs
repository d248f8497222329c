//! Tuples: who has which relation to what, and on which condition.

use crate::{InvalidName, ObjectName, User, check_relation};
use prokura_oauth::json::{Object, Value};
use std::fmt;
use std::sync::Arc;

/// A condition that is attached to a tuple, with what is known already when the tuple is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The name of the condition in the model.
    pub name: String,
    /// Parameters that are fixed; they count more than those of a question.
    pub context: Object,
}

/// Which tuple: everything but its condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// To what.
    pub object: ObjectName,
    /// Which relation.
    pub relation: Box<str>,
    /// Who.
    pub user: User,
}

/// Somebody has a relation to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    /// Who, what, to what.
    pub key: Key,
    /// On which condition.
    pub condition: Option<Arc<Attached>>,
}

/// What is no tuple.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTuple {
    /// One of its names is wrong.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Its form is wrong.
    #[error("a tuple is an object with `user`, `relation`, `object` and perhaps `condition`: {0}")]
    Form(String),
    /// The context of its condition is larger than 32 KiB.
    #[error("the context of a condition may have 32 KiB")]
    Large,
}

/// How large the context of a condition may be: OpenFGA's limit.
const CONTEXT: usize = 32 << 10;

impl Key {
    /// Reads the three names.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(user: &str, relation: &str, object: &str) -> Result<Self, InvalidName> {
        Ok(Self {
            object: ObjectName::parse(object)?,
            relation: check_relation(relation)?.into(),
            user: User::parse(user)?,
        })
    }
}

impl fmt::Display for Key {
    /// As OpenFGA writes it: `document:1#viewer@user:anne`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)
    }
}

impl Tuple {
    /// A tuple without a condition.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(user: &str, relation: &str, object: &str) -> Result<Self, InvalidName> {
        Ok(Self { key: Key::parse(user, relation, object)?, condition: None })
    }

    /// Reads OpenFGA's JSON: `{"user": …, "relation": …, "object": …, "condition": {"name": …, "context": {…}}}`.
    ///
    /// # Errors
    /// [`InvalidTuple`].
    pub fn from_json(value: &Value) -> Result<Self, InvalidTuple> {
        let form = |why: &str| InvalidTuple::Form(why.to_owned());
        let object = value.as_object().ok_or_else(|| form("this is none"))?;
        let member =
            |name: &str| object.str(name).ok_or_else(|| InvalidTuple::Form(format!("`{name}` is missing")));
        if let Some(other) =
            object.keys().find(|k| !matches!(*k, "user" | "relation" | "object" | "condition"))
        {
            return Err(InvalidTuple::Form(format!("it has a member `{other}`")));
        }
        let key = Key::parse(member("user")?, member("relation")?, member("object")?)?;
        let condition = match object.get("condition") {
            None | Some(Value::Null) => None,
            Some(Value::Object(condition)) => Some(Arc::new(attached(condition)?)),
            Some(_) => return Err(form("`condition` is an object")),
        };
        Ok(Self { key, condition })
    }

    /// Writes what [`from_json`](Self::from_json) reads.
    pub fn to_json(&self) -> Object {
        let mut out = Object::default();
        out.insert("user", self.key.user.to_string().into());
        out.insert("relation", Value::from(&*self.key.relation));
        out.insert("object", self.key.object.as_str().into());
        if let Some(condition) = &self.condition {
            let mut inner = Object::default();
            inner.insert("name", condition.name.as_str().into());
            inner.insert("context", condition.context.clone().into());
            out.insert("condition", inner.into());
        }
        out
    }
}

fn attached(condition: &Object) -> Result<Attached, InvalidTuple> {
    let name = condition.str("name").filter(|n| !n.is_empty());
    let name = name.ok_or_else(|| InvalidTuple::Form("`condition` has a `name`".to_owned()))?.to_owned();
    let context = match condition.get("context") {
        None | Some(Value::Null) => Object::default(),
        Some(Value::Object(context)) => context.clone(),
        Some(_) => return Err(InvalidTuple::Form("`condition.context` is an object".to_owned())),
    };
    if context.to_vec().len() > CONTEXT { Err(InvalidTuple::Large) } else { Ok(Attached { name, context }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn read(text: &str) -> Result<Tuple, InvalidTuple> {
        Tuple::from_json(&parse(text.as_bytes(), &Limits::DOCUMENT).unwrap())
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [
            r#"{"user":"user:anne","relation":"viewer","object":"document:1"}"#,
            r#"{"user":"group:hr#member","relation":"viewer","object":"document:1","condition":{"name":"c","context":{"x":1}}}"#,
        ] {
            assert_eq!(read(text).unwrap().to_json().to_vec(), text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_tuple_is_refused() {
        for text in [
            r#"[]"#,
            r#"{"user":"user:anne","relation":"viewer"}"#,
            r#"{"user":"user:anne","relation":"viewer","object":"document:1","extra":1}"#,
            r#"{"user":"user:anne","relation":"viewer","object":"document:*"}"#,
            r#"{"user":"user:anne","relation":"viewer","object":"document:1","condition":{}}"#,
            r#"{"user":"user:anne","relation":"viewer","object":"document:1","condition":{"name":"c","context":1}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
