//! The upstream's answer: read, redacted, its outcome recorded, then released.

use crate::envelope::{Id, Malformed, Message};
use crate::exchange::{Exchange, Origin, Passage};
use crate::fault::Fault;
use crate::forward::SESSION;
use crate::scene::Scene;
use crate::sse::Decoder;
use crate::stream;
use crate::version::Era;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use prokura_egress::UpstreamBody;
use prokura_oauth::json::{Limits, Object, Value};

/// The deepest JSON that is relayed.
const DEPTH: usize = 64;

/// The limits of a message from an upstream.
pub(crate) fn limits(max_bytes: usize) -> Limits {
    Limits { max_bytes, max_depth: DEPTH }
}

/// Turns the upstream's answer to a message into the client's.
pub(crate) async fn to_message(
    scene: &Scene,
    exchange: Exchange,
    response: Response<UpstreamBody>,
) -> Result<Response<Body>, Fault> {
    let (parts, body) = response.into_parts();
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Fault::UpstreamBad("the answer is encoded although nothing was accepted"));
    }
    let asked = matches!(exchange.origin, Origin::Request { .. });
    let session = session(&exchange, &parts.headers)?;
    match (parts.status, media_type(&parts.headers)) {
        (StatusCode::OK, "text/event-stream") if asked => {
            let mut response = stream::relay(scene.clone(), exchange, body);
            put_session(&mut response, session);
            Ok(response)
        }
        (StatusCode::OK, "application/json") if asked => {
            let answer = read_answer(scene, &exchange, body).await?;
            release(scene, StatusCode::OK, answer, session, &exchange).await
        }
        (StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT, _) if !asked => {
            accepted(scene, StatusCode::ACCEPTED).await
        }
        (status, "application/json") if relayed_status(status) => {
            match read_answer(scene, &exchange, body).await {
                Ok(answer) => release(scene, status, answer, session, &exchange).await,
                Err(_) => Err(Fault::UpstreamSays(status)),
            }
        }
        (status, _) if relayed_status(status) => Err(Fault::UpstreamSays(status)),
        _ => Err(Fault::UpstreamBad("the status or the media type is none of MCP's")),
    }
}

/// Turns the upstream's answer to a `GET` or `DELETE` into the client's.
pub(crate) async fn to_session(
    scene: &Scene,
    exchange: Exchange,
    method: &Method,
    response: Response<UpstreamBody>,
) -> Result<Response<Body>, Fault> {
    let (parts, body) = response.into_parts();
    match (parts.status, media_type(&parts.headers)) {
        (StatusCode::OK, "text/event-stream") if method == Method::GET => {
            Ok(stream::relay(scene.clone(), exchange, body))
        }
        (StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT, _) if method == Method::DELETE => {
            accepted(scene, parts.status).await
        }
        (status, _) if relayed_status(status) => Err(Fault::UpstreamSays(status)),
        _ => Err(Fault::UpstreamBad("the status or the media type is none of MCP's")),
    }
}

/// Refusals that mean something to an MCP client. An upstream's 401 and 403 are about this gateway's standing
/// there, and its failures are no business of the client's.
fn relayed_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 404 | 405 | 406 | 409 | 413 | 415 | 422 | 429)
}

pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// The sealed session id, if the upstream gave one.
fn session(exchange: &Exchange, headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
    let bad = || Fault::UpstreamBad("the session id is none");
    let Some(id) = headers.get(SESSION).filter(|_| exchange.era == Era::Legacy) else { return Ok(None) };
    let id = id.to_str().ok().filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()));
    let sealed = exchange.handles.seal_session(id.ok_or_else(bad)?);
    HeaderValue::try_from(sealed).map(Some).map_err(|_| bad())
}

fn put_session(response: &mut Response<Body>, session: Option<HeaderValue>) {
    if let Some(session) = session {
        response.headers_mut().insert(SESSION, session);
    }
}

