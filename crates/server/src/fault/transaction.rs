//! Why no transaction token is made.

use http::StatusCode;
use prokura_oauth::error::OAuthError;
use prokura_oauth::transaction_token::{BadTransaction, Widening};

/// Why no transaction token is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionFault {
    /// The operator named no trust domain.
    #[error("no transaction tokens are made here")]
    Off,
    /// The operator did not name the client.
    #[error("this client may not ask for transaction tokens")]
    Client,
    /// The request cannot be read.
    #[error("{0}")]
    Request(#[from] BadTransaction),
    /// Another trust domain than this one.
    #[error("`audience` must be the trust domain of this server")]
    Audience,
    /// The subject token is none of ours, is over, or is for a resource that is not the client's.
    #[error("the subject token is not valid here")]
    Subject,
    /// More than the subject token says.
    #[error("{0}")]
    Wider(#[from] Widening),
}

impl TransactionFault {
    pub(super) fn verdict(&self) -> (StatusCode, OAuthError, &'static str) {
        let (error, reason) = match self {
            Self::Client => (OAuthError::UnauthorizedClient, "transaction_client"),
            Self::Audience => (OAuthError::InvalidTarget, "transaction_audience"),
            Self::Request(BadTransaction::Scope(_)) | Self::Wider(Widening::Scope(_)) => {
                (OAuthError::InvalidScope, "transaction_scope")
            }
            Self::Wider(_) => (OAuthError::InvalidRequest, "transaction_wider"),
            Self::Subject => (OAuthError::InvalidRequest, "transaction_subject"),
            Self::Off | Self::Request(_) => (OAuthError::InvalidRequest, "transaction"),
        };
        (StatusCode::BAD_REQUEST, error, reason)
    }
}
