//! Refusals of the administration API, as problem documents (RFC 9457).

use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::json;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use prokura_core::{Scope, TraceId};
use prokura_oauth::challenge::Challenge;
use prokura_oauth::error::OAuthError;
use prokura_oauth::form::FormError;
use prokura_oauth::json::{JsonError, Object, Value, obj};
use prokura_store::StoreError;

/// A member of a body, or a parameter, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Where: a JSON Pointer (RFC 6901), or the name of a parameter.
    pub(super) at: String,
    /// What is wrong with it, and how to mend it.
    pub(super) why: String,
}

impl Wrong {
    /// A member that cannot be used.
    pub(super) fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at: at.into(), why: why.into() }
    }
}

/// Why a request is refused. The text is for whoever asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiFault {
    /// There is no such route.
    #[error("there is nothing at this address: see /api/openapi.json")]
    NoRoute,
    /// The route does not know this method.
    #[error("this address does not take this method: see /api/openapi.json")]
    Method,
    /// There is no token, or none that is good here.
    #[error(
        "show an access token that was made for this API: ask for it by client credentials, with `resource` naming this API"
    )]
    Token,
    /// The token, or what the configuration gives the client now, lacks the scope.
    #[error("this needs the scope `{0}`")]
    Scope(&'static str),
    /// What is named is not there.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The query has a parameter that is not known here.
    #[error("the parameter `{0}` is not known here")]
    Query(String),
    /// The query cannot be read.
    #[error("{0}")]
    Form(#[from] FormError),
    /// The body is of another type.
    #[error("the body must be sent as `{0}`, said once")]
    ContentType(&'static str),
    /// There is a body, and there should be none.
    #[error("this takes no body")]
    BodyUnwanted,
    /// The body is larger than is read.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is not JSON as it is read here.
    #[error("the body cannot be read: {0}")]
    Json(#[from] JsonError),
    /// The body is no object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// The body is no text.
    #[error("the body is no token")]
    NotText,
    /// Members that cannot be used.
    #[error("{}", first(.0))]
    Wrong(Vec<Wrong>),
    /// What is sent is signed, and the signature or a claim is refused.
    #[error("the token is refused: {0}")]
    Evidence(String),
    /// It does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// No more fits in.
    #[error("{0}")]
    Full(&'static str),
    /// What every other endpoint refuses too: proofs, staleness, the store.
    #[error("{0}")]
    Other(#[from] Fault),
}

impl From<StoreError> for ApiFault {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<Wrong> for ApiFault {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(vec![wrong])
    }
}

fn first(wrong: &[Wrong]) -> String {
    match wrong {
        [] => "the body cannot be used".to_owned(),
        [only] => format!("`{}`: {}", only.at, only.why),
        [first, rest @ ..] => format!("`{}`: {} (and {} more)", first.at, first.why, rest.len()),
    }
}

impl ApiFault {
    /// Its status, and the stable word for the record and for programs.
    pub(super) fn words(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::NoRoute => (S::NOT_FOUND, "no_route"),
            Self::Method => (S::METHOD_NOT_ALLOWED, "method"),
            Self::Token => (S::UNAUTHORIZED, "admin_token"),
            Self::Scope(_) => (S::FORBIDDEN, "admin_scope"),
            Self::Missing(_) => (S::NOT_FOUND, "missing"),
            Self::Query(_) | Self::Form(_) => (S::BAD_REQUEST, "query"),
            Self::ContentType(_) => (S::UNSUPPORTED_MEDIA_TYPE, "content_type"),
            Self::BodyUnwanted => (S::BAD_REQUEST, "body_unwanted"),
            Self::TooLarge(_) => (S::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Json(_) | Self::NotObject | Self::NotText => (S::BAD_REQUEST, "body"),
            Self::Wrong(_) => (S::UNPROCESSABLE_ENTITY, "body_wrong"),
            Self::Evidence(_) => (S::UNPROCESSABLE_ENTITY, "evidence"),
            Self::Conflict(_) => (S::CONFLICT, "conflict"),
            Self::Full(_) => (S::CONFLICT, "full"),
            // Here a proof comes with a token (RFC 9449 §7.1), not with a request for one.
            Self::Other(fault) if is_of_proof(fault) => (S::UNAUTHORIZED, fault.verdict().reason),
            Self::Other(fault) => (fault.verdict().status, fault.verdict().reason),
        }
    }

    fn document(&self, trace: &TraceId) -> Object {
        let (status, word) = self.words();
        let mut problem = obj([
            ("title", status.canonical_reason().unwrap_or("Refused").into()),
            ("status", u32::from(status.as_u16()).into()),
            ("detail", self.to_string().into()),
            ("code", word.into()),
            ("trace", trace.as_str().into()),
        ]);
        if let Self::Wrong(all) = self {
            let each = |w: &Wrong| {
                Value::Object(obj([("pointer", w.at.as_str().into()), ("detail", w.why.as_str().into())]))
            };
            problem.insert("errors", Value::Array(all.iter().map(each).collect()));
        }
        problem
    }

    /// What to come back with, where a token or a proof is missing (RFC 6750 §3, RFC 9449 §7.1).
    fn challenge(&self, scope: Option<&str>) -> Option<Challenge> {
        let proof = matches!(self, Self::Other(fault) if is_of_proof(fault));
        let error = match self {
            Self::Token => OAuthError::InvalidToken,
            Self::Scope(_) => OAuthError::InsufficientScope,
            Self::Other(fault) if proof => fault.verdict().error,
            _ => return None,
        };
        let scheme = if proof { Challenge::dpop() } else { Challenge::bearer() };
        let scope = scope.and_then(|s| Scope::parse(s).ok()).into_iter().collect();
        Some(scheme.error(error).scope(&scope))
    }
}

fn is_of_proof(fault: &Fault) -> bool {
    matches!(fault, Fault::Proof(_) | Fault::ProofNonce(_) | Fault::ProofReplayed)
}

/// The answer to a refused request, on record.
pub(super) async fn respond(
    app: &AppState,
    fault: &ApiFault,
    scope: Option<&str>,
    about: &About,
    trace: &TraceId,
) -> Response {
    let (status, word) = fault.words();
    match fault {
        ApiFault::Other(inner) => app.note(inner, about, trace).await,
        _ => app.refusals.put(about, word, trace).await,
    }
    let mut response = json(status, &fault.document(trace));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let challenge = fault.challenge(scope).and_then(|c| HeaderValue::from_str(&c.into_value()).ok());
    if let Some(value) = challenge {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    if matches!(fault, ApiFault::Other(Fault::ProofNonce(_))) {
        app.offer_nonce(&mut response);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_api_has_its_status_word_and_sentence() {
        let json = prokura_oauth::json::parse(b"x", &prokura_oauth::json::Limits::TOKEN).unwrap_err();
        let all = [
            ApiFault::NoRoute,
            ApiFault::Method,
            ApiFault::Token,
            ApiFault::Scope("facts:write"),
            ApiFault::Missing("fact"),
            ApiFault::Query("x".into()),
            ApiFault::Form(FormError::Encoding),
            ApiFault::ContentType("application/json"),
            ApiFault::BodyUnwanted,
            ApiFault::TooLarge(262_144),
            ApiFault::Json(json),
            ApiFault::NotObject,
            ApiFault::NotText,
            ApiFault::Wrong(vec![Wrong::new("/facts/0/name", "it is missing")]),
            ApiFault::Evidence("the signature does not verify".into()),
            ApiFault::Conflict("it changed meanwhile".into()),
            ApiFault::Full("no more facts are kept"),
            ApiFault::Other(Fault::Stale),
        ];
        let row = |f: &ApiFault| format!("{} - {}: {f}", f.words().0.as_u16(), f.words().1);
        insta::assert_snapshot!("refusals_of_the_api", all.iter().map(row).collect::<Vec<_>>().join("\n"));
    }
}
