//! Workloads: whose word about a running instance counts, and which agent it then is.

mod attester;
mod claim;
mod key;
mod provider;
mod rule;
mod spiffe;

pub use attester::AttesterDoor;
pub use claim::{ClaimKind, KnownClaim, known_claims};
pub use key::{AttestedClaim, PlatformName, Replay, TokenReview};
pub use provider::WorkloadProvider;
pub use rule::{ClaimMatcher, ClaimTable, ClaimWord, WorkloadRule};
pub use spiffe::{EndpointProfile, SpiffeBundle};

use crate::{Config, ConfigError, check};
use schemars::JsonSchema;
use serde::Deserialize;

/// Workloads that prove who they are by what their infrastructure says.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Whose word counts: clusters, clouds, trust domains, pipelines.
    #[serde(rename = "provider")]
    pub providers: Vec<WorkloadProvider>,
    /// Which workloads belong to which agent, and what they may do; the first rule that matches counts.
    #[serde(rename = "rule")]
    pub rules: Vec<WorkloadRule>,
    /// The door for evidence that is no token: `/attest`.
    pub attester: AttesterDoor,
    /// Whether an assertion at the jwt-bearer grant may name the address of the token endpoint as its audience, instead
    /// of the issuer. Off unless a platform can ask for no other audience.
    pub accept_token_endpoint_audience: bool,
}

impl Workload {
    /// The rule of that name.
    pub fn rule(&self, name: &str) -> Option<&WorkloadRule> {
        self.rules.iter().find(|r| r.name == name)
    }

    /// The provider of that name.
    pub fn provider(&self, name: &str) -> Option<&WorkloadProvider> {
        self.providers.iter().find(|p| p.name == name)
    }
}

impl Config {
    /// Checks a rule about workloads that does not stand in the file, as those of the file are checked.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, the value, the reason and the fix.
    pub fn check_workload_rule(&self, rule: &WorkloadRule) -> Result<(), ConfigError> {
        check::workload_rule(self, rule)
    }
}
