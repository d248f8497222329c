//! Policies: the sets that decide, what they know of entities, roles.

use crate::{SecretRef, Span, UpstreamUrl};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Policies. Without a set, nothing is asked and nobody notices; with one, what no policy permits is denied.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// `on`; `report_only`: what the policies would have done stands in the record, and nothing follows. It holds for all
    /// sets; each may say `report_only` for itself.
    pub mode: PolicyMode,
    /// How often files of policies and entities are looked at; a changed set that validates is then in force.
    pub reload: Span,
    /// The sets. All of them are asked: a deny wins, and at least one must permit.
    #[serde(rename = "set")]
    pub sets: Vec<PolicySet>,
    /// Entities that the policies speak of, besides users, groups, roles and agents.
    pub entities: Vec<PolicyEntities>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { mode: PolicyMode::On, reload: Span::seconds(2), sets: Vec::new(), entities: Vec::new() }
    }
}

/// Whether policies count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum PolicyMode {
    /// They count.
    #[default]
    On,
    /// They are asked, what they would have changed is recorded, and nothing follows.
    #[serde(alias = "report-only")]
    ReportOnly,
}

impl PolicyMode {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::ReportOnly => "report_only",
        }
    }
}

/// What policies are written in, or who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyLanguage {
    /// Cedar.
    #[default]
    Cedar,
    /// Rego, decided here.
    Rego,
    /// Polar, as the `oso` library reads it.
    Polar,
    /// An Open Policy Agent elsewhere, by its REST API.
    Opa,
    /// A decision point elsewhere, by AuthZEN.
    Authzen,
}

impl PolicyLanguage {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cedar => "cedar",
            Self::Rego => "rego",
            Self::Polar => "polar",
            Self::Opa => "opa",
            Self::Authzen => "authzen",
        }
    }

    /// Whether somebody elsewhere is asked.
    pub fn is_remote(self) -> bool {
        matches!(self, Self::Opa | Self::Authzen)
    }
}

/// A set of policies: files of one language, or a decision point elsewhere.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// Its name: lower-case letters, digits, `-` and `_`. The record names it beside every rule that decided.
    pub name: String,
    /// `cedar`, `rego` or `polar`, of `files`; `opa` or `authzen`, at `url`. Cedar if nothing is said.
    #[serde(default)]
    pub language: PolicyLanguage,
    /// The files, or folders of them.
    #[serde(default)]
    pub files: Vec<String>,
    /// For `cedar`: the schema, in Cedar's own syntax (or JSON, where the name ends with `.json`). With one, policies are
    /// validated strictly before they are in force.
    #[serde(default)]
    pub schema: Option<String>,
    /// Where the decision point is: for `opa` the address of the rule (`http://127.0.0.1:8181/v1/data/prokura`), for
    /// `authzen` its address (`https://pdp.example`).
    #[serde(default)]
    pub url: Option<UpstreamUrl>,
    /// What is sent there as bearer token.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// How long its answer may take: `250ms`, `2s`. Who does not answer in time has denied.
    #[serde(default)]
    pub timeout: Option<Patience>,
    /// `on`, or `report_only`.
    #[serde(default)]
    pub mode: PolicyMode,
}

impl PolicySet {
    /// How long its answer may take, where it is elsewhere: half a second unless something else is said.
    pub fn patience(&self) -> Duration {
        self.timeout.map_or(Duration::from_millis(500), Patience::get)
    }
}

/// Entities in files.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyEntities {
    /// The files: JSON as Cedar writes entities, `[{"uid": …, "attrs": …, "parents": […]}]`.
    pub files: Vec<String>,
}

/// A role: what policies name `Role::"NAME"`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who has it: user names or ids (`usr_…`), agents by id (`agt_…`), groups as `group:NAME`, and other roles as
    /// `role:NAME`, whoever has which has this one too.
    #[serde(default)]
    pub members: Vec<String>,
}

/// A short time: a whole number and `ms` or `s`, at most 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Patience(Duration);

impl Patience {
    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Patience {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let (number, unit) = s.split_at(s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len()));
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            _ => 0,
        };
        let millis = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
        match millis {
            Some(millis @ 1..=30_000) => Ok(Self(Duration::from_millis(millis))),
            _ => Err(format!("`{s}` is no short time: write `250ms` or `2s`, at most `30s`")),
        }
    }
}
