//! The decision point that others ask: the OpenID AuthZEN Authorization API.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `[[client.grant]] resource` says for the decision point; no `[[resource]]` may have this name once a client has
/// such a grant.
pub const AUTHZEN: &str = "authzen";

/// Where the decision point is below the issuer.
pub const AUTHZEN_PATH: &str = "/access/v1";

/// The scope of single and several evaluations.
pub const AUTHZEN_EVALUATE: &str = "authzen:evaluate";
/// The scope of searches.
pub const AUTHZEN_SEARCH: &str = "authzen:search";
/// The scope of saying what is known of somebody or something.
pub const AUTHZEN_ASSERT: &str = "authzen:assert";

/// Every scope of the decision point, and what it allows.
pub const AUTHZEN_SCOPES: &[(&str, &str)] = &[
    (AUTHZEN_EVALUATE, "Ask whether somebody may do something"),
    (AUTHZEN_SEARCH, "Ask who may do something, to what, and what somebody may do"),
    (AUTHZEN_ASSERT, "Say what is known of subjects and resources, and facts, in what is asked"),
];

/// The OpenID AuthZEN Authorization API 1.0 at `{issuer}/access/v1`: others ask the policies of `[policy]`. It is on if a
/// client has a `[[client.grant]]` with `resource = "authzen"`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authzen {
    /// Which decisions are recorded. Searches are, by one entry each, unless it is `none`.
    pub record: AuthzenRecord,
    /// What a deny tells whoever asked: nothing, what it says for people (`@note`), or also which rules denied it.
    pub reasons: AuthzenReasons,
    /// What becomes of a permit with obligations that whoever asks did not say to know (`context.supported_obligations`).
    /// A program that ignores obligations takes such an answer for a permit without any, so it is denied.
    pub undeclared_obligations: UndeclaredObligations,
    /// What types are called in policies, where the names differ: `{ user = "User" }`. `user` is `User` and `agent` is
    /// `Agent` unless something else is said.
    pub kinds: BTreeMap<String, String>,
    /// Which actions a search for actions tries, by type of resource; `"*"` for all other types.
    pub actions: BTreeMap<String, Vec<String>>,
    /// At most so many results in one answer of a search.
    pub page: u32,
    /// At most so many candidates are decided for one answer of a search; the next page goes on from there.
    pub candidates: u32,
    /// What single clients may ask about. A client that is not named here may ask about everything.
    #[serde(rename = "caller")]
    pub callers: Vec<AuthzenCaller>,
}

impl Default for Authzen {
    fn default() -> Self {
        Self {
            record: AuthzenRecord::default(),
            reasons: AuthzenReasons::default(),
            undeclared_obligations: UndeclaredObligations::default(),
            kinds: BTreeMap::new(),
            actions: BTreeMap::new(),
            page: 1000,
            candidates: 10_000,
            callers: Vec::new(),
        }
    }
}

impl Authzen {
    /// What types are called in policies: theirs, then ours.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        let usual = [("user", "User"), ("agent", "Agent")];
        let said = self.kinds.iter().map(|(theirs, ours)| (theirs.as_str(), ours.as_str()));
        said.chain(usual.into_iter().filter(|(theirs, _)| !self.kinds.contains_key(*theirs)))
    }
}

/// Which decisions are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthzenRecord {
    /// All, before they are answered.
    #[default]
    All,
    /// Those that deny.
    Denied,
    /// None: whoever asks keeps a record.
    None,
}

/// What a deny tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthzenReasons {
    /// Nothing.
    None,
    /// What rules say for people.
    #[default]
    User,
    /// Also which rules, and what went wrong.
    Admin,
}

/// What becomes of a permit with obligations that whoever asks does not say to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndeclaredObligations {
    /// It is denied.
    #[default]
    Deny,
    /// It is sent: every program that asks is known to deny what it cannot meet.
    Send,
}

/// What a client may ask about.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthzenCaller {
    /// Its `client_id`.
    pub client: String,
    /// Types of subjects, as they are written in requests; any if nothing is said.
    #[serde(default)]
    pub subjects: Option<Vec<String>>,
    /// Types of resources; any if nothing is said.
    #[serde(default)]
    pub resources: Option<Vec<String>>,
}
