//! Cross-origin requests of pages whose origin may call (Fetch, "CORS protocol").

use crate::route::Doors;
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// The answer to a preflight; what may call was checked before.
pub(crate) fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, DELETE"));
    let allowed = "authorization, dpop, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, last-event-id";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Lets a page of a known origin read the answer.
pub(crate) fn allow(doors: &Doors, request: &HeaderMap, response: &mut Response<Body>) {
    let Ok(Some(origin)) = doors.check_origin(request) else { return };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let exposed = HeaderValue::from_static("mcp-session-id, www-authenticate, retry-after, dpop-nonce");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}
