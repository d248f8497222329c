//! Answers for machines.

use crate::fault::Fault;
use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use prokura_core::TraceId;
use prokura_oauth::challenge::Challenge;
use prokura_oauth::error::OAuthError;
use prokura_oauth::json::{Object, obj};

const NOSNIFF: (HeaderName, HeaderValue) =
    (http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// A JSON answer that nobody may keep (RFC 6749 §5.1).
pub(crate) fn json(status: StatusCode, body: &Object) -> Response {
    unkept(plain(status, body))
}

fn unkept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A signed answer that nobody may keep.
pub(crate) fn jwt(token: String, media_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(token));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(NOSNIFF.0, NOSNIFF.1);
    unkept(response)
}

/// A JSON document that is the same for everybody and may be kept for five minutes.
pub(crate) fn public_json(body: &Object) -> Response {
    let mut response = plain(StatusCode::OK, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// The answer to a refused request (RFC 6749 §5.2). A challenge is for a client that came `by_header`; strict clients
/// that sent their proof in the body take a challenge for another protocol's and do not read on.
pub(crate) fn refusal(fault: &Fault, trace: &TraceId, by_header: bool) -> Response {
    let verdict = fault.verdict();
    let mut response = json(
        verdict.status,
        &obj([
            ("error", verdict.error.code().into()),
            ("error_description", fault.to_string().into()),
            ("trace", trace.as_str().into()),
        ]),
    );
    let headers = response.headers_mut();
    let challenge = match (verdict.status, verdict.error) {
        (StatusCode::UNAUTHORIZED, OAuthError::InvalidToken) => {
            Some(Challenge::bearer().error(OAuthError::InvalidToken))
        }
        (StatusCode::UNAUTHORIZED, _) if by_header => Some(Challenge::basic("prokura")),
        _ => None,
    };
    if let Some(value) = challenge.and_then(|c| HeaderValue::from_str(&c.into_value()).ok()) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if matches!(verdict.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

fn plain(status: StatusCode, body: &Object) -> Response {
    let mut response = Response::new(Body::from(body.to_vec()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(NOSNIFF.0, NOSNIFF.1);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c29_no_answer_may_be_kept_and_a_401_says_how_to_come_back() {
        let trace = TraceId::parse("tr_1").unwrap();
        let response = refusal(&Fault::Secret, &trace, false);
        assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
        let response = refusal(&Fault::Secret, &trace, true);
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Basic realm=\"prokura\"");
        let response = refusal(&Fault::Stale, &trace, true);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(RETRY_AFTER));
    }
}
