//! `/.well-known/ssf-configuration` (SSF §"Transmitter Configuration Discovery").

use crate::server::AppState;
use crate::wire::public_json;
use axum::extract::State;
use axum::response::Response;
use prokura_oauth::signals::{METHOD_POLL, METHOD_PUSH, TransmitterMetadata};
use std::sync::Arc;

pub(in crate::signals) async fn well_known(State(app): State<Arc<AppState>>) -> Response {
    let issuer = app.config.issuer.as_str();
    let at = |path: &str| Some(format!("{issuer}{path}"));
    public_json(
        &TransmitterMetadata {
            issuer: issuer.to_owned(),
            jwks_uri: at("/jwks"),
            delivery_methods: vec![METHOD_PUSH.to_owned(), METHOD_POLL.to_owned()],
            configuration: at("/ssf/streams"),
            status: at("/ssf/status"),
            add_subject: at("/ssf/subjects/add"),
            remove_subject: at("/ssf/subjects/remove"),
            verification: at("/ssf/verify"),
            critical_members: Vec::new(),
        }
        .to_object(),
    )
}
