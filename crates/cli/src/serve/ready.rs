//! Whether it lives, and whether it can serve: for what runs it.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use prokura_store::{RevokedView, Store, StoreError};
use std::sync::Arc;

/// `/healthz`: the process answers. `/readyz`: the database answers too, and what is revoked is known, here and at the
/// issuer whose feed is followed.
pub(crate) fn routes(store: Store, followed: Option<Arc<RevokedView>>) -> Router {
    let ready = move || {
        let (store, followed) = (store.clone(), followed.clone());
        async move { readiness(&store, followed.as_deref()).await }
    };
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready))
}

async fn readiness(store: &Store, followed: Option<&RevokedView>) -> (StatusCode, &'static str) {
    let answers = store.read::<_, StoreError>(|tx| tx.setting("ready").map(drop)).await;
    match answers {
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
        Ok(()) if !store.revoked().fresh() => {
            (StatusCode::SERVICE_UNAVAILABLE, "what is revoked is not known\n")
        }
        Ok(()) if followed.is_some_and(|view| !view.fresh()) => {
            (StatusCode::SERVICE_UNAVAILABLE, "what the issuer revoked is not known\n")
        }
        Ok(()) => (StatusCode::OK, "ready\n"),
    }
}
