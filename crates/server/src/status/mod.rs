//! Token Status Lists (draft-ietf-oauth-status-list), for verifiers that ask nobody else.
//!
//! Invariants: a list never says more than introspection would: it is made of the same standing, and not while that is stale;
//! a place belongs to one basis of tokens for ever; a token leaves with its place stored.

mod basis;
mod fault;
mod list;

pub use fault::StatusFault;

use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{preflight, public_json};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use basis::Basis;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Uri};
use list::Made;
use moka::sync::Cache;
use prokura_config::Config;
use prokura_ledger::EventKind;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::json::{Value, obj};
use prokura_oauth::secret::sha256_base64url;
use prokura_oauth::status_list::{MEDIA_TYPE, PATH, StatusPlace};
use prokura_store::{STATUS_PLACES, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Of how many bases the place is remembered.
const REMEMBERED: u64 = 100_000;

/// The places that are remembered, and the lists as they were made last.
pub(crate) struct Statuses {
    places: Cache<String, u64>,
    lists: Mutex<HashMap<u64, Arc<Mutex<Option<Made>>>>>,
}

impl Default for Statuses {
    fn default() -> Self {
        Self { places: Cache::new(REMEMBERED), lists: Mutex::default() }
    }
}

/// The addresses, below the issuer's own path; none where there are no lists.
pub(crate) fn routes(config: &Config) -> Router<Arc<AppState>> {
    if !config.status_list.enabled {
        return Router::new();
    }
    Router::new()
        .route(PATH, get(all).options(preflight))
        .route(&format!("{PATH}/{{list}}"), get(one).options(preflight))
}

/// Gives a token the place of its status, where there are lists.
pub(crate) async fn mark(app: &AppState, token: AccessToken) -> Result<AccessToken, Fault> {
    if !app.config.status_list.enabled {
        return Ok(token);
    }
    let about = Basis::of(&token).to_text();
    let name = sha256_base64url(about.as_bytes());
    let place = match app.status.places.get(&name) {
        Some(place) => place,
        None => {
            let (given, grant, rng) = (name.clone(), token.grant.id.clone(), Arc::clone(&app.rng));
            let give = move |tx: &mut prokura_store::Tx<'_>| tx.status_place(&given, &grant, &about, &*rng);
            let place = app.store.transact::<_, StoreError>(give).await?;
            app.status.places.insert(name, place);
            place
        }
    };
    let status = StatusPlace { index: place % STATUS_PLACES, uri: address(app, place / STATUS_PLACES) };
    Ok(AccessToken { status: Some(status), ..token })
}

fn address(app: &AppState, list: u64) -> String {
    format!("{}{PATH}/{list}", app.config.issuer)
}

/// The addresses of all lists (§9.3).
async fn all(State(app): State<Arc<AppState>>) -> Response {
    match app.store.read::<_, StoreError>(|tx| tx.status_lists()).await {
        Ok(lists) => public_json(&obj([(
            "status_lists",
            Value::Array((0..lists).map(|list| address(&app, list).into()).collect()),
        )])),
        Err(error) => refused(&app, &error.into()).await,
    }
}

/// A list (§8.2).
async fn one(State(app): State<Arc<AppState>>, Path(list): Path<String>, request: Request) -> Response {
    match signed(&app, &list, request.uri()).await {
        Ok(token) => answer(&app, token),
        Err(fault) => refused(&app, &fault).await,
    }
}

async fn signed(app: &Arc<AppState>, list: &str, asked: &Uri) -> Result<String, Fault> {
    let query = asked.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "time") {
        return Err(Fault::Status(StatusFault::Time));
    }
    // One text for each list: it is the `sub` of what is signed.
    let number = list.parse::<u64>().ok().filter(|n| n.to_string() == list);
    let number = number.ok_or(Fault::Status(StatusFault::Unknown))?;
    list::current(app, number).await
}

fn answer(app: &AppState, token: String) -> Response {
    let mut response = Response::new(Body::from(token));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let kept = format!("public, max-age={}", app.config.status_list.ttl.get().as_secs());
    if let Ok(kept) = HeaderValue::from_str(&kept) {
        headers.insert(CACHE_CONTROL, kept);
    }
    response
}

async fn refused(app: &AppState, fault: &Fault) -> Response {
    app.refuse(fault, &About::new(EventKind::Issuance, "status:list"), &app.trace()).await
}
