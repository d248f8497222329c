//! What may be done to a grant that exists: narrowed, paused, put in force again, ended. One way for each, whoever asks:
//! its owner on the account page, an administrator by the API or a command, the server itself.
//!
//! Invariants: nothing here adds anything; whatever changes, or was asked for in vain, is on record in the same
//! transaction; what its owner paused only its owner puts in force again, and what was stopped for another cause never its
//! owner.

use crate::server::AppState;
use prokura_core::{Edit, Evidence, Grant, GrantId, GrantState, InvalidEdit, Principal};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::json::{Object, Value};
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_store::{Held, Over, Said, StoreError, Tx};
use std::time::Duration;

/// The cause for which a grant is paused by whose authority it is.
pub const OWNER: &str = "owner";

/// What is to be done to a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Take something away.
    Narrow(Edit),
    /// Stop it until further notice.
    Suspend,
    /// Put it in force again.
    Resume,
    /// End it for ever, with everything below.
    Revoke,
}

/// Who does it.
#[derive(Debug, Clone)]
pub struct Actor {
    /// As words about standing name them: a principal's id, a client's, `operator`, `system`.
    pub by: String,
    /// Whose grant it must be, if they may act only on their own.
    pub owner: Option<Principal>,
    /// Why, in a few words.
    pub why: String,
    /// The entry of the record that it becomes; grant, subject, actors and resource are put in.
    pub event: Event,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The grant as it is now.
    pub grant: Grant,
    /// How many below it ended with it.
    pub below: u64,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such grant, or it is somebody else's.
    #[error("there is no such grant")]
    Missing,
    /// It has ended, or its time is over.
    #[error("the grant has ended")]
    Over,
    /// The edit is none.
    #[error(transparent)]
    Edit(#[from] InvalidEdit),
    /// The configuration says what it holds.
    #[error("what this grant holds stands in the configuration: change it there")]
    Configured,
    /// Somebody changed it in the meantime.
    #[error("the grant was changed in the meantime: look at it again")]
    Changed,
    /// It is paused already, or not paused.
    #[error("the grant stands like that already")]
    Already,
    /// It was stopped for another cause, which has to be over first.
    #[error("the grant was not paused by you: it is stopped for {0}")]
    Cause(String),
    /// Its owner paused it.
    #[error("its owner paused the grant, and only its owner can put it in force again")]
    Paused,
}

impl Refusal {
    /// Puts it on record, if somebody tried to get more.
    pub(crate) fn record(&self, tx: &mut Tx<'_>, grant: &Grant, act: &Act, actor: &Actor) {
        let Self::Edit(edit) = self else { return };
        if edit.widens() {
            let mut event = described(grant, act.action(), actor).because("widening");
            event.outcome = Outcome::Deny;
            event.details.insert("asked", edit.to_string().into());
            tx.record(event);
        }
    }
}

impl Act {
    /// As it stands in the record.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Narrow(_) => "grant:narrow",
            Self::Suspend => "grant:suspend",
            Self::Resume => "grant:resume",
            Self::Revoke => "grant:revoke",
        }
    }

    /// Does it, on record. `revision` is the one that was looked at, if it matters what else has changed since.
    ///
    /// # Errors
    /// [`StoreError`]; that it is refused is no error, for that is on record too.
    pub fn run(
        &self,
        tx: &mut Tx<'_>,
        id: &GrantId,
        revision: Option<u64>,
        actor: &Actor,
    ) -> Result<Result<Done, Refusal>, StoreError> {
        let found = tx.grant(id)?.filter(|g| actor.owner.as_ref().is_none_or(|owner| g.subject == *owner));
        let Some(grant) = found else { return Ok(Err(Refusal::Missing)) };
        let done = match revision {
            Some(seen) if seen != grant.revision => Err(Refusal::Changed),
            _ => self.on(tx, &grant, actor)?,
        };
        match &done {
            Ok(done) => tx.record(self.event(done, actor)),
            Err(refusal) => refusal.record(tx, &grant, self, actor),
        }
        Ok(done)
    }

    fn on(&self, tx: &mut Tx<'_>, grant: &Grant, actor: &Actor) -> Result<Result<Done, Refusal>, StoreError> {
        let now = actor.event.at;
        if matches!(grant.state, GrantState::Revoked(_)) {
            return Ok(Err(Refusal::Over));
        }
        if grant.expires_at <= now && *self != Self::Revoke {
            return Ok(Err(Refusal::Over));
        }
        let said = Said { by: &actor.by, why: &actor.why, now };
        let mut below = 0;
        let refused = match self {
            Self::Narrow(edit) => narrow(tx, grant, edit, said)?,
            Self::Suspend => suspend(tx, grant, actor, said)?,
            Self::Resume => resume(tx, grant, actor, said)?,
            Self::Revoke => {
                below = tx.revoke_tree(&grant.id, said.by, said.why, now)?.map_or(0, |ended| ended.below);
                None
            }
        };
        if let Some(refused) = refused {
            return Ok(Err(refused));
        }
        Ok(tx.grant(&grant.id)?.map(|grant| Done { grant, below }).ok_or(Refusal::Missing))
    }

    fn event(&self, done: &Done, actor: &Actor) -> Event {
        let mut event = described(&done.grant, self.action(), actor);
        if let Self::Narrow(edit) = self {
            let grant = &done.grant;
            event.details.insert("without", Value::Object(taken(edit)));
            event.details.insert("scope", grant.actions.to_string().into());
            if !grant.details.is_empty() {
                event.details.insert(DETAILS, rich::to_value(&grant.details, &grant.resource));
            }
            event.details.insert("revision", done.grant.revision.into());
        }
        if done.below > 0 {
            event.details.insert("below", done.below.into());
        }
        if !actor.why.is_empty() && event.reasons.is_empty() {
            event.reasons.push(actor.why.clone());
        }
        event
    }
}

