//! A stream as its receiver sees it and asks for it (SSF §"Stream Configuration").

use super::StreamFault;
use crate::server::AppState;
use prokura_core::Timestamp;
use prokura_egress::FetchUrl;
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::signals::{Delivery, EventType, METHOD_POLL, METHOD_PUSH};
use prokura_store::Stream;

/// A verification may be asked for this seldom, in seconds.
pub(super) const VERIFY_EVERY: u64 = 60;
/// The most events that a receiver may ask for, and the longest address of one.
const MAX_EVENTS: usize = 100;
const MAX_URI: usize = 512;
/// Longer descriptions are cut off.
const MAX_DESCRIPTION: usize = 500;
/// What happens here that receivers may hear of.
const SUPPORTED: [EventType; 4] = [
    EventType::SessionRevoked,
    EventType::CredentialChange,
    EventType::DeviceComplianceChange,
    EventType::RiskLevelChange,
];

/// What a receiver says of a stream; `None` where it says nothing.
pub(super) struct Asked {
    pub(super) delivery: Option<Delivery>,
    pub(super) events: Option<Vec<String>>,
    pub(super) description: Option<String>,
}

fn wrong(why: impl Into<String>) -> StreamFault {
    StreamFault::Request(why.into())
}

impl Asked {
    /// Reads it. Where events are to be posted is somewhere that this server may ask.
    pub(super) fn read(app: &AppState, o: &Object) -> Result<Self, StreamFault> {
        let delivery =
            o.get("delivery").map(Delivery::parse).transpose().map_err(|e| wrong(e.to_string()))?;
        if let Some(Delivery::Push { endpoint, .. }) = &delivery {
            let refused = |e: String| wrong(format!("`endpoint_url` cannot be asked: {e}"));
            let url = FetchUrl::parse(endpoint).map_err(|e| refused(e.to_string()))?;
            app.signals.sender().egress.check(&url).map_err(|e| refused(e.public()))?;
        }
        let description = match o.get("description") {
            None => None,
            Some(Value::String(text)) => Some(text.chars().take(MAX_DESCRIPTION).collect()),
            Some(_) => return Err(wrong("`description` is no text")),
        };
        Ok(Self { delivery, events: o.get("events_requested").map(events).transpose()?, description })
    }
}

fn events(value: &Value) -> Result<Vec<String>, StreamFault> {
    let all = value.as_array().filter(|all| all.len() <= MAX_EVENTS);
    let all = all.ok_or_else(|| wrong("`events_requested` is no list, or too long"))?;
    let fine = |u: &&str| u.len() <= MAX_URI && !u.chars().any(char::is_control);
    let read = |v: &Value| v.as_str().filter(fine).map(str::to_owned);
    all.iter().map(read).collect::<Option<_>>().ok_or_else(|| wrong("an event is no address"))
}

/// Whether a stream carries events of this sort.
pub(super) fn delivers(stream: &Stream, kind: EventType) -> bool {
    let asked = |uri: String| stream.events.as_ref().is_none_or(|all| all.contains(&uri));
    kind.is_of_the_stream() || (SUPPORTED.contains(&kind) && asked(kind.uri()))
}

/// What a receiver asks for becomes the stream's.
pub(super) fn settle(
    app: &AppState,
    stream: &mut Stream,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), StreamFault> {
    (stream.endpoint, stream.sealed) = match delivery {
        Delivery::Poll => (None, None),
        Delivery::Push { endpoint, authorization } => {
            let seal =
                |a: &String| app.signals.sender().seal.seal(a.as_bytes(), stream.id.as_bytes(), &*app.rng);
            let sealed = authorization.as_ref().map(seal).transpose().map_err(|e| wrong(e.to_string()))?;
            (Some(endpoint.clone()), sealed)
        }
    };
    (stream.failures, stream.last_error, stream.next_at) = (0, None, now);
    Ok(())
}

/// The stream as its receiver sees it. What comes with each delivery is a secret and is not told.
pub(super) fn shown(app: &AppState, stream: &Stream) -> Object {
    let issuer = &app.config.issuer;
    let supported: Vec<_> = SUPPORTED.iter().map(|kind| kind.uri()).collect();
    let delivered = SUPPORTED.iter().filter(|kind| delivers(stream, **kind)).map(|kind| kind.uri());
    let delivery = match &stream.endpoint {
        Some(endpoint) => obj([("method", METHOD_PUSH.into()), ("endpoint_url", endpoint.as_str().into())]),
        None => {
            let endpoint = format!("{issuer}/ssf/poll/{}", stream.id);
            obj([("method", METHOD_POLL.into()), ("endpoint_url", endpoint.into())])
        }
    };
    let mut o = obj([
        ("stream_id", stream.id.as_str().into()),
        ("iss", issuer.as_str().into()),
        ("aud", stream.client.as_str().into()),
        ("events_supported", supported.iter().map(String::as_str).collect()),
        ("events_delivered", delivered.collect()),
        ("delivery", Value::Object(delivery)),
        ("min_verification_interval", VERIFY_EVERY.into()),
    ]);
    if let Some(events) = &stream.events {
        o.insert("events_requested", events.iter().map(String::as_str).collect());
    }
    if let Some(description) = &stream.description {
        o.insert("description", description.as_str().into());
    }
    o
}

/// What this server says of a stream must be left as it is, if it is said at all (SSF §"Updating a Stream's
/// Configuration").
pub(super) fn unchanged(app: &AppState, stream: &Stream, o: &Object) -> Result<(), StreamFault> {
    let expected = shown(app, stream);
    let ours = ["iss", "aud", "events_supported", "events_delivered", "min_verification_interval"];
    match ours.into_iter().find(|name| o.get(name).is_some_and(|said| Some(said) != expected.get(name))) {
        Some(name) => Err(wrong(format!("`{name}` is not yours to change"))),
        None => Ok(()),
    }
}
