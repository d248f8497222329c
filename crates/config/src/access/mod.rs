//! Conditional access: what must be so for an authority to be used, and what follows if it is not.

mod condition;
mod judge;
#[cfg(test)]
mod tests;

pub use condition::{ConditionConfig, DaysConfig, FactLiteral, TimeConfig, UnknownConfig, WindowConfig};
pub(crate) use judge::policies;

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// The first words of the facts that there are: who says them stands in the guide to conditional access.
pub const FACT_ROOTS: [&str; 8] =
    ["approval", "behaviour", "custom", "network", "posture", "risk", "sign_in", "workload"];

/// What a resource is called in policies that is none of `[[resource]]`: the administration API, `/grants` and `/userinfo`.
pub const OWN_RESOURCES: [&str; 3] = ["admin", "grants", "userinfo"];

/// A policy of conditional access. It takes away and never gives; several come to the strictest of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessPolicyConfig {
    /// Its name: lower-case letters, digits and `_`, beginning with a letter. An approval of it is the fact
    /// `approval.NAME`.
    pub name: String,
    /// What it is for, for people.
    #[serde(default)]
    pub title: Option<String>,
    /// `on`; `report-only`: what it would have done stands in the record, and nothing follows; `off`.
    #[serde(default)]
    pub mode: AccessMode,
    /// Whom it concerns: everything if nothing is said.
    #[serde(default)]
    pub applies: AppliesConfig,
    /// What must be so. If nothing is said, nothing helps: `otherwise` follows always.
    #[serde(default)]
    pub requires: Option<ConditionConfig>,
    /// What follows if it is not so: `deny`, `approval`, `quarantine`, or a table with `without` and `life` that says what
    /// is taken away.
    #[serde(default)]
    pub otherwise: OtherwiseConfig,
    /// What follows from a test whose fact is unknown or stale, unless the test says: `deny`; `otherwise`, as if the test
    /// were not met; `pass`, as if it were not there.
    #[serde(default)]
    pub unknown: UnknownConfig,
}

/// Whether a policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "kebab-case")]
pub enum AccessMode {
    /// It counts.
    #[default]
    On,
    /// It is weighed and recorded, and nothing follows.
    ReportOnly,
    /// It is not weighed.
    Off,
}

/// Whom a policy concerns: all that is named must hold, and what is left out holds for everything.
#[derive(Debug, Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AppliesConfig {
    /// These agents, by the names that clients and workload rules give them, or by id (`agt_…`).
    pub agents: Vec<String>,
    /// The authority of these users, by id (`usr_…`).
    pub users: Vec<String>,
    /// These clients, by `client_id`.
    pub clients: Vec<String>,
    /// These resources, by name; also `admin`, `grants` and `userinfo`.
    pub resources: Vec<String>,
    /// These actions: `tool:NAME`, `resource:URI` or `prompt:NAME`; a `*` may stand at the end. The policy then concerns
    /// calls only, for a token is issued for no single action.
    pub actions: Vec<String>,
    /// `issuance`, `refresh`, `exchange`, `call`.
    pub stages: Vec<AccessStage>,
    /// Workloads that these providers vouch for, by name.
    pub providers: Vec<String>,
}

/// Where in the life of an authority a policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessStage {
    /// A token is issued.
    Issuance,
    /// A token is renewed.
    Refresh,
    /// A token is exchanged for another.
    Exchange,
    /// A call is made.
    Call,
}

/// What follows if a policy's conditions are not met.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`deny`, `approval`, `quarantine`, or a table with `without` and `life`")]
pub enum OtherwiseConfig {
    /// One of the words.
    Word(OtherwiseWord),
    /// Less is given.
    Less(NarrowConfig),
}

impl Default for OtherwiseConfig {
    fn default() -> Self {
        Self::Word(OtherwiseWord::Deny)
    }
}

/// What follows if a policy's conditions are not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OtherwiseWord {
    /// Nothing is given.
    Deny,
    /// A person must agree first.
    Approval,
    /// Nothing is given, and the workload, or else the agent, is disabled until an operator enables it.
    Quarantine,
}

/// What is taken from an authority.
#[derive(Debug, Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct NarrowConfig {
    /// These scopes.
    pub without: Vec<String>,
    /// A token that is issued lives at most so long.
    pub life: Option<Span>,
}
