//! `/signals/{name}` (RFC 8935): a transmitter posts an event.

use super::{Refusal, Transmitter, take};
use crate::server::AppState;
use crate::wire::{bearer, json, read_body, said_to_be};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CONTENT_LANGUAGE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use prokura_oauth::signals::{DeliveryError, DeliveryErrorCode};
use std::sync::Arc;

/// The media type of an event.
const MEDIA_TYPE: &str = "application/secevent+jwt";
/// No longer body is read; a token may have 32 KiB.
const MOST: usize = 64 << 10;

/// Takes an event: 202 when it is durable with all its effects.
pub(in crate::signals) async fn push(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    match answer(&app, &name, request).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(Refused::Stranger) => stranger(),
        Err(Refused::Event(Refusal::Never(code, why))) => refusal(StatusCode::BAD_REQUEST, code, &why),
        Err(Refused::Event(Refusal::Later(_))) => {
            let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
            response
        }
    }
}

enum Refused {
    /// Whoever it is, it is not the transmitter of that name; whether there is one is not said.
    Stranger,
    Event(Refusal),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Event(refusal)
    }
}

async fn answer(app: &AppState, name: &str, request: Request) -> Result<(), Refused> {
    let (parts, body) = request.into_parts();
    let known: Option<&Arc<Transmitter>> = app.signals.transmitter(name);
    let t = known.filter(|t| t.shows(bearer(&parts))).ok_or(Refused::Stranger)?;
    let invalid = |why: &str| Refusal::Never(DeliveryErrorCode::InvalidRequest, why.to_owned());
    said_to_be(&parts, MEDIA_TYPE).map_err(|e| invalid(&e.to_string()))?;
    let bytes = read_body(body, MOST).await.ok_or_else(|| invalid("it is larger than is read"))?;
    let set = std::str::from_utf8(&bytes).map_err(|_| invalid("it is no text"))?;
    Ok(take::take(app, t, set.trim_ascii()).await?)
}

fn stranger() -> Response {
    let why = "show the bearer token that this transmitter was given";
    let mut response = refusal(StatusCode::UNAUTHORIZED, DeliveryErrorCode::AuthenticationFailed, why);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn refusal(status: StatusCode, code: DeliveryErrorCode, why: &str) -> Response {
    let mut response = json(status, &DeliveryError::new(code, why).to_object());
    response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    response
}
