//! `/introspect` (RFC 7662, signed on request: RFC 9701): a resource asks about a token that was presented to it. Everybody else hears
//! `active: false`, whatever they ask about (attack C26).

use crate::authenticate;
use crate::clients::Client;
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{form, json, jwt};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::header::ACCEPT;
use prokura_core::Principal;
use prokura_ledger::EventKind;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::authorize::ParameterError;
use prokura_oauth::client_metadata::AuthMethod;
use prokura_oauth::introspection::{SIGNED_MEDIA_TYPE, active, inactive, signed, wants_signed};
use std::sync::Arc;

pub(super) async fn introspect(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "introspect");
    match answer(&app, request, &mut about).await {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

async fn answer(app: &AppState, request: Request, about: &mut About) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let form = form(&parts, body).await?;
    let client = authenticate::client(app, &parts, &form, None, about).await?.client;
    if client.metadata.auth_method == AuthMethod::None {
        return Err(Fault::Secret);
    }
    let token = form.value("token").ok_or(ParameterError::Missing("token"))?;
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let body = match live(app, &client, token) {
        Some(token) => active(&token),
        None => inactive(),
    };
    let accept = parts.headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
    if !wants_signed(accept) {
        return Ok(json(StatusCode::OK, &body));
    }
    let now = app.clock.now();
    let key = app.keys.signer(now).ok_or_else(|| Fault::Broken("there is no signing key".to_owned()))?;
    let answer = signed(body, app.config.issuer.as_str(), &client.id, now, &key);
    Ok(jwt(answer.map_err(|e| Fault::Broken(e.to_string()))?, SIGNED_MEDIA_TYPE))
}

/// The token, if it is in force and for a resource of the caller.
fn live(app: &AppState, client: &Client, token: &str) -> Option<AccessToken> {
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let token = AccessToken::verify_any_resource(token, &keys, issuer, app.clock.now()).ok()?;
    (in_force(app, &token) && client.introspects.contains(&token.audience)).then_some(token)
}

/// Whether everything behind a token still stands.
pub(crate) fn in_force(app: &AppState, token: &AccessToken) -> bool {
    let view = app.store.revoked();
    let ended = !view.stands(token.grant.standing())
        || view.client_disabled(&token.client)
        || token.actors.iter().any(|a| view.agent_disabled(a))
        || token
            .workload
            .as_ref()
            .is_some_and(|w| view.workload_disabled(&w.workload) || view.provider_disabled(&w.provider))
        || match &token.subject {
            Principal::User(user) => view.user_disabled(user),
            Principal::Agent(agent) => view.agent_disabled(agent),
        };
    !ended
}
