//! What an owner does to one grant: takes something away, pauses it, puts it in force again. Nothing can be added: what was
//! posted and is not in the grant is refused, on record.

use super::allowed::owners;
use super::poster;
use crate::people::{Fields, PageFault, People, Posted, see_other};
use crate::standing::{Act, Refusal};
use axum::extract::{Path, State};
use axum::response::Response;
use prokura_core::{AgentId, Edit, Grant, GrantId, GrantState, InvalidEdit, MayAct, ScopeSet, Timestamp};
use prokura_store::StoreError;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What was chosen to stay.
#[derive(Clone)]
struct Kept {
    scopes: ScopeSet,
    details: BTreeSet<usize>,
    agents: BTreeSet<AgentId>,
    by_rule: bool,
    lasts: Option<Duration>,
    revision: u64,
}

impl Kept {
    /// `None` if it is no form of ours.
    fn read(fields: &Fields) -> Option<Self> {
        let scopes = fields.many("scope").collect::<Vec<_>>().join(" ");
        let lasts = match fields.one("seconds") {
            "" => None,
            seconds => Some(Duration::from_secs(seconds.parse().ok()?)),
        };
        Some(Self {
            scopes: if scopes.is_empty() { ScopeSet::default() } else { ScopeSet::parse(&scopes).ok()? },
            details: fields.many("detail").map(|d| d.parse().ok()).collect::<Option<_>>()?,
            agents: fields.many("agent").map(|a| AgentId::parse(a).ok()).collect::<Option<_>>()?,
            by_rule: fields.one("pass") == "rules",
            lasts,
            revision: fields.one("revision").parse().ok()?,
        })
    }

    fn edit(&self, grant: &Grant, now: Timestamp) -> Result<Edit, InvalidEdit> {
        let named = matches!(grant.terms.may_act, MayAct::Only(_));
        if named && self.by_rule {
            return Err(InvalidEdit::Wider("whom the rules let".to_owned()));
        }
        // Where no box for passing on was shown, none could be unticked.
        let open = !named && (self.by_rule || grant.depth_left == 0);
        let agents = (named || open || !self.agents.is_empty()).then_some(&self.agents);
        let edit = Edit::keeping(grant, &self.scopes, &self.details, agents)?;
        Ok(Edit { until: self.lasts.map(|lasts| now.after(lasts)), ..edit })
    }
}

/// `POST /account/grants/{id}/narrow`.
pub(super) async fn narrow(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = narrowed(&people, &posted, id).await;
    people.answer(&posted.visit, result)
}

async fn narrowed(people: &People, posted: &Posted, id: String) -> Result<Response, PageFault> {
    let id = GrantId::parse(id).map_err(|_| PageFault::Missing)?;
    let Some(kept) = Kept::read(&posted.fields) else { return Err(PageFault::Crossed) };
    let actor = owners(people, &posted.visit, &poster(posted)?, "its owner took something away");
    let target = id.clone();
    let done = people
        .store
        .transact(move |tx| {
            let owner = actor.owner.clone();
            let Some(grant) = tx.grant(&target)?.filter(|g| Some(&g.subject) == owner.as_ref()) else {
                return Ok(Err(Refusal::Missing));
            };
            match kept.edit(&grant, actor.event.at) {
                Ok(edit) => Act::Narrow(edit).run(tx, &target, Some(kept.revision), &actor),
                Err(refused) => {
                    let refused = Refusal::Edit(refused);
                    refused.record(tx, &grant, &Act::Narrow(Edit::default()), &actor);
                    Ok(Err(refused))
                }
            }
        })
        .await
        .map_err(|e: StoreError| PageFault::from(e))?;
    let word = match done {
        Ok(_) => "narrowed",
        Err(refusal) => word(&refusal)?,
    };
    Ok(back(people, &id, word))
}

/// `POST /account/grants/{id}/suspend`.
pub(super) async fn suspend(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = turned(&people, &posted, id, Act::Suspend).await;
    people.answer(&posted.visit, result)
}

/// `POST /account/grants/{id}/resume`.
pub(super) async fn resume(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = turned(&people, &posted, id, Act::Resume).await;
    people.answer(&posted.visit, result)
}

async fn turned(people: &People, posted: &Posted, id: String, act: Act) -> Result<Response, PageFault> {
    let id = GrantId::parse(id).map_err(|_| PageFault::Missing)?;
    let why = if act == Act::Suspend { "its owner paused it" } else { "its owner put it in force again" };
    let actor = owners(people, &posted.visit, &poster(posted)?, why);
    let (target, doing) = (id.clone(), act.clone());
    let done = people.store.transact(move |tx| doing.run(tx, &target, None, &actor)).await;
    let word = match done.map_err(|e: StoreError| PageFault::from(e))? {
        Ok(done) if act == Act::Resume && done.grant.state == GrantState::Suspended => "not-yet",
        Ok(_) if act == Act::Resume => "resumed",
        Ok(_) => "suspended",
        Err(refusal) => word(&refusal)?,
    };
    Ok(back(people, &id, word))
}

/// What the page says of a refusal.
fn word(refusal: &Refusal) -> Result<&'static str, PageFault> {
    Ok(match refusal {
        Refusal::Missing => return Err(PageFault::Missing),
        Refusal::Over | Refusal::Already => "already",
        Refusal::Edit(InvalidEdit::Unchanged) => "nothing",
        Refusal::Edit(InvalidEdit::Nothing) => "all",
        Refusal::Edit(InvalidEdit::Past) => "past",
        Refusal::Edit(_) | Refusal::Configured => "wider",
        Refusal::Changed => "changed",
        Refusal::Cause(_) | Refusal::Paused => "cause",
    })
}

fn back(people: &People, id: &GrantId, word: &str) -> Response {
    see_other(&people.path(&format!("/account/grants/{id}?done={word}")))
}
