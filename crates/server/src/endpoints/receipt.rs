//! `/account/grants/{id}/receipt`: what somebody allowed, to be kept: in words, and signed by this server.

use crate::account::sign_in_first;
use crate::consent::Receipt;
use crate::people::PageFault;
use crate::server::AppState;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use prokura_core::{GrantId, Principal};
use prokura_oauth::json::{Value, obj};
use prokura_store::StoreError;
use std::sync::Arc;

pub(super) async fn receipt(
    State(app): State<Arc<AppState>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    answer(&app, &parts, &id).await.unwrap_or_else(|fault| app.people.fault(&fault, &app.trace()))
}

async fn answer(app: &AppState, parts: &Parts, id: &str) -> Result<Response, PageFault> {
    let visit = app.people.visit(parts).await?;
    let Some(owner) = visit.signed_in else { return Ok(sign_in_first(&app.people)) };
    let id = GrantId::parse(id).map_err(|_| PageFault::Missing)?;
    let (config, user) = (Arc::clone(&app.config), Principal::User(owner.user.id));
    let receipt = app.store.read::<_, StoreError>(move |tx| match tx.grant(&id)? {
        Some(grant) if grant.subject == user => Receipt::of(tx, &config, &grant),
        _ => Ok(None),
    });
    let receipt = receipt.await?.ok_or(PageFault::Missing)?;
    let now = app.clock.now();
    let ours = |why: String| PageFault::Ours(anyhow::anyhow!(why));
    let key = app.keys.signer(now).ok_or_else(|| ours("there is no signing key".to_owned()))?;
    let signed = receipt.sign(&key, now).map_err(|e| ours(e.to_string()))?;
    let body = obj([("receipt", Value::Object(receipt.claims(now))), ("signed", signed.into())]);
    let name = format!("attachment; filename=\"receipt-{}.json\"", receipt.grant);
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, body.to_vec()).into_response())
}
