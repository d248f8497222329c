//! Facts that others say: how many are kept, and whose signed words are believed.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// Facts that others say.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// At most so many are kept; each is held in memory by every process.
    pub most: u32,
    /// Who signs postures of hosts and workloads.
    #[serde(rename = "issuer")]
    pub issuers: Vec<FactIssuer>,
}

impl Default for Facts {
    fn default() -> Self {
        Self { most: 200_000, issuers: Vec::new() }
    }
}

/// What a fact can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactAbout {
    /// An attested running instance.
    Workload,
    /// What a workload runs on.
    Host,
    /// A registered software actor.
    Agent,
    /// An OAuth client.
    Client,
    /// A person.
    User,
}

/// Somebody whose signed postures are believed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactIssuer {
    /// What stands in `iss`, byte for byte.
    pub issuer: String,
    /// Where its public keys are; this or `jwks_file`.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// A file with its public keys (a JWK set).
    #[serde(default)]
    pub jwks_file: Option<String>,
    /// What it may speak of: `host` and `workload` unless something else is said.
    #[serde(default = "hosts_and_workloads")]
    pub about: Vec<FactAbout>,
    /// For how long a posture counts at most, whatever the token says.
    #[serde(default = "an_hour")]
    pub max_age: Span,
}

fn hosts_and_workloads() -> Vec<FactAbout> {
    vec![FactAbout::Host, FactAbout::Workload]
}

fn an_hour() -> Span {
    Span::hours(1)
}
