//! Proofs of possession.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// Proofs of possession (RFC 9449): any client may use them; nonces are by choice.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dpop {
    /// Whether `/token` and `/par` take only proofs with a nonce of theirs, so that none can be made in advance.
    pub server_nonces: bool,
    /// Whether the gateway takes only proofs with a nonce of its own.
    pub gateway_nonces: bool,
    /// How long a nonce is good; at most 5 minutes.
    pub nonce_life: Span,
}

impl Default for Dpop {
    fn default() -> Self {
        Self { server_nonces: false, gateway_nonces: false, nonce_life: Span::minutes(2) }
    }
}
