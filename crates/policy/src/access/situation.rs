//! What is judged, and what is known of it.

use prokura_core::{
    Action, AgentId, Attested, ClientId, Fact, FactName, Principal, ScopeSet, SignIn, Timestamp, WorkloadId,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Where in the life of an authority the question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// A token is issued: of a code, a device, a client's own authority, a workload's evidence, an assertion.
    Issuance,
    /// A token is renewed.
    Refresh,
    /// A token is exchanged for another (RFC 8693).
    Exchange,
    /// A call is made with a token.
    Call,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Issuance, Self::Refresh, Self::Exchange, Self::Call];

    /// Its word in configuration and the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issuance => "issuance",
            Self::Refresh => "refresh",
            Self::Exchange => "exchange",
            Self::Call => "call",
        }
    }

    /// The stage of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Where in the life of the authority.
    pub stage: Stage,
    /// Whose authority is used; nobody's at a public resource.
    pub subject: Option<&'a Principal>,
    /// Who uses it.
    pub agent: Option<&'a AgentId>,
    /// By which client.
    pub client: Option<&'a ClientId>,
    /// The attested instance that asks, if there is one.
    pub workload: Option<&'a Attested>,
    /// The name of the resource.
    pub resource: &'a str,
    /// What shall be done there; `None` when a token is issued, and for messages that touch nothing.
    pub action: Option<&'a Action>,
    /// The scopes that are asked for or held.
    pub scopes: &'a ScopeSet,
    /// Where the caller is, as far as is known: behind proxies that are trusted, what they say of it.
    pub address: Option<IpAddr>,
    /// How the user behind the authority signed in.
    pub sign_in: Option<SignIn>,
    /// The time.
    pub now: Timestamp,
}

impl Situation<'_> {
    /// The id of the attested instance.
    pub fn workload_id(&self) -> Option<&WorkloadId> {
        self.workload.map(|w| &w.workload)
    }
}

/// What is known of one request. One value is made for each request, so that every policy sees the same.
pub trait Facts: Send + Sync {
    /// The fact of that name, stale or not; `None` if nothing is known. Must be cheap: a decision asks for each fact that
    /// a policy in force names, once.
    fn fact(&self, name: &FactName) -> Option<Arc<Fact>>;
}

/// Where the facts of a situation come from.
pub trait Sources: Send + Sync + 'static {
    /// What is known of this situation. Called only if a policy concerns it.
    fn facts<'a>(&'a self, situation: &'a Situation<'a>) -> Box<dyn Facts + 'a>;

    /// What was decided, for those who learn of it.
    fn note(&self, situation: &Situation<'_>, permitted: bool) {
        let _ = (situation, permitted);
    }

    /// A call of the agent was refused before conditions were looked at, for those who count it.
    fn note_refused(&self, agent: &AgentId, now: Timestamp) {
        let _ = (agent, now);
    }

    /// Evidence of the agent's workload was shown again with another key than at first, for those who remember it.
    fn note_reused(&self, agent: &AgentId, now: Timestamp) {
        let _ = (agent, now);
    }
}

/// Facts that were put together beforehand: for tests, and for the question what would be.
#[derive(Debug, Clone, Default)]
pub struct FixedFacts(BTreeMap<FactName, Arc<Fact>>);

impl FixedFacts {
    /// Adds a fact, or replaces it.
    pub fn put(&mut self, name: FactName, fact: Fact) {
        self.0.insert(name, Arc::new(fact));
    }
}

impl Facts for FixedFacts {
    fn fact(&self, name: &FactName) -> Option<Arc<Fact>> {
        self.0.get(name).cloned()
    }
}

/// First `self.0`, then `self.1`.
impl<A: Facts + ?Sized, B: Facts + ?Sized> Facts for (&A, &B) {
    fn fact(&self, name: &FactName) -> Option<Arc<Fact>> {
        self.0.fact(name).or_else(|| self.1.fact(name))
    }
}
