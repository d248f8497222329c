//! `/grants/{id}` (*Grant Management for OAuth 2.0* §6): a client reads and ends a grant that it has a name for. It comes
//! with its secret, or with a token of its own authority for this address.

use crate::authenticate;
use crate::clients::Client;
use crate::fault::Fault;
use crate::left::in_force;
use crate::named::{NamedFault, QUERY, REVOKE, find, find_living, may_manage};
use crate::record::About;
use crate::server::AppState;
use crate::wire::{access_token, json};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use prokura_core::{Grant, GrantName, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::form::Form;
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use std::sync::Arc;

const MISSING: Fault = Fault::Named(NamedFault::Missing);

/// Nobody is told of all grants of a client (§6).
pub(super) async fn all(State(app): State<Arc<AppState>>) -> Response {
    app.refuse(&MISSING, &About::new(EventKind::Grant, "grant:list"), &app.trace()).await
}

pub(super) async fn query(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Grant, "grant:query"));
    let (parts, _) = request.into_parts();
    match own(&app, &parts, &name, QUERY, &mut about).await {
        Ok((_, grant)) => json(StatusCode::OK, &holdings(&grant)),
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

pub(super) async fn revoke(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Grant, "grant:revoke"));
    let (parts, _) = request.into_parts();
    match ended(&app, &parts, &name, &trace, &mut about).await {
        Ok(()) => {
            let kept = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::NO_CONTENT, kept).into_response()
        }
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

/// What a grant holds, as the client is told (§6.4). Of the user nothing is said.
fn holdings(grant: &Grant) -> Object {
    let scope = obj([
        ("scope", grant.actions.to_string().into()),
        ("resources", Value::Array(vec![grant.resource.as_str().into()])),
    ]);
    let mut held = obj([
        ("scopes", Value::Array(vec![Value::Object(scope)])),
        ("expires_at", grant.expires_at.seconds().into()),
    ]);
    if !grant.details.is_empty() {
        held.insert(DETAILS, rich::to_value(&grant.details, &grant.resource));
    }
    held
}

/// The grant that the caller calls so. Whether it is another client's, has ended or never was, the answer is one.
async fn own(
    app: &AppState,
    parts: &Parts,
    name: &str,
    scope: &str,
    about: &mut About,
) -> Result<(Arc<Client>, Grant), Fault> {
    let client = caller(app, parts, scope, about).await?;
    let name = GrantName::parse(name).map_err(|_| MISSING)?;
    let found = match scope {
        REVOKE => find_living(app, &client, name).await?,
        _ => find(app, &client, name).await?,
    };
    let grant = found.ok_or(MISSING)?;
    about.grant = Some(grant.id.clone());
    Ok((client, grant))
}

async fn caller(app: &AppState, parts: &Parts, scope: &str, about: &mut About) -> Result<Arc<Client>, Fault> {
    let client = match access_token(parts) {
        Some((compact, false)) => {
            let token = token(app, compact)?;
            about.client = Some(token.client.clone());
            if !token.scopes.iter().any(|s| s.as_str() == scope) {
                return Err(Fault::Named(NamedFault::Scope));
            }
            app.clients.find(&token.client).await?
        }
        Some((_, true)) => return Err(Fault::Named(NamedFault::Token)),
        None if !parts.headers.contains_key(AUTHORIZATION) => return Err(Fault::Named(NamedFault::Token)),
        None => authenticate::client(app, parts, &Form::default(), None, about).await?.client,
    };
    if may_manage(&client) { Ok(client) } else { Err(Fault::Named(NamedFault::Token)) }
}

/// A token for this address. One that is bound to a key is not taken: proofs are not read here.
fn token(app: &AppState, compact: &str) -> Result<AccessToken, Fault> {
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let place = &app.places.management().uri;
    let token = AccessToken::verify(compact, &keys, issuer, place, app.clock.now());
    let good = token.ok().filter(|t| t.cnf.is_bearer() && in_force(app, t));
    good.ok_or(Fault::Named(NamedFault::Token))
}

async fn ended(
    app: &AppState,
    parts: &Parts,
    name: &str,
    trace: &TraceId,
    about: &mut About,
) -> Result<(), Fault> {
    let (client, grant) = own(app, parts, name, REVOKE, about).await?;
    let (now, trace) = (app.clock.now(), trace.clone());
    app.store
        .transact(move |tx| {
            if let Some(ended) = tx.revoke_tree(&grant.id, client.id.as_str(), "the client ended it", now)? {
                let mut event =
                    Event::new(EventKind::Grant, "grant:revoke", Outcome::Permit, now, trace.clone())
                        .because("revoked_by_client");
                event.subject = Some(grant.subject.clone());
                event.client = Some(client.id.clone());
                event.resource = Some(grant.resource.clone());
                ended.describe(&mut event);
                tx.record(event);
            }
            Ok(())
        })
        .await
}
