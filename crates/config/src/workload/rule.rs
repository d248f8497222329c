//! Rules: from verified claims to an agent and what it may do.

use crate::{ConfigError, ConfiguredGrant, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rule: the workloads of one provider whose claims are so belong to this agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadRule {
    /// Its name, for people and the record.
    pub name: String,
    /// The name of the `[[workload.provider]]` whose word it takes.
    pub provider: String,
    /// The agent whose workloads these are.
    pub agent: String,
    /// What the verified claims must be, all of it: `{ namespace = "agents", service_account = "planner" }`. At least one
    /// claim, and none that every token of the provider has alike.
    pub when: BTreeMap<String, ClaimMatcher>,
    /// What they may do by themselves, per resource.
    #[serde(default, rename = "grant", skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<ConfiguredGrant>,
    /// Whether a proof of possession (DPoP) must come with the evidence, to which the token is bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_key: bool,
    /// How long a token lives; at most 10 minutes, and never longer than the evidence. `tokens.access` if nothing is
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<Span>,
}

impl WorkloadRule {
    /// Reads a rule as JSON.
    ///
    /// # Errors
    /// [`ConfigError`] says what cannot be read.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        serde_json::from_str(text).map_err(|e| {
            let fix =
                "write it as `{\"name\": …, \"provider\": …, \"agent\": …, \"when\": {…}, \"grant\": […]}`";
            ConfigError::value("workload.rule", e.to_string(), fix)
        })
    }

    /// The rule as JSON.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be written, which does not happen to a rule that was read.
    pub fn to_json(&self) -> Result<String, ConfigError> {
        serde_json::to_string(self)
            .map_err(|e| ConfigError::value("workload.rule", e.to_string(), "write it anew"))
    }
}

/// What is asked of one claim. Comparison is typed: the number 1 is not the text `1`, and nothing is a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimMatcher {
    /// Exactly this: `"agents"`, `42`, `true`.
    Is(ClaimWord),
    /// One of several ways to ask for more than one value.
    Table(ClaimTable),
}

/// A value of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimWord {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// Ways to ask for more than one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ClaimTable {
    /// One of these: `{ one_of = ["main", "release"] }`.
    OneOf(Vec<ClaimWord>),
    /// A text that begins so and goes on, up to a boundary that stands at its end (`/` or `:`):
    /// `{ under = "refs/heads/" }`.
    Under(String),
    /// A list that contains this text: `{ has = "system:serviceaccounts" }`.
    Has(String),
}
