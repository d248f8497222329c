//! Tokens and the keys that sign them.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// With which algorithm access tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
pub enum TokenAlgorithm {
    /// ECDSA on P-256.
    #[default]
    ES256,
    /// Ed25519.
    EdDSA,
    /// RSA, PKCS #1 v1.5, 2,048 bits.
    RS256,
}

/// Life times and algorithm of tokens.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// How long an access token lives; at most 1 hour.
    pub access: Span,
    /// How long a refresh token lives unused.
    pub refresh: Span,
    /// How long an authorization code lives; at most 10 minutes.
    pub code: Span,
    /// The longest that a user is offered for a consent.
    pub grant: Span,
    /// For how long a refresh may be repeated after a lost response.
    pub refresh_retry: Span,
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: TokenAlgorithm,
    /// The audience rule of client assertions (RFC 10070): whether the token endpoint's address is accepted
    /// beside the issuer. Off unless an old client needs it.
    pub accept_token_endpoint_audience: bool,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            access: Span::minutes(5),
            refresh: Span::days(30),
            code: Span::minutes(1),
            grant: Span::days(90),
            refresh_retry: Span::seconds(30),
            algorithm: TokenAlgorithm::ES256,
            accept_token_endpoint_audience: false,
        }
    }
}

/// Signing keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// A key signs for so long.
    pub rotate_every: Span,
    /// A key is published so long before it signs, so that every verifier has it.
    pub publish_before: Span,
}

impl Default for Keys {
    fn default() -> Self {
        Self { rotate_every: Span::days(30), publish_before: Span::hours(1) }
    }
}
