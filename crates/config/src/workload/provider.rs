//! Providers: whose word about a running instance counts.

use schemars::JsonSchema;
use serde::Deserialize;

/// Somebody who vouches for workloads.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadProvider {
    /// Its name, for rules, the record and people.
    pub name: String,
}
