//! Searches (§8): candidates in a fixed order, each decided as an evaluation would decide it.
//!
//! Invariant: what is found is what an evaluation by the same caller would permit; what it may not ask about is not there.
//! An answer decides a bounded number of candidates, and the next page goes on from there. Where a page ended is sealed,
//! and opens only for the same caller with the same search.

use super::AuthzenFault;
use super::ask::Ask;
use super::candidates::with;
use super::entities::Known;
use crate::fault::Fault;
use prokura_core::Obligation;
use prokura_decider::relations::{Facts, RelationsFault};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_policy::authzen::{Act, Party, Search, Sought, obligations_to, type_of};
use prokura_policy::pdp::{Entity, EntityId, Question};
use std::sync::Arc;

/// So many candidates are decided before others get a turn.
const AT_A_TIME: usize = 32;

/// Where a page begins, and how long it is.
struct Place {
    /// After this id, or this action.
    after: Option<String>,
    limit: usize,
}

/// What was found, and whether there may be more.
struct Found {
    results: Vec<Object>,
    /// What was looked at last, if something is left.
    left: Option<Option<String>>,
}

pub(super) async fn searched(ask: &Ask<'_>, search: Search) -> Result<Object, Fault> {
    let place = place(ask, &search)?;
    let limit = place.limit;
    let found = match &search.sought {
        Sought::Subjects { kind, properties, action, resource } => {
            let aim = Aim { action, context: &search.context };
            subjects(ask, kind, properties, resource, &aim, place).await?
        }
        Sought::Resources { subject, action, kind, properties } => {
            let aim = Aim { action, context: &search.context };
            resources(ask, kind, properties, subject, &aim, place).await?
        }
        Sought::Actions { subject, resource } => {
            actions(ask, subject, resource, &search.context, place).await?
        }
    };
    let (what, about) = about(&search.sought);
    ask.record(ask.search_entry(what, about, found.results.len()).into_iter().collect()).await?;
    let next = match found.left {
        Some(after) => sealed(ask, &search, after.as_deref(), limit)?,
        None => String::new(),
    };
    let count = u64::try_from(found.results.len()).unwrap_or(u64::MAX);
    let page = obj([("next_token", next.into()), ("count", count.into())]);
    let results: Value = found.results.into_iter().collect();
    Ok(obj([("page", page.into()), ("results", results)]))
}

/// What is asked about each candidate.
struct Aim<'a> {
    action: &'a Act,
    context: &'a Object,
}

async fn subjects(
    ask: &Ask<'_>,
    kind: &str,
    properties: &Object,
    resource: &Party,
    aim: &Aim<'_>,
    place: Place,
) -> Result<Found, Fault> {
    let known = ask.party(resource, ["resource.id", "resource.properties"])?;
    let Some(resource) = known.filter(|_| ask.caller.may_ask(kind, &resource.kind)) else {
        return Ok(NOTHING);
    };
    let related = related(ask, (&resource, &resource), aim, |facts, question| {
        facts.users_of(question, ask.kinds().ours(kind))
    })?;
    let pairs = |candidate: &Arc<Entity>| (Arc::clone(candidate), Arc::clone(&resource));
    each(ask, (kind, related), (properties, "subject.properties"), aim, place, pairs).await
}

async fn resources(
    ask: &Ask<'_>,
    kind: &str,
    properties: &Object,
    subject: &Party,
    aim: &Aim<'_>,
    place: Place,
) -> Result<Found, Fault> {
    let known = ask.party(subject, ["subject.id", "subject.properties"])?;
    let Some(subject) = known.filter(|_| ask.caller.may_ask(&subject.kind, kind)) else { return Ok(NOTHING) };
    let related = related(ask, (&subject, &subject), aim, |facts, question| {
        facts.objects_of(question, ask.kinds().ours(kind))
    })?;
    let pairs = |candidate: &Arc<Entity>| (Arc::clone(&subject), Arc::clone(candidate));
    each(ask, (kind, related), (properties, "resource.properties"), aim, place, pairs).await
}

