//! `/.well-known/…` and `/jwks`: what may be kept.

use crate::server::AppState;
use crate::wire::public_json;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// Authorization server metadata (RFC 8414).
pub(super) async fn server(State(app): State<Arc<AppState>>) -> Response {
    public_json(&app.metadata.to_object())
}

/// OpenID provider metadata, the same.
pub(super) async fn openid(State(app): State<Arc<AppState>>) -> Response {
    public_json(&app.metadata.to_openid_object())
}

/// The keys, those that will sign soon among them (RFC 7517 §5).
pub(super) async fn jwks(State(app): State<Arc<AppState>>) -> Response {
    public_json(&app.keys.published().to_jwks())
}
