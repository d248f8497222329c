//! A task as a program reads it that is told of it: what the page shows, and no more.

use super::shown::{Names, what};
use crate::people::People;
use prokura_access::{Fact, Facts};
use prokura_core::{Acr, TaskId, Timestamp, Vote};
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{StoreError, StoredTask};
use prokura_ui::{ENGLISH, When};
use std::sync::Arc;

/// What is told of a task; none if it is not known any more.
pub(crate) async fn told(people: &Arc<People>, id: &TaskId) -> Result<Option<Object>, StoreError> {
    let id = id.clone();
    let found = people.store.read::<_, StoreError>(move |tx| {
        let Some(task) = tx.task(&id)? else { return Ok(None) };
        let mut names = Names::default();
        names.meet(tx, &task)?;
        Ok(Some((task, names)))
    });
    Ok(found.await?.map(|(task, names)| described(people, &task, &names)))
}

fn described(people: &People, stored: &StoredTask, names: &Names) -> Object {
    let (task, call, now) = (&stored.task, &stored.task.call, people.now());
    let facts = people.approvals.open(&task.id, &stored.sealed);
    let named = |id: &str| {
        let name = names.of(id).as_str().to_owned();
        Value::Object(obj([("id", id.into()), ("name", name.into())]))
    };
    let mut o = obj([
        ("id", task.id.as_str().into()),
        ("url", format!("{}/approve/{}", people.issuer(), task.id).into()),
        ("state", task.state_at(now).as_str().into()),
        ("title", what(stored, facts.as_ref()).as_str().into()),
        ("server", call.server.as_str().into()),
        ("action", call.action.as_str().into()),
        ("subject", named(call.subject.as_str())),
        ("chain", call.chain.iter().map(|agent| named(agent.as_str())).collect()),
        ("because", task.because.as_str().into()),
        ("rules", stored.rules.iter().map(|r| Value::from(r.as_str())).collect()),
        ("approvers", task.quorum.approvers.iter().map(|a| Value::from(a.as_str())).collect()),
        ("of", u64::from(task.quorum.of).into()),
        ("votes", task.votes.iter().map(|vote| voted(vote, names)).collect()),
        ("asked_at", time(task.asked_at)),
        ("until", time(task.until)),
    ]);
    if let Some(acr) = task.quorum.acr {
        o.insert("acr", Acr::as_str(acr).into());
    }
    if let Some(risk) = stored.risk {
        o.insert("risk", risk.as_str().into());
    }
    if let Some(reversible) = stored.reversible {
        o.insert("reversible", reversible.into());
    }
    if let Some(facts) = &facts {
        o.insert("arguments", arguments(facts));
    }
    o
}

/// Each argument as it is shown. Of what was decided and is over, nothing is kept to be told.
fn arguments(facts: &Facts) -> Value {
    let line = |fact: Fact<'_>| {
        let title = fact.title.unwrap_or(fact.name);
        let mut o =
            obj([("name", fact.name.into()), ("title", title.into()), ("value", fact.will_be().into())]);
        if let Some(before) = fact.was() {
            o.insert("before", before.into());
        }
        Value::Object(o)
    };
    facts.shown().map(line).collect()
}

fn voted(vote: &Vote, names: &Names) -> Value {
    let by = names.of(&vote.by).as_str().to_owned();
    Value::Object(obj([
        ("by", by.into()),
        ("agrees", vote.agrees.into()),
        ("word", vote.word.as_str().into()),
        ("at", time(vote.at)),
    ]))
}

fn time(at: Timestamp) -> Value {
    When::at(at.seconds(), at.seconds(), &ENGLISH).machine.into()
}
