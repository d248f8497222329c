//! Why consent does not carry a request.

use http::StatusCode;
use prokura_oauth::error::OAuthError;

/// Why consent does not carry a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsentFault {
    /// The client describes itself otherwise than when the user agreed.
    #[error(
        "the client's description changed since the user agreed: ask for authorization again, so that the user sees it"
    )]
    Changed,
    /// The administrator's consent, or what users may allow, no longer covers it.
    #[error("the organisation no longer allows this: ask for authorization again")]
    Withdrawn,
    /// `requested_actor` names nobody who could act.
    #[error("`requested_actor` must name 1 to 8 agents that are known here and may act")]
    Actor,
}

impl ConsentFault {
    /// Its status, the protocol's word, and the one for the record.
    pub(crate) fn words(self) -> (StatusCode, OAuthError, &'static str) {
        match self {
            Self::Changed => (StatusCode::BAD_REQUEST, OAuthError::InvalidGrant, "client_changed"),
            Self::Withdrawn => (StatusCode::BAD_REQUEST, OAuthError::InvalidGrant, "consent_withdrawn"),
            Self::Actor => (StatusCode::BAD_REQUEST, OAuthError::InvalidRequest, "requested_actor"),
        }
    }
}
