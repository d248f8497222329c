//! Who may exchange a token for one of somebody else's authority: rules of delegation, and the policies by which a token
//! does not say who acts.

use crate::{ClientConfig, Config, GrantType, SignInDemand, Span};
use prokura_core::AgentId;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The most agents that may stand in a chain.
pub const MAX_DEPTH: u8 = 5;

/// By which authority at one resource is passed on to another agent (RFC 8693), at the same resource or at another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationRule {
    /// Its name, for the record and for people.
    pub name: String,
    /// The name of the resource whose tokens are exchanged.
    pub at: String,
    /// The agents whose tokens are exchanged. If nothing is said: anybody's, but only by a client that is the resource's
    /// own server (`client.introspects` names it).
    #[serde(default)]
    pub from: Vec<String>,
    /// The agents that get a part of the authority.
    pub to: Vec<String>,
    /// The name of the resource where they get it; `at` if nothing is said.
    #[serde(default)]
    pub resource: Option<String>,
    /// For each scope there, the scopes here that it is worth: `read = ["crm:read"]`. May be left out where both are the
    /// same resource: then everything there can be passed on.
    #[serde(default)]
    pub give: BTreeMap<String, Vec<String>>,
    /// For each tool there, the tools here that it is worth, where an authority is bounded by tools and arguments
    /// (`authorization_details`). Constraints on arguments go along. Without this table such an authority is not passed
    /// on to another resource.
    #[serde(default)]
    pub tools: BTreeMap<String, Vec<String>>,
    /// The most agents of the chain, whoever gets the authority among them: at most 5.
    #[serde(default = "most")]
    pub depth: u8,
    /// For how long it is given at a time; as long as the authority itself if nothing is said.
    #[serde(default)]
    pub lasts: Option<Span>,
    /// What is asked of the user's sign-in besides, at every use (RFC 9470).
    #[serde(default)]
    pub sign_in: Option<SignInDemand>,
    /// Which views tokens may have: `user`, `agent`. Both if nothing is said.
    #[serde(default = "both")]
    pub views: Vec<TokenView>,
}

fn most() -> u8 {
    MAX_DEPTH
}

fn both() -> Vec<TokenView> {
    vec![TokenView::User, TokenView::Agent]
}

/// How a token tells its grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenView {
    /// The user is the subject; who acts stands in `act`.
    #[default]
    User,
    /// The agent is the subject; the user stands in `on_behalf_of`.
    Agent,
}

/// By which a client gets tokens of users that do not say who acts. Nothing else yields such a token, and each is recorded
/// with the reason.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpersonationRule {
    /// Its name, for the record and for people.
    pub name: String,
    /// The clients.
    pub clients: Vec<String>,
    /// The users, by user name or id (`usr_…`).
    #[serde(default)]
    pub users: Vec<String>,
    /// The groups whose users are meant besides.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The names of the resources.
    pub resources: Vec<String>,
    /// The most scopes.
    pub scopes: Vec<String>,
    /// Why this is done, for the record: `The billing system predates act and is replaced in 2027`.
    pub reason: String,
    /// For how long it is given at a time, at most 24 hours; 1 hour if nothing is said.
    #[serde(default = "hour")]
    pub lasts: Span,
}

fn hour() -> Span {
    Span::hours(1)
}

/// Token exchange (RFC 8693).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// Issuers whose tokens say who the user is.
    #[serde(rename = "issuer")]
    pub issuers: Vec<SubjectIssuer>,
}

/// An issuer whose tokens say who the user is, for whose authority a client then gets a token. The authority itself is
/// what the user or an administrator allowed here.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectIssuer {
    /// Its name, for the record and for people.
    pub name: String,
    /// Its issuer identifier, to the byte. People are known by it and their subject there, once they signed in by the
    /// identity provider of the same issuer.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// For each client, the values of `aud` that its tokens have, to the byte: a token for anybody else is refused.
    pub clients: BTreeMap<String, Vec<String>>,
    /// The accepted `typ`s: `JWT`, which is also meant by none, if nothing is said.
    #[serde(default = "plain")]
    pub types: Vec<String>,
    /// A token that lives longer is refused; at most 24 hours.
    #[serde(default = "hour")]
    pub max_life: Span,
}

fn plain() -> Vec<String> {
    vec!["JWT".to_owned()]
}

impl DelegationRule {
    /// The name of the resource where the authority is given.
    pub fn resource(&self) -> &str {
        self.resource.as_deref().unwrap_or(&self.at)
    }

    /// Whether the authority stays at its resource.
    pub fn stays(&self) -> bool {
        self.resource() == self.at
    }
}

impl DelegationRule {
    /// The agents whose tokens are exchanged.
    pub fn from_agents(&self) -> impl Iterator<Item = AgentId> {
        self.from.iter().filter_map(|name| agent(name))
    }

    /// The agents that get a part of the authority.
    pub fn to_agents(&self) -> impl Iterator<Item = AgentId> {
        self.to.iter().filter_map(|name| agent(name))
    }
}

impl ClientConfig {
    /// Its agent, by id.
    pub fn agent_id(&self) -> Option<AgentId> {
        agent(self.agent.as_deref().unwrap_or(&self.id))
    }
}

impl Config {
    /// Whether tokens are exchanged: some client may, or a rule is there.
    pub fn exchanges(&self) -> bool {
        let may = |c: &ClientConfig| c.grant_types.contains(&GrantType::TokenExchange);
        !self.delegations.is_empty() || !self.impersonations.is_empty() || self.clients.iter().any(may)
    }

    /// The agents that the file knows: those of clients, and those of rules about workloads.
    pub fn agents(&self) -> BTreeSet<AgentId> {
        let of_clients = self.clients.iter().filter_map(ClientConfig::agent_id);
        of_clients.chain(self.workload.rules.iter().filter_map(|r| agent(&r.agent))).collect()
    }
}

/// The agent of that name or id.
pub(crate) fn agent(name: &str) -> Option<AgentId> {
    let bare = name.strip_prefix(AgentId::PREFIX).unwrap_or(name);
    AgentId::parse(format!("{}{bare}", AgentId::PREFIX)).ok()
}
