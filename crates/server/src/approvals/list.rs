//! "Approvals" in the account: what waits for the reader, what was agreed to for a while, what was decided.

use super::decide::end_rule;
use super::page::plain;
use super::shown::{self, Names};
use crate::account::{poster, sign_in_first};
use crate::ciba;
use crate::consent::groups_of;
use crate::interaction::Asked;
use crate::people::{PageFault, People, Posted, SignedIn, Visit, see_other};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::{Principal, TaskState, Timestamp, UserId, Voter};
use prokura_ledger::{EventKind, Outcome};
use prokura_store::{ApprovalRule, StoreError, StoredTask, TaskFilter, Tx};
use prokura_ui::{Approvals, DecidedRow, ENGLISH, Live, Meaning, Notice, Shown, StandingRow, WaitingRow};
use std::collections::BTreeSet;
use std::sync::Arc;

/// So many that were decided are shown.
const DECIDED: usize = 20;

struct Known {
    /// What software asks from elsewhere.
    asks: Vec<Asked>,
    waiting: Vec<StoredTask>,
    decided: Vec<StoredTask>,
    rules: Vec<ApprovalRule>,
    names: Names,
}

/// `GET /account/approvals`.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let Some(reader) = visit.signed_in.clone() else { return sign_in_first(&people) };
    let done = query.as_deref().and_then(|q| q.strip_prefix("done=")).unwrap_or_default();
    let result = page(&people, &visit, &reader, done).await;
    people.answer(&visit, result)
}

/// `GET /account/approvals/state`: a word that changes whenever something else waits.
pub(super) async fn state(State(people): State<Arc<People>>, visit: Visit) -> Response {
    let result = async {
        let reader = visit.signed_in.clone().ok_or(PageFault::Missing)?;
        let (config, user, now) = (Arc::clone(&people.config), reader.user.id.clone(), people.now());
        let waiting = people.store.read(move |tx| {
            let groups = groups_of(tx, &config, &user, now)?;
            Ok::<_, StoreError>((ciba::waiting_for(tx, &user, now)?, waiting(tx, &user, &groups, now)?))
        });
        let (asks, waiting) = waiting.await?;
        Ok(plain(seen(&asks, &waiting)))
    };
    let result = result.await;
    people.answer(&visit, result)
}

fn seen(asks: &[Asked], waiting: &[StoredTask]) -> String {
    let newest = waiting.first().map_or("", |t| t.task.id.as_str());
    let asked = asks.first().and_then(|a| a.called.as_ref()).map_or("", |c| c.id.as_str());
    format!("{} {newest} {} {asked}", waiting.len(), asks.len())
}

/// What waits for a user: what they are asked about and have not decided on.
fn waiting(
    tx: &mut Tx<'_>,
    user: &UserId,
    groups: &BTreeSet<String>,
    now: Timestamp,
) -> Result<Vec<StoredTask>, StoreError> {
    let voter = Voter::User(user.clone());
    let filter = TaskFilter { state: Some(TaskState::Pending), subject: None, limit: 1000 };
    let mut all = tx.tasks(&filter)?;
    let name = voter.to_string();
    all.retain(|t| {
        let open = t.task.state_at(now) == TaskState::Pending;
        open && t.task.asks(&voter, groups) && !t.task.votes.iter().any(|vote| vote.by == name)
    });
    Ok(all)
}

fn known(tx: &mut Tx<'_>, people: &People, user: &UserId, now: Timestamp) -> Result<Known, StoreError> {
    let groups = groups_of(tx, &people.config, user, now)?;
    let (voter, name) = (Voter::User(user.clone()), user.to_string());
    let waiting = waiting(tx, user, &groups, now)?;
    let mut decided = tx.tasks(&TaskFilter { limit: 1000, ..TaskFilter::default() })?;
    decided.retain(|t| {
        let over = t.task.state_at(now) != TaskState::Pending || t.task.votes.iter().any(|v| v.by == name);
        over && t.task.concerns(&voter, &groups)
    });
    decided.truncate(DECIDED);
    let own = Principal::User(user.clone());
    let mut rules = tx.approval_rules(None, now)?;
    rules.retain(|rule| rule.subject == own || rule.by == name);
    let mut names = Names::default();
    waiting.iter().chain(&decided).try_for_each(|task| names.meet(tx, task))?;
    for rule in &rules {
        names.agent(tx, &rule.actor)?;
        names.voter(tx, &rule.by)?;
    }
    let asks = ciba::waiting_for(tx, user, now)?;
    Ok(Known { asks, waiting, decided, rules, names })
}

