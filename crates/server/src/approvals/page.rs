//! The page of one call that waits: what exactly would happen, and the answer.

use super::decide::decide;
use super::offer::Offer;
use super::shown::{self, Names};
use crate::account::poster;
use crate::consent::groups_of;
use crate::people::{PageFault, People, Posted, SignedIn, Visit, see_other};
use crate::signin::approve_sign_in;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use prokura_access::Facts;
use prokura_core::{Ballot, Demand, GrantId, NoVote, Principal, SignIn, TaskId, TaskState, Timestamp, Voter};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::form::Form;
use prokura_store::{StoreError, StoredTask, Tx, Voted};
use prokura_ui::{Approve, ENGLISH, Ident, Live, Meaning, Notice, Shown, StandingOffer};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A word for the record is at most so long, in characters.
const WORD: usize = 240;

/// A task, and the reader's part in it.
pub(super) struct Known {
    pub(super) task: StoredTask,
    facts: Option<Facts>,
    groups: BTreeSet<String>,
    names: Names,
    offer: Option<Offer>,
}

/// `GET /approve/{id}`. The address is no secret: what it shows depends on who is signed in.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let result = async {
        let id = TaskId::parse(id).map_err(|_| PageFault::Missing)?;
        let Some(reader) = visit.signed_in.clone() else {
            return Ok(see_other(&people.path(&approve_sign_in(&id, false))));
        };
        let known = known(&people, &reader, &id).await?;
        let done = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
        let notice = notice(done.value("done").unwrap_or_default(), &known.task);
        people.show_live(&visit, StatusCode::OK, &view(&people, &visit, &reader, &known, notice))
    };
    let result = result.await;
    people.answer(&visit, result)
}