/// Whom relations lead to, which the directory may not know. What is not known now is refused: an answer that lacks it would
/// say that there is nothing.
fn related(
    ask: &Ask<'_>,
    (subject, resource): (&Arc<Entity>, &Arc<Entity>),
    aim: &Aim<'_>,
    find: impl FnOnce(&Facts, &Question<'_>) -> Result<Vec<EntityId>, RelationsFault>,
) -> Result<Vec<EntityId>, Fault> {
    let Some(facts) = &ask.in_force.relations else { return Ok(Vec::new()) };
    let known = ask.with(Arc::clone(subject), Arc::clone(resource), aim.context)?;
    let found = find(facts, &ask.question(&known, &aim.action.name, Some(&aim.action.properties)));
    found.map_err(|error| {
        tracing::warn!(%error, "a search is refused: what relations there are is not known");
        Fault::Stale
    })
}

const NOTHING: Found = Found { results: Vec::new(), left: None };

/// Every entity of a kind that has these properties and for which the pair that it makes is permitted.
async fn each(
    ask: &Ask<'_>,
    (kind, related): (&str, Vec<EntityId>),
    (properties, at): (&Object, &'static str),
    aim: &Aim<'_>,
    place: Place,
    pairs: impl Fn(&Arc<Entity>) -> (Arc<Entity>, Arc<Entity>),
) -> Result<Found, Fault> {
    if !properties.is_empty() && !ask.caller.asserts {
        return Err(AuthzenFault::Asserts(at).into());
    }
    let candidates = ask.app.authzen.candidates.of(ask.in_force.directory.as_ref(), ask.kinds().ours(kind));
    let candidates = with(candidates, related);
    let start =
        place.after.as_ref().map_or(0, |after| candidates.partition_point(|c| c.id.id() <= after.as_str()));
    let (mut walk, mut shared) = (Walk::new(ask, &place), None);
    for candidate in &candidates[start..] {
        if !walk.goes_on().await {
            return Ok(walk.stopped());
        }
        walk.looked_at(candidate.id.id());
        let has = properties.iter().all(|(name, value)| candidate.attributes.get(name) == Some(value));
        if !has {
            continue;
        }
        let (subject, resource) = pairs(candidate);
        // What the request says besides is the same for every candidate.
        let known = match shared.take() {
            Some(known) => Known { subject, resource, ..known },
            None => ask.with(subject, resource, aim.context)?,
        };
        let ruling = ask.rule(&known, &aim.action.name, Some(&aim.action.properties)).await;
        shared = Some(known);
        let judged = ask.weigh(ruling, aim.context);
        if judged.decision.permitted {
            let named = obj([("type", kind.into()), ("id", candidate.id.id().into())]);
            walk.found(named, &judged.ruling.obligations);
        }
    }
    Ok(walk.ended())
}

/// Every action that the operator names for the type of the resource, and that is permitted; where none is named, of the
/// relations that policies ask for.
async fn actions(
    ask: &Ask<'_>,
    subject: &Party,
    resource: &Party,
    context: &Object,
    place: Place,
) -> Result<Found, Fault> {
    let known = (
        ask.party(subject, ["subject.id", "subject.properties"])?,
        ask.party(resource, ["resource.id", "resource.properties"])?,
    );
    let (Some(s), Some(r)) = known else { return Ok(NOTHING) };
    if !ask.caller.may_ask(&subject.kind, &resource.kind) {
        return Ok(NOTHING);
    }
    let known = ask.with(s, r, context)?;
    let named = &ask.app.config.authzen.actions;
    let named = named.get(&resource.kind).or_else(|| named.get("*")).map(Vec::as_slice);
    let asked = || ask.in_force.relations.as_ref().map(|facts| facts.asked(ask.kinds().ours(&resource.kind)));
    let named = named.or_else(asked).unwrap_or_default();
    let start =
        place.after.as_ref().and_then(|after| named.iter().position(|a| a == after)).map_or(0, |i| i + 1);
    let mut walk = Walk::new(ask, &place);
    for action in &named[start..] {
        if !walk.goes_on().await {
            return Ok(walk.stopped());
        }
        walk.looked_at(action);
        let judged = ask.weigh(ask.rule(&known, action, None).await, context);
        if judged.decision.permitted {
            walk.found(obj([("name", action.as_str().into())]), &judged.ruling.obligations);
        }
    }
    Ok(walk.ended())
}

/// A walk through candidates, within its bounds.
struct Walk {
    results: Vec<Object>,
    last: Option<String>,
    looked: usize,
    limit: usize,
    most: usize,
}

impl Walk {
    fn new(ask: &Ask<'_>, place: &Place) -> Self {
        let most = usize::try_from(ask.app.config.authzen.candidates).unwrap_or(usize::MAX);
        Self { results: Vec::new(), last: place.after.clone(), looked: 0, limit: place.limit, most }
    }

    /// Whether another candidate may be looked at.
    async fn goes_on(&self) -> bool {
        if self.looked % AT_A_TIME == AT_A_TIME - 1 {
            tokio::task::yield_now().await;
        }
        self.results.len() < self.limit && self.looked < self.most
    }

    fn looked_at(&mut self, name: &str) {
        self.looked += 1;
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(name);
    }

    /// A result, with what must be done besides (AuthZEN Profile for Obligations, §"Obligations and Search Requests").
    fn found(&mut self, mut named: Object, obligations: &[Obligation]) {
        if obligations.iter().any(|o| type_of(o).is_some()) {
            named.insert("obligations", obligations_to(obligations));
        }
        self.results.push(named);
    }

    fn stopped(self) -> Found {
        Found { results: self.results, left: Some(self.last) }
    }

    fn ended(self) -> Found {
        Found { results: self.results, left: None }
    }
}

/// What a search is about, for the record.
fn about(sought: &Sought) -> (&'static str, Object) {
    let named = |party: &Party| Value::from(format!("{}:{}", party.kind, party.id));
    match sought {
        Sought::Subjects { kind, action, resource, .. } => {
            let members = [
                ("kind", kind.as_str().into()),
                ("done", action.name.as_str().into()),
                ("target", named(resource)),
            ];
            ("subject", obj(members))
        }
        Sought::Resources { subject, action, kind, .. } => {
            let members = [
                ("about", named(subject)),
                ("done", action.name.as_str().into()),
                ("kind", kind.as_str().into()),
            ];
            ("resource", obj(members))
        }
        Sought::Actions { subject, resource } => {
            ("action", obj([("about", named(subject)), ("target", named(resource))]))
        }
    }
}

/// What a place is sealed with: whose it is, and of which search.
fn belongs(ask: &Ask<'_>, search: &Search) -> Vec<u8> {
    let mut bytes = ask.caller.token.client.as_str().as_bytes().to_vec();
    bytes.push(0);
    bytes.extend(search.query());
    bytes
}

fn sealed(ask: &Ask<'_>, search: &Search, after: Option<&str>, limit: usize) -> Result<String, Fault> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut place = obj([("limit", limit.into())]);
    if let Some(after) = after {
        place.insert("after", after.into());
    }
    let sealed = ask.app.authzen.places.seal(&place.to_vec(), &belongs(ask, search), &*ask.app.rng);
    sealed.map_err(|e| Fault::Broken(e.to_string()))
}

/// Where a page begins. The limit of the first page is that of all (§8.2.1).
fn place(ask: &Ask<'_>, search: &Search) -> Result<Place, AuthzenFault> {
    let size = |n: u32| usize::try_from(n.min(ask.app.config.authzen.page)).unwrap_or(usize::MAX);
    let asked = search.page.limit.map(size);
    let Some(token) = search.page.token.as_deref().filter(|t| !t.is_empty()) else {
        return Ok(Place { after: None, limit: asked.unwrap_or_else(|| size(u32::MAX)) });
    };
    let opened = ask.app.authzen.places.open(token, &belongs(ask, search)).ok_or(AuthzenFault::Page)?;
    let opened = json::parse(&opened, &Limits::TOKEN).ok().and_then(Value::into_object);
    let opened = opened.ok_or(AuthzenFault::Page)?;
    let limit = opened.get("limit").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let limit = limit.filter(|n| asked.is_none_or(|a| a == *n)).ok_or(AuthzenFault::Page)?;
    Ok(Place { after: opened.str("after").map(str::to_owned), limit })
}
