//! Why a device gets no token.

use prokura_oauth::error::OAuthError;

/// Why a device gets no token (RFC 8628 §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceFault {
    /// Nobody has answered yet.
    #[error("the user has not answered yet: ask again after the interval")]
    Pending,
    /// Nobody has answered yet, and the device asked too soon.
    #[error("you ask too often: wait 5 seconds longer than before between two requests")]
    TooSoon,
    /// Nobody answered in time.
    #[error("the device code has expired: ask for a new one")]
    Expired,
    /// The user said No.
    #[error("the user did not agree")]
    Refused,
    /// There is none.
    #[error("the device code is not valid: it is unknown or expired")]
    Unknown,
    /// It was made for another client.
    #[error("the device code is not valid: it is unknown or expired")]
    OtherClient,
    /// It gave a token before.
    #[error("the device code is not valid: it was used before")]
    Used,
}

impl DeviceFault {
    /// The protocol's word, and the one for the record.
    pub(crate) fn words(self) -> (OAuthError, &'static str) {
        match self {
            Self::Pending => (OAuthError::AuthorizationPending, "device_pending"),
            Self::TooSoon => (OAuthError::SlowDown, "device_too_soon"),
            Self::Expired => (OAuthError::ExpiredToken, "device_expired"),
            Self::Refused => (OAuthError::AccessDenied, "device_refused"),
            Self::Unknown => (OAuthError::InvalidGrant, "device_unknown"),
            Self::OtherClient => (OAuthError::InvalidGrant, "device_of_another"),
            Self::Used => (OAuthError::InvalidGrant, "device_used"),
        }
    }
}
