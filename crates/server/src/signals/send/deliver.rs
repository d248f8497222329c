//! Events that are posted (RFC 8935): in their order, until the receiver says that it has them. What it cannot take now is
//! tried again, ever less often.

use super::fan::claims;
use super::streams::entry;
use crate::server::AppState;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use prokura_egress::{Answer, Ask, FetchUrl, Reading};
use prokura_oauth::json::{Limits, Value, parse};
use prokura_oauth::signals::{DeliveryError, StreamStatus, TYP};
use prokura_store::{Queued, StoreError, Stream};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// A stream is one process's for so long.
const LEASE: Duration = Duration::from_secs(120);
/// A receiver has so long to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many events go to one receiver before others have their turn.
const AT_ONCE: u32 = 10;
/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(300);

/// What became of an event.
enum Delivered {
    /// The receiver has it, or will never take it.
    Over(Option<DeliveryError>),
    /// It is to be tried again.
    Again(String),
}

/// Posts what waits, one receiver beside the other; says whether anything was posted.
pub(in crate::signals) async fn deliver(app: &Arc<AppState>) -> Result<bool, String> {
    let now = app.clock.now();
    let lease = app.store.transact::<_, StoreError>(move |tx| tx.lease_streams(now, now.after(LEASE)));
    let streams = lease.await.map_err(|e| e.to_string())?;
    let any = !streams.is_empty();
    let mut under_way = JoinSet::new();
    for stream in streams {
        let app = Arc::clone(app);
        under_way.spawn(async move { to_one(&app, &stream).await });
    }
    let mut failed = None;
    while let Some(done) = under_way.join_next().await {
        failed = done.map_err(|e| e.to_string()).and_then(|r| r.map_err(|e| e.to_string())).err().or(failed);
    }
    failed.map_or(Ok(any), Err)
}

async fn to_one(app: &AppState, stream: &Stream) -> Result<(), StoreError> {
    let (id, paused) = (stream.id.clone(), stream.status == StreamStatus::Paused.as_str());
    let waiting = app.store.read::<_, StoreError>(move |tx| tx.queued(&id, paused, AT_ONCE)).await?;
    let (mut failures, mut error) = (0, None);
    for queued in &waiting {
        match post(app, stream, queued).await {
            Delivered::Over(refused) => settle(app, stream, queued, refused).await?,
            Delivered::Again(why) => {
                (failures, error) = (stream.failures.saturating_add(1), Some(why));
                break;
            }
        }
    }
    let now = app.clock.now();
    let pause = match failures {
        0 => Duration::ZERO,
        n => Duration::from_secs(1 << n.min(9)).min(LONGEST),
    };
    if let Some(why) = &error {
        tracing::warn!(stream = stream.id, why, failures, "events cannot be posted");
    }
    let id = stream.id.clone();
    let end = app
        .store
        .transact::<_, StoreError>(move |tx| tx.end_lease(&id, failures, error.as_deref(), now.after(pause)));
    end.await
}

/// Takes an event off the queue; one that was refused goes on record.
async fn settle(
    app: &AppState,
    stream: &Stream,
    queued: &Queued,
    refused: Option<DeliveryError>,
) -> Result<(), StoreError> {
    let (id, jti) = (stream.id.clone(), queued.jti.clone());
    let note = refused.map(|error| {
        let mut note = entry("stream:refused", &stream.client, &stream.id, app.clock.now(), &app.trace());
        note.details.insert("jti", jti.as_str().into());
        note.details.insert("err", error.code.chars().take(100).collect::<String>().into());
        note
    });
    app.store
        .transact::<_, StoreError>(move |tx| {
            if tx.dequeue(&id, &jti)?
                && let Some(note) = &note
            {
                tx.record(note.clone());
            }
            Ok(())
        })
        .await
}

async fn post(app: &AppState, stream: &Stream, queued: &Queued) -> Delivered {
    match try_post(app, stream, queued).await {
        Ok(answer) if answer.status.is_success() => Delivered::Over(None),
        Ok(answer) => judge(&answer),
        Err(why) => Delivered::Again(why),
    }
}

/// An event that does not conform in the receiver's eyes never will; everything else may be mended there.
fn judge(answer: &Answer) -> Delivered {
    let value = parse(&answer.body, &Limits::DOCUMENT).unwrap_or(Value::Null);
    let error = DeliveryError::read(&value);
    let for_ever = ["invalid_request", "invalid_state"].contains(&error.code.as_str());
    if answer.status == http::StatusCode::BAD_REQUEST && for_ever {
        return Delivered::Over(Some(error));
    }
    let said: String = error.code.chars().take(100).collect();
    Delivered::Again(format!("the receiver answers with status {} ({said})", answer.status.as_u16()))
}

async fn try_post(app: &AppState, stream: &Stream, queued: &Queued) -> Result<Answer, String> {
    let endpoint = stream.endpoint.as_deref().unwrap_or_default();
    let url = FetchUrl::parse(endpoint).map_err(|e| e.to_string())?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/secevent+jwt"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(sealed) = &stream.sealed {
        let opened = app.signals.sender().seal.open(sealed, stream.id.as_bytes());
        let opened = opened.ok_or("what comes with each event was sealed with another master key")?;
        let mut value = HeaderValue::from_bytes(&opened).map_err(|e| e.to_string())?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let body = Bytes::from(token(app, stream, queued)?);
    let reading = Reading { max_bytes: 16 << 10, deadline: PATIENCE, enough: |_, _| false };
    let ask = Ask { method: Method::POST, headers, body };
    app.signals.sender().egress.ask(&url, ask, &reading).await.map_err(|e| e.to_string())
}

/// The event, signed now: by a key that its receiver can find.
pub(super) fn token(app: &AppState, stream: &Stream, queued: &Queued) -> Result<String, String> {
    let algorithm = crate::keyring::algorithm(app.config.signals.send.algorithm);
    let key = app.keys.signer_of(algorithm, app.clock.now()).ok_or("there is no signing key")?;
    let claims = claims(app, stream, queued).ok_or("a queued event cannot be read")?;
    key.sign(TYP, &claims).map_err(|e| e.to_string())
}
