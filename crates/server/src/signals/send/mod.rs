//! Events of this server: what happens here goes to the streams that receivers made (SSF §"Management API for SET Event
//! Streams"), is posted to them (RFC 8935) or fetched (RFC 8936), and is kept until it was taken.

mod caller;
mod control;
mod deliver;
mod fan;
mod fault;
mod metadata;
mod poll;
mod streams;
mod wire;

pub use fault::StreamFault;
pub(super) use metadata::well_known;

use crate::server::AppState;
use axum::Router;
use axum::routing::{get, post};
use prokura_egress::Egress;
use prokura_oauth::seal::{MasterKey, SealError, SealKey};
use std::sync::Arc;

pub(super) use deliver::deliver;
pub(super) use fan::fan_out;

/// What sending needs besides.
pub(super) struct Sender {
    pub(super) egress: Egress,
    seal: SealKey,
}

impl Sender {
    pub(super) fn new(egress: &Egress, master: &MasterKey) -> Result<Self, SealError> {
        Ok(Self { egress: egress.clone(), seal: master.seal_key("streams of events")? })
    }
}

/// The interface of streams, below the issuer's own path.
pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route(
            "/ssf/streams",
            get(streams::read)
                .post(streams::create)
                .patch(streams::update)
                .put(streams::replace)
                .delete(streams::remove),
        )
        .route("/ssf/status", get(control::status).post(control::set_status))
        .route("/ssf/subjects/add", post(control::add_subject))
        .route("/ssf/subjects/remove", post(control::remove_subject))
        .route("/ssf/verify", post(control::verify))
        .route("/ssf/poll/{id}", post(poll::poll))
}
