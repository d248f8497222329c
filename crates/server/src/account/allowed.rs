//! "What I allowed": the roots of what a user allowed, by agent, each with what came of it, and the way to end it.

use super::drawn::{Drawer, host};
use super::{poster, sign_in_first};
use crate::consent::users_may_end;
use crate::people::{PageFault, People, Posted, SignedIn, Visit, see_other};
use crate::standing::{Act, Actor};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use prokura_config::ResourceConfig;
use prokura_core::{AgentId, Grant, GrantId, GrantState, Principal, ScopeSet, Timestamp};
use prokura_ledger::{EventKind, Outcome};
use prokura_oauth::form::Form;
use prokura_store::{GrantFilter, StoreError, TreeNode, TreeWindow, Tx};
use prokura_ui::{AgentRow, Allowed, ENGLISH, GrantRow, Meaning, Notice, Shown};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many roots stand on a page.
const PAGE: u32 = 20;
/// So much of what came of each is drawn there; its own page has all.
const BRANCHES: u32 = 20;

/// A root with what the page needs to know of it.
struct Known {
    grant: Grant,
    last_use: Option<Timestamp>,
    /// What came of it, itself first.
    tree: Vec<TreeNode>,
    /// How many that are, drawn or not.
    below: u64,
    /// Why it is stopped.
    causes: Vec<String>,
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
    let (user, now) = (Principal::User(owner.user.id.clone()), people.now());
    let form = Form::parse(query.as_bytes()).unwrap_or_default();
    let after = form.value("after").and_then(|id| GrantId::parse(id).ok());
    let done = Done::read(&form);
    let is_first = after.is_none();
    let (mut all, drawer, ended) = people
        .store
        .read(move |tx| {
            let ended = match &done {
                Some(Done::One(id)) => ended(tx, id, &user)?,
                _ => None,
            };
            let all = roots(tx, &user, after.clone(), now)?;
            let nodes = all.iter().flat_map(|known| known.tree.iter().map(|node| &node.grant));
            let drawer = Drawer::of(tx, nodes)?;
            Ok::<_, StoreError>((all, drawer, ended))
        })
        .await?;
    let more = all.len() > PAGE as usize;
    all.truncate(PAGE as usize);
    let last = all.last().filter(|_| more).map(|known| known.grant.id.clone());
    let sentence = match (Done::read(&form), ended) {
        (Some(Done::All), _) => Some(ENGLISH.revoked_all.to_string()),
        (_, Some((agent, grant))) => Some(revoked(people, &agent, &grant)),
        _ => None,
    };
    let view = Allowed {
        frame: people.frame(visit),
        notice: sentence.map(|sentence| Notice { meaning: Meaning::Permitted, sentence }),
        agents: agents(people, visit, owner, &drawer, &all),
        newer: (!is_first).then(|| people.path("/account")),
        older: last.map(|id| people.path(&format!("/account?after={id}"))),
        revoke_all: people.form(visit, "/account/revoke-all"),
        sign_out: people.form(visit, "/account/sign-out"),
    };
    people.show(visit, StatusCode::OK, &view)
}

/// A page of what is in force or paused, and one more, if there is one.
fn roots(
    tx: &mut Tx<'_>,
    user: &Principal,
    after: Option<GrantId>,
    now: Timestamp,
) -> Result<Vec<Known>, StoreError> {
    let filter = GrantFilter {
        subject: Some(user.clone()),
        roots: true,
        living_at: Some(now),
        after,
        limit: PAGE + 1,
        ..GrantFilter::default()
    };
    let window = TreeWindow { skip: 0, most: BRANCHES, all: false };
    let mut all = Vec::new();
    for grant in tx.grants_where(&filter)? {
        let tree = tx.grant_tree(&grant.id, window, now)?;
        all.push(Known {
            last_use: tx.used(&grant.id, now)?,
            below: if tree.len() > 1 { tx.count_below(&grant.id, now)? } else { 0 },
            causes: super::drawn::causes(tx, &grant)?,
            tree,
            grant,
        });
    }
    Ok(all)
}

fn agents(people: &People, visit: &Visit, owner: &SignedIn, drawer: &Drawer, all: &[Known]) -> Vec<AgentRow> {
    let mut rows: BTreeMap<&AgentId, AgentRow> = BTreeMap::new();
    for known in all {
        let agent = &known.grant.grantee;
        let row = rows.entry(agent).or_insert_with(|| AgentRow {
            name: Shown::name(drawer.name(agent)),
            hosts: drawer.clients(agent).iter().map(host).collect(),
            grants: vec![],
        });
        row.grants.push(grant_row(people, visit, owner, drawer, known));
    }
    rows.into_values().collect()
}

