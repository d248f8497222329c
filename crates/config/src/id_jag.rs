//! Identity assertions (ID-JAG): whose are taken here, and for which servers they are made here.

use crate::{Linking, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Identity assertions (ID-JAG, "Enterprise-Managed Authorization" of MCP), in both directions.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdJag {
    /// Identity providers whose assertions are taken here.
    #[serde(rename = "issuer")]
    pub issuers: Vec<IdJagIssuer>,
    /// Authorization servers for which assertions are made here.
    #[serde(rename = "audience")]
    pub audiences: Vec<IdJagAudience>,
    /// How long an assertion that is made here lives; at most 10 minutes.
    pub life: Span,
}

impl Default for IdJag {
    fn default() -> Self {
        Self { issuers: Vec::new(), audiences: Vec::new(), life: Span::minutes(5) }
    }
}

/// An identity provider whose assertions are taken.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdJagIssuer {
    /// Its name, for the record and for people.
    pub name: String,
    /// Its issuer identifier, to the byte.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// What becomes of somebody whom nobody here knows: `invite` (they are refused until they connected the account by
    /// signing in), `verified_email`, or `create`.
    #[serde(default)]
    pub link: Linking,
    /// At which resources its word counts, by name; every one if nothing is said.
    #[serde(default)]
    pub resources: Option<Vec<String>>,
    /// The most scopes that it can give; all if nothing is said.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// An assertion that lives longer is refused; at most 10 minutes.
    #[serde(default = "longest")]
    pub max_life: Span,
}

fn longest() -> Span {
    Span::minutes(10)
}

/// An authorization server for which assertions are made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdJagAudience {
    /// Its issuer identifier, to the byte.
    pub issuer: String,
    /// The resources that it protects, of which a client may name one.
    pub resources: Vec<String>,
    /// The most scopes that are passed on, in that server's words.
    pub scopes: Vec<String>,
    /// Which of our clients may ask, and what each is called there: `"planner" = "https://planner.example/client.json"`.
    pub clients: BTreeMap<String, String>,
}
