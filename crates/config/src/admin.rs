//! The administration API: who may use it, and for what.

use schemars::JsonSchema;
use serde::Deserialize;

/// What `[[client.grant]] resource` says for the administration API; no `[[resource]]` may have this name.
pub const ADMIN: &str = "admin";

/// Where the administration API is below the issuer.
pub const ADMIN_PATH: &str = "/api/admin/v1";

/// Every scope of the administration API, and what it allows. Whoever adds a route with a new scope adds a line here.
pub const ADMIN_SCOPES: &[(&str, &str)] = &[
    ("access:read", "See the conditions of access, and ask what they would decide"),
    ("access:write", "Change the conditions of access and answer approvals"),
    ("approvals:read", "See the calls that wait for somebody to agree, and how people decide"),
    (
        "approvals:write",
        "Refuse calls, agree to those that an operator may agree to, and look at others afterwards",
    ),
    ("consents:read", "See what is allowed for groups of users, and what users could not allow"),
    ("consents:write", "Allow software something for groups of users, and end it"),
    ("facts:read", "See what is known about workloads, agents, users, clients and hosts"),
    ("facts:write", "Say what is known about workloads, agents, users, clients and hosts"),
    ("grants:read", "See grants, and what came of them"),
    ("grants:write", "Take something away from grants, stop and end them"),
    ("policy:read", "See policies and their versions, check texts, and ask what would be decided and why"),
    ("policy:write", "Put versions of policies in force, and tell what is known of entities"),
    ("posture:write", "Deliver postures that a configured issuer signed"),
    ("relations:read", "See who has which relation to what, and the model"),
    ("relations:write", "Change who has which relation to what, and the model"),
    ("signals:read", "See the streams of shared signals"),
    ("signals:write", "Send security events, and change the streams of shared signals"),
    ("tools:read", "See how the tools of MCP servers are described, and what changed in it"),
    ("tools:write", "Approve descriptions of tools"),
    ("workloads:read", "See providers, rules and workloads, and try tokens of workloads"),
    ("workloads:write", "Change the rules from workloads to agents, and disable workloads"),
];

/// The administration API at `{issuer}/api/admin/v1`. It is on if a client has a `[[client.grant]]` with
/// `resource = "admin"`.
#[derive(Debug, Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Whether only tokens are issued and taken there that are bound to a key (DPoP, RFC 9449).
    pub require_dpop: bool,
}

/// Whether the administration API has a scope of that name.
pub(crate) fn has_scope(name: &str) -> bool {
    ADMIN_SCOPES.iter().any(|(scope, _)| *scope == name)
}
