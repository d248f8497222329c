//! One grant: the chain above it, what came of it, what happened, and the forms that take something away.

use super::allowed::permissions;
use super::change::Kept;
use super::drawn::{Drawer, causes, forms, limit, place, stand, you};
use super::happened::{self, Story};
use super::sign_in_first;
use crate::interaction::{Values, permission};
use crate::people::{PageFault, People, SignedIn, Visit};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::{AgentId, Evidence, Grant, GrantId, GrantState, Grantor, MayAct, Principal, Timestamp};
use prokura_ledger::Filter;
use prokura_oauth::form::Form;
use prokura_store::{BudgetLeft, StoreError, TreeNode, TreeWindow, Tx};
use prokura_ui::{
    AgentChoice, Duration, ENGLISH, GrantPage, Hop, Ident, Meaning, Narrowing, Notice, Permission, Shown,
    Stand, Text, lasting,
};
use std::sync::Arc;

/// So much of what came of it stands on a page.
const BRANCHES: u32 = 50;
/// So many entries of the record are looked at for a page.
pub(super) const ENTRIES: u32 = 60;

/// The times to which a grant may be shortened, in seconds.
const SHORTER: [i64; 4] = [3600, 86_400, 7 * 86_400, 30 * 86_400];

/// What the page is made of.
struct Known {
    grant: Grant,
    /// Those above it along the first parents, the root first.
    above: Vec<Grant>,
    tree: Vec<TreeNode>,
    causes: Vec<String>,
    last_use: Option<Timestamp>,
    budget: Option<BudgetLeft>,
    story: Story,
    drawer: Drawer,
}

/// Where in the page one is.
#[derive(Clone, Default)]
struct Where {
    skip: u32,
    all: bool,
    before: Option<u64>,
}

impl Where {
    fn read(query: &Form) -> Self {
        let number = |name: &str| query.value(name).and_then(|n| n.parse().ok());
        Self {
            skip: number("skip").and_then(|n: u64| u32::try_from(n).ok()).unwrap_or(0),
            all: query.value("ended") == Some("1"),
            before: number("before"),
        }
    }

    fn address(&self, people: &People, id: &GrantId) -> String {
        let mut parts = Vec::new();
        if self.skip > 0 {
            parts.push(format!("skip={}", self.skip));
        }
        if self.all {
            parts.push("ended=1".to_owned());
        }
        if let Some(before) = self.before {
            parts.push(format!("before={before}"));
        }
        let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
        people.path(&format!("/account/grants/{id}{query}"))
    }
}

/// `GET /account/grants/{id}`.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let Some(owner) = visit.signed_in.clone() else { return sign_in_first(&people) };
    let query = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let result = page(&people, &visit, &owner, &id, &query).await;
    people.answer(&visit, result)
}

/// The page with what was answered and cannot be: what was taken away stays so.
pub(super) async fn again(
    people: &People,
    visit: &Visit,
    owner: &SignedIn,
    id: GrantId,
    kept: &Kept,
) -> Result<Response, PageFault> {
    let known = find(people, owner, id, &Where::default()).await?;
    // If it was changed in this very moment, what was answered is about something else.
    let fits = known.grant.revision == kept.revision;
    let done = if fits { "unfit" } else { "changed" };
    let view = view(people, visit, owner, &known, (&Where::default(), done, fits.then_some(kept)));
    people.show(visit, StatusCode::UNPROCESSABLE_ENTITY, &view)
}

async fn page(
    people: &People,
    visit: &Visit,
    owner: &SignedIn,
    id: &str,
    query: &Form,
) -> Result<Response, PageFault> {
    let id = GrantId::parse(id).map_err(|_| PageFault::Missing)?;
    let at = Where::read(query);
    let known = find(people, owner, id, &at).await?;
    let done = query.value("done").unwrap_or_default();
    people.show(visit, StatusCode::OK, &view(people, visit, owner, &known, (&at, done, None)))
}

