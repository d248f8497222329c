//! The status of a stream, whom it is about, and its verification (SSF §"Stream Status", §"Subjects", §"Verification").

use super::StreamFault;
use super::caller::{manager, reader};
use super::fan::{Telling, put};
use super::streams::{answered, asked_for, empty, entry, named, own};
use super::wire::VERIFY_EVERY;
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{json, json_object};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::TraceId;
use prokura_ledger::EventKind;
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::signals::{Circumstances, Event, StreamStatus, Subject};
use prokura_store::{Stream, Tx};
use std::sync::Arc;
use std::time::Duration;

/// The most subjects that a receiver may take out of a stream.
const MAX_EXCEPTIONS: usize = 10_000;
/// The longest word that is echoed, and the longest reason that is kept, in bytes.
const MAX_WORD: usize = 1024;

fn refused(why: &str) -> Fault {
    Fault::Stream(StreamFault::Request(why.to_owned()))
}

pub(super) async fn status(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:status"));
    let (parts, _) = request.into_parts();
    let result = async {
        let client = reader(&app, &parts, &mut about).await?;
        let id = asked_for(&parts)?.ok_or(Fault::Stream(StreamFault::Missing))?;
        let stream = app.store.read(move |tx| own(tx, &client, &id)).await?;
        Ok(json(StatusCode::OK, &standing(&stream)))
    };
    let result = result.await;
    answered(&app, &about, &trace, result).await
}

fn standing(stream: &Stream) -> Object {
    let mut o = obj([("stream_id", stream.id.as_str().into()), ("status", stream.status.as_str().into())]);
    if let Some(reason) = &stream.reason {
        o.insert("reason", reason.as_str().into());
    }
    o
}

/// A text member of a body that is bounded.
fn word(o: &Object, name: &'static str) -> Result<Option<String>, Fault> {
    match o.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_WORD && !text.contains('\0') => Ok(Some(text.clone())),
        Some(_) => Err(refused(&format!("`{name}` is no text, or too long"))),
    }
}

pub(super) async fn set_status(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:status"));
    let result = turned(&app, request, &trace, &mut about).await;
    answered(&app, &about, &trace, result).await
}

async fn turned(
    app: &AppState,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let client = manager(app, &parts, about).await?;
    let o = json_object(&parts, body).await?;
    let (id, reason) = (named(&o)?, word(&o, "reason")?);
    let status = o.str("status").and_then(StreamStatus::parse);
    let status = status.ok_or_else(|| refused("`status` is `enabled`, `paused` or `disabled`"))?;
    let now = app.clock.now();
    let mut done = entry("stream:status", &client, &id, now, trace);
    done.details.insert("status", status.as_str().into());
    let turn = move |tx: &mut Tx<'_>| {
        let known = own(tx, &client, &id)?;
        let stream = Stream {
            status: status.as_str().to_owned(),
            reason: reason.clone(),
            failures: 0,
            last_error: None,
            next_at: now,
            ..known
        };
        if status == StreamStatus::Disabled {
            // Nothing is held for later.
            tx.empty_queue(&id)?;
        }
        tx.update_stream(&stream)?;
        tx.record(done.clone());
        Ok::<_, Fault>(standing(&stream))
    };
    Ok(json(StatusCode::OK, &app.store.transact(turn).await?))
}

pub(super) async fn add_subject(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:add_subject"));
    let result = subject(&app, request, false, &trace, &mut about).await;
    answered(&app, &about, &trace, result.map(|()| empty(StatusCode::OK))).await
}

pub(super) async fn remove_subject(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:remove_subject"));
    let result = subject(&app, request, true, &trace, &mut about).await;
    answered(&app, &about, &trace, result.map(|()| empty(StatusCode::NO_CONTENT))).await
}

/// Every stream begins with everybody, so that adding takes an exception back. Whether the subject is known here is not
/// said (SSF §"Subject Probing").
async fn subject(
    app: &AppState,
    request: Request,
    excepted: bool,
    trace: &TraceId,
    about: &mut About,
) -> Result<(), Fault> {
    let (parts, body) = request.into_parts();
    let client = manager(app, &parts, about).await?;
    let o = json_object(&parts, body).await?;
    let id = named(&o)?;
    let subject =
        Subject::parse(o.get("subject").unwrap_or(&Value::Null)).map_err(|e| refused(&e.to_string()))?;
    let canonical = String::from_utf8(subject.to_object().to_jcs()).map_err(|_| refused("no text"))?;
    let action = if excepted { "stream:remove_subject" } else { "stream:add_subject" };
    let done = entry(action, &client, &id, app.clock.now(), trace);
    let keep = move |tx: &mut Tx<'_>| {
        own(tx, &client, &id)?;
        if excepted && tx.exceptions(&id)?.len() >= MAX_EXCEPTIONS {
            return Err(refused("too many subjects are taken out of this stream"));
        }
        tx.except(&id, &canonical, excepted)?;
        tx.record(done.clone());
        Ok(())
    };
    app.store.transact(keep).await
}

pub(super) async fn verify(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:verify"));
    let result = verification(&app, request, &trace, &mut about).await;
    answered(&app, &about, &trace, result.map(|()| empty(StatusCode::NO_CONTENT))).await
}

async fn verification(
    app: &AppState,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<(), Fault> {
    let (parts, body) = request.into_parts();
    let client = manager(app, &parts, about).await?;
    let o = json_object(&parts, body).await?;
    let (id, state) = (named(&o)?, word(&o, "state")?);
    let (now, rng) = (app.clock.now(), Arc::clone(&app.rng));
    let done = entry("stream:verify", &client, &id, now, trace);
    let keep = move |tx: &mut Tx<'_>| {
        let stream = own(tx, &client, &id)?;
        if stream.status == StreamStatus::Disabled.as_str() {
            return Err(refused("the stream is disabled"));
        }
        if now.since(stream.verified_at) < Duration::from_secs(VERIFY_EVERY) {
            return Err(Fault::Stream(StreamFault::TooSoon));
        }
        tx.update_stream(&Stream { verified_at: now, ..stream })?;
        let telling = Telling {
            subject: Subject::opaque(&id),
            event: Event::Verification(state.clone()),
            circumstances: Circumstances::default(),
            transaction: None,
        };
        put(tx, &id, &telling, (now, false), &*rng)?;
        tx.record(done.clone());
        Ok(())
    };
    app.store.transact(keep).await
}
