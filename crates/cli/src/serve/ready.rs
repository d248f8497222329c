//! Whether it lives, and whether it can serve: for what runs it.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use prokura_store::{Store, StoreError};

/// `/healthz`: the process answers. `/readyz`: the database answers too, and what is revoked is known.
pub(crate) fn routes(store: Store) -> Router {
    let ready = move || {
        let store = store.clone();
        async move { readiness(&store).await }
    };
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready))
}

async fn readiness(store: &Store) -> (StatusCode, &'static str) {
    let answers = store.read::<_, StoreError>(|tx| tx.setting("ready").map(drop)).await;
    match answers {
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
        Ok(()) if !store.revoked().fresh() => {
            (StatusCode::SERVICE_UNAVAILABLE, "what is revoked is not known\n")
        }
        Ok(()) => (StatusCode::OK, "ready\n"),
    }
}