async fn find(people: &People, owner: &SignedIn, id: GrantId, at: &Where) -> Result<Known, PageFault> {
    let (user, now, at) = (Principal::User(owner.user.id.clone()), people.now(), at.clone());
    let known = people.store.read(move |tx| known(tx, &id, &user, &at, now)).await?;
    known.ok_or(PageFault::Missing)
}

/// What is somebody else's looks like what is not there.
fn known(
    tx: &mut Tx<'_>,
    id: &GrantId,
    user: &Principal,
    at: &Where,
    now: Timestamp,
) -> Result<Option<Known>, StoreError> {
    let Some(chain) = tx.chain(id)?.filter(|chain| chain.leaf().subject == *user) else { return Ok(None) };
    let grant = chain.leaf().clone();
    let mut above: Vec<Grant> = Vec::new();
    while let Some(parent) = above.last().unwrap_or(&grant).parents.first() {
        let Some(found) = chain.above().iter().find(|g| g.id == *parent) else { break };
        above.push(found.clone());
    }
    above.reverse();
    let window = TreeWindow { skip: at.skip, most: BRANCHES, all: at.all };
    let tree = tx.grant_tree(id, window, now)?;
    let filter =
        Filter { grant: Some(id.clone()), before_seq: at.before, limit: ENTRIES, ..Filter::default() };
    let story = Story::of(tx.entries(&filter)?);
    let mut drawer = Drawer::of(tx, above.iter().chain(tree.iter().map(|node| &node.grant)))?;
    let agents = holders(&grant).into_iter().chain(story.agents());
    agents.into_iter().try_for_each(|agent| drawer.meet(tx, &agent))?;
    Ok(Some(Known {
        causes: causes(tx, &grant)?,
        last_use: tx.used(id, now)?,
        budget: tx.budget_left(id)?,
        above,
        tree,
        story,
        drawer,
        grant,
    }))
}

fn holders(grant: &Grant) -> Vec<AgentId> {
    match &grant.terms.may_act {
        MayAct::ByRule => vec![],
        MayAct::Only(agents) => agents.iter().cloned().collect(),
    }
}

fn view(
    people: &People,
    visit: &Visit,
    owner: &SignedIn,
    known: &Known,
    (at, done, again): (&Where, &str, Option<&Kept>),
) -> GrantPage {
    let (grant, now) = (&known.grant, people.now());
    let own = stand(grant, &known.causes, now);
    let stopped_above = known.above.iter().any(|g| !stand(g, &[], now).is_active());
    let shown = if own.is_active() && stopped_above { Stand::Above } else { own };
    let forms = forms(people, visit, grant, &known.causes);
    let lives = !matches!(own, Stand::Ended | Stand::Expired);
    let next = Where { skip: at.skip.saturating_add(BRANCHES), ..at.clone() };
    let has_more = known.tree.first().is_some_and(|top| top.more > 0);
    let with_ended = Where { all: true, skip: 0, ..at.clone() };
    let older = known.story.next().map(|seq| Where { before: Some(seq), ..at.clone() });
    GrantPage {
        frame: people.frame(visit),
        notice: notice(done, known.drawer.name(&grant.grantee), people.title(&grant.resource)),
        agent: Shown::name(known.drawer.name(&grant.grantee)),
        resource: Shown::name(people.title(&grant.resource)),
        chain: chain(people, owner, known),
        stand: shown,
        stand_more: stand_more(people, known, shown),
        permissions: known.drawer.permissions(people, grant),
        made: made(known),
        id: Ident::new(grant.id.as_str()),
        since: people.when(grant.not_before),
        expires: people.when(grant.expires_at),
        unused: people.unused_until(grant, known.last_use).filter(|_| lives).map(|at| people.when(at)),
        last_used: known.last_use.map(|at| people.when(at)),
        receipt: matches!(grant.evidence, Evidence::Consent { .. } | Evidence::Administrator { .. })
            .then(|| people.path(&format!("/account/grants/{}/receipt", grant.id))),
        budget: known.budget.as_ref().map(left).unwrap_or_default(),
        holders: holder_names(known),
        narrow: (lives && may_narrow(grant)).then(|| narrowing(people, visit, known, again)),
        suspend: forms.suspend,
        resume: forms.resume,
        revoke: lives.then(|| people.form(visit, &format!("/account/grants/{}/revoke", grant.id))),
        tree: known.drawer.branches(people, &known.tree, !shown.is_active()),
        tree_next: has_more.then(|| next.address(people, &grant.id)),
        tree_ended: (!at.all).then(|| with_ended.address(people, &grant.id)),
        history: known.story.told(people, &known.drawer, owner, (at.before.is_none()).then_some(&known.tree)),
        older: older.map(|older| older.address(people, &grant.id)),
        sign_out: people.form(visit, "/account/sign-out"),
    }
}

