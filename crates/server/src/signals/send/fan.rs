//! What happened here becomes events, and each goes into the queue of every stream that carries it, in the transaction
//! that takes it out of what happened: it is in one of the two whenever this process ends.

use super::wire::delivers;
use crate::server::AppState;
use prokura_config::SignalSubjects;
use prokura_core::{GrantId, Principal, Rng, Timestamp, UserId, random_id};
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_oauth::signals::{
    Circumstances, Complex, Compliance, CredentialChange, CredentialChangeType, Event, Initiator, RiskLevel,
    RiskLevelChange, StreamStatus, Subject, SubjectId,
};
use prokura_store::{Happening, Queued, StoreError, Stream, Tx};
use std::sync::Arc;

/// So many at once.
const AT_ONCE: u32 = 200;
/// Why a stream is paused whose receiver takes nothing.
const FULL: &str = "too many events wait to be taken";

/// One event for receivers.
pub(super) struct Telling {
    pub(super) subject: Subject,
    pub(super) event: Event,
    pub(super) circumstances: Circumstances,
    pub(super) transaction: Option<String>,
}

/// What decides how events are told.
struct Terms {
    issuer: String,
    subjects: SignalSubjects,
    most: u64,
    rng: Arc<dyn Rng>,
    now: Timestamp,
}

/// Puts what happened into the queues; says whether there was anything.
pub(in crate::signals) async fn fan_out(app: &AppState) -> Result<bool, String> {
    let failed = |e: StoreError| e.to_string();
    if !app.store.read::<_, StoreError>(|tx| tx.has_happenings()).await.map_err(failed)? {
        return Ok(false);
    }
    let terms = Terms {
        issuer: app.config.issuer.as_str().to_owned(),
        subjects: app.config.signals.send.subjects,
        most: u64::from(app.config.signals.send.queue),
        rng: Arc::clone(&app.rng),
        now: app.clock.now(),
    };
    let spread = app.store.transact::<_, StoreError>(move |tx| {
        for happening in tx.take_happenings(AT_ONCE)? {
            spread(tx, &terms, &happening)?;
        }
        Ok(())
    });
    spread.await.map_err(failed)?;
    Ok(true)
}

fn spread(tx: &mut Tx<'_>, terms: &Terms, happening: &Happening) -> Result<(), StoreError> {
    let Some(telling) = telling(tx, terms, happening)? else { return Ok(()) };
    let Some(kind) = telling.event.kind() else { return Ok(()) };
    for stream in tx.streams(None)? {
        let disabled = stream.status == StreamStatus::Disabled.as_str();
        if disabled || !delivers(&stream, kind) || is_excepted(tx, &stream, &telling.subject)? {
            continue;
        }
        if tx.count_queued(&stream.id)? >= terms.most {
            overflow(tx, terms, stream)?;
            continue;
        }
        put(tx, &stream.id, &telling, (terms.now, false), &*terms.rng)?;
    }
    Ok(())
}

/// Puts an event into a queue.
pub(super) fn put(
    tx: &mut Tx<'_>,
    stream: &str,
    telling: &Telling,
    (now, urgent): (Timestamp, bool),
    rng: &dyn Rng,
) -> Result<(), StoreError> {
    let mut o = obj([
        ("sub_id", Value::Object(telling.subject.to_object())),
        ("events", Value::Object(telling.event.to_claim(&telling.circumstances))),
    ]);
    if let Some(transaction) = &telling.transaction {
        o.insert("txn", transaction.as_str().into());
    }
    let event = String::from_utf8_lossy(&o.to_vec()).into_owned();
    let queued = Queued { seq: tx.next_happening()?, jti: random_id("set_", rng), event, at: now, urgent };
    tx.enqueue(stream, &queued)
}

