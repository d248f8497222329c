//! A client's own authority (RFC 6749 §4.4): one root grant per agent and resource, made by the configuration and
//! kept in memory, so that a token costs one signature and one entry.

use super::mint::{Issued, Minting, in_force};
use crate::clients::Client;
use crate::fault::Fault;
use crate::named::may_manage;
use crate::places::{Place, without_offline};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_core::{
    AgentId, Details, Evidence, Grant, GrantId, GrantState, Grantor, Principal, ResourceUri, ScopeSet,
    Timestamp, TraceId,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::client_metadata::GrantType;
use prokura_store::{StoreError, Tx};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A grant by configuration lasts until the configuration changes: to the end of the year 9999.
const FOR_EVER: Timestamp = Timestamp::from_seconds(253_402_300_799);
/// How many hops may be made below it.
const DEPTH: u8 = 5;

/// The grants by configuration that were used since the start.
#[derive(Default)]
pub(crate) struct OwnGrants(RwLock<HashMap<AgentId, Vec<Arc<Grant>>>>);

impl OwnGrants {
    fn known(&self, agent: &AgentId, resource: &ResourceUri) -> Option<Arc<Grant>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(agent)?.iter().find(|g| g.resource == *resource).cloned()
    }

    fn keep(&self, grant: &Arc<Grant>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let of_agent = all.entry(grant.grantee.clone()).or_default();
        of_agent.retain(|g| g.resource != grant.resource);
        of_agent.push(Arc::clone(grant));
    }
}

/// What a client asks for itself.
pub(crate) struct Own {
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) details: Option<String>,
}

impl Own {
    /// What of it was given. Details without scopes stand alone, as everywhere; each of their tools must be within the
    /// scopes that were given.
    fn within(&self, given: &ScopeSet, place: &Place) -> Result<(ScopeSet, Details), Fault> {
        let scopes = within(given, self.scope.as_ref())?;
        let details = place.details_asked(self.details.as_deref(), &scopes)?;
        let alone = !details.is_empty() && self.scope.as_ref().is_none_or(|s| without_offline(s).is_empty());
        Ok((if alone { ScopeSet::default() } else { scopes }, details))
    }
}

/// Issues a token of the client's own authority.
pub(crate) async fn own(
    app: &AppState,
    client: &Client,
    place: &Place,
    asked: &Own,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    // Whoever authenticates may look after the grants that it has a name for.
    let managed = (is_management(app, place) && may_manage(client)).then_some(&place.scopes);
    let (Some(given), Some(agent)) = (client.own.get(&place.uri).or(managed), &client.agent) else {
        return Err(Fault::NoAuthority);
    };
    let (scopes, details) = asked.within(given, place)?;
    let grant = match app.own.known(agent, &place.uri) {
        Some(grant) => grant,
        None => make(app, agent, place, trace).await?,
    };
    about.grant = Some(grant.id.clone());
    let minting = Minting::new(app, &client.id, possession, GrantType::ClientCredentials, trace);
    in_force(app.store.revoked(), &grant, &client.id, minting.now)?;
    let token = minting.token(&grant, Vec::new(), scopes, &details)?;
    if minting.possession.is_to_be_spent() {
        let on_record = token.clone();
        app.store.transact(move |tx| minting.settle(tx, &on_record)).await?;
    } else {
        app.store.record(vec![minting.event(&token)]).await?;
    }
    Ok(Issued { token, refresh_token: None, id_token: None, grant_name: None })
}

fn is_management(app: &AppState, place: &Place) -> bool {
    place.uri == app.places.management().uri
}

fn within(given: &ScopeSet, asked: Option<&ScopeSet>) -> Result<ScopeSet, Fault> {
    match asked.map(without_offline).filter(|s| !s.is_empty()) {
        None => Ok(given.clone()),
        Some(asked) if asked.is_within(given) => Ok(asked),
        Some(asked) => Err(Fault::ScopeTooWide(asked.difference(given))),
    }
}

/// The stored grant of this agent at this resource, made or brought up to date with the configuration. One that was
/// revoked stays revoked.
async fn make(app: &AppState, agent: &AgentId, place: &Place, trace: &TraceId) -> Result<Arc<Grant>, Fault> {
    let now = app.clock.now();
    let actions = match is_management(app, place) {
        true => place.scopes.clone(),
        false => app.clients.given_to(agent, &place.uri),
    };
    let wanted = Grant {
        id: GrantId::random(&*app.rng),
        parents: Vec::new(),
        subject: Principal::Agent(agent.clone()),
        grantor: Grantor::Operator,
        grantee: agent.clone(),
        resource: place.uri.clone(),
        actions,
        details: Details::default(),
        not_before: now,
        expires_at: FOR_EVER,
        depth_left: DEPTH,
        evidence: Evidence::Configuration,
        state: GrantState::Active,
        revision: 0,
    };
    let trace = trace.clone();
    let grant = app.store.transact::<_, StoreError>(move |tx| settle(tx, &wanted, now, &trace)).await?;
    let grant = Arc::new(grant);
    if matches!(grant.state, GrantState::Active) {
        app.own.keep(&grant);
    }
    Ok(grant)
}

fn settle(tx: &mut Tx<'_>, wanted: &Grant, now: Timestamp, trace: &TraceId) -> Result<Grant, StoreError> {
    let (grant, action) = match tx.find_config_grant(&wanted.grantee, &wanted.resource)? {
        None => {
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
    let mut event =
        Event::new(EventKind::Grant, action, Outcome::Permit, now, trace.clone()).because("configuration");
    event.subject = Some(grant.subject.clone());
    event.actors = vec![grant.grantee.clone()];
    event.grant = Some(grant.id.clone());
    event.resource = Some(grant.resource.clone());
    event.details.insert("scope", grant.actions.to_string().into());
    tx.record(event);
    Ok(grant)
}