/// Who acts for whom, each with what it may at most do.
fn chain(people: &People, owner: &SignedIn, known: &Known) -> Vec<Hop> {
    let mut hops = vec![you(&owner.user.display_name)];
    for above in &known.above {
        let at = Shown::name(people.title(&above.resource));
        let most = ENGLISH.chain_limit_at.with("limit", limit(above)).with("place", at).to_string();
        hops.push(Hop::actor(known.drawer.name(&above.grantee), most));
    }
    let acts = match known.above.last() {
        None => ENGLISH.chain_agent.to_string(),
        Some(above) => {
            ENGLISH.chain_agent_for.with("name", Shown::name(known.drawer.name(&above.grantee))).to_string()
        }
    };
    hops.push(Hop::actor(known.drawer.name(&known.grant.grantee), acts));
    hops.push(place(people, &known.grant));
    hops
}

/// What the operator's configuration says is changed there.
fn may_narrow(grant: &Grant) -> bool {
    !matches!(grant.evidence, Evidence::Configuration | Evidence::Policy | Evidence::Administrator { .. })
}

fn made(known: &Known) -> String {
    let t = &ENGLISH;
    match (&known.grant.grantor, &known.grant.evidence) {
        (_, Evidence::IdJag { issuer, .. }) => {
            t.granted_by_provider.with("issuer", Shown::name(issuer)).to_string()
        }
        (Grantor::Agent(agent), _) => {
            t.granted_by_agent.with("agent", Shown::name(known.drawer.name(agent))).to_string()
        }
        (Grantor::Operator, _) => t.granted_by_operator.to_string(),
        (Grantor::User(_), _) => t.granted_by_you.to_string(),
    }
}

fn stand_more(people: &People, known: &Known, shown: Stand) -> Option<String> {
    let (grant, t) = (&known.grant, &ENGLISH);
    let agent = Shown::name(known.drawer.name(&grant.grantee));
    Some(match shown {
        Stand::Active => return None,
        Stand::Paused => t.paused_more.with("agent", agent).to_string(),
        Stand::Stopped => t.stopped_more.to_string(),
        Stand::Above => t.above_more.to_string(),
        Stand::Expired => t.expired_more.with("when", people.when(grant.expires_at).relative).to_string(),
        Stand::Ended => {
            let GrantState::Revoked(end) = &grant.state else { return None };
            let why = happened::why(&end.why);
            t.ended_more.with("when", people.when(end.at).relative).with("why", why).to_string()
        }
    })
}

fn holder_names(known: &Known) -> Vec<Shown> {
    let t = &ENGLISH;
    match &known.grant.terms.may_act {
        _ if known.grant.depth_left == 0 => vec![Shown::sentence(&t.passing_nobody.to_string())],
        MayAct::ByRule => vec![Shown::sentence(&t.passing_by_rule.to_string())],
        MayAct::Only(agents) if agents.is_empty() => vec![Shown::sentence(&t.passing_nobody.to_string())],
        MayAct::Only(agents) => agents.iter().map(|a| Shown::name(known.drawer.name(a))).collect(),
    }
}

