//! Workloads at the door: what its infrastructure says of a running instance is verified, a rule leads from there to an
//! agent, and what comes of it is short and on record.
//!
//! Three doors are here: evidence as an authorization grant (`grant.rs`: RFC 7523 §2.1, MCP workload identity federation),
//! as a client's authentication (`client.rs`: RFC 7523 §2.2), and as the certificate of a connection (`svid.rs`). All
//! present evidence by [`Presented`], so that whoever is disabled, whatever was shown before and whatever is bound to a key
//! is asked at one place.

mod client;
mod examine;
mod fault;
mod grant;
mod presented;
mod register;
mod rules;
mod svid;

pub(crate) use client::{Caller, by_assertion};
pub use examine::{Examination, TriedRule, examine};
pub use fault::WorkloadFault;
pub(crate) use grant::{Asked, Wanted, accept, give, is_for};
pub(crate) use presented::{Presented, Spending};
use rules::InForce;
pub(crate) use svid::{by_certificate, own as own_by_certificate, shown as svid_shown};

use crate::grants::OwnGrants;
use crate::server::AppState;
use prokura_attest::Providers;
use prokura_config::{Config, Workload};
use prokura_core::{AgentId, Timestamp};
use prokura_store::Agent;
use register::Register;
use rules::Rulebook;
use std::sync::Arc;

/// An agent that rules lead to, as it enters the register of agents.
pub(crate) fn agent_row(agent: &AgentId, now: Timestamp) -> Agent {
    let name = agent.as_str().strip_prefix(AgentId::PREFIX).unwrap_or(agent.as_str()).to_owned();
    Agent { id: agent.clone(), name, disabled: false, created_at: now }
}

/// The row of a workload that is to be written now, if it is.
pub(crate) fn seen(app: &AppState, shown: &Presented, agent: &AgentId) -> Option<prokura_store::Workload> {
    app.workloads.register.due(shown, agent, app.clock.now())
}

/// Notes that `row` was written.
pub(crate) fn was_seen(app: &AppState, row: &prokura_store::Workload) {
    app.workloads.register.written(row);
}

/// An agent that is disabled gets nothing (attack C10).
pub(crate) fn may_agent(app: &AppState, agent: &AgentId) -> Result<(), crate::fault::Fault> {
    let view = app.store.revoked();
    if !view.fresh() {
        return Err(crate::fault::Fault::Stale);
    }
    if view.agent_disabled(agent) { Err(crate::fault::Fault::Disabled) } else { Ok(()) }
}

/// What the doors share.
pub(crate) struct Workloads {
    config: Arc<Config>,
    pub(crate) providers: Providers,
    rules: Rulebook,
    register: Register,
    /// The root grants that rules lead to.
    grants: OwnGrants,
}

impl Workloads {
    pub(crate) fn new(config: &Arc<Config>, providers: Providers) -> Self {
        Self {
            rules: Rulebook::new(config),
            config: Arc::clone(config),
            providers,
            register: Register::default(),
            grants: OwnGrants::default(),
        }
    }

    pub(crate) fn config(&self) -> &Workload {
        &self.config.workload
    }

    /// Whether anybody's word about workloads counts.
    pub(crate) fn is_on(&self) -> bool {
        !self.config.workload.providers.is_empty()
    }

    /// The rules as they are now, the stored ones among them.
    pub(crate) async fn rules(&self, app: &AppState) -> Result<Arc<InForce>, crate::fault::Fault> {
        let (rules, changed) = self.rules.now(app).await?;
        if changed {
            self.grants.forget();
        }
        Ok(rules)
    }
}
