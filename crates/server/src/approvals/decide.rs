//! A vote, on record.

use prokura_core::{Ballot, GrantId, NoVote, Principal, TaskId, TaskState};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::json::Value;
use prokura_store::{ApprovalRule, StoreError, StoredTask, Tx, Voted};

/// Takes a vote and puts it on record, with the grant that it may make. `event` says who decides, how and in which flow;
/// what is decided on is put in. A vote that does not count is on record too, if whoever gave it was asked or gave it for
/// themselves.
///
/// # Errors
/// [`StoreError`].
pub fn decide(
    tx: &mut Tx<'_>,
    id: &TaskId,
    child: GrantId,
    ballot: &Ballot,
    event: Event,
) -> Result<Voted, StoreError> {
    let voted = tx.vote(id, child, ballot)?;
    match &voted {
        Voted::Counted(task) => {
            let entry = described(event, task, ballot.agrees);
            if let (TaskState::Approved, Some(child)) = (task.task.state, &task.child) {
                let mut made =
                    Event { kind: EventKind::Grant, action: "grant:make".to_owned(), ..entry.clone() };
                made.grant = Some(child.clone());
                made.details.insert("anc", Value::Array(vec![task.task.call.grant.as_str().into()]));
                tx.record(entry);
                tx.record(made.because("approval"));
            } else {
                tx.record(entry);
            }
        }
        Voted::Not(why) => {
            if let Some(task) = tx.task(id)? {
                let mut entry = described(event, &task, ballot.agrees).because(word(why));
                entry.outcome = Outcome::Deny;
                tx.record(entry);
            }
        }
        Voted::Missing => {}
    }
    Ok(voted)
}

/// Why a vote does not count, for the record and for machines.
pub(crate) fn word(why: &NoVote) -> &'static str {
    match why {
        NoVote::NotAsked => "not_asked",
        NoVote::Twice => "twice",
        NoVote::Over(_) => "over",
        NoVote::SignIn(_) => "sign_in",
        NoVote::Own => "own_request",
    }
}

/// The entry of a decision: what was decided on. Its `subject` is whose authority would be used.
fn described(mut event: Event, task: &StoredTask, agrees: bool) -> Event {
    let call = &task.task.call;
    event.action = if agrees { "approval:agree" } else { "approval:refuse" }.to_owned();
    if let Some(Principal::User(by)) = event.subject.replace(call.subject.clone()) {
        event.details.insert("by", by.as_str().into());
    }
    event.actors.clone_from(&call.chain);
    event.client = Some(call.client.clone());
    event.grant = Some(call.grant.clone());
    event.resource = Some(call.resource.clone());
    event.details.insert("approval", task.task.id.as_str().into());
    event.details.insert("about", call.action.as_str().into());
    event.details.insert("arguments_sha256", call.arguments.as_str().into());
    event.details.insert("agreed", u64::try_from(task.task.agreed()).unwrap_or(u64::MAX).into());
    event.details.insert("of", u64::from(task.task.quorum.of).into());
    event
}

/// Ends a standing agreement, on record; false if there is none in force.
///
/// # Errors
/// [`StoreError`].
pub fn end_rule(tx: &mut Tx<'_>, id: &str, mut event: Event) -> Result<Option<ApprovalRule>, StoreError> {
    let Some(rule) = tx.end_approval_rule(id, event.at)? else { return Ok(None) };
    event.action = "approval:end_rule".to_owned();
    if let Some(Principal::User(by)) = event.subject.replace(rule.subject.clone()) {
        event.details.insert("by", by.as_str().into());
    }
    event.actors = vec![rule.actor.clone()];
    event.grant = Some(rule.grant.clone());
    event.details.insert("rule", rule.id.as_str().into());
    event.details.insert("about", rule.action.as_str().into());
    tx.record(event);
    Ok(Some(rule))
}