/// What is left of a budget, a line for each bound.
fn left(budget: &BudgetLeft) -> Vec<Shown> {
    let t = &ENGLISH;
    let calls = budget
        .whole
        .calls()
        .zip(budget.calls)
        .map(|(most, left)| t.budget_calls.with("left", left).with("most", most).to_string());
    let sums = budget.whole.sums().iter().zip(&budget.sums).map(|(sum, left)| {
        let tools = sum.tools.iter().cloned().collect::<Vec<_>>().join(", ");
        let line = t.budget_sum.with("left", left).with("most", sum.most).with("path", &sum.path);
        line.with("tools", tools).to_string()
    });
    calls.into_iter().chain(sums).map(|line| Shown::sentence(&line)).collect()
}

/// `again` is an answer that cannot be.
fn narrowing(people: &People, visit: &Visit, known: &Known, again: Option<&Kept>) -> Narrowing {
    let grant = &known.grant;
    let config = people.place(&grant.resource);
    let actions = |scope: &str| config.and_then(|p| p.scopes.get(scope)).map(|s| s.actions.clone());
    let scopes = permissions(config, &grant.actions).into_iter().map(|(scope, sentence)| Permission {
        name: "scope",
        actions: actions(&scope).unwrap_or_default().iter().map(ToString::to_string).collect(),
        kept: again.is_none_or(|kept| kept.scopes.iter().any(|s| s.as_str() == scope)),
        value: scope,
        sentence,
        arguments: vec![],
    });
    let values = again.map_or(Values::All, |kept| kept.values(grant));
    let details = grant.details.iter().enumerate().map(|(place, detail)| {
        let stays = again.is_none_or(|kept| kept.details.contains(&place));
        permission(&grant.details, (place, detail), (stays, &values))
    });
    let (now, left) = (people.now().seconds(), grant.expires_at.since(people.now()).as_secs());
    let shorter = SHORTER.into_iter().filter(|s| u64::try_from(*s).is_ok_and(|s| s < left));
    let chosen = again.and_then(|kept| kept.lasts).map(|lasts| lasts.as_secs());
    let agent = |id: &AgentId| AgentChoice {
        id: id.to_string(),
        name: Shown::name(known.drawer.name(id)),
        kept: again.is_none_or(|kept| kept.agents.contains(id)),
    };
    Narrowing {
        form: people.form(visit, &format!("/account/grants/{}/narrow", grant.id)),
        revision: grant.revision,
        permissions: scopes.chain(details).collect(),
        by_rule: (grant.terms.may_act == MayAct::ByRule && grant.depth_left > 0)
            .then(|| again.is_none_or(|kept| kept.by_rule)),
        agents: holders(grant).iter().map(agent).collect(),
        durations: shorter
            .map(|seconds| Duration {
                seconds,
                label: lasting(seconds, &ENGLISH),
                until: people.when(Timestamp::from_seconds(now.saturating_add(seconds))),
                chosen: chosen.is_some_and(|chosen| i64::try_from(chosen) == Ok(seconds)),
            })
            .collect(),
    }
}

/// What has just been done. The address names a sentence of the catalogue; it cannot bring its own.
fn notice(done: &str, agent: &str, resource: &str) -> Option<Notice> {
    let t = &ENGLISH;
    let (meaning, text): (Meaning, Text) = match done {
        "narrowed" => (Meaning::Permitted, t.took_away),
        "nothing" => (Meaning::Attention, t.took_nothing),
        "all" => (Meaning::Attention, t.took_all),
        "unfit" => (Meaning::Attention, t.permissions_wrong),
        "wider" => (Meaning::Refused, t.took_wider),
        "past" => (Meaning::Attention, t.took_past),
        "changed" => (Meaning::Attention, t.took_changed),
        "suspended" => (Meaning::Permitted, t.suspended_one),
        "resumed" => (Meaning::Permitted, t.resumed_one),
        "not-yet" => (Meaning::Attention, t.resumed_not_yet),
        "cause" => (Meaning::Refused, t.resume_refused),
        "already" => (Meaning::Attention, t.stood_already),
        "organisation" => (Meaning::Refused, t.organisations),
        _ => return None,
    };
    let sentence = text.with("agent", Shown::name(agent)).with("resource", Shown::name(resource));
    Some(Notice { meaning, sentence: sentence.to_string() })
}
