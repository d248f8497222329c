//! Root grants of an agent's own authority: one per agent and resource, made by the configuration or by rules about
//! workloads, and kept in memory, so that a token costs one signature and one entry.

use crate::fault::Fault;
use crate::places::Place;
use crate::server::AppState;
use crate::workload::agent_row;
use prokura_core::{
    AgentId, Chain, Details, Evidence, Grant, GrantId, GrantState, Grantor, Principal, ResourceUri, ScopeSet,
    Terms, Timestamp, TraceId,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{StoreError, Tx};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// How many hops may be made below it.
const DEPTH: u8 = 5;

/// How often a token is begun anew because its root grant changed meanwhile.
pub(crate) const TRIES: u32 = 3;

/// The root grants that were used since the start, of one sort of evidence.
#[derive(Default)]
pub(crate) struct OwnGrants(RwLock<HashMap<AgentId, Vec<Arc<Chain>>>>);

impl OwnGrants {
    fn known(&self, wanted: &Root<'_>) -> Option<Arc<Chain>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&wanted.agent)?.iter().find(|c| c.leaf().resource == wanted.place.uri)?;
        (known.leaf().actions == wanted.actions).then(|| Arc::clone(known))
    }

    fn keep(&self, grant: &Arc<Chain>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let of_agent = all.entry(grant.leaf().grantee.clone()).or_default();
        of_agent.retain(|c| c.leaf().resource != grant.leaf().resource);
        of_agent.push(Arc::clone(grant));
    }

    /// Forgets one that is not what it was.
    pub(crate) fn drop(&self, grant: &Chain) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_agent) = all.get_mut(&grant.leaf().grantee) {
            of_agent.retain(|c| c.leaf().id != grant.leaf().id);
        }
    }

    /// Forgets all of them, because what gives them has changed.
    pub(crate) fn forget(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The root grant that an agent is to have at a resource.
pub(crate) struct Root<'a> {
    pub(crate) agent: AgentId,
    pub(crate) place: &'a Place,
    /// Everything that the operator gives it there.
    pub(crate) actions: ScopeSet,
    /// Why: the configuration, or rules.
    pub(crate) evidence: Evidence,
    /// The time of the request: what is made for it must be in force for it.
    pub(crate) now: Timestamp,
}

/// That grant, made or brought up to date. One that was revoked stays revoked.
pub(crate) async fn root(
    app: &AppState,
    kept: &OwnGrants,
    wanted: Root<'_>,
    trace: &TraceId,
) -> Result<Arc<Chain>, Fault> {
    if let Some(grant) = kept.known(&wanted) {
        return Ok(grant);
    }
    let (now, trace) = (wanted.now, trace.clone());
    let wanted = wanted.grant(app);
    let grant = app.store.transact::<_, StoreError>(move |tx| settle(tx, &wanted, now, &trace)).await?;
    let broken = || Fault::Broken("a root grant has parents".to_owned());
    let grant = Arc::new(Chain::of_root(grant).ok_or_else(broken)?);
    if matches!(grant.leaf().state, GrantState::Active) {
        kept.keep(&grant);
    }
    Ok(grant)
}

impl Root<'_> {
    fn grant(self, app: &AppState) -> Grant {
        Grant {
            id: GrantId::random(&*app.rng),
            parents: Vec::new(),
            subject: Principal::Agent(self.agent.clone()),
            grantor: Grantor::Operator,
            grantee: self.agent,
            resource: self.place.uri.clone(),
            actions: self.actions,
            details: Details::default(),
            not_before: self.now,
            expires_at: Timestamp::FOR_EVER,
            depth_left: DEPTH,
            terms: Terms::default(),
            evidence: self.evidence,
            state: GrantState::Active,
            revision: 0,
        }
    }
}

fn find(tx: &mut Tx<'_>, evidence: &Evidence, agent: &AgentId, at: &ResourceUri) -> Found {
    match evidence {
        Evidence::Policy => tx.find_policy_grant(agent, at),
        _ => tx.find_config_grant(agent, at),
    }
}

type Found = Result<Option<Grant>, StoreError>;

fn settle(tx: &mut Tx<'_>, wanted: &Grant, now: Timestamp, trace: &TraceId) -> Result<Grant, StoreError> {
    let found = find(tx, &wanted.evidence, &wanted.grantee, &wanted.resource)?;
    let (grant, action) = match found {
        None => {
            tx.insert_agent(&agent_row(&wanted.grantee, now))?;
            tx.insert_grant(wanted)?;
            (wanted.clone(), "grant:make")
        }
        Some(kept) if kept.actions == wanted.actions || matches!(kept.state, GrantState::Revoked(_)) => {
            return Ok(kept);
        }
        Some(kept) => {
            let changed = Grant { actions: wanted.actions.clone(), ..kept };
            tx.update_grant(&changed)?;
            (Grant { revision: changed.revision + 1, ..changed }, "grant:change")
        }
    };
    tx.record(made(&grant, action, now, trace));
    Ok(grant)
}

fn made(grant: &Grant, action: &str, now: Timestamp, trace: &TraceId) -> Event {
    let because = if grant.evidence == Evidence::Policy { "workload_rule" } else { "configuration" };
    let mut event =
        Event::new(EventKind::Grant, action, Outcome::Permit, now, trace.clone()).because(because);
    event.subject = Some(grant.subject.clone());
    event.actors = vec![grant.grantee.clone()];
    event.grant = Some(grant.id.clone());
    event.resource = Some(grant.resource.clone());
    event.details.insert("scope", grant.actions.to_string().into());
    event
}
