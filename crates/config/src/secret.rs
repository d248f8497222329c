//! References to secrets: never the secret itself.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub enum SecretRef {
    /// In an environment variable.
    Env(String),
    /// In a file; surrounding white space is not part of it.
    File(String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Raw {
    Reference(Reference),
    #[schemars(skip)]
    Plain(serde::de::IgnoredAny),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reference {
    /// The name of an environment variable.
    env: Option<String>,
    /// A file.
    file: Option<String>,
}

impl TryFrom<Raw> for SecretRef {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        match raw {
            Raw::Reference(Reference { env: Some(name), file: None }) => Ok(Self::Env(name)),
            Raw::Reference(Reference { env: None, file: Some(path) }) => Ok(Self::File(path)),
            Raw::Reference(_) => {
                Err("a secret is kept in one place: write `{ env = \"NAME\" }` or `{ file = \"PATH\" }`"
                    .to_owned())
            }
            Raw::Plain(_) => {
                Err("secrets never stand in the file: write `{ env = \"NAME\" }` or `{ file = \"PATH\" }`"
                    .to_owned())
            }
        }
    }
}

/// A secret that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or empty.
    #[error("the environment variable `{0}` is not set or empty: set it before the start")]
    Env(String),
    /// The file cannot be read, or is empty.
    #[error("the secret file `{0}` cannot be read or is empty: {1}")]
    File(String, String),
}

impl SecretRef {
    /// The secret, read by the two functions given, without white space around it.
    ///
    /// # Errors
    /// [`SecretError`] if it is missing or empty.
    pub fn read(
        &self,
        env: impl Fn(&str) -> Option<String>,
        file: impl Fn(&str) -> Result<String, String>,
    ) -> Result<String, SecretError> {
        let text = match self {
            Self::Env(name) => env(name).ok_or_else(|| SecretError::Env(name.clone()))?,
            Self::File(path) => file(path).map_err(|e| SecretError::File(path.clone(), e))?,
        };
        let text = text.trim().to_owned();
        match (text.is_empty(), self) {
            (false, _) => Ok(text),
            (true, Self::Env(name)) => Err(SecretError::Env(name.clone())),
            (true, Self::File(path)) => Err(SecretError::File(path.clone(), "it is empty".to_owned())),
        }
    }
}