fn grant_row(people: &People, visit: &Visit, owner: &SignedIn, drawer: &Drawer, known: &Known) -> GrantRow {
    let grant = &known.grant;
    let mut chain = vec![super::drawn::you(&owner.user.display_name)];
    chain.extend(drawer.hops(people, grant, None));
    let forms = super::drawn::forms(people, visit, grant, &known.causes);
    GrantRow {
        id: prokura_ui::Ident::new(grant.id.as_str()),
        resource: Shown::name(people.title(&grant.resource)),
        permissions: drawer.permissions(people, grant),
        chain,
        stand: super::drawn::stand(grant, &known.causes, people.now()),
        since: people.when(grant.not_before),
        expires: people.when(grant.expires_at),
        unused: people.unused_until(grant, known.last_use).map(|at| people.when(at)),
        last_used: known.last_use.map(|at| people.when(at)),
        by_operator: grant.grantor == prokura_core::Grantor::Operator,
        href: people.path(&format!("/account/grants/{}", grant.id)),
        tree: drawer.branches(people, &known.tree, known.grant.state == GrantState::Suspended),
        below: known.below,
        suspend: forms.suspend,
        resume: forms.resume,
        revoke: people.form(visit, &format!("/account/grants/{}/revoke", grant.id)),
    }
}

/// The scopes of a set as sentences; a scope that the configuration no longer has is named as it is.
pub(crate) fn permissions(place: Option<&ResourceConfig>, scopes: &ScopeSet) -> Vec<(String, Shown)> {
    let sentence = |scope: &str| match place.and_then(|p| p.scopes.get(scope)) {
        Some(known) => Shown::sentence(&known.title),
        None => Shown::sentence(crate::identity::sentence(scope).unwrap_or(scope)),
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
        match end(&people, &posted.visit, &owner, Which::One(id.clone())).await? {
            Ended { found: 0, kept: 0, .. } => Err(PageFault::Missing),
            Ended { found: 0, .. } => {
                Ok(see_other(&people.path(&format!("/account/grants/{id}?done=organisation"))))
            }
            _ => Ok(see_other(&people.path(&format!("/account?revoked={id}")))),
        }
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

/// `POST /account/revoke-all`.
pub(super) async fn revoke_all(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = async {
        let owner = poster(&posted)?;
        // Each transaction ends a page of them, so that nobody waits long for the writer.
        let mut last = None;
        loop {
            last = end(&people, &posted.visit, &owner, Which::After(last)).await?.last;
            if last.is_none() {
                break;
            }
        }
        Ok(see_other(&people.path("/account?revoked=all")))
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

/// What is to end.
enum Which {
    One(GrantId),
    /// The next of all that nothing is above.
    After(Option<GrantId>),
}

/// How many ended, how many only the organisation can end, and which was looked at last.
struct Ended {
    found: usize,
    kept: usize,
    last: Option<GrantId>,
}

/// Ends one grant of the owner's, or the next of all of them, with everything below, on record. When this returns, no
/// gateway that shares this store permits another call.
async fn end(people: &People, visit: &Visit, owner: &SignedIn, which: Which) -> Result<Ended, PageFault> {
    let config = Arc::clone(&people.config);
    let actor = owners(people, visit, owner, "its owner revoked it");
    let ended = people
        .store
        .transact(move |tx| {
            let ids = match &which {
                Which::One(id) => vec![id.clone()],
                Which::After(last) => next_roots(tx, &actor, last.clone())?,
            };
            let mut ended = Ended { found: 0, kept: 0, last: ids.last().cloned() };
            for id in &ids {
                let Some(grant) = tx.grant(id)?.filter(|g| Some(&g.subject) == actor.owner.as_ref()) else {
                    continue;
                };
                if users_may_end(tx, &config, &grant)? {
                    drop(Act::Revoke.run(tx, id, None, &actor)?);
                    ended.found += 1;
                } else {
                    ended.kept += 1;
                }
            }
            Ok::<_, StoreError>(ended)
        })
        .await?;
    Ok(ended)
}

fn next_roots(tx: &mut Tx<'_>, actor: &Actor, after: Option<GrantId>) -> Result<Vec<GrantId>, StoreError> {
    let filter = GrantFilter {
        subject: actor.owner.clone(),
        roots: true,
        living_at: Some(actor.event.at),
        after,
        limit: 200,
        ..GrantFilter::default()
    };
    Ok(tx.grants_where(&filter)?.into_iter().map(|grant| grant.id).collect())
}

/// The owner, doing something to what is theirs.
pub(super) fn owners(people: &People, visit: &Visit, owner: &SignedIn, why: &str) -> Actor {
    let user = Principal::User(owner.user.id.clone());
    Actor {
        by: user.to_string(),
        owner: Some(user),
        why: why.to_owned(),
        event: visit.event(EventKind::Grant, "grant", Outcome::Permit, people.now()),
    }
}

/// What has just been done, as the address says. The sentence comes from the catalogue and the register, never
/// from the address.
enum Done {
    One(GrantId),
    All,
}

impl Done {
    fn read(query: &Form) -> Option<Self> {
        match query.value("revoked")? {
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
