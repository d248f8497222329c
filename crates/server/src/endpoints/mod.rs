//! The endpoints of OAuth, one file each.

mod authorize;
mod backchannel;
mod device;
mod grants;
mod introspect;
mod logout;
mod manage;
mod metadata;
mod par;
mod receipt;
mod register;
mod revoke;
mod token;
mod userinfo;

use crate::attester;
pub(crate) use crate::left::in_force;
use crate::server::AppState;
use crate::wire::{open, preflight};
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
pub(crate) use metadata::described;
use prokura_config::DeviceClients;
use std::sync::Arc;

/// The endpoints below the issuer's own path.
pub(crate) fn routes(app: &Arc<AppState>) -> Router {
    let mut open_to_pages = Router::new();
    if app.config.device.clients != DeviceClients::Off {
        open_to_pages =
            open_to_pages.route("/device_authorization", post(device::authorize).options(preflight));
    }
    if app.attester.is_on() {
        open_to_pages = open_to_pages
            .route("/challenge", post(attester::challenge).options(preflight))
            .route("/attest", post(attester::attest).options(preflight));
    }
    let open_to_pages = open_to_pages
        .merge(crate::status::routes(&app.config))
        .route("/jwks", get(metadata::jwks).options(preflight))
        .route("/token", post(token::token).options(preflight))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo).options(preflight))
        .route("/register", post(register::register).options(preflight))
        .route(
            "/register/{id}",
            get(manage::show).put(manage::replace).delete(manage::remove).options(preflight),
        )
        .layer(from_fn(open));
    let mut closed = Router::new();
    if app.config.ciba.clients != DeviceClients::Off {
        closed = closed.route("/bc-authorize", post(backchannel::authorize));
    }
    closed
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/logout", get(logout::get).post(logout::post))
        .route("/par", post(par::par))
        .route("/revoke", post(revoke::revoke))
        .route("/introspect", post(introspect::introspect))
        .route("/grants", get(grants::all))
        .route("/grants/{id}", get(grants::query).delete(grants::revoke))
        .route("/account/grants/{id}/receipt", get(receipt::receipt))
        .merge(crate::signals::routes(&app.config))
        .merge(crate::feed::routes(&app.config))
        .merge(crate::authzen::routes(&app.config))
        .merge(open_to_pages)
        .merge(crate::api::routes(app))
        .with_state(Arc::clone(app))
}

/// The metadata, whose addresses are inserted before the issuer's path (RFC 8414 §3) or appended to it (OpenID
/// Connect Discovery §4).
pub(crate) fn well_known(app: &Arc<AppState>) -> Router {
    let path = app.config.issuer.path();
    let server = get(metadata::server).options(preflight);
    let openid = get(metadata::openid).options(preflight);
    let mut router = Router::new()
        .route(&format!("/.well-known/oauth-authorization-server{path}"), server)
        .route(&format!("/.well-known/openid-configuration{path}"), openid.clone());
    if !path.is_empty() {
        router = router.route(&format!("{path}/.well-known/openid-configuration"), openid);
    }
    router
        .merge(crate::signals::well_known(&app.config))
        .merge(crate::authzen::well_known(&app.config))
        .layer(from_fn(open))
        .with_state(Arc::clone(app))
}
