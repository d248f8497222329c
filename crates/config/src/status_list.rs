//! Token Status Lists, for verifiers that ask nobody else.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// Token Status Lists (draft-ietf-oauth-status-list) at `{issuer}/status/0` and so on, for whoever verifies access tokens by
/// their signature and asks nobody else. Access tokens then name a place in one of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatusLists {
    /// Whether tokens get a place, and lists can be fetched.
    pub enabled: bool,
    /// How long a list may be kept before it is asked for again; at most 1 day. None is believed for more than twice as long.
    pub ttl: Span,
}

impl Default for StatusLists {
    fn default() -> Self {
        Self { enabled: false, ttl: Span::minutes(1) }
    }
}
