//! How objects, relations and users are written.

use std::fmt;

/// Text that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {how}")]
pub struct InvalidName {
    /// What it should have been.
    pub what: &'static str,
    /// What it was, cut to 64 characters.
    pub text: String,
    /// How it is written.
    pub how: &'static str,
}

fn invalid(what: &'static str, text: &str, how: &'static str) -> InvalidName {
    InvalidName { what, text: text.chars().filter(|c| !c.is_control()).take(64).collect(), how }
}

/// OpenFGA's limits: types of at most 254 bytes, objects and users of at most 512 together, relations of at most 50.
const TYPE: usize = 254;
const NAME: usize = 512;
const RELATION: usize = 50;

fn is_word(text: &str, most: usize) -> bool {
    let bad = |c: char| matches!(c, ':' | '#' | '@' | '*') || c.is_whitespace() || c.is_control();
    !text.is_empty() && text.len() <= most && !text.chars().any(bad)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| matches!(c, '#' | ':') || c.is_whitespace() || c.is_control())
}

/// Whether `text` may name a relation.
///
/// # Errors
/// [`InvalidName`].
pub fn check_relation(text: &str) -> Result<&str, InvalidName> {
    let how = "1 to 50 characters without `:`, `#`, `@`, `*` and spaces";
    if is_word(text, RELATION) { Ok(text) } else { Err(invalid("relation", text, how)) }
}

pub(crate) fn is_type(text: &str) -> bool {
    is_word(text, TYPE)
}

/// An object: `document:roadmap`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    text: Box<str>,
    colon: usize,
}

impl ObjectName {
    /// Reads `type:id`. The id `*` names everybody of a type and is no object.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let split = text.split_once(':').filter(|(kind, id)| is_type(kind) && is_id(id) && *id != "*");
        match split {
            Some((kind, _)) if text.len() <= NAME => Ok(Self { text: text.into(), colon: kind.len() }),
            _ => Err(invalid("object", text, "write `type:id`, as in `document:roadmap`, at most 512 bytes")),
        }
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        &self.text[..self.colon]
    }

    /// Its id within the type.
    pub fn id(&self) -> &str {
        &self.text[self.colon + 1..]
    }

    /// All of it: `type:id`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whom a tuple speaks of, or who is asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// Somebody: `user:anne`.
    Object(ObjectName),
    /// Everybody of a type: `user:*`.
    Everybody(Box<str>),
    /// Whoever has a relation to something: `group:hr#member`.
    Userset(ObjectName, Box<str>),
}

impl User {
    /// Reads one of the three forms.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let how = "write `type:id`, `type:*` or `type:id#relation`, at most 512 bytes";
        let bad = |_| invalid("user", text, how);
        if let Some((object, relation)) = text.split_once('#') {
            let relation = check_relation(relation).map_err(bad)?;
            return Ok(Self::Userset(ObjectName::parse(object).map_err(bad)?, relation.into()));
        }
        match text.strip_suffix(":*").filter(|kind| is_type(kind)) {
            Some(kind) => Ok(Self::Everybody(kind.into())),
            None => ObjectName::parse(text).map(Self::Object).map_err(bad),
        }
    }

    /// The type it is of.
    pub fn kind(&self) -> &str {
        match self {
            Self::Object(object) | Self::Userset(object, _) => object.kind(),
            Self::Everybody(kind) => kind,
        }
    }

    /// The relation of a userset.
    pub fn relation(&self) -> Option<&str> {
        match self {
            Self::Userset(_, relation) => Some(relation),
            _ => None,
        }
    }

    /// What stands before the `#`: `group:hr`, or `user:*`.
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Object(object) | Self::Userset(object, _) => object.as_str().into(),
            Self::Everybody(kind) => format!("{kind}:*").into(),
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Everybody(kind) => write!(f, "{kind}:*"),
            Self::Userset(object, relation) => write!(f, "{object}#{relation}"),
        }
    }
}

/// Which users are asked for: those of a type, or the usersets of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFilter {
    /// The type.
    pub kind: String,
    /// The relation, where usersets are asked for.
    pub relation: Option<String>,
}

impl UserFilter {
    /// Reads `user` or `group#member`.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let (kind, relation) = text.split_once('#').map_or((text, None), |(kind, r)| (kind, Some(r)));
        if is_type(kind) && relation.is_none_or(|r| check_relation(r).is_ok()) {
            return Ok(Self { kind: kind.to_owned(), relation: relation.map(str::to_owned) });
        }
        Err(invalid("user filter", text, "write a type, or `type#relation`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_three_forms() {
        for text in ["user:anne", "user:*", "group:hr#member", "user:anne@example.com", "document:a/b|c"] {
            assert_eq!(User::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "anne",
            "*",
            "user:",
            ":anne",
            "user:*#member",
            "a:b:c",
            "group:x#",
            "group:x#a#b",
            "user:a b",
            "user:a\n",
        ] {
            assert!(User::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn everybody_is_no_object() {
        assert!(ObjectName::parse("user:*").is_err());
        assert!(ObjectName::parse("user:**").is_ok());
        assert!(ObjectName::parse(&format!("user:{}", "a".repeat(600))).is_err());
    }
}
