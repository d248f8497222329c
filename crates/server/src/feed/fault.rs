//! Refusals of the feed of revocations.

use http::StatusCode;
use prokura_oauth::error::OAuthError;

/// What keeps a follower from the feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedFault {
    /// No token, or none that is good here.
    #[error(
        "show an access token for the feed: ask for it by client credentials, with `resource` naming it and the scope `feed`"
    )]
    Token,
    /// The request cannot be used.
    #[error("{0}")]
    Request(&'static str),
    /// As many follow as may.
    #[error("as many connections to the feed are open as may be: close some, or raise `[feed] connections`")]
    TooMany,
}

impl FeedFault {
    /// Its status, the protocol's word, and the one for the record.
    pub(crate) fn words(&self) -> (StatusCode, OAuthError, &'static str) {
        match self {
            Self::Token => (StatusCode::UNAUTHORIZED, OAuthError::InvalidToken, "feed_token"),
            Self::Request(_) => (StatusCode::BAD_REQUEST, OAuthError::InvalidRequest, "feed_request"),
            Self::TooMany => {
                (StatusCode::SERVICE_UNAVAILABLE, OAuthError::TemporarilyUnavailable, "feed_full")
            }
        }
    }
}