async fn page(
    people: &Arc<People>,
    visit: &Visit,
    reader: &SignedIn,
    done: &str,
) -> Result<Response, PageFault> {
    let (shared, user, now) = (Arc::clone(people), reader.user.id.clone(), people.now());
    let known = people.store.read(move |tx| known(tx, &shared, &user, now)).await?;
    let sentence = match done {
        "ended" => Some(ENGLISH.standing_ended),
        "allowed" => Some(ENGLISH.called_done_yes),
        "said-no" => Some(ENGLISH.called_done_no),
        _ => None,
    };
    let sentence = sentence.map(|text| text.to_string());
    let asks = known.asks.iter().filter_map(|asked| ask_row(people, asked));
    let calls = known.waiting.iter().map(|task| waiting_row(people, reader, &known, task));
    let view = Approvals {
        frame: people.frame(visit),
        notice: sentence.map(|sentence| Notice { meaning: Meaning::Permitted, sentence }),
        waiting: asks.chain(calls).collect(),
        rules: known.rules.iter().map(|rule| rule_row(people, visit, &known, rule)).collect(),
        decided: known.decided.iter().map(|task| decided_row(people, &known, task)).collect(),
        live: Live {
            address: people.path("/account/approvals/state"),
            seen: seen(&known.asks, &known.waiting),
        },
        sign_out: people.form(visit, "/account/sign-out"),
    };
    people.show_live(visit, StatusCode::OK, &view)
}

/// What software asks from elsewhere; the consent page says more.
fn ask_row(people: &People, asked: &Asked) -> Option<WaitingRow> {
    let called = asked.called.as_ref()?;
    let (client, resource) = (Shown::name(&asked.name), Shown::name(people.title(&asked.resource)));
    let what = ENGLISH.called_row.with("client", client).with("resource", resource).to_string();
    let because = match &called.message {
        Some(message) => ENGLISH.called_row_compare.with("message", message).to_string(),
        None => ENGLISH.called_row_silent.to_string(),
    };
    Some(WaitingRow {
        what: Shown::sentence(&what),
        chain: Vec::new(),
        because: Shown::sentence(&because),
        asked: people.when(called.at),
        until: people.when(called.until),
        href: people.path(&format!("/asks/{}", called.id)),
    })
}

fn waiting_row(people: &People, reader: &SignedIn, known: &Known, task: &StoredTask) -> WaitingRow {
    let facts = people.approvals.open(&task.task.id, &task.sealed);
    WaitingRow {
        what: shown::what(task, facts.as_ref()),
        chain: shown::chain(people, &known.names, task, &reader.user.id),
        because: Shown::sentence(&task.task.because),
        asked: people.when(task.task.asked_at),
        until: people.when(task.task.until),
        href: people.path(&format!("/approve/{}", task.task.id)),
    }
}

fn decided_row(people: &People, known: &Known, task: &StoredTask) -> DecidedRow {
    let what = shown::what(task, None);
    let agent = known.names.of(task.task.call.actor.as_str());
    DecidedRow {
        when: people.when(task.task.asked_at),
        what: Shown::sentence(&format!("{agent}: {what}")),
        stands: shown::stands(task, people.now()),
        href: people.path(&format!("/approve/{}", task.task.id)),
    }
}

fn rule_row(people: &People, visit: &Visit, known: &Known, rule: &ApprovalRule) -> StandingRow {
    let conditions = people.approvals.open_conditions(&rule.id, &rule.sealed);
    let name = rule.action.split_once(':').map_or(rule.action.as_str(), |(_, name)| name);
    StandingRow {
        what: Shown::sentence(&format!("{}: {}/{name}", known.names.of(rule.actor.as_str()), rule.server)),
        conditions: conditions.as_ref().map(shown::conditions).unwrap_or_default(),
        by: known.names.of(&rule.by),
        until: people.when(rule.until),
        end: people.form(visit, &format!("/account/approvals/rules/{}/end", rule.id)),
    }
}

/// `POST /account/approvals/rules/{id}/end`: by whose authority it is, or by who agreed.
pub(super) async fn end(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = async {
        let owner = poster(&posted)?;
        let user = Principal::User(owner.user.id.clone());
        let mut event = posted.visit.event(EventKind::Consent, "approval", Outcome::Permit, people.now());
        event.subject = Some(user.clone());
        let done = people.store.transact(move |tx| {
            let theirs = |r: &ApprovalRule| r.subject == user || r.by == user.as_str();
            let Some(rule) = tx.approval_rule(&id)?.filter(theirs) else { return Ok(false) };
            Ok::<_, StoreError>(end_rule(tx, &rule.id, event.clone())?.is_some())
        });
        match done.await? {
            true => Ok(see_other(&people.path("/account/approvals?done=ended"))),
            false => Err(PageFault::Missing),
        }
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}