/// A stream whose queue is full is paused, and its receiver is told; what happens from now on is not held for it.
fn overflow(tx: &mut Tx<'_>, terms: &Terms, stream: Stream) -> Result<(), StoreError> {
    if stream.status == StreamStatus::Paused.as_str() {
        return Ok(());
    }
    let (status, reason) = (StreamStatus::Paused, Some(FULL.to_owned()));
    let telling = Telling {
        subject: Subject::opaque(&stream.id),
        event: Event::StreamUpdated { status, reason: reason.clone() },
        circumstances: Circumstances::default(),
        transaction: None,
    };
    put(tx, &stream.id, &telling, (terms.now, true), &*terms.rng)?;
    tracing::warn!(stream = stream.id, "a stream is paused: {FULL}");
    tx.update_stream(&Stream { status: status.as_str().to_owned(), reason, ..stream }).map(drop)
}

/// Whether the receiver took the subject out of the stream: it equals what was taken out, or has every member of it.
fn is_excepted(tx: &mut Tx<'_>, stream: &Stream, subject: &Subject) -> Result<bool, StoreError> {
    let excepted = |text: String| {
        let value = parse(text.as_bytes(), &Limits::DOCUMENT).ok();
        match (value.and_then(|v| Subject::parse(&v).ok()), subject) {
            (Some(Subject::Complex(out)), Subject::Complex(told)) => {
                out.names().all(|name| out.member(name) == told.member(name))
            }
            (Some(out @ Subject::Simple(_)), told) => told.matches(&out),
            _ => false,
        }
    };
    Ok(tx.exceptions(&stream.id)?.into_iter().any(excepted))
}

/// What receivers are told of something that happened; `None` if it is nothing to them.
fn telling(tx: &mut Tx<'_>, terms: &Terms, h: &Happening) -> Result<Option<Telling>, StoreError> {
    let own = |id: &str| Subject::Simple(own_id(terms, id));
    let found = match (h.kind.as_str(), h.word.as_str()) {
        ("grant", "revoked" | "suspended") => of_grant(tx, terms, &h.id)?.map(|s| (s, Event::SessionRevoked)),
        ("user", "disabled") | ("sessions", "ended") => {
            Some((Subject::Simple(of_user(tx, terms, &h.id)?), Event::SessionRevoked))
        }
        ("agent" | "client" | "workload", "disabled") => Some((own(&h.id), Event::SessionRevoked)),
        ("credential", word) => match credential(word) {
            Some(event) => Some((Subject::Simple(of_user(tx, terms, &h.id)?), event)),
            None => None,
        },
        ("fact", word) => of_fact(tx, terms, &h.id, word)?,
        _ => None,
    };
    Ok(found.map(|(subject, event)| Telling {
        subject,
        event,
        circumstances: circumstances(h),
        transaction: Some(format!("txn_{}", h.seq)),
    }))
}

fn own_id(terms: &Terms, id: &str) -> SubjectId {
    SubjectId::IssSub { issuer: terms.issuer.clone(), subject: id.to_owned() }
}

fn of_user(tx: &mut Tx<'_>, terms: &Terms, id: &str) -> Result<SubjectId, StoreError> {
    if terms.subjects == SignalSubjects::Email
        && let Ok(user) = UserId::parse(id)
        && let Some(email) = tx.user(&user)?.and_then(|u| u.email)
    {
        return Ok(SubjectId::Email(email));
    }
    Ok(own_id(terms, id))
}

/// A grant is what a session is to its agent: the user, the agent and the grant itself together.
fn of_grant(tx: &mut Tx<'_>, terms: &Terms, id: &str) -> Result<Option<Subject>, StoreError> {
    let Ok(id) = GrantId::parse(id) else { return Ok(None) };
    let Some(grant) = tx.grant(&id)? else { return Ok(None) };
    let user = match &grant.subject {
        Principal::User(user) => of_user(tx, terms, user.as_str())?,
        Principal::Agent(agent) => own_id(terms, agent.as_str()),
    };
    Ok(Complex::new(vec![
        ("user".to_owned(), user),
        ("application".to_owned(), own_id(terms, grant.grantee.as_str())),
        ("session".to_owned(), SubjectId::Opaque(id.as_str().to_owned())),
    ])
    .map(Subject::Complex))
}

