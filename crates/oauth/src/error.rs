//! The error codes of OAuth and the standards around it, as one type.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $code:literal;)*) => {
        /// An error code that a client understands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum OAuthError {
            $($(#[$doc])* $name,)*
        }

        impl OAuthError {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

codes! {
    /// A parameter is missing, repeated or malformed (RFC 6749 §5.2).
    InvalidRequest "invalid_request";
    /// Client authentication failed (RFC 6749 §5.2).
    InvalidClient "invalid_client";
    /// The code, refresh token or assertion is not valid (RFC 6749 §5.2).
    InvalidGrant "invalid_grant";
    /// The client may not do this (RFC 6749 §5.2).
    UnauthorizedClient "unauthorized_client";
    /// The grant type is not served (RFC 6749 §5.2).
    UnsupportedGrantType "unsupported_grant_type";
    /// A scope is unknown or too wide (RFC 6749 §5.2).
    InvalidScope "invalid_scope";
    /// The user has not answered yet (RFC 8628 §3.5).
    AuthorizationPending "authorization_pending";
    /// The user has not answered yet, and the client asks too often (RFC 8628 §3.5).
    SlowDown "slow_down";
    /// The device code, or what the user was asked, has expired (RFC 8628 §3.5, OpenID Connect CIBA Core §11).
    ExpiredToken "expired_token";
    /// The resource is unknown, missing or more than one (RFC 8707 §2).
    InvalidTarget "invalid_target";
    /// The person or the server said no (RFC 6749 §4.1.2.1).
    AccessDenied "access_denied";
    /// Only `code` is served (RFC 6749 §4.1.2.1).
    UnsupportedResponseType "unsupported_response_type";
    /// Something broke here (RFC 6749 §4.1.2.1).
    ServerError "server_error";
    /// Try again later (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable "temporarily_unavailable";
    /// `prompt=none`, and nobody is signed in (OpenID Connect Core §3.1.2.6).
    LoginRequired "login_required";
    /// `prompt=none`, and consent is needed (OpenID Connect Core §3.1.2.6).
    ConsentRequired "consent_required";
    /// `prompt=none`, and a page must be shown (OpenID Connect Core §3.1.2.6).
    InteractionRequired "interaction_required";
    /// The `request_uri` is unknown, used or of another client (RFC 9101 §6.2, RFC 9126 §2.3).
    InvalidRequestUri "invalid_request_uri";
    /// The request object is not valid (RFC 9101 §6.2).
    InvalidRequestObject "invalid_request_object";
    /// There is no such grant of the client (Grant Management for OAuth 2.0 §5.3).
    InvalidGrantId "invalid_grant_id";
    /// A redirect URI may not be registered (RFC 7591 §3.2.2).
    InvalidRedirectUri "invalid_redirect_uri";
    /// Client metadata may not be registered (RFC 7591 §3.2.2).
    InvalidClientMetadata "invalid_client_metadata";
    /// A bearer token is not valid (RFC 6750 §3.1).
    InvalidToken "invalid_token";
    /// A bearer token lacks a scope (RFC 6750 §3.1).
    InsufficientScope "insufficient_scope";
    /// A proof of possession is not valid (RFC 9449 §5, §7.1).
    InvalidDpopProof "invalid_dpop_proof";
    /// A proof of possession needs the nonce that comes with this answer (RFC 9449 §8, §9).
    UseDpopNonce "use_dpop_nonce";
    /// The proof of possession of a client attestation needs the challenge that comes with this answer
    /// (draft-ietf-oauth-attestation-based-client-auth §7.4).
    UseAttestationChallenge "use_attestation_challenge";
    /// The client attestation is not fresh enough (ibid.).
    UseFreshAttestation "use_fresh_attestation";
    /// The sign-in behind the token is too weak or too old (RFC 9470 §3).
    InsufficientUserAuthentication "insufficient_user_authentication";
    /// A sign-in as sure as is asked for cannot be had (OpenID Connect Unmet Authentication Requirements §2).
    UnmetAuthenticationRequirements "unmet_authentication_requirements";
    /// Authorization details are of an unknown type, malformed or wider than they may be (RFC 9396 §5).
    InvalidAuthorizationDetails "invalid_authorization_details";
    /// The authorization details of a token do not allow the call (draft-ietf-oauth-rar-metadata-remediation).
    InsufficientAuthorization "insufficient_authorization";
    /// This kind of token cannot be revoked (RFC 7009 §2.2.1).
    UnsupportedTokenType "unsupported_token_type";
    /// The hint leads to nobody (OpenID Connect CIBA Core §13).
    UnknownUserId "unknown_user_id";
    /// The binding message cannot be shown (OpenID Connect CIBA Core §13).
    InvalidBindingMessage "invalid_binding_message";
}

impl OAuthError {
    /// The code of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|e| e.code() == word)
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for &e in OAuthError::ALL {
            assert_eq!(OAuthError::parse(e.code()), Some(e));
        }
        assert_eq!(OAuthError::parse("Invalid_Request"), None);
    }
}
