//! The decision point that others ask: the OpenID AuthZEN Authorization API 1.0, at `{issuer}/access/v1`.
//!
//! Invariants: nobody asks but a configured client, with a token of its own authority that was made for this address; what
//! is not permitted by a policy that counts is denied, and so is everything while there is none; what is said about
//! somebody or something counts only from whom the operator lets say it; what is recorded is durable before it is answered.

mod ask;
mod caller;
mod candidates;
mod entities;
mod fault;
mod record;
mod search;
mod serve;
mod verdict;

pub use fault::AuthzenFault;

use crate::places::Place;
use crate::server::AppState;
use crate::wire::{preflight, public_json};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use caller::{Bounds, Tokens};
use candidates::Candidates;
use prokura_config::{AUTHZEN, AUTHZEN_PATH, AUTHZEN_SCOPES, Config};
use prokura_core::{ClientId, InvalidResource, ResourceUri, Scope, ScopeSet};
use prokura_oauth::seal::{MasterKey, SealError, SealKey};
use prokura_policy::authzen::{Kinds, Metadata, WELL_KNOWN};
use serve::{Which, serve};
use std::collections::HashMap;
use std::sync::Arc;

/// What requests to the decision point share.
pub(crate) struct Authzen {
    kinds: Kinds,
    tokens: Tokens,
    bounds: HashMap<ClientId, Bounds>,
    candidates: Candidates,
    /// Seals the places in searches.
    places: SealKey,
}

impl Authzen {
    pub(crate) fn new(config: &Config, master: &MasterKey) -> Result<Self, SealError> {
        let bounds = config.authzen.callers.iter();
        let bounds = bounds.filter_map(|c| Some((ClientId::parse(c.client.clone()).ok()?, Bounds::of(c))));
        Ok(Self {
            kinds: Kinds::new(config.authzen.kinds()),
            tokens: Tokens::default(),
            bounds: bounds.collect(),
            candidates: Candidates::default(),
            places: master.seal_key("places in searches")?,
        })
    }
}

/// The addresses below the issuer's own path; none if nobody may ask.
pub(crate) fn routes(config: &Config) -> Router<Arc<AppState>> {
    if !config.has_authzen() {
        return Router::new();
    }
    let at = |which: Which| {
        post(move |State(app): State<Arc<AppState>>, request: Request| serve(app, request, which))
    };
    Which::ALL.into_iter().fold(Router::new(), |router, which| {
        router.route(&format!("{AUTHZEN_PATH}/{}", which.path()), at(which))
    })
}

/// Where whoever asks looks first, inserted before the issuer's path (§9.2); nowhere if nobody may ask.
pub(crate) fn well_known(config: &Config) -> Router<Arc<AppState>> {
    if !config.has_authzen() {
        return Router::new();
    }
    let at = format!("{WELL_KNOWN}{}", config.issuer.path());
    Router::new().route(&at, get(metadata).options(preflight))
}

async fn metadata(State(app): State<Arc<AppState>>) -> Response {
    public_json(&Metadata::of(app.config.issuer.as_str()).to_object())
}

/// The place that tokens for the decision point are made for, if somebody may ask it.
pub(crate) fn place(config: &Config) -> Result<Option<Arc<Place>>, InvalidResource> {
    if !config.has_authzen() {
        return Ok(None);
    }
    let scopes: ScopeSet = AUTHZEN_SCOPES.iter().filter_map(|(name, _)| Scope::parse(*name).ok()).collect();
    Ok(Some(Arc::new(Place {
        uri: ResourceUri::parse(&format!("{}{AUTHZEN_PATH}", config.issuer))?,
        name: AUTHZEN.to_owned(),
        first: scopes.clone(),
        scopes,
        needs_proof: false,
        bundled: Vec::new(),
    })))
}
