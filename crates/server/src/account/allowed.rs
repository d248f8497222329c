//! "What I allowed": grants by agent, each with its chain, last use and end, and the way to end it.

use super::{poster, sign_in_first};
use crate::identity;
use crate::people::{PageFault, People, Posted, SignedIn, Visit, see_other};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use prokura_config::ResourceConfig;
use prokura_core::{
    AgentId, ClientId, Evidence, Grant, GrantId, GrantState, Grantor, Principal, ScopeSet, Timestamp,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{StoreError, Tx};
use prokura_ui::{
    AgentRow, Allowed, ENGLISH, GrantRow, Hop, Ident, Meaning, Notice, Shown, When, detail_sentence,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A grant with what the page needs to know of it.
struct Known {
    grant: Grant,
    last_use: Option<Timestamp>,
    /// Who holds the authority, first to last.
    chain: Vec<AgentId>,
}

/// Everything in force for a user.
struct Everything {
    grants: Vec<Known>,
    names: BTreeMap<AgentId, String>,
    clients: BTreeMap<AgentId, Vec<ClientId>>,
}

/// `GET /account`.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let Some(owner) = visit.signed_in.clone() else { return sign_in_first(&people) };
    let result = page(&people, &visit, &owner, query.as_deref().unwrap_or_default()).await;
    people.answer(&visit, result)
}

async fn page(people: &People, visit: &Visit, owner: &SignedIn, query: &str) -> Result<Response, PageFault> {
    let (user, now, done) = (owner.user.id.clone(), people.now(), Done::read(query));
    let (everything, ended) = people
        .store
        .read(move |tx| {
            let user = Principal::User(user.clone());
            let ended = match &done {
                Some(Done::One(id)) => ended(tx, id, &user)?,
                _ => None,
            };
            Ok::<_, StoreError>((everything(tx, &user, now)?, ended))
        })
        .await?;
    let sentence = match (Done::read(query), ended) {
        (Some(Done::All), _) => Some(ENGLISH.revoked_all.to_string()),
        (_, Some((agent, grant))) => Some(revoked(people, &agent, &grant)),
        _ => None,
    };
    let notice = sentence.map(|sentence| Notice { meaning: Meaning::Permitted, sentence });
    let view = Allowed {
        frame: people.frame(visit),
        notice,
        agents: agents(people, visit, owner, &everything),
        revoke_all: people.form(visit, "/account/revoke-all"),
        sign_out: people.form(visit, "/account/sign-out"),
    };
    people.show(visit, StatusCode::OK, &view)
}

fn everything(tx: &mut Tx<'_>, user: &Principal, now: Timestamp) -> Result<Everything, StoreError> {
    let mut all = Everything { grants: vec![], names: BTreeMap::new(), clients: BTreeMap::new() };
    // What an assertion made below its root lives for minutes and is ended with it.
    let by_itself = |g: &Grant| g.parents.is_empty() || !matches!(g.evidence, Evidence::IdJag { .. });
    let shown = |g: &Grant| g.usable_at(now).is_ok() && by_itself(g);
    for grant in tx.grants_of(user)?.into_iter().filter(shown) {
        let chain = chain(tx, &grant)?;
        for agent in &chain {
            if !all.names.contains_key(agent) {
                let name = tx.agent(agent)?.map_or_else(|| agent.to_string(), |a| a.name);
                all.names.insert(agent.clone(), name);
                all.clients.insert(agent.clone(), tx.clients_of_agent(agent)?);
            }
        }
        let last_use = tx.last_use(&grant.id)?;
        all.grants.push(Known { grant, last_use, chain });
    }
    Ok(all)
}

/// Through whom a grant came, the one who holds it last.
fn chain(tx: &mut Tx<'_>, grant: &Grant) -> Result<Vec<AgentId>, StoreError> {
    let mut chain = vec![];
    for id in tx.ancestors(&grant.id)?.into_iter().rev() {
        if let Some(above) = tx.grant(&id)? {
            chain.push(above.grantee);
        }
    }
    chain.push(grant.grantee.clone());
    Ok(chain)
}

fn agents(people: &People, visit: &Visit, owner: &SignedIn, all: &Everything) -> Vec<AgentRow> {
    let mut rows: BTreeMap<&AgentId, AgentRow> = BTreeMap::new();
    for known in &all.grants {
        let agent = &known.grant.grantee;
        let row = rows.entry(agent).or_insert_with(|| AgentRow {
            name: Shown::name(name(all, agent)),
            hosts: all.clients.get(agent).into_iter().flatten().map(host).collect(),
            grants: vec![],
        });
        row.grants.push(grant_row(people, visit, owner, all, known));
    }
    rows.into_values().collect()
}

fn name<'a>(all: &'a Everything, agent: &AgentId) -> &'a str {
    all.names.get(agent).map_or("", String::as_str)
}

/// How a client is told from others that call themselves the same: the host of its address, or its id.
fn host(client: &ClientId) -> String {
    let host = url::Url::parse(client.as_str()).ok().and_then(|u| u.host_str().map(str::to_owned));
    host.unwrap_or_else(|| client.to_string())
}

