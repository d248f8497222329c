//! Why what was shown for a token is not taken.

/// Why a code is not redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// There is none.
    #[error("it is unknown or expired")]
    Unknown,
    /// It was redeemed before.
    #[error("it was used before")]
    Used,
    /// It was made for another client.
    #[error("it is unknown or expired")]
    OtherClient,
    /// The redirect URI differs.
    #[error("`redirect_uri` is not the one of the authorization request")]
    Redirect,
    /// The verifier does not fit.
    #[error("`code_verifier` does not match")]
    Verifier,
    /// It is bound to a key, and no proof by that key came with it.
    #[error("it is bound to a key: send a DPoP proof by that key")]
    Key,
}

/// Why a refresh token is not exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshFault {
    /// There is none.
    #[error("it is unknown or expired")]
    Unknown,
    /// It was used before, and its successor too, or long ago.
    #[error("it was used before")]
    Reused,
    /// It was used before; the answer was repeated often enough.
    #[error("it was used before")]
    RepeatedTooOften,
    /// It was made for another client.
    #[error("it is unknown or expired")]
    OtherClient,
    /// It is bound to a key, and no proof by that key came with it.
    #[error("it is bound to a key: send a DPoP proof by that key")]
    Key,
}

impl CodeFault {
    /// The word in the record.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "code_unknown",
            Self::Used => "code_used",
            Self::OtherClient => "code_of_another",
            Self::Redirect => "redirect_differs",
            Self::Verifier => "verifier_wrong",
            Self::Key => "code_key",
        }
    }
}

impl RefreshFault {
    /// The word in the record.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "refresh_unknown",
            Self::Reused => "refresh_reused",
            Self::RepeatedTooOften => "refresh_repeated",
            Self::OtherClient => "refresh_of_another",
            Self::Key => "refresh_key",
        }
    }
}