/// Reads the one JSON object of an answer and redacts it.
async fn read_answer(scene: &Scene, exchange: &Exchange, body: UpstreamBody) -> Result<Message, Fault> {
    let bounds = &scene.inner.bounds;
    let read = collect(body, bounds.max_response);
    let bytes =
        tokio::time::timeout(bounds.idle_timeout, read).await.map_err(|_| Fault::UpstreamTimeout)??;
    let message = parse(&bytes, bounds.max_response)?;
    // An error about a request that could not be read has no id (MCP 2026-07-28, "Error Responses").
    let message = match message {
        Message::Response(None, Err(error)) => match &exchange.origin {
            Origin::Request { id, .. } => Message::Response(Some(id.clone()), Err(error)),
            Origin::Listening => return Ok(Message::Response(None, Err(error))),
        },
        other => other,
    };
    match exchange.pass(message).await? {
        Passage::Last(answer) => Ok(answer),
        _ => Err(Fault::UpstreamBad("the answer is not to the request")),
    }
}

/// The result of a question of the gateway's own, whether it comes as one object or as an event.
pub(crate) async fn result_of(
    scene: &Scene,
    response: Response<UpstreamBody>,
    id: &Id,
) -> Result<Object, Fault> {
    let bounds = &scene.inner.bounds;
    let (parts, body) = response.into_parts();
    let events = match (parts.status, media_type(&parts.headers)) {
        (StatusCode::OK, "text/event-stream") => true,
        (StatusCode::OK, "application/json") => false,
        (status, _) => return Err(Fault::UpstreamSays(status)),
    };
    let read = async {
        match events {
            true => found_in_events(body, id, bounds.max_response).await,
            false => parse(&collect(body, bounds.max_response).await?, bounds.max_response),
        }
    };
    let message =
        tokio::time::timeout(bounds.idle_timeout, read).await.map_err(|_| Fault::UpstreamTimeout)??;
    match message {
        Message::Response(Some(of), Ok(result)) if of == *id => Ok(result),
        _ => Err(Fault::UpstreamBad("the answer is not to the request")),
    }
}

async fn found_in_events(mut body: UpstreamBody, id: &Id, max: usize) -> Result<Message, Fault> {
    let (mut decoder, mut seen) = (Decoder::new(max), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::UpstreamBad("the stream broke"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        let mut events = Vec::new();
        if seen > max || decoder.push(&data, &mut events).is_err() {
            return Err(Fault::UpstreamBad("the stream is no event stream, or too long"));
        }
        for data in events.iter().filter_map(|event| event.data.as_deref()).filter(|data| !data.is_empty()) {
            let message = parse(data.as_bytes(), max)?;
            if matches!(&message, Message::Response(Some(of), _) if of == id) {
                return Ok(message);
            }
        }
    }
    Err(Fault::UpstreamBad("the stream ended without an answer"))
}

/// Reads one message of an upstream, as strictly as a client's.
pub(crate) fn parse(bytes: &[u8], max: usize) -> Result<Message, Fault> {
    Message::parse(bytes, &limits(max)).map_err(|e: Malformed| {
        tracing::debug!(reason = %e.reason, "an upstream's message is refused");
        Fault::UpstreamBad("the message is no JSON-RPC that is relayed")
    })
}

async fn collect(mut body: UpstreamBody, max: usize) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::UpstreamBad("the answer was cut off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > max {
            return Err(Fault::UpstreamBad("the answer is too large"));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The code of the error that an answer is.
pub(crate) fn error_code(answer: &Message) -> Option<i64> {
    match answer {
        Message::Response(_, Err(error)) => Some(error.get("code").and_then(Value::as_i64).unwrap_or(0)),
        _ => None,
    }
}

/// Records the outcome, then lets the answer go.
async fn release(
    scene: &Scene,
    status: StatusCode,
    answer: Message,
    session: Option<HeaderValue>,
    exchange: &Exchange,
) -> Result<Response<Body>, Fault> {
    let mut outcome = scene.outcome(status.as_u16(), error_code(&answer));
    exchange.owed.tally.note(&mut outcome);
    scene.write(vec![outcome]).await?;
    let mut response = Response::new(Body::from(answer.into_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put_session(&mut response, session);
    Ok(response)
}

async fn accepted(scene: &Scene, status: StatusCode) -> Result<Response<Body>, Fault> {
    scene.write(vec![scene.outcome(status.as_u16(), None)]).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
