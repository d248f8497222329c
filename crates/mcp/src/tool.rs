//! Tools as servers describe them: what of a description is pinned, and what is read of it.
//!
//! A description is untrusted: it is the server's word, and models act on it. What is pinned is all of it, name by name and
//! byte by byte, so that nothing in it changes unseen (OWASP MCP03, "tool poisoning", "rug pull").

use crate::schema::{BadSchema, Schema};
use prokura_oauth::json::{self, Limits, Object, Value};
use prokura_oauth::secret::sha256_base64url;

mod difference;
mod hints;

pub use difference::{Difference, difference};
pub use hints::Hints;

/// The largest description that is taken, in canonical bytes.
pub const MAX_DESCRIPTION: usize = 256 * 1024;
/// The longest name, in bytes: MCP asks for at most 128 characters, and older servers have longer ones.
const MAX_NAME: usize = 256;

/// The members that mean something to clients; none may come in another case.
const MEMBERS: [&str; 8] =
    ["name", "title", "description", "inputSchema", "outputSchema", "annotations", "_meta", "execution"];

/// One tool, as its server describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    entry: Object,
    hash: String,
}

/// A description that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDescription {
    /// It has no name, or one that is too long or has control characters in it.
    #[error("a tool has a name of 1 to 256 bytes without control characters")]
    Name,
    /// A member differs from one that means something only in case.
    #[error("a member of the tool differs from one of the protocol's only in case")]
    CaseVariant,
    /// It is too large.
    #[error("the description of the tool is larger than 256 KiB")]
    Large,
    /// It is no JSON object.
    #[error("the description of the tool is no object")]
    Form,
}

impl Description {
    /// Takes an entry of a list of tools.
    ///
    /// # Errors
    /// [`BadDescription`].
    pub fn new(entry: Object) -> Result<Self, BadDescription> {
        if json::case_variant(&entry, &MEMBERS).is_some() {
            return Err(BadDescription::CaseVariant);
        }
        let named = entry.str("name").is_some_and(|name| {
            !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control)
        });
        if !named {
            return Err(BadDescription::Name);
        }
        let canonical = entry.to_jcs();
        if canonical.len() > MAX_DESCRIPTION {
            return Err(BadDescription::Large);
        }
        Ok(Self { hash: sha256_base64url(&canonical), entry })
    }

    /// Reads what [`text`](Self::text) wrote.
    ///
    /// # Errors
    /// [`BadDescription`].
    pub fn read(text: &str) -> Result<Self, BadDescription> {
        let limits = Limits { max_bytes: MAX_DESCRIPTION, max_depth: 64 };
        let value = json::parse(text.as_bytes(), &limits).ok();
        Self::new(value.and_then(Value::into_object).ok_or(BadDescription::Form)?)
    }

    /// The name, byte for byte.
    pub fn name(&self) -> &str {
        self.entry.str("name").unwrap_or_default()
    }

    /// The SHA-256 of the canonical description (RFC 8785), in base64url: of all of it, so that whatever changes is seen.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The canonical description.
    pub fn text(&self) -> String {
        String::from_utf8(self.entry.to_jcs()).unwrap_or_default()
    }

    /// The description as it was given.
    pub fn entry(&self) -> &Object {
        &self.entry
    }

    /// What it is called, for people.
    pub fn title(&self) -> Option<&str> {
        let annotations = self.entry.get("annotations").and_then(Value::as_object);
        let said = self.entry.str("title").or_else(|| annotations.and_then(|a| a.str("title")));
        said.filter(|title| !title.trim().is_empty())
    }

    /// What it says of its effects.
    pub fn hints(&self) -> Hints {
        Hints::of(self.entry.get("annotations").and_then(Value::as_object))
    }

    /// The types of its arguments, if it says any.
    ///
    /// # Errors
    /// [`BadSchema`] if they cannot be used.
    pub fn schema(&self) -> Result<Option<Schema>, BadSchema> {
        self.entry.get("inputSchema").cloned().map(Schema::new).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(text: &str) -> Result<Description, BadDescription> {
        Description::read(text)
    }

    #[test]
    fn e32_whatever_changes_in_a_description_changes_its_hash() {
        let base = r#"{"name":"x","title":"X","description":"d","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"_meta":{"a":1}}"#;
        let hash = |text: &str| tool(text).unwrap().hash().to_owned();
        for (from, to) in [
            ("\"d\"", "\"d \""),
            ("\"X\"", "\"Х\""),
            ("\"object\"}", "\"object\",\"x-authzen-mapping\":{}}"),
            ("true", "false"),
            ("{\"a\":1}", "{\"a\":2}"),
            ("\"_meta\"", "\"outputSchema\""),
            ("\"description\"", "\"icons\":[],\"description\""),
        ] {
            assert_ne!(hash(base), hash(&base.replace(from, to)), "{from}");
        }
        let turned = r#"{"_meta":{"a":1},"annotations":{"readOnlyHint":true},"inputSchema":{"type":"object"},"description":"d","title":"X","name":"x"}"#;
        assert_eq!(hash(base), hash(turned), "the order of members says nothing");
        assert_eq!(Description::read(&tool(base).unwrap().text()), tool(turned));
    }

    #[test]
    fn e08_a_name_is_taken_byte_for_byte_or_not_at_all() {
        for name in ["x", "X", " x", "x\u{200b}", "х"] {
            assert_eq!(tool(&format!("{{\"name\":\"{name}\"}}")).unwrap().name(), name);
        }
        assert_eq!(tool(r#"{"name":""}"#), Err(BadDescription::Name));
        assert_eq!(tool(r#"{"name":"a\u0000"}"#), Err(BadDescription::Name));
        assert_eq!(tool(r#"{"name":7}"#), Err(BadDescription::Name));
        assert_eq!(tool(r#"{"name":"a","Name":"b"}"#), Err(BadDescription::CaseVariant));
    }
}
