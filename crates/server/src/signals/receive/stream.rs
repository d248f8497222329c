//! Streams at a transmitter: made once, found again, and asked from time to time to show that they work
//! (SSF §"Creating a Stream", §"Verification").

use super::Transmitter;
use super::transmitter::object;
use crate::server::AppState;
use http::StatusCode;
use prokura_config::{Reaction, SignalDelivery};
use prokura_core::{Timestamp, random_id};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::signals::{EventType, METHOD_POLL, METHOD_PUSH};
use prokura_store::{ArtifactKind, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A transmitter has so long to show that its stream works.
const TO_VERIFY: Duration = Duration::from_secs(24 * 3600);

/// What a stream is called there, if that is known.
pub(super) fn id_of(tx: &mut Tx<'_>, t: &Transmitter) -> Result<Option<String>, StoreError> {
    match &t.config.stream_id {
        Some(id) => Ok(Some(id.clone())),
        None => tx.setting(&setting(t, "stream")),
    }
}

fn setting(t: &Transmitter, what: &str) -> String {
    format!("signals.{what}.{}", t.name())
}

async fn remembered(app: &AppState, t: &Transmitter, what: &str) -> Result<Option<String>, String> {
    let name = setting(t, what);
    let read = app.store.read::<_, StoreError>(move |tx| tx.setting(&name));
    Ok(read.await.map_err(|e| e.to_string())?.filter(|text| !text.is_empty()))
}

/// Where events are fetched.
pub(super) async fn poll_endpoint(app: &AppState, t: &Transmitter) -> Result<String, String> {
    if let Some(address) = &t.config.poll_endpoint {
        return Ok(address.clone());
    }
    remembered(app, t, "poll").await?.ok_or_else(|| "the stream was not made yet".to_owned())
}

/// Makes the stream if that is still to be done, and asks it to show that it works if that is due.
pub(in crate::signals) async fn tend(app: &AppState, t: &Arc<Transmitter>) -> Result<(), String> {
    if t.config.create_stream && remembered(app, t, "stream").await?.is_none() {
        make(app, t).await?;
    }
    let Some(every) = t.config.verify_every else { return Ok(()) };
    let asked = remembered(app, t, "asked").await?.and_then(|text| text.parse().ok());
    let due = asked.is_none_or(|at| app.clock.now() >= Timestamp::from_seconds(at).after(every.get()));
    if due { verify(app, t).await } else { Ok(()) }
}

/// Makes the stream, and remembers what it is called.
async fn make(app: &AppState, t: &Transmitter) -> Result<(), String> {
    let metadata = t.metadata(app).await?;
    let endpoint =
        metadata.configuration.as_deref().ok_or("its metadata name no `configuration_endpoint`")?;
    let delivery = match t.config.delivery {
        SignalDelivery::Poll => obj([("method", METHOD_POLL.into())]),
        SignalDelivery::Push => obj([
            ("method", METHOD_PUSH.into()),
            ("endpoint_url", format!("{}/signals/{}", app.config.issuer, t.name()).into()),
            ("authorization_header", format!("Bearer {}", t.given.as_deref().unwrap_or_default()).into()),
        ]),
    };
    let asked = obj([
        ("delivery", Value::Object(delivery)),
        ("events_requested", wanted(t).iter().map(|kind| kind.uri()).collect()),
        ("description", format!("Prokura at {}", app.config.issuer).into()),
    ]);
    let answer = t.post(app, endpoint, &asked, PATIENCE).await?;
    if answer.status != StatusCode::CREATED {
        return Err(format!("making a stream is answered with status {}", answer.status.as_u16()));
    }
    let made = object(&answer.body)?;
    let (id, poll) = believed(t, &made)?;
    let (stream, place) = (setting(t, "stream"), setting(t, "poll"));
    let keep = app.store.transact::<_, StoreError>(move |tx| {
        tx.put_setting(&stream, &id)?;
        tx.put_setting(&place, &poll)
    });
    keep.await.map_err(|e| e.to_string())
}

/// The id and the address of a new stream, if it is of this transmitter and for this server.
fn believed(t: &Transmitter, made: &Object) -> Result<(String, String), String> {
    if made.str("iss") != Some(&t.config.issuer) {
        return Err("the stream is of another issuer".to_owned());
    }
    let ours = match made.get("aud") {
        Some(Value::String(one)) => *one == t.audience,
        Some(Value::Array(several)) => several.iter().any(|a| a.as_str() == Some(&t.audience)),
        _ => false,
    };
    if !ours {
        return Err(format!("the stream is not for `{}`: set `audience`", t.audience));
    }
    let id = made.str("stream_id").ok_or("the stream has no id")?;
    let delivery = made.get("delivery").and_then(Value::as_object);
    let poll =
        delivery.and_then(|d| d.str("endpoint_url")).filter(|_| t.config.delivery == SignalDelivery::Poll);
    Ok((id.to_owned(), poll.unwrap_or_default().to_owned()))
}

/// The events that do something here; all that are understood if none does.
fn wanted(t: &Transmitter) -> Vec<EventType> {
    let c = &t.config;
    let acts = |r: prokura_config::Reactions| [r.users, r.software].iter().any(|r| *r != Reaction::Record);
    let mut all = vec![EventType::DeviceComplianceChange, EventType::RiskLevelChange];
    if acts(c.session_revoked) {
        all.push(EventType::SessionRevoked);
    }
    if acts(c.credential_change) {
        all.push(EventType::CredentialChange);
    }
    all
}

/// Asks the transmitter to say a word that nobody can guess, on the stream.
async fn verify(app: &AppState, t: &Transmitter) -> Result<(), String> {
    let metadata = t.metadata(app).await?;
    let endpoint = metadata.verification.as_deref().ok_or("its metadata name no `verification_endpoint`")?;
    let id = match &t.config.stream_id {
        Some(id) => id.clone(),
        None => remembered(app, t, "stream").await?.ok_or("the stream was not made yet")?,
    };
    let (state, now) = (random_id("", &*app.rng), app.clock.now());
    let (secret, asked) = (format!("{}\n{state}", t.name()), setting(t, "asked"));
    let keep = app.store.transact::<_, StoreError>(move |tx| {
        tx.put_setting(&asked, &now.seconds().to_string())?;
        tx.put_artifact(ArtifactKind::SignalState, &secret, None, &[], now.after(TO_VERIFY))
    });
    keep.await.map_err(|e| e.to_string())?;
    let body = obj([("stream_id", id.into()), ("state", state.into())]);
    let answer = t.post(app, endpoint, &body, PATIENCE).await?;
    match answer.status {
        StatusCode::NO_CONTENT => Ok(()),
        other => Err(format!("asking for a verification is answered with status {}", other.as_u16())),
    }
}
