//! Events that are fetched (RFC 8936).

use super::StreamFault;
use super::caller::reader;
use super::deliver::token;
use super::streams::{answered, entry, own};
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{json, json_object};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::{ClientId, TraceId};
use prokura_ledger::EventKind;
use prokura_oauth::signals::{PollAnswer, PollRequest, StreamStatus};
use prokura_store::{Queued, Stream, Tx};
use std::sync::Arc;
use std::time::Duration;

/// No more events at once, whatever is asked for.
const MOST: u32 = 100;
/// A request waits for so long, looking this often.
const WAIT: Duration = Duration::from_secs(25);
const LOOK: Duration = Duration::from_millis(250);

pub(super) async fn poll(
    State(app): State<Arc<AppState>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Administration, "stream:poll"));
    let result = fetched(&app, request, &id, &trace, &mut about).await;
    answered(&app, &about, &trace, result.map(|a| json(StatusCode::OK, &a.to_object()))).await
}

async fn fetched(
    app: &AppState,
    request: Request,
    id: &str,
    trace: &TraceId,
    about: &mut About,
) -> Result<PollAnswer, Fault> {
    let (parts, body) = request.into_parts();
    let client = reader(app, &parts, about).await?;
    let asked = PollRequest::read(&json_object(&parts, body).await?);
    let asked = asked.map_err(|e| Fault::Stream(StreamFault::Request(e.to_string())))?;
    acknowledged(app, &client, id, &asked, trace).await?;
    let most = asked.max_events.map_or(MOST, |max| u32::try_from(max).unwrap_or(MOST).min(MOST));
    let mut left = if asked.at_once || most == 0 { Duration::ZERO } else { WAIT };
    loop {
        let (stream, queued, more) = waiting(app, &client, id, most).await?;
        if !queued.is_empty() || left.is_zero() {
            return answer(app, &stream, &queued, more);
        }
        tokio::time::sleep(LOOK).await;
        left = left.saturating_sub(LOOK);
    }
}

/// What the receiver has, and what it will not take, is over.
async fn acknowledged(
    app: &AppState,
    client: &ClientId,
    id: &str,
    asked: &PollRequest,
    trace: &TraceId,
) -> Result<(), Fault> {
    if asked.acks.is_empty() && asked.errors.is_empty() {
        return Ok(());
    }
    let refused = entry("stream:refused", client, id, app.clock.now(), trace);
    let (client, id, asked) = (client.clone(), id.to_owned(), asked.clone());
    let settle = move |tx: &mut Tx<'_>| {
        own(tx, &client, &id)?;
        for jti in &asked.acks {
            tx.dequeue(&id, jti)?;
        }
        for (jti, error) in &asked.errors {
            if tx.dequeue(&id, jti)? {
                let mut note = refused.clone();
                note.details.insert("jti", jti.as_str().into());
                note.details.insert("err", error.code.chars().take(100).collect::<String>().into());
                tx.record(note);
            }
        }
        Ok::<_, Fault>(())
    };
    app.store.transact(settle).await
}

/// What waits, and whether there is more.
async fn waiting(
    app: &AppState,
    client: &ClientId,
    id: &str,
    most: u32,
) -> Result<(Stream, Vec<Queued>, bool), Fault> {
    let (client, id) = (client.clone(), id.to_owned());
    let look = move |tx: &mut Tx<'_>| {
        let stream = own(tx, &client, &id)?;
        if stream.endpoint.is_some() {
            // Its events are posted.
            return Err(Fault::Stream(StreamFault::Missing));
        }
        let paused = stream.status != StreamStatus::Enabled.as_str();
        let mut queued = tx.queued(&id, paused, most.saturating_add(1))?;
        let more = queued.len() > most as usize;
        queued.truncate(most as usize);
        Ok((stream, queued, more))
    };
    app.store.read(look).await
}

fn answer(app: &AppState, stream: &Stream, queued: &[Queued], more: bool) -> Result<PollAnswer, Fault> {
    let signed = |q: &Queued| Ok((q.jti.clone(), token(app, stream, q).map_err(Fault::Broken)?));
    Ok(PollAnswer { sets: queued.iter().map(signed).collect::<Result<_, Fault>>()?, more })
}
