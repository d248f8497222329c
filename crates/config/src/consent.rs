//! Consent: who decides what software may do for users, and what administrators allow for groups of them.

use crate::delegation;
use crate::{Config, ConfigError, Span, check};
use prokura_core::{AgentId, ClientId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who decides what software may do for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum ConsentMode {
    /// The user. What administrators allow comes on top.
    #[default]
    Consumer,
    /// The organisation: a user can allow only what an administrator allows or lets users allow.
    Enterprise,
}

/// How consent is asked for, and how long it lasts unused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConsentPolicy {
    /// `consumer` or `enterprise`: whether users decide, or only within what administrators allow.
    pub mode: ConsentMode,
    /// What a user allowed ends when it was not used for so long.
    pub disuse: Span,
    /// Whom users ask for what they cannot allow themselves, as they read it: `the IT desk, it@example.com`.
    pub contact: Option<String>,
}

impl Default for ConsentPolicy {
    fn default() -> Self {
        Self { mode: ConsentMode::Consumer, disuse: Span::days(90), contact: None }
    }
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name. Identity providers may say of people that they are in it too: see `identity_provider.groups`.
    pub name: String,
    /// Who is in it, by user name or id (`usr_…`).
    #[serde(default)]
    pub members: Vec<String>,
}

/// What an administrator allows for the users in some groups, so that they need not be asked, or lets them allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnterpriseConsent {
    /// Its name: lower-case letters, digits, `-` and `_`. Users and the record see it.
    pub name: String,
    /// For whom: the names of groups. May be left out where nothing is allowed but only `users_may_allow` is given: then
    /// for everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Which software, by its client id; beside `agents`. If neither is given, any software, where nothing is allowed but
    /// only `users_may_allow` is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// Which agents, by id or name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// The name of the resource.
    pub resource: String,
    /// What is allowed there, without asking the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Which tools and arguments only, as the JSON text of `authorization_details` (RFC 9396).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// For how long at a time; then it is made anew while the rule is there. `tokens.grant` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// The agents that may get a part of it, by id or name; if nothing is said, those that `[[delegation]]` lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_act: Option<Vec<String>>,
    /// Whether users may end it for themselves.
    #[serde(default = "yes")]
    pub users_may_end: bool,
    /// What users may allow themselves besides, where `consent.mode` is `enterprise`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users_may_allow: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Config {
    /// Whether a group of that name is configured, or named by an identity provider's `groups`.
    pub fn has_group(&self, name: &str) -> bool {
        let said = |p: &crate::IdentityProvider| p.groups.values().any(|ours| ours == name);
        self.groups.iter().any(|g| g.name == name) || self.identity_providers.iter().any(said)
    }

    /// Checks an enterprise consent as those of the file are checked.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, the value, the reason and the fix.
    pub fn check_enterprise_consent(&self, consent: &EnterpriseConsent) -> Result<(), ConfigError> {
        check::enterprise_consent(self, consent)
    }
}

impl EnterpriseConsent {
    /// Whether it gives something without asking the user.
    pub fn gives(&self) -> bool {
        !self.scopes.is_empty() || self.details.is_some()
    }

    /// Whether it is for this software, by its client or its agent.
    pub fn is_for(&self, client: Option<&ClientId>, agent: &AgentId) -> bool {
        let any = self.clients.is_empty() && self.agents.is_empty();
        let by_client = client.is_some_and(|c| self.clients.iter().any(|id| id == c.as_str()));
        any || by_client || self.agents.iter().any(|name| delegation::agent(name).as_ref() == Some(agent))
    }

    /// The agents that may get a part of it; `None` if the rules of delegation say it.
    pub fn may_act(&self) -> Option<impl Iterator<Item = AgentId>> {
        Some(self.may_act.as_ref()?.iter().filter_map(|name| delegation::agent(name)))
    }

    /// Reads one as JSON.
    ///
    /// # Errors
    /// [`ConfigError`] says what cannot be read.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        serde_json::from_str(text).map_err(|e| {
            let fix = "write it as `{\"name\": …, \"groups\": […], \"clients\": […], \"resource\": …, \"scopes\": […]}`";
            ConfigError::value("enterprise_consent", e.to_string(), fix)
        })
    }

    /// It as JSON.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be written, which does not happen to one that was read.
    pub fn to_json(&self) -> Result<String, ConfigError> {
        serde_json::to_string(self)
            .map_err(|e| ConfigError::value("enterprise_consent", e.to_string(), "write it anew"))
    }
}
