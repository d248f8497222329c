//! Protected resource metadata (RFC 9728).

use crate::route::Route;
use axum::body::Body;
use http::{HeaderValue, Response, header};
use prokura_oauth::protected_resource::WELL_KNOWN;
use std::sync::Arc;

/// The addresses of metadata and the resource each describes. Public resources have none: they need no token.
///
/// The root address exists only where one resource is the only one: RFC 9728 §3.3 lets a client refuse metadata of
/// another resource than it asked for, so with several there is no true answer.
pub(crate) fn addresses(routes: &[Arc<Route>]) -> Vec<(String, Arc<Route>)> {
    let protected: Vec<_> = routes.iter().filter(|r| !r.policy.is_public()).collect();
    let mut all: Vec<_> =
        protected.iter().map(|r| (format!("{WELL_KNOWN}{}", r.path), Arc::clone(r))).collect();
    if let [only] = protected.as_slice() {
        all.push((WELL_KNOWN.to_owned(), Arc::clone(only)));
    }
    all
}

/// The document as an answer, which any page may read. Everything in it is from the configuration, nothing from the
/// request.
pub(crate) fn response(route: &Route, certificates: bool) -> Response<Body> {
    let mut document = route.metadata.to_object();
    if certificates {
        document.insert("tls_client_certificate_bound_access_tokens", true.into());
    }
    let body = document.to_vec();
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