/// `GET /approve/{id}/state`: a word that changes whenever the page would.
pub(super) async fn state(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Response {
    let result = async {
        let reader = visit.signed_in.clone().ok_or(PageFault::Missing)?;
        let id = TaskId::parse(id).map_err(|_| PageFault::Missing)?;
        let known = known(&people, &reader, &id).await?;
        Ok(plain(seen(&known.task, people.now())))
    };
    let result = result.await;
    people.answer(&visit, result)
}

/// A short answer for the script.
pub(super) fn plain(text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}

fn seen(task: &StoredTask, now: Timestamp) -> String {
    format!("{} {}", task.task.state_at(now), task.task.votes.len())
}

/// The task, if it concerns the reader: what does not looks like what is not there.
async fn known(people: &People, reader: &SignedIn, id: &TaskId) -> Result<Known, PageFault> {
    let (config, seal) = (Arc::clone(&people.config), Arc::clone(&people.approvals));
    let (user, id, now) = (reader.user.id.clone(), id.clone(), people.now());
    let found = people.store.read(move |tx| {
        let groups = groups_of(tx, &config, &user, now)?;
        let voter = Voter::User(user.clone());
        let Some(task) = tx.task(&id)?.filter(|t| t.task.concerns(&voter, &groups)) else { return Ok(None) };
        let mut names = Names::default();
        names.meet(tx, &task)?;
        let asked = task.task.state_at(now) == TaskState::Pending && task.task.asks(&voter, &groups);
        let offer = if asked { Offer::of(tx, &seal, &config.approvals, &task)? } else { None };
        Ok::<_, StoreError>(Some(Known { facts: seal.open(&id, &task.sealed), task, groups, names, offer }))
    });
    found.await?.ok_or(PageFault::Missing)
}

fn notice(done: &str, task: &StoredTask) -> Option<Notice> {
    let t = &ENGLISH;
    let (meaning, sentence) = match (done, task.task.state) {
        ("agreed", TaskState::Approved | TaskState::Used) => (Meaning::Permitted, t.approve_done_agreed),
        ("agreed", TaskState::Pending) => (Meaning::Permitted, t.approve_done_counted),
        ("alike", TaskState::Approved | TaskState::Used) => (Meaning::Permitted, t.approve_done_agreed),
        ("refused", TaskState::Refused) => (Meaning::Permitted, t.approve_done_refused),
        ("twice", _) => (Meaning::Attention, t.approve_twice),
        ("over", _) => (Meaning::Attention, t.approve_over),
        ("not-yours", _) => (Meaning::Refused, t.approve_not_yours),
        ("weak", _) => (Meaning::Refused, t.approve_surely),
        _ => return None,
    };
    Some(Notice { meaning, sentence: sentence.to_string() })
}

fn sign_in(reader: &SignedIn) -> SignIn {
    SignIn { at: reader.session.auth_at, acr: reader.session.acr }
}

fn view(people: &People, visit: &Visit, reader: &SignedIn, known: &Known, notice: Option<Notice>) -> Approve {
    let (stored, now) = (&known.task, people.now());
    let (task, call) = (&stored.task, &stored.task.call);
    let voter = Voter::User(reader.user.id.clone());
    let state = task.state_at(now);
    let voted = task.votes.iter().any(|vote| vote.by == voter.to_string());
    let decides = state == TaskState::Pending && !voted;
    let asked = decides && task.asks(&voter, &known.groups);
    let demand = Demand { acr: task.quorum.acr, max_age: None };
    let sure = demand.is_met_by(Some(sign_in(reader)), now);
    let own = matches!(&call.subject, Principal::User(user) if *user == reader.user.id);
    let address = format!("/approve/{}", task.id);
    let lead = if own {
        ENGLISH.approve_lead.with("name", ENGLISH.chain_you).to_string()
    } else {
        ENGLISH.approve_lead.with("name", known.names.of(call.subject.as_str())).to_string()
    };
    let offer = known.offer.as_ref().filter(|_| asked && sure);
    let lines = known.facts.as_ref().map(shown::lines).unwrap_or_default();
    Approve {
        frame: people.frame(visit),
        notice,
        agent: known.names.of(call.actor.as_str()),
        lead,
        chain: shown::chain(people, &known.names, stored, &reader.user.id),
        what: shown::what(stored, known.facts.as_ref()),
        tool: call.action.clone(),
        worded: lines.iter().any(|line| line.title.is_some() || line.about.is_some()),
        lines,
        forgotten: known.facts.is_none(),
        risk: shown::risk(stored.risk),
        undo: shown::undo(stored.reversible),
        because: Shown::sentence(&because(stored)),
        who: shown::who(stored),
        votes: shown::votes(&known.names, stored),
        asked: people.when(task.asked_at),
        until: people.when(task.until),
        stands: shown::stands(stored, now),
        id: Ident::new(task.id.as_str()),
        surely: (asked && !sure).then(|| people.path(&approve_sign_in(&task.id, true))),
        decide: decides.then(|| people.form(visit, &address)),
        may_agree: asked && sure,
        offer: offer.map(|offer| StandingOffer {
            conditions: shown::conditions(&offer.conditions),
            days: offer.days.clone(),
            mark: offer.mark(),
        }),
        live: state
            .is_open()
            .then(|| Live { address: people.path(&format!("{address}/state")), seen: seen(stored, now) }),
        sign_out: people.form(visit, "/account/sign-out"),
    }
}

/// Why it is asked, with the rules that ask.
fn because(task: &StoredTask) -> String {
    match task.rules.is_empty() {
        true => task.task.because.clone(),
        false => format!("{} ({})", task.task.because, task.rules.join(", ")),
    }
}

/// What was answered.
#[derive(Clone)]
enum Answer {
    No,
    Once,
    Alike { days: u32, mark: String },
}

impl Answer {
    fn read(posted: &Posted) -> Option<Self> {
        match posted.fields.one("answer") {
            "no" => Some(Self::No),
            "once" => Some(Self::Once),
            more => {
                let days = more.strip_prefix("alike-")?.parse().ok()?;
                Some(Self::Alike { days, mark: posted.fields.one("offer").to_owned() })
            }
        }
    }
}

/// `POST /approve/{id}`.
pub(super) async fn answer(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = answered(&people, &posted, id).await;
    people.answer(&posted.visit, result)
}

async fn answered(people: &Arc<People>, posted: &Posted, id: String) -> Result<Response, PageFault> {
    let id = TaskId::parse(id).map_err(|_| PageFault::Missing)?;
    let reader = poster(posted)?;
    let answer = Answer::read(posted).ok_or(PageFault::Crossed)?;
    let now = people.now();
    let word: String = posted.fields.one("word").chars().take(WORD).collect();
    let agrees = !matches!(answer, Answer::No);
    let outcome = if agrees { Outcome::Permit } else { Outcome::Deny };
    let mut event = posted.visit.event(EventKind::Consent, "approval", outcome, now);
    event.subject = Some(Principal::User(reader.user.id.clone()));
    event.details.insert("acr", reader.session.acr.as_str().into());
    if !word.is_empty() {
        event.details.insert("word", word.as_str().into());
    }
    let vote = Ballot {
        voter: Voter::User(reader.user.id.clone()),
        groups: BTreeSet::new(),
        agent: None,
        sign_in: Some(sign_in(&reader)),
        agrees,
        word,
        at: now,
    };
    let (shared, child, target) = (Arc::clone(people), GrantId::random(&*people.rng), id.clone());
    let done = people.store.transact(move |tx| match reader.stands(tx, now)? {
        true => take(tx, &shared, (&target, child.clone()), &vote, &answer, event.clone()),
        false => Ok(None),
    });
    let word = done.await?.ok_or(PageFault::Missing)?;
    Ok(see_other(&people.path(&format!("/approve/{id}?done={word}"))))
}

/// Takes the answer; none if the task does not concern who gives it.
fn take(
    tx: &mut Tx<'_>,
    people: &People,
    (id, child): (&TaskId, GrantId),
    vote: &Ballot,
    answer: &Answer,
    event: Event,
) -> Result<Option<&'static str>, StoreError> {
    let Voter::User(user) = &vote.voter else { return Ok(None) };
    let ballot = Ballot { groups: groups_of(tx, &people.config, user, vote.at)?, ..vote.clone() };
    let Some(task) = tx.task(id)?.filter(|t| t.task.concerns(&ballot.voter, &ballot.groups)) else {
        return Ok(None);
    };
    let taken = match answer {
        Answer::Alike { days, mark } => {
            let offer = Offer::of(tx, &people.approvals, &people.config.approvals, &task)?;
            let same = offer.filter(|offer| offer.mark() == *mark && offer.days.contains(days));
            let Some(offer) = same else { return Ok(Some("over")) };
            Some((offer, *days))
        }
        Answer::No | Answer::Once => None,
    };
    Ok(Some(match decide(tx, id, child, &ballot, event.clone())? {
        Voted::Missing => return Ok(None),
        Voted::Counted(task) => match taken {
            Some((offer, days)) => {
                offer.take(tx, (&people.approvals, &*people.rng), &task, days, event)?;
                "alike"
            }
            None if ballot.agrees => "agreed",
            None => "refused",
        },
        Voted::Not(NoVote::Twice) => "twice",
        Voted::Not(NoVote::Over(_)) => "over",
        Voted::Not(NoVote::SignIn(_)) => "weak",
        Voted::Not(NoVote::NotAsked | NoVote::Own) => "not-yours",
    }))
}
