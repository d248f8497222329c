//! The administration API, `{issuer}/api/admin/v1`: one table of routes, from which the router and the OpenAPI document
//! are made.
//!
//! Invariants: nobody comes in but a configured client, with a token of its own authority that was made for this address
//! and has the scope of the route; a body is read strictly before the handler sees it; whatever changes is on record in
//! the same transaction, with the client as who did it; bad input is a problem document (RFC 9457), never a 500.
//!
//! To add routes: a file here with `pub(super) const ROUTES: &[Route]`, one line in [`TABLES`], and for a scope that is
//! not there yet one line in `ADMIN_SCOPES` of the configuration; then `cargo xtask generate`.

mod access;
mod approvals;
mod call;
mod caller;
mod consents;
mod facts;
mod fields;
mod grants;
mod me;
mod openapi;
mod policy;
mod posture;
mod problem;
mod relations;
mod route;
mod tools;
mod workloads;

pub use openapi::openapi;
pub(crate) use route::routes;

use crate::places::Place;
use call::{Call, Reply, Sent};
use fields::Fields;
use problem::{ApiFault, Wrong};
use prokura_config::{ADMIN, ADMIN_PATH as PATH, ADMIN_SCOPES, Config};
use prokura_core::{InvalidResource, ResourceUri, Scope};
use route::{Route, Takes};
use std::sync::Arc;

/// Every route there is, a table for each file.
const TABLES: &[&[Route]] = &[
    access::ROUTES,
    approvals::ROUTES,
    consents::ROUTES,
    me::ROUTES,
    facts::ROUTES,
    grants::ROUTES,
    policy::ROUTES,
    posture::ROUTES,
    tools::ROUTES,
    relations::ROUTES,
    workloads::ROUTES,
];

/// The place that tokens for it are made for, if some client may use it.
pub(crate) fn place(config: &Config) -> Result<Option<Arc<Place>>, InvalidResource> {
    if !config.has_admin() {
        return Ok(None);
    }
    let scopes: prokura_core::ScopeSet =
        ADMIN_SCOPES.iter().filter_map(|(name, _)| Scope::parse(*name).ok()).collect();
    Ok(Some(Arc::new(Place {
        uri: ResourceUri::parse(&format!("{}{PATH}", config.issuer))?,
        name: ADMIN.to_owned(),
        first: scopes.clone(),
        scopes,
        needs_proof: config.admin.require_dpop,
        bundled: Vec::new(),
    })))
}
