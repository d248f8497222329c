//! Why exchanges and assertions of identity providers are refused.

use http::StatusCode;
use prokura_oauth::error::OAuthError;
use prokura_oauth::id_jag::IdJagError;

/// Why a token is not exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeFault {
    /// Another exchange than those that are served.
    #[error("the only exchange here is that of a token without actor token for an ID-JAG")]
    NotServed,
    /// The subject token is none of ours, of another client, or without a user.
    #[error("the subject token is not valid here")]
    Subject,
    /// The audience is none that this client may ask for.
    #[error("`audience` names no authorization server that this client may ask for")]
    Audience,
    /// The resource is none of that audience, or it has several and none is named.
    #[error("`resource` is missing, or none of that audience")]
    Resource,
}

/// Why an assertion of an identity provider is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdJagFault {
    /// It is none.
    #[error("it is no ID-JAG")]
    Kind,
    /// Nobody here believes who made it.
    #[error("its issuer is not trusted here")]
    Issuer,
    /// The keys of its issuer are not to be had.
    #[error("{0}")]
    Keys(String),
    /// It does not verify.
    #[error("{0}")]
    Verify(#[from] IdJagError),
    /// It was made for another client.
    #[error("`client_id` is not the client that brings it")]
    Client,
    /// It is for no resource here, or for another than the request.
    #[error("`resource` is none where its issuer's word counts, or not the one that is asked for")]
    Resource,
    /// It was used before.
    #[error("it was used before")]
    Replayed,
    /// It is about nobody who is known here.
    #[error("its user is not known here: sign in once, or ask the operator")]
    Person,
}

impl ExchangeFault {
    pub(super) fn verdict(self) -> (StatusCode, OAuthError, &'static str) {
        let (error, reason) = match self {
            Self::NotServed | Self::Subject => (OAuthError::InvalidRequest, "exchange"),
            Self::Audience | Self::Resource => (OAuthError::InvalidTarget, "exchange_target"),
        };
        (StatusCode::BAD_REQUEST, error, reason)
    }
}

impl IdJagFault {
    pub(super) fn verdict(&self) -> (StatusCode, OAuthError, &'static str) {
        let reason = match self {
            Self::Keys(_) => {
                let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, OAuthError::TemporarilyUnavailable);
                return (status, error, "assertion_keys");
            }
            Self::Replayed => "assertion_replayed",
            Self::Person => "assertion_person",
            Self::Issuer => "assertion_issuer",
            Self::Kind | Self::Verify(_) | Self::Client | Self::Resource => "assertion",
        };
        (StatusCode::BAD_REQUEST, OAuthError::InvalidGrant, reason)
    }
}
