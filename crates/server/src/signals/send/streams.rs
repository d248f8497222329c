//! `/ssf/streams`: streams are made, read, changed, replaced and removed by their receivers.

use super::StreamFault;
use super::caller::{manager, reader};
use super::wire::{Asked, settle, shown, unchanged};
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{json, json_object};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use prokura_core::{ClientId, Timestamp, TraceId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::form::Form;
use prokura_oauth::json::{Object, Value};
use prokura_oauth::signals::Delivery;
use prokura_store::{Stream, Tx};
use std::sync::Arc;

/// Answers a request, or refuses it on record.
pub(super) async fn answered(
    app: &AppState,
    about: &About,
    trace: &TraceId,
    result: Result<Response, Fault>,
) -> Response {
    match result {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, about, trace).await,
    }
}

/// Nothing to say.
pub(super) fn empty(status: StatusCode) -> Response {
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response()
}

/// What is recorded of what a receiver does.
pub(super) fn entry(action: &str, client: &ClientId, stream: &str, now: Timestamp, trace: &TraceId) -> Event {
    let mut event = Event::new(EventKind::Administration, action, Outcome::Permit, now, trace.clone());
    event.client = Some(client.clone());
    event.details.insert("stream", stream.into());
    event
}

/// A stream of this receiver. Another's looks like none.
pub(super) fn own(tx: &mut Tx<'_>, client: &ClientId, id: &str) -> Result<Stream, Fault> {
    let found = tx.stream(id)?.filter(|s| s.client == *client);
    found.ok_or(Fault::Stream(StreamFault::Missing))
}

/// The parameter `stream_id` of an address.
pub(super) fn asked_for(parts: &Parts) -> Result<Option<String>, Fault> {
    let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    Ok(form.value("stream_id").map(str::to_owned))
}

/// The member `stream_id` of a body.
pub(super) fn named(o: &Object) -> Result<String, Fault> {
    let id = o.str("stream_id").map(str::to_owned);
    id.ok_or_else(|| Fault::Stream(StreamFault::Request("`stream_id` is missing".to_owned())))
}

pub(super) async fn read(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:read"));
    let (parts, _) = request.into_parts();
    let result = async {
        let client = reader(&app, &parts, &mut about).await?;
        let Some(id) = asked_for(&parts)? else {
            let all = app.store.read::<_, Fault>(move |tx| Ok(tx.streams(Some(&client))?)).await?;
            let shown = all.iter().map(|s| Value::Object(shown(&app, s))).collect();
            return Ok(list(&Value::Array(shown)));
        };
        let stream = app.store.read(move |tx| own(tx, &client, &id)).await?;
        Ok(json(StatusCode::OK, &shown(&app, &stream)))
    };
    let result = result.await;
    answered(&app, &about, &trace, result).await
}

fn list(all: &Value) -> Response {
    let mut response = json(StatusCode::OK, &Object::new());
    *response.body_mut() = all.to_vec().into();
    response
}

pub(super) async fn create(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:create"));
    let result = made(&app, request, &trace, &mut about).await;
    answered(&app, &about, &trace, result).await
}

async fn made(
    app: &AppState,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let client = manager(app, &parts, about).await?;
    let asked = Asked::read(app, &json_object(&parts, body).await?).map_err(Fault::Stream)?;
    let now = app.clock.now();
    let mut stream = Stream {
        id: random_id("str_", &*app.rng),
        client: client.clone(),
        endpoint: None,
        sealed: None,
        events: asked.events,
        description: asked.description,
        status: "enabled".to_owned(),
        reason: None,
        created_at: now,
        verified_at: Timestamp::from_micros(0),
        failures: 0,
        last_error: None,
        next_at: now,
    };
    settle(app, &mut stream, &asked.delivery.unwrap_or(Delivery::Poll), now).map_err(Fault::Stream)?;
    let answer = json(StatusCode::CREATED, &shown(app, &stream));
    let most = app.config.signals.send.streams_per_client as usize;
    let made = entry("stream:create", &client, &stream.id, now, trace);
    let keep = move |tx: &mut Tx<'_>| {
        if tx.streams(Some(&client))?.len() >= most {
            return Err(Fault::Stream(StreamFault::TooMany));
        }
        tx.insert_stream(&stream)?;
        tx.record(made.clone());
        Ok(())
    };
    app.store.transact(keep).await?;
    Ok(answer)
}

pub(super) async fn update(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:update"));
    let result = changed(&app, request, false, &trace, &mut about).await;
    answered(&app, &about, &trace, result).await
}

pub(super) async fn replace(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:replace"));
    let result = changed(&app, request, true, &trace, &mut about).await;
    answered(&app, &about, &trace, result).await
}

/// What is not said stays; or, if the stream is replaced, goes.
async fn changed(
    app: &AppState,
    request: Request,
    replaced: bool,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let client = manager(app, &parts, about).await?;
    let o = json_object(&parts, body).await?;
    let (id, asked) = (named(&o)?, Asked::read(app, &o).map_err(Fault::Stream)?);
    let (receiver, wanted) = (client.clone(), id.clone());
    let mut stream = app.store.read(move |tx| own(tx, &receiver, &wanted)).await?;
    unchanged(app, &stream, &o).map_err(Fault::Stream)?;
    let now = app.clock.now();
    let delivery = if replaced { Some(asked.delivery.unwrap_or(Delivery::Poll)) } else { asked.delivery };
    if let Some(delivery) = &delivery {
        settle(app, &mut stream, delivery, now).map_err(Fault::Stream)?;
    }
    if replaced || asked.events.is_some() {
        stream.events = asked.events;
    }
    if replaced || asked.description.is_some() {
        stream.description = asked.description;
    }
    let answer = json(StatusCode::OK, &shown(app, &stream));
    let done = entry(if replaced { "stream:replace" } else { "stream:update" }, &client, &id, now, trace);
    let keep = move |tx: &mut Tx<'_>| {
        let known = own(tx, &client, &id)?;
        // How it stands is not this request's to change.
        let (status, reason, verified_at) = (known.status, known.reason, known.verified_at);
        tx.update_stream(&Stream { status, reason, verified_at, ..stream.clone() })?;
        tx.record(done.clone());
        Ok::<_, Fault>(())
    };
    app.store.transact(keep).await?;
    Ok(answer)
}

pub(super) async fn remove(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:delete"));
    let (parts, _) = request.into_parts();
    let result = async {
        let client = manager(&app, &parts, &mut about).await?;
        let id = asked_for(&parts)?.ok_or(Fault::Stream(StreamFault::Missing))?;
        let done = entry("stream:delete", &client, &id, app.clock.now(), &trace);
        let keep = move |tx: &mut Tx<'_>| {
            own(tx, &client, &id)?;
            tx.delete_stream(&id)?;
            tx.record(done.clone());
            Ok::<_, Fault>(())
        };
        app.store.transact(keep).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    };
    let result = result.await;
    answered(&app, &about, &trace, result).await
}
