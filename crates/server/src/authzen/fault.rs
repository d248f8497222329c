//! Refusals of the decision point. A deny is none: it is an answer.

use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::refusal;
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use prokura_core::TraceId;
use prokura_oauth::error::OAuthError;
use prokura_oauth::json::JsonError;
use prokura_policy::authzen::Malformed;

/// What keeps somebody from an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthzenFault {
    /// No token, or none that is good here.
    #[error(
        "show an access token for the decision point: ask for it by client credentials, with `resource` naming it and the scope `authzen:evaluate`"
    )]
    Token,
    /// The token, or what the configuration gives the client now, lacks the scope.
    #[error("this needs the scope `{0}`")]
    Scope(&'static str),
    /// The body is no JSON object.
    #[error("the body cannot be read: {0}")]
    Json(JsonError),
    /// The body is no object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// The request breaks the standard.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// An id that nothing can have.
    #[error("`{0}` must have 1 to 1,024 bytes and no control characters")]
    Id(&'static str),
    /// The caller says what it may not say.
    #[error("this client may not say `{0}`: leave it out, or give the client the scope `authzen:assert`")]
    Asserts(&'static str),
    /// The place in a search is not of this search.
    #[error(
        "`page.token` is of another search, or none of ours: repeat the search as it was, with the token alone"
    )]
    Page,
}

impl AuthzenFault {
    /// Its status, the protocol's word, and the one for the record.
    pub(crate) fn words(&self) -> (StatusCode, OAuthError, &'static str) {
        use OAuthError::{InsufficientScope, InvalidRequest, InvalidToken};
        match self {
            Self::Token => (StatusCode::UNAUTHORIZED, InvalidToken, "authzen_token"),
            Self::Scope(_) => (StatusCode::FORBIDDEN, InsufficientScope, "authzen_scope"),
            Self::Asserts(_) => (StatusCode::FORBIDDEN, InsufficientScope, "authzen_asserts"),
            Self::Page => (StatusCode::BAD_REQUEST, InvalidRequest, "authzen_page"),
            Self::Json(_) | Self::NotObject | Self::Malformed(_) | Self::Id(_) => {
                (StatusCode::BAD_REQUEST, InvalidRequest, "authzen_malformed")
            }
        }
    }
}

impl From<AuthzenFault> for Fault {
    fn from(fault: AuthzenFault) -> Self {
        Self::Authzen(fault)
    }
}

/// The answer to a refused request, on record. Its body is a sentence (§10.1.2).
pub(super) async fn respond(app: &AppState, fault: &Fault, about: &About, trace: &TraceId) -> Response {
    app.note(fault, about, trace).await;
    let (mut parts, _) = refusal(fault, trace, false).into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Response::from_parts(parts, Body::from(format!("{fault} (trace: {trace})")))
}
