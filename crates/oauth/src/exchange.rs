//! Token exchange (RFC 8693 §2.1): what is asked for. Which exchanges are served is for the server to say.

use crate::form::Form;
use prokura_core::{InvalidScope, ScopeSet};

/// What sort of token (RFC 8693 §3; ID-JAG §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An ID token (OpenID Connect Core §2).
    Id,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// An identity assertion for another authorization server.
    IdJag,
}

impl TokenType {
    /// Every type that is known here.
    pub const ALL: [Self; 4] = [Self::Id, Self::Access, Self::Refresh, Self::IdJag];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "urn:ietf:params:oauth:token-type:id_token",
            Self::Access => "urn:ietf:params:oauth:token-type:access_token",
            Self::Refresh => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::IdJag => "urn:ietf:params:oauth:token-type:id-jag",
        }
    }

    /// The type of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == word)
    }
}

/// A request to exchange a token for another.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What is asked for.
    pub requested: TokenType,
    /// Whose authority is used.
    pub subject: String,
    /// What sort of token that is.
    pub subject_type: TokenType,
    /// Whether an actor token came along.
    pub has_actor: bool,
    /// For whom the new token is, by the word of whoever takes it.
    pub audience: Option<String>,
    /// Where it shall be used.
    pub resource: Option<String>,
    /// For what.
    pub scope: Option<ScopeSet>,
}

/// An exchange that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// A parameter is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A type that is not known here.
    #[error("`{0}` names a type of token that is not exchanged here")]
    Type(&'static str),
    /// `actor_token` and `actor_token_type` come together or not at all (RFC 8693 §2.1).
    #[error("`actor_token` and `actor_token_type` come together or not at all")]
    Actor,
    /// The scopes cannot be read.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
}

impl Exchange {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn read(form: &Form) -> Result<Self, ExchangeError> {
        let required = |name: &'static str| form.value(name).ok_or(ExchangeError::Missing(name));
        let typed = |name| TokenType::parse(required(name)?).ok_or(ExchangeError::Type(name));
        let has_actor = form.value("actor_token").is_some();
        if has_actor != form.value("actor_token_type").is_some() {
            return Err(ExchangeError::Actor);
        }
        Ok(Self {
            requested: typed("requested_token_type")?,
            subject: required("subject_token")?.to_owned(),
            subject_type: typed("subject_token_type")?,
            has_actor,
            audience: form.value("audience").map(str::to_owned),
            resource: form.value("resource").map(str::to_owned),
            scope: form.value("scope").map(ScopeSet::parse).transpose()?,
        })
    }
}

impl std::fmt::Debug for Exchange {
    /// Never shows the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} for {:?} at {:?}", self.subject_type, self.requested, self.audience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Exchange, ExchangeError> {
        let usual = [
            ("requested_token_type", TokenType::IdJag.as_str()),
            ("subject_token", "x.y.z"),
            ("subject_token_type", TokenType::Id.as_str()),
            ("audience", "https://chat.example"),
        ];
        let kept = usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n));
        Exchange::read(&kept.chain(changes).copied().collect())
    }

    #[test]
    fn what_is_asked_is_read_whole_or_not_at_all() {
        let asked = read(&[("scope", "a b")]).unwrap();
        assert_eq!((asked.requested, asked.subject_type), (TokenType::IdJag, TokenType::Id));
        assert!(!format!("{asked:?}").contains("x.y.z"));
        for (change, error) in [
            ([("requested_token_type", "")], ExchangeError::Missing("requested_token_type")),
            ([("subject_token", "")], ExchangeError::Missing("subject_token")),
            ([("subject_token_type", "saml2")], ExchangeError::Type("subject_token_type")),
            ([("actor_token", "a")], ExchangeError::Actor),
            ([("actor_token_type", "a")], ExchangeError::Actor),
        ] {
            assert_eq!(read(&change), Err(error), "{change:?}");
        }
    }
}