fn grant_row(people: &People, visit: &Visit, owner: &SignedIn, all: &Everything, known: &Known) -> GrantRow {
    let (grant, now) = (&known.grant, people.now().seconds());
    let place = people.place(&grant.resource);
    let when = |t: Timestamp| When::at(t.seconds(), now, &ENGLISH);
    let resource = place.map_or(grant.resource.as_str(), |p| p.name.as_str());
    let n = grant.actions.len() + grant.details.iter().len();
    let limit = if n == 1 {
        ENGLISH.chain_limit_one.to_string()
    } else {
        ENGLISH.chain_limit.with("n", n).to_string()
    };
    let mut hops = vec![Hop::actor(&owner.user.display_name, ENGLISH.chain_you.to_string())];
    hops.extend(known.chain.iter().map(|a| Hop::actor(name(all, a), ENGLISH.chain_agent.to_string())));
    hops.push(Hop::place(resource, limit));
    GrantRow {
        id: Ident::new(grant.id.as_str()),
        resource: Shown::name(place.map_or(grant.resource.as_str(), ResourceConfig::title)),
        permissions: permissions(place, &grant.actions)
            .into_iter()
            .map(|(_, s)| s)
            .chain(grant.details.iter().map(|d| detail_sentence(d, &ENGLISH)))
            .collect(),
        chain: hops,
        since: when(grant.not_before),
        expires: when(grant.expires_at),
        last_used: known.last_use.map(when),
        by_operator: grant.grantor == Grantor::Operator,
        revoke: people.form(visit, &format!("/account/grants/{}/revoke", grant.id)),
    }
}

/// The scopes of a set as sentences; a scope that the configuration no longer has is named as it is.
pub(crate) fn permissions(place: Option<&ResourceConfig>, scopes: &ScopeSet) -> Vec<(String, Shown)> {
    let sentence = |scope: &str| match place.and_then(|p| p.scopes.get(scope)) {
        Some(known) => Shown::sentence(&known.title),
        None => Shown::sentence(identity::sentence(scope).unwrap_or(scope)),
    };
    scopes.iter().map(|s| (s.to_string(), sentence(s.as_str()))).collect()
}

/// `POST /account/grants/{id}/revoke`.
pub(super) async fn revoke(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = async {
        let owner = poster(&posted)?;
        let id = GrantId::parse(id).map_err(|_| PageFault::Missing)?;
        end(&people, &posted.visit, &owner, Some(id.clone())).await?;
        Ok(see_other(&people.path(&format!("/account?revoked={id}"))))
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

/// `POST /account/revoke-all`.
pub(super) async fn revoke_all(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = async {
        let owner = poster(&posted)?;
        end(&people, &posted.visit, &owner, None).await?;
        Ok(see_other(&people.path("/account?revoked=all")))
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

/// Ends one grant of the owner's, or all of them, with everything below, on record. When this returns, no gateway
/// that shares this store permits another call.
async fn end(
    people: &People,
    visit: &Visit,
    owner: &SignedIn,
    one: Option<GrantId>,
) -> Result<(), PageFault> {
    let (user, now) = (Principal::User(owner.user.id.clone()), people.now());
    let event = visit.event(EventKind::Grant, "grant:revoke", Outcome::Permit, now);
    let found = people
        .store
        .transact(move |tx| {
            let all = tx.grants_of(&user)?;
            let mut found = false;
            for grant in all.into_iter().filter(|g| one.as_ref().is_none_or(|id| *id == g.id)) {
                found = true;
                end_one(tx, &grant, &user, &event, now)?;
            }
            Ok::<_, StoreError>(found || one.is_none())
        })
        .await?;
    if found { Ok(()) } else { Err(PageFault::Missing) }
}

fn end_one(
    tx: &mut Tx<'_>,
    grant: &Grant,
    user: &Principal,
    event: &Event,
    now: Timestamp,
) -> Result<(), StoreError> {
    if tx.revoke_grant(&grant.id, user.as_str(), "its owner revoked it", now)? {
        let mut event = event.clone();
        event.subject = Some(user.clone());
        event.actors = vec![grant.grantee.clone()];
        event.grant = Some(grant.id.clone());
        event.resource = Some(grant.resource.clone());
        tx.record(event);
    }
    Ok(())
}

/// What has just been done, as the address says. The sentence comes from the catalogue and the register, never
/// from the address.
enum Done {
    One(GrantId),
    All,
}

impl Done {
    fn read(query: &str) -> Option<Self> {
        match query.strip_prefix("revoked=")? {
            "all" => Some(Self::All),
            id => GrantId::parse(id).ok().map(Self::One),
        }
    }
}

/// The grant that the address says has just ended, and its agent's name; nothing if that is not so, or not this
/// user's.
fn ended(tx: &mut Tx<'_>, id: &GrantId, user: &Principal) -> Result<Option<(String, Grant)>, StoreError> {
    let grant = tx.grant(id)?.filter(|g| g.subject == *user);
    let Some(grant) = grant.filter(|g| matches!(g.state, GrantState::Revoked(_))) else { return Ok(None) };
    let agent = tx.agent(&grant.grantee)?.map_or_else(|| grant.grantee.to_string(), |a| a.name);
    Ok(Some((agent, grant)))
}

fn revoked(people: &People, agent: &str, grant: &Grant) -> String {
    let resource = people.title(&grant.resource);
    let text = ENGLISH.revoked_one.with("agent", Shown::name(agent));
    text.with("resource", Shown::name(resource)).to_string()
}
