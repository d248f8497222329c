//! Why a user is not asked, or a client gets no token.

use http::StatusCode;
use prokura_oauth::ciba::{InvalidApproval, InvalidBindingMessage};
use prokura_oauth::error::OAuthError;

/// Why a user is not asked, or a client gets no token (OpenID Connect CIBA Core §11, §13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CibaFault {
    /// The client could be anybody.
    #[error("a client that cannot authenticate asks nobody who is elsewhere")]
    Public,
    /// Nobody is named.
    #[error("name the user: send `login_hint` or `id_token_hint`")]
    NoHint,
    /// Nobody is known by what names them.
    #[error("nobody is known here by this hint")]
    UserUnknown,
    /// The words to compare cannot be shown.
    #[error("{0}")]
    BindingMessage(InvalidBindingMessage),
    /// An approval is meant, and something stands beside it.
    #[error("{0}")]
    Approval(InvalidApproval),
    /// There is no such approval that this client asked for.
    #[error("there is no approval of this identifier that waits for a call of yours")]
    ApprovalUnknown,
    /// Too much waits for that user, or too many wrong hints.
    #[error("too much was asked: try again later")]
    TooMuch,
    /// Nobody has answered yet.
    #[error("the user has not answered yet: ask again after the interval, or when you are told")]
    Pending,
    /// Nobody has answered yet, and the client asked too soon.
    #[error("you ask too often: wait 5 seconds longer than before between two requests")]
    TooSoon,
    /// Nobody answered in time.
    #[error("the request has expired: make a new one")]
    Expired,
    /// The user said No.
    #[error("the user did not agree")]
    Refused,
    /// There is none.
    #[error("the `auth_req_id` is not valid: it is unknown or expired")]
    Unknown,
    /// It was made for another client.
    #[error("the `auth_req_id` is not valid: it is unknown or expired")]
    OtherClient,
    /// It gave a token before, or the call that it was about was made.
    #[error("the `auth_req_id` is not valid: it was used before")]
    Used,
}

impl CibaFault {
    /// The status, the protocol's word, and the one for the record.
    pub(crate) fn words(self) -> (StatusCode, OAuthError, &'static str) {
        use OAuthError as E;
        let (error, reason) = match self {
            Self::Public => (E::UnauthorizedClient, "ciba_public_client"),
            Self::NoHint => (E::InvalidRequest, "ciba_no_hint"),
            Self::UserUnknown => (E::UnknownUserId, "ciba_user_unknown"),
            Self::BindingMessage(_) => (E::InvalidBindingMessage, "ciba_binding_message"),
            Self::Approval(_) => (E::InvalidAuthorizationDetails, "ciba_approval_malformed"),
            Self::ApprovalUnknown => (E::InvalidAuthorizationDetails, "ciba_approval_unknown"),
            Self::TooMuch => {
                return (StatusCode::TOO_MANY_REQUESTS, E::TemporarilyUnavailable, "ciba_too_much");
            }
            Self::Pending => (E::AuthorizationPending, "ciba_pending"),
            Self::TooSoon => (E::SlowDown, "ciba_too_soon"),
            Self::Expired => (E::ExpiredToken, "ciba_expired"),
            Self::Refused => (E::AccessDenied, "ciba_refused"),
            Self::Unknown => (E::InvalidGrant, "ciba_unknown"),
            Self::OtherClient => (E::InvalidGrant, "ciba_of_another"),
            Self::Used => (E::InvalidGrant, "ciba_used"),
        };
        (StatusCode::BAD_REQUEST, error, reason)
    }
}
