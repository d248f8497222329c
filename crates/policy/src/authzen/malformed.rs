//! What cannot be read.

use prokura_oauth::json::{Object, Value};

/// A message that breaks the standard: `400` (§10.1.2), or a deny of its own within a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// What is required is not there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// It has another type.
    #[error("`{0}` must be {1}")]
    Type(String, &'static str),
    /// No semantic of evaluations.
    #[error(
        "`options.evaluations_semantic` must be `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`"
    )]
    Semantic,
    /// More evaluations than are taken at once.
    #[error("`evaluations` has more than {0} members: ask in several requests")]
    TooMany(usize),
}

/// A member that must be an object.
pub(super) fn object(from: &mut Object, name: &str) -> Result<Object, Malformed> {
    optional(from, name)?.ok_or_else(|| Malformed::Missing(name.to_owned()))
}

/// A member that must be an object if it is there.
pub(super) fn optional(from: &mut Object, name: &str) -> Result<Option<Object>, Malformed> {
    match from.remove(name) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Malformed::Type(name.to_owned(), "an object")),
    }
}

/// A text member of what stands at `at`.
pub(super) fn text(from: &mut Object, at: &str, name: &str) -> Result<String, Malformed> {
    match from.remove(name) {
        None => Err(Malformed::Missing(format!("{at}.{name}"))),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Malformed::Type(format!("{at}.{name}"), "a string")),
    }
}

/// The properties of what stands at `at`.
pub(super) fn properties(from: &mut Object, at: &str) -> Result<Option<Object>, Malformed> {
    optional(from, "properties").map_err(|_| Malformed::Type(format!("{at}.properties"), "an object"))
}