fn described(grant: &Grant, action: &str, actor: &Actor) -> Event {
    let mut event = actor.event.clone();
    event.action = action.to_owned();
    event.subject = Some(grant.subject.clone());
    event.actors = vec![grant.grantee.clone()];
    event.grant = Some(grant.id.clone());
    event.resource = Some(grant.resource.clone());
    event.details.insert("by", actor.by.as_str().into());
    event
}

/// What an edit took away, for the record.
fn taken(edit: &Edit) -> Object {
    let mut taken = Object::default();
    if !edit.scopes.is_empty() {
        taken.insert("scope", edit.scopes.to_string().into());
    }
    if !edit.details.is_empty() {
        taken.insert("details", edit.details.iter().map(|place| *place as u64).collect());
    }
    if !edit.values.is_empty() {
        taken.insert("values", edit.values.keys().map(|place| *place as u64).collect());
    }
    if edit.passing_on {
        taken.insert("passing_on", true.into());
    }
    if !edit.agents.is_empty() {
        taken.insert("agents", edit.agents.iter().map(|a| a.as_str()).collect());
    }
    if let Some(until) = edit.until {
        taken.insert("after", until.seconds().into());
    }
    taken
}

type Refused = Result<Option<Refusal>, StoreError>;

fn narrow(tx: &mut Tx<'_>, grant: &Grant, edit: &Edit, said: Said<'_>) -> Refused {
    if matches!(grant.evidence, Evidence::Configuration | Evidence::Policy) {
        return Ok(Some(Refusal::Configured));
    }
    match edit.apply(grant, said.now) {
        Ok(narrowed) if tx.narrow_grant(&narrowed, said)? => Ok(None),
        Ok(_) => Ok(Some(Refusal::Changed)),
        Err(refused) => Ok(Some(refused.into())),
    }
}

fn suspend(tx: &mut Tx<'_>, grant: &Grant, actor: &Actor, said: Said<'_>) -> Refused {
    if actor.owner.is_none() {
        let done = tx.suspend_grant(&grant.id, said.by, said.why, said.now)?;
        return Ok((!done).then_some(Refusal::Already));
    }
    let held = Held::Grant(grant.id.clone());
    if tx.causes(&held)?.iter().any(|cause| cause == OWNER) {
        return Ok(Some(Refusal::Already));
    }
    tx.hold(&held, OWNER, said)?;
    Ok(None)
}

fn resume(tx: &mut Tx<'_>, grant: &Grant, actor: &Actor, said: Said<'_>) -> Refused {
    let held = Held::Grant(grant.id.clone());
    let causes = tx.causes(&held)?;
    let by_owner = causes.iter().any(|cause| cause == OWNER);
    if grant.state == GrantState::Active {
        return Ok(Some(Refusal::Already));
    }
    match (&actor.owner, by_owner) {
        (Some(_), true) => {
            tx.release(&held, OWNER, said)?;
        }
        (Some(_), false) => {
            let cause = causes.into_iter().next().unwrap_or_else(|| "operator".to_owned());
            return Ok(Some(Refusal::Cause(cause)));
        }
        // Everything but the owner's pause is over when an operator says so.
        (None, true) if causes.len() == 1 => return Ok(Some(Refusal::Paused)),
        (None, true) => {
            for cause in causes.iter().filter(|cause| *cause != OWNER) {
                tx.release(&held, cause, said)?;
            }
        }
        (None, false) => {
            tx.resume_grant(&grant.id, said.by, said.why, said.now)?;
        }
    }
    Ok(None)
}

/// So many grants end in one transaction, so that nobody waits long.
const AT_ONCE: u32 = 200;
/// For how long after a grant expired its tokens may still be taken, by readers whose clocks differ.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Ends what users allowed, and what was passed on, whose time is over; and what users allowed and nobody uses.
pub(crate) async fn sweep(app: &AppState) -> Result<(), StoreError> {
    let (now, disuse) = (app.clock.now(), disuse(&app.config));
    let event = Event::new(EventKind::Grant, "grant:revoke", Outcome::Permit, now, app.trace());
    let expired = event.clone();
    let end_expired = move |tx: &mut Tx<'_>| {
        let over = tx.expired(now.before(FORGIVEN), AT_ONCE)?;
        end_over(tx, &over, "expired", &expired)
    };
    while app.store.transact(end_expired.clone()).await? {}
    let Some(disuse) = disuse else { return Ok(()) };
    let end_unused = move |tx: &mut Tx<'_>| {
        let over = tx.unused(now.before(disuse), now, AT_ONCE)?;
        end_over(tx, &over, "disuse", &event)
    };
    while app.store.transact(end_unused.clone()).await? {}
    Ok(())
}

fn end_over(tx: &mut Tx<'_>, over: &Over, why: &str, event: &Event) -> Result<bool, StoreError> {
    let actor = Actor { by: "system".to_owned(), owner: None, why: why.to_owned(), event: event.clone() };
    for grant in &over.grants {
        // One that ended with another above it in the meantime is over already.
        drop(Act::Revoke.run(tx, &grant.id, None, &actor)?);
    }
    Ok(over.more)
}

/// After how long without use what a user allowed ends; nothing if it does not.
pub(crate) fn disuse(config: &prokura_config::Config) -> Option<Duration> {
    let disuse = config.consent.disuse.get();
    (!disuse.is_zero()).then_some(disuse)
}
