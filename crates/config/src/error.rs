//! Why a configuration cannot be started, and how to mend it.

/// A configuration that cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML, a key is unknown or missing, or a value does not fit.
    #[error("{place}{message}")]
    Syntax {
        /// `line 3, column 1: `, or empty where the place is not known.
        place: String,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// A value is wrong in itself or beside another.
    #[error("`{key}`: {reason}; {fix}")]
    Value {
        /// The key, as a path.
        key: String,
        /// What is wrong.
        reason: String,
        /// How to mend it.
        fix: String,
    },
}

impl ConfigError {
    pub(crate) fn value(key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Value { key: key.into(), reason: reason.into(), fix: fix.into() }
    }

    pub(crate) fn syntax(text: &str, e: &toml::de::Error) -> Self {
        let place = e.span().and_then(|span| text.get(..span.start)).map(|before| {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}: ")
        });
        Self::Syntax { place: place.unwrap_or_default(), message: e.message().to_owned() }
    }
}