/// `password:update`, `fido2-roaming:delete`, …
fn credential(word: &str) -> Option<Event> {
    let (sort, change) = word.split_once(':')?;
    Some(Event::CredentialChange(CredentialChange {
        credential_type: sort.to_owned(),
        change: CredentialChangeType::parse(change)?,
        friendly_name: None,
        x509_issuer: None,
        x509_serial: None,
        fido2_aaguid: None,
    }))
}

/// `posture.compliant:true:false`, `risk.level:LOW:HIGH`: the fact, what it said before, and what it says now.
fn of_fact(
    tx: &mut Tx<'_>,
    terms: &Terms,
    about: &str,
    word: &str,
) -> Result<Option<(Subject, Event)>, StoreError> {
    let mut parts = word.split(':');
    let (Some(name), Some(before), Some(now)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let Some((kind, id)) = about.split_once(':') else { return Ok(None) };
    let (id, principal) = match kind {
        "user" => (of_user(tx, terms, id)?, "USER"),
        "host" => (SubjectId::Opaque(id.to_owned()), "DEVICE"),
        "workload" => (own_id(terms, id), "DEVICE"),
        _ => (own_id(terms, id), "APPLICATION"),
    };
    let event = match name {
        "posture.compliant" => {
            let Some(current) = compliance(now) else { return Ok(None) };
            let opposite = match current {
                Compliance::Compliant => Compliance::NotCompliant,
                Compliance::NotCompliant => Compliance::Compliant,
            };
            Event::DeviceComplianceChange { previous: compliance(before).unwrap_or(opposite), current }
        }
        "risk.level" => {
            let Some(current) = RiskLevel::parse(now) else { return Ok(None) };
            let principal = principal.to_owned();
            Event::RiskLevelChange(RiskLevelChange {
                principal,
                current,
                previous: RiskLevel::parse(before),
                reason: None,
            })
        }
        _ => return Ok(None),
    };
    Ok(Some((if principal == "DEVICE" { device(id) } else { Subject::Simple(id) }, event)))
}

fn compliance(word: &str) -> Option<Compliance> {
    match word {
        "true" => Some(Compliance::Compliant),
        "false" => Some(Compliance::NotCompliant),
        _ => None,
    }
}

fn device(id: SubjectId) -> Subject {
    let complex = Complex::new(vec![("device".to_owned(), id.clone())]);
    complex.map_or(Subject::Simple(id), Subject::Complex)
}

fn circumstances(h: &Happening) -> Circumstances {
    let initiator = match h.by.as_str() {
        "operator" => Initiator::Admin,
        user if user.starts_with(UserId::PREFIX) => Initiator::User,
        "signals" | "policy" => Initiator::Policy,
        _ => Initiator::System,
    };
    let why = if h.why.trim().is_empty() { "no reason was given" } else { h.why.as_str() };
    let why = why.chars().filter(|c| !c.is_control()).take(200).collect();
    Circumstances {
        at: Some(h.at),
        initiator: Some(initiator),
        reason_admin: vec![("en".to_owned(), why)],
        reason_user: Vec::new(),
    }
}

/// The claims of a queued event for its receiver.
pub(super) fn claims(app: &AppState, stream: &Stream, queued: &Queued) -> Option<Object> {
    let event = parse(queued.event.as_bytes(), &Limits::DOCUMENT).ok()?.into_object()?;
    let mut o = obj([
        ("iss", app.config.issuer.as_str().into()),
        ("aud", stream.client.as_str().into()),
        ("jti", queued.jti.as_str().into()),
        ("iat", queued.at.seconds().into()),
    ]);
    event.iter().for_each(|(name, value)| o.insert(name, value.clone()));
    Some(o)
}
