//! What a user allowed, refused, changed and ended, and what ended by itself: the newest first, as the record has it.

use super::drawn::host;
use super::happened::{allowed, asked, text, what};
use super::sign_in_first;
use crate::people::{PageFault, People, SignedIn, Visit};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::{GrantId, Principal, UserId};
use prokura_ledger::{Entry, Event, EventKind};
use prokura_oauth::form::Form;
use prokura_store::{StoreError, Tx};
use prokura_ui::{ENGLISH, History, HistoryRow, Shown};
use std::collections::BTreeSet;
use std::sync::Arc;

/// So many entries are looked at for a page.
const ENTRIES: u32 = 60;

/// An entry, and what is known of whom it names.
struct Known {
    seq: u64,
    event: Event,
    /// Who was allowed something.
    agent: String,
    /// The grant, if it can be looked at still.
    grant: Option<GrantId>,
    /// Who did it, if it was somebody else.
    by: Option<String>,
}

/// `GET /account/history`.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let Some(owner) = visit.signed_in.clone() else { return sign_in_first(&people) };
    let query = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let before = query.value("before").and_then(|seq| seq.parse().ok());
    let result = page(&people, &visit, &owner, before).await;
    people.answer(&visit, result)
}

async fn page(
    people: &People,
    visit: &Visit,
    owner: &SignedIn,
    before: Option<u64>,
) -> Result<Response, PageFault> {
    let user = owner.user.id.clone();
    let all = people.store.read(move |tx| known(tx, &user, before)).await?;
    let address = |query: &str| people.path(&format!("/account/history{query}"));
    let last = all.last().filter(|_| all.len() >= ENTRIES as usize).map(|known| known.seq);
    let view = History {
        frame: people.frame(visit),
        rows: rows(people, &all),
        newer: before.map(|_| address("")),
        older: last.map(|seq| address(&format!("?before={seq}"))),
        sign_out: people.form(visit, "/account/sign-out"),
    };
    people.show(visit, StatusCode::OK, &view)
}

fn known(tx: &mut Tx<'_>, owner: &UserId, before: Option<u64>) -> Result<Vec<Known>, StoreError> {
    let entries = tx.consent_entries(&Principal::User(owner.clone()), before, ENTRIES)?;
    entries.into_iter().map(|(seq, entry)| one(tx, owner, seq, entry)).collect()
}

fn one(tx: &mut Tx<'_>, owner: &UserId, seq: u64, entry: Entry) -> Result<Known, StoreError> {
    let event = entry.event;
    let agent = match (event.actors.first(), &event.client) {
        (Some(agent), _) => tx.agent(agent)?.map_or_else(|| agent.to_string(), |a| a.name),
        (None, Some(client)) => tx.agent_of_client(client)?.map_or_else(|| host(client), |a| a.name),
        (None, None) => String::new(),
    };
    let grant = match &event.grant {
        Some(id) => tx.grant(id)?.map(|grant| grant.id),
        None => None,
    };
    let by = match UserId::parse(text(&event.details, "by")) {
        Ok(user) if user != *owner => tx.user(&user)?.map(|user| user.display_name),
        _ => None,
    };
    Ok(Known { seq, event, agent, grant, by })
}

fn rows(people: &People, all: &[Known]) -> Vec<HistoryRow> {
    // What somebody said is one line, and not another for the grant that came of it.
    let said: BTreeSet<_> = all.iter().filter(|k| k.event.kind == EventKind::Consent).map(trace).collect();
    let row = |known: &Known| {
        let event = &known.event;
        if event.kind == EventKind::Grant && is_making(event) && said.contains(&trace(known)) {
            return None;
        }
        let place = event.resource.as_ref().map(|r| people.title(r));
        Some(HistoryRow {
            when: people.when(event.at),
            agent: Shown::name(&known.agent),
            resource: Shown::name(place.unwrap_or_default()),
            what: Shown::whole(&told(people, event)?),
            who: Shown::name(&who(known)),
            href: known.grant.as_ref().map(|id| people.path(&format!("/account/grants/{id}"))),
        })
    };
    all.iter().filter_map(row).collect()
}

fn trace(known: &Known) -> &str {
    known.event.trace.as_str()
}

fn is_making(event: &Event) -> bool {
    matches!(event.action.as_str(), "grant:make" | "grant:change")
}

/// What happened, in words; nothing of what changed nothing.
fn told(people: &People, event: &Event) -> Option<String> {
    let t = &ENGLISH;
    let about = || Shown::name(text(&event.details, "about").split_once(':').map_or("", |(_, name)| name));
    Some(match event.action.as_str() {
        "consent:remembered" => return None,
        "consent:allow" => allowed(people, event),
        "consent:refuse" => t.past_refused.to_string(),
        "consent:withheld" => t.past_withheld.with("what", asked(people, event)).to_string(),
        "consent:organisation" => t.past_organisation.to_string(),
        "approval:agree" | "approval:refuse" if !event.reasons.is_empty() => return None,
        "approval:agree" => t.past_agreed.with("what", about()).to_string(),
        "approval:refuse" => t.past_disagreed.with("what", about()).to_string(),
        "approval:make_rule" => t.past_rule.with("what", about()).to_string(),
        "approval:end_rule" => t.past_rule_ended.with("what", about()).to_string(),
        "grant:make" if event.details.contains_key("anc") => t.past_part.to_string(),
        _ => return what(event),
    })
}

/// By whom.
fn who(known: &Known) -> String {
    let event = &known.event;
    let passed_on = event.action == "grant:make" && event.details.contains_key("anc");
    // What was asked for, or given by others, is nobody's word here.
    if matches!(event.action.as_str(), "consent:withheld" | "consent:organisation") {
        return String::new();
    }
    match (&known.by, event.kind, text(&event.details, "by")) {
        (Some(name), ..) => name.clone(),
        (None, _, "system") => ENGLISH.by_system.to_string(),
        (None, EventKind::Administration, _) => ENGLISH.by_the_operator.to_string(),
        (None, EventKind::Consent, _) => ENGLISH.by_you.to_string(),
        (None, EventKind::Grant, by) if UserId::parse(by).is_ok() && !passed_on => ENGLISH.by_you.to_string(),
        _ => String::new(),
    }
}
