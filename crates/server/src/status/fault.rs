//! Refusals of the Token Status Lists.

use http::StatusCode;
use prokura_oauth::error::OAuthError;

/// Why there is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatusFault {
    /// There is no list of that number.
    #[error("there is no status list of that number")]
    Unknown,
    /// How things were at another time is not told (draft-ietf-oauth-status-list §8.4).
    #[error("lists say how it is now: `time` is not supported")]
    Time,
}

impl StatusFault {
    /// Its status, the protocol's word, and the one for the record.
    pub(crate) fn words(self) -> (StatusCode, OAuthError, &'static str) {
        match self {
            Self::Unknown => (StatusCode::NOT_FOUND, OAuthError::InvalidRequest, "status_list_unknown"),
            Self::Time => (StatusCode::NOT_FOUND, OAuthError::InvalidRequest, "status_list_time"),
        }
    }
}
