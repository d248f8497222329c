//! A request of the administration API whose sender may make it, and its answer.

use super::caller::Caller;
use super::problem::ApiFault;
use crate::server::AppState;
use crate::wire::json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use prokura_core::{Principal, Timestamp, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::form::Form;
use prokura_oauth::json::Object;
use std::sync::Arc;

/// What a handler gets.
pub(super) struct Call {
    /// Everything.
    pub(super) app: Arc<AppState>,
    /// Who asks.
    pub(super) caller: Caller,
    /// The parameters of the path, decoded.
    pub(super) path: Vec<(String, String)>,
    /// The query; only what the route names is in it.
    pub(super) query: Form,
    /// The body.
    pub(super) sent: Sent,
    /// The flow.
    pub(super) trace: TraceId,
    /// When it came.
    pub(super) now: Timestamp,
}

/// The body, read strictly.
pub(super) enum Sent {
    /// None.
    Nothing,
    /// An object.
    Json(Object),
    /// A compact token, not verified.
    Jwt(String),
}

/// The answer.
pub(super) enum Reply {
    /// A document.
    Json(StatusCode, Object),
    /// Done, and there is nothing to say.
    Done,
}

impl Reply {
    /// `200` with a document.
    pub(super) fn ok(body: Object) -> Result<Self, ApiFault> {
        Ok(Self::Json(StatusCode::OK, body))
    }

    pub(super) fn into_response(self) -> Response {
        match self {
            Self::Json(status, body) => json(status, &body),
            Self::Done => {
                let kept = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
                (StatusCode::NO_CONTENT, kept).into_response()
            }
        }
    }
}

impl Call {
    /// A parameter of the path; empty if the route has none of that name.
    pub(super) fn param(&self, name: &str) -> &str {
        self.path.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v)
    }

    /// The object of the body; without members if the route takes none.
    pub(super) fn body(&self) -> Object {
        match &self.sent {
            Sent::Json(object) => object.clone(),
            _ => Object::default(),
        }
    }

    /// The entry that says that this caller did `action`: to be recorded in the transaction that does it.
    pub(super) fn event(&self, action: &str) -> Event {
        let mut event =
            Event::new(EventKind::Administration, action, Outcome::Permit, self.now, self.trace.clone());
        event.subject = Some(Principal::Agent(self.caller.agent.clone()));
        event.client = Some(self.caller.client.clone());
        event.grant = Some(self.caller.grant.clone());
        event.resource = self.app.places.admin().map(|p| p.uri.clone());
        event
    }
}
