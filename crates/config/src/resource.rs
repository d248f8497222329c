//! Resources: MCP servers behind the gateway.

use crate::{AuthzenMapping, Pinning, SELF, Span, TokenView, ToolConfig, UpstreamUrl};
use prokura_core::{Acr, ActionPattern, Demand};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// An MCP server behind the gateway, at `{issuer}/mcp/{name}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceConfig {
    /// Its name in the address: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// What people call it; the name if nothing is said.
    #[serde(default)]
    pub title: Option<String>,
    /// Where the MCP server is.
    pub upstream: UpstreamUrl,
    /// Whether calls need no token. The limits apply all the same.
    #[serde(default)]
    pub public: bool,
    /// What can be asked for.
    #[serde(default)]
    pub scopes: BTreeMap<String, ScopeConfig>,
    /// What is asked for where a client names no scope; all scopes if nothing is said.
    #[serde(default)]
    pub default_scopes: Option<Vec<String>>,
    /// How many calls one caller may make.
    #[serde(default)]
    pub rate: RateLimit,
    /// Whether only tokens are issued and taken that are bound to a key (DPoP, RFC 9449).
    #[serde(default)]
    pub require_dpop: bool,
    /// Whether the gateway sends a transaction token with every call that it forwards there (header `Txn-Token`).
    #[serde(default)]
    pub transaction_tokens: bool,
    /// Whose tokens it takes: `self` for those of this server, or names of `[[authorization_server]]`; the first is
    /// the one that clients are sent to. This server's own if nothing is said.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// How tokens that come of an exchange tell their grant, where the request does not say it: `user` or `agent`.
    #[serde(default)]
    pub token_view: TokenView,
    /// What single tools are for policies, by their names, byte for byte.
    #[serde(default)]
    pub tools: BTreeMap<String, ToolConfig>,
    /// Which descriptions of its tools are taken: `first_use` (the first that is seen, until somebody approves another),
    /// `approve` (only those that an administrator approved) or `off`.
    #[serde(default)]
    pub pin: Pinning,
    /// Whether what the server says of how its tools are authorized is read (`x-authzen-mapping`, COAZ-MCP): `off` or
    /// `read`. What a binding says stands above it.
    #[serde(default)]
    pub authzen_mapping: AuthzenMapping,
}

impl ResourceConfig {
    /// What people call it.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }

    /// Whether it takes tokens of this server.
    pub fn takes_own_tokens(&self) -> bool {
        self.authorization_servers.is_empty() || self.authorization_servers.iter().any(|s| s == SELF)
    }
}

/// A scope: a permission that a user can read, and the actions it bundles.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeConfig {
    /// What it allows, as a sentence begins: `Read sales reports`.
    pub title: String,
    /// `tool:NAME`, `resource:URI` or `prompt:NAME`; a `*` may stand at the end.
    #[serde(deserialize_with = "patterns")]
    #[schemars(with = "Vec<String>")]
    pub actions: Vec<ActionPattern>,
    /// What it asks of the user's sign-in, at every call (RFC 9470): nothing more if nothing is said.
    #[serde(default)]
    pub sign_in: Option<SignInDemand>,
}

/// What of a sign-in is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInDemand {
    /// How surely: `mfa` (two factors) or `phr` (a passkey).
    #[serde(default, deserialize_with = "acr")]
    #[schemars(with = "Option<String>")]
    pub acr: Option<Acr>,
    /// How long ago at most.
    #[serde(default)]
    pub max_age: Option<Span>,
}

impl SignInDemand {
    /// As a decision looks at it.
    pub fn to_demand(self) -> Demand {
        Demand { acr: self.acr, max_age: self.max_age.map(|age| age.get().as_secs()) }
    }
}

fn acr<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Acr>, D::Error> {
    let word = String::deserialize(d)?;
    let unknown = || serde::de::Error::custom(format!("`{word}` is no class of sign-in: use `mfa` or `phr`"));
    Acr::parse(&word).map(Some).ok_or_else(unknown)
}

fn patterns<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<ActionPattern>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    texts.iter().map(|t| ActionPattern::parse(t).map_err(serde::de::Error::custom)).collect()
}

/// How many calls one caller may make: `calls` at once and `calls` in every `per` after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// So many calls.
    pub calls: u32,
    /// In so long.
    pub per: Span,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { calls: 6_000, per: Span::minutes(1) }
    }
}
