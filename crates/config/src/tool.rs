//! Bindings: what single tools are for policies.

use prokura_core::{Path, Selector};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Which descriptions of tools are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pinning {
    /// The first that is seen. A tool whose description changes is not shown and not called until somebody approved it.
    #[default]
    FirstUse,
    /// Those that an administrator approved, from the first on.
    Approve,
    /// Any: descriptions are not looked at.
    Off,
}

/// Whether what servers say of how their tools are authorized is read (`x-authzen-mapping`, COAZ-MCP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthzenMapping {
    /// It is not.
    #[default]
    Off,
    /// It says what is done and to what, where the operator does not.
    Read,
}

/// What a tool is for policies.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolConfig {
    /// What policies call what it does: `view`, `modify`. The tool's own name if nothing is said.
    #[serde(default)]
    pub action: Option<String>,
    /// What it is done to, where an argument names it; the tool itself if nothing is said.
    #[serde(default)]
    pub target: Option<TargetConfig>,
    /// Which list in its result is released row by row, as policies permit each row.
    #[serde(default)]
    pub rows: Option<RowsConfig>,
    /// What is done with arguments that its input schema does not name.
    #[serde(default)]
    pub arguments: ArgumentsConfig,
    /// How much it can harm, for policies and for those who are asked; by its hints if nothing is said.
    #[serde(default)]
    pub risk: Option<Risk>,
    /// Whether what it does can be undone; by its hints if nothing is said.
    #[serde(default)]
    pub reversible: Option<bool>,
    /// Whether what it answers may name the targets of later calls: a directory, the user's own files.
    #[serde(default)]
    pub trusted: bool,
}

/// An entity that an argument names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// What sort of entity: `Employee`.
    pub kind: String,
    /// The argument that names it: `.id`.
    #[serde(deserialize_with = "path")]
    #[schemars(with = "String")]
    pub id: Path,
}

/// A list in a result, and what a row of it is for policies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowsConfig {
    /// The list: `$.employees`.
    #[serde(deserialize_with = "selector")]
    #[schemars(with = "String")]
    pub at: Selector,
    /// What sort of entity a row is: `Employee`.
    pub kind: String,
    /// The member of a row that is its id.
    pub id: String,
    /// What must be permitted on a row: `view`.
    pub action: String,
    /// Members of a row that name another entity by its id alone, each with the kind of that entity:
    /// `{ manager = "User" }`.
    #[serde(default)]
    pub references: BTreeMap<String, String>,
}

/// What is done with arguments that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentsConfig {
    /// They pass where the schema lets them.
    #[default]
    Open,
    /// They are refused, and so is a call of a tool whose schema is not known.
    Strict,
}

/// How much a tool can harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl Risk {
    /// Its word, as policies see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

fn path<'de, D: Deserializer<'de>>(d: D) -> Result<Path, D::Error> {
    Path::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
}

fn selector<'de, D: Deserializer<'de>>(d: D) -> Result<Selector, D::Error> {
    Selector::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
}
