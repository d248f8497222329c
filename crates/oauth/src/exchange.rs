//! Token exchange (RFC 8693 §2): what is asked for, and how it is answered. Which exchanges are served is for the server to
//! say.

use crate::access_token::View;
use crate::form::Form;
use crate::token_request::DETAILS;
use prokura_core::{AgentId, InvalidScope, ScopeSet};
use std::fmt;

/// What sort of token (RFC 8693 §3; ID-JAG §9; draft-ietf-oauth-transaction-tokens).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An ID token (OpenID Connect Core §2).
    Id,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// A JWT that is none of the others: evidence of a workload, a token of another issuer.
    Jwt,
    /// An identity assertion for another authorization server.
    IdJag,
    /// A transaction token.
    Transaction,
}

impl TokenType {
    /// Every type that is known here.
    pub const ALL: [Self; 6] =
        [Self::Id, Self::Access, Self::Refresh, Self::Jwt, Self::IdJag, Self::Transaction];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "urn:ietf:params:oauth:token-type:id_token",
            Self::Access => "urn:ietf:params:oauth:token-type:access_token",
            Self::Refresh => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            Self::IdJag => "urn:ietf:params:oauth:token-type:id-jag",
            Self::Transaction => "urn:ietf:params:oauth:token-type:txn_token",
        }
    }

    /// The type of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == word)
    }
}

/// A token that came with a request, and what sort it is said to be. Debug output never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The token, as it came. Nothing it says is believed before it is verified.
    pub token: String,
    /// What it is said to be.
    pub kind: TokenType,
}

impl fmt::Debug for Given {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(…)", self.kind)
    }
}

impl View {
    /// The word for it in `token_view` and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Impersonation => "impersonation",
        }
    }

    /// The view of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Agent, Self::Impersonation].into_iter().find(|view| view.as_str() == word)
    }
}

/// A request to exchange a token for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What is asked for; an access token if nothing is said.
    pub requested: TokenType,
    /// Whose authority is used.
    pub subject: Given,
    /// Who acts, if that is shown.
    pub actor: Option<Given>,
    /// For whom the new token is, by the word of whoever takes it.
    pub audience: Option<String>,
    /// Where it shall be used.
    pub resource: Option<String>,
    /// For what.
    pub scope: Option<ScopeSet>,
    /// With which tools (RFC 9396), as it came.
    pub details: Option<String>,
    /// Which view of the grant the token shall be (`token_view`, of this server).
    pub view: Option<View>,
    /// For which agent the token is prepared, so that it may act (`requested_actor`): it goes into `may_act`.
    pub requested_actor: Option<AgentId>,
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
    /// No view that there is.
    #[error("`token_view` is `user`, `agent` or `impersonation`")]
    View,
    /// No id of an agent.
    #[error("`requested_actor` is no id of an agent")]
    RequestedActor,
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
        let text = |name: &str| form.value(name).map(str::to_owned);
        let typed = |name: &'static str| {
            let word = form.value(name).ok_or(ExchangeError::Missing(name))?;
            TokenType::parse(word).ok_or(ExchangeError::Type(name))
        };
        let subject = text("subject_token").ok_or(ExchangeError::Missing("subject_token"))?;
        let actor = match (text("actor_token"), form.has("actor_token_type")) {
            (Some(token), true) => Some(Given { token, kind: typed("actor_token_type")? }),
            (None, false) => None,
            _ => return Err(ExchangeError::Actor),
        };
        let requested = match form.has("requested_token_type") {
            true => typed("requested_token_type")?,
            false => TokenType::Access,
        };
        let view = |word: &str| View::parse(word).ok_or(ExchangeError::View);
        let agent = |id: &str| {
            let agent = AgentId::parse(id).ok().filter(|_| id.starts_with(AgentId::PREFIX));
            agent.ok_or(ExchangeError::RequestedActor)
        };
        Ok(Self {
            requested,
            subject: Given { token: subject, kind: typed("subject_token_type")? },
            actor,
            audience: text("audience"),
            resource: text("resource"),
            scope: form.value("scope").map(ScopeSet::parse).transpose()?,
            details: text(DETAILS),
            view: form.value("token_view").map(view).transpose()?,
            requested_actor: form.value("requested_actor").map(agent).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Exchange, ExchangeError> {
        let usual = [
            ("subject_token", "x.y.z"),
            ("subject_token_type", TokenType::Id.as_str()),
            ("audience", "https://chat.example"),
        ];
        let kept = usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n));
        Exchange::read(&kept.chain(changes).copied().collect())
    }

    #[test]
    fn what_is_asked_is_read_whole_or_not_at_all() {
        let asked = read(&[("requested_token_type", TokenType::IdJag.as_str())]).unwrap();
        assert_eq!((asked.requested, asked.subject.kind), (TokenType::IdJag, TokenType::Id));
        for (change, error) in [
            ([("requested_token_type", "saml2")], ExchangeError::Type("requested_token_type")),
            ([("subject_token", "")], ExchangeError::Missing("subject_token")),
            ([("subject_token_type", "")], ExchangeError::Missing("subject_token_type")),
            ([("subject_token_type", "saml2")], ExchangeError::Type("subject_token_type")),
            ([("actor_token", "a")], ExchangeError::Actor),
            ([("actor_token_type", "a")], ExchangeError::Actor),
            ([("token_view", "nobody")], ExchangeError::View),
            ([("requested_actor", "usr_alice")], ExchangeError::RequestedActor),
        ] {
            assert_eq!(read(&change), Err(error), "{change:?}");
        }
    }

    #[test]
    fn an_access_token_is_meant_if_nothing_is_said_and_no_token_is_shown() {
        let jwt = TokenType::Jwt.as_str();
        let asked = read(&[
            ("actor_token", "p.q.r"),
            ("actor_token_type", jwt),
            ("token_view", "agent"),
            ("requested_actor", "agt_x"),
            ("authorization_details", "[]"),
        ])
        .unwrap();
        assert_eq!((asked.requested, asked.view), (TokenType::Access, Some(View::Agent)));
        assert_eq!(asked.requested_actor.as_ref().map(AgentId::as_str), Some("agt_x"));
        let shown = format!("{asked:?}");
        assert!(!shown.contains("x.y.z") && !shown.contains("p.q.r") && shown.contains("Jwt"), "{shown}");
    }
}
