//! What an owner does to one grant: takes something away, pauses it, puts it in force again. Nothing can be added: what was
//! posted and is not in the grant is refused, on record. What was typed and cannot be is asked again.

use super::allowed::owners;
use super::{one, poster};
use crate::interaction::Values;
use crate::people::{Fields, PageFault, People, Posted, see_other};
use crate::standing::{Act, Actor, Refusal};
use axum::extract::{Path, State};
use axum::response::Response;
use prokura_core::{
    AgentId, Edit, Grant, GrantId, GrantState, InvalidEdit, Left, MayAct, ScopeSet, Timestamp,
};
use prokura_store::{StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What was chosen to stay.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) scopes: ScopeSet,
    pub(super) details: BTreeSet<usize>,
    pub(super) agents: BTreeSet<AgentId>,
    pub(super) by_rule: bool,
    pub(super) lasts: Option<Duration>,
    /// Of the grant as it was on the page.
    pub(super) revision: u64,
    fields: Fields,
}

/// What a posted form came to.
enum Came {
    Done,
    Refused(Refusal),
    /// What stands in a field is no answer, or more than there was.
    Unfit,
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
            fields: fields.clone(),
        })
    }

    /// What was left of the values in details.
    pub(super) fn values(&self, grant: &Grant) -> Values {
        Values::posted(&self.fields, &grant.details)
    }

    /// Does it, if the grant still is as it was on the page: places in another mean something else.
    fn run(&self, tx: &mut Tx<'_>, id: &GrantId, actor: &Actor) -> Result<Came, StoreError> {
        let found = tx.grant(id)?.filter(|g| Some(&g.subject) == actor.owner.as_ref());
        let Some(grant) = found else { return Ok(Came::Refused(Refusal::Missing)) };
        if grant.revision != self.revision {
            return Ok(Came::Refused(Refusal::Changed));
        }
        let Some(values) = self.values_left(&grant) else { return Ok(Came::Unfit) };
        let done = match self.edit(&grant, values, actor.event.at) {
            Ok(edit) => Act::Narrow(edit).run(tx, id, Some(self.revision), actor)?,
            Err(refused) => {
                let refused = Refusal::Edit(refused);
                refused.record(tx, &grant, &Act::Narrow(Edit::default()), actor);
                Err(refused)
            }
        };
        Ok(match done {
            Ok(_) => Came::Done,
            Err(Refusal::Edit(InvalidEdit::Value(_))) => Came::Unfit,
            Err(refused) => Came::Refused(refused),
        })
    }

    /// What is left of the values of each detail that stays, where that is not all; `None` if that is no answer.
    fn values_left(&self, grant: &Grant) -> Option<BTreeMap<usize, BTreeMap<usize, Left>>> {
        let values = self.values(grant);
        let kept = grant.details.iter().enumerate().filter(|(place, _)| self.details.contains(place));
        let left = kept.map(|(place, detail)| Some((place, values.left(&grant.details, (place, detail))?)));
        let left: Vec<_> = left.collect::<Option<_>>()?;
        Some(left.into_iter().filter(|(_, left)| !left.is_empty()).collect())
    }

    fn edit(
        &self,
        grant: &Grant,
        values: BTreeMap<usize, BTreeMap<usize, Left>>,
        now: Timestamp,
    ) -> Result<Edit, InvalidEdit> {
        let named = matches!(grant.terms.may_act, MayAct::Only(_));
        if named && self.by_rule {
            return Err(InvalidEdit::Wider("whom the rules let".to_owned()));
        }
        // Where no box for passing on was shown, none could be unticked.
        let open = !named && (self.by_rule || grant.depth_left == 0);
        let agents = (named || open || !self.agents.is_empty()).then_some(&self.agents);
        let edit = Edit::keeping(grant, &self.scopes, &self.details, agents)?;
        Ok(Edit { values, until: self.lasts.map(|lasts| now.after(lasts)), ..edit })
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
    let owner = poster(posted)?;
    let actor = owners(people, &posted.visit, &owner, "its owner took something away");
    let (target, wanted) = (id.clone(), kept.clone());
    let came = people.store.transact(move |tx| wanted.run(tx, &target, &actor)).await;
    Ok(match came.map_err(|e: StoreError| PageFault::from(e))? {
        Came::Done => back(people, &id, "narrowed"),
        Came::Refused(refusal) => back(people, &id, word(&refusal)?),
        Came::Unfit => one::again(people, &posted.visit, &owner, id, &kept).await?,
    })
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
