//! Refusals of the interface of streams.

use http::StatusCode;
use prokura_oauth::error::OAuthError;

/// What keeps a receiver from what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// No token, or none that is good here.
    #[error(
        "show an access token for this address: ask for it by client credentials, with `resource` naming it"
    )]
    Token,
    /// The token, or what the configuration gives the client now, lacks the scope.
    #[error("this needs the scope `{0}`")]
    Scope(&'static str),
    /// There is no such stream of this receiver.
    #[error("there is no such stream")]
    Missing,
    /// The request cannot be used.
    #[error("{0}")]
    Request(String),
    /// It has as many streams as it may have.
    #[error("this receiver has as many streams as it may have")]
    TooMany,
    /// It asked for a verification a moment ago.
    #[error("a verification was asked for less than a minute ago")]
    TooSoon,
}

impl StreamFault {
    /// Its status, the protocol's word, and the one for the record.
    pub(crate) fn words(&self) -> (StatusCode, OAuthError, &'static str) {
        match self {
            Self::Token => (StatusCode::UNAUTHORIZED, OAuthError::InvalidToken, "streams_token"),
            Self::Scope(_) => (StatusCode::FORBIDDEN, OAuthError::InsufficientScope, "streams_scope"),
            Self::Missing => (StatusCode::NOT_FOUND, OAuthError::InvalidRequest, "stream_missing"),
            Self::Request(_) => (StatusCode::BAD_REQUEST, OAuthError::InvalidRequest, "stream_request"),
            Self::TooMany => (StatusCode::CONFLICT, OAuthError::InvalidRequest, "streams_too_many"),
            Self::TooSoon => (StatusCode::TOO_MANY_REQUESTS, OAuthError::InvalidRequest, "stream_too_soon"),
        }
    }
}
