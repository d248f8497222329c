//! `/register/{id}` (RFC 7592): a client reads, replaces and removes its own registration, by its registration access
//! token, while it is not disabled.

use super::register::{accepted, registered};
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{bearer, json, json_object};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use prokura_core::{ClientId, Grant, Timestamp, TraceId};
use prokura_ledger::EventKind;
use prokura_oauth::client_metadata::{ClientMetadata, MetadataError};
use prokura_oauth::json::Value;
use prokura_oauth::registration::ClientInformation;
use prokura_store::{Client, SecretHash, StoreError, Tx};
use std::sync::Arc;

/// A client that proved that it is itself.
struct Own {
    row: Client,
    token: String,
}

pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Registration, "client:read"));
    let (parts, _) = request.into_parts();
    let result = async {
        let own = own(&app, &parts, &id, &mut about).await?;
        let metadata = crate::clients::registered(own.row.clone())?.metadata;
        Ok::<_, Fault>(own.respond(&app, &metadata))
    };
    match result.await {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

pub(super) async fn replace(
    State(app): State<Arc<AppState>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Registration, "client:update"));
    match replaced(&app, request, &id, &trace, &mut about).await {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

pub(super) async fn remove(
    State(app): State<Arc<AppState>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Registration, "client:remove"));
    let (parts, _) = request.into_parts();
    match removed(&app, &parts, &id, &trace, &mut about).await {
        Ok(()) => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

/// The client behind a request. Whether it is unknown, disabled, expired or has another token, the answer is one
/// (attack B4).
async fn own(app: &AppState, parts: &Parts, id: &str, about: &mut About) -> Result<Own, Fault> {
    let token = bearer(parts).ok_or(Fault::RegistrationToken)?.to_owned();
    let id = ClientId::parse(id).map_err(|_| Fault::RegistrationToken)?;
    about.client = Some(id.clone());
    let (hash, now) = (SecretHash::of(&token), app.clock.now());
    let disabled = app.store.revoked().client_disabled(&id);
    let row = app.store.read(move |tx| tx.client(&id)).await?;
    let live = |c: &Client| !disabled && !c.disabled && c.expires_at.is_none_or(|at| at > now);
    let fits = |c: &Client| c.registration_token_hash == Some(hash);
    row.filter(live).filter(fits).map(|row| Own { row, token }).ok_or(Fault::RegistrationToken)
}

async fn replaced(
    app: &AppState,
    request: Request,
    id: &str,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let own = own(app, &parts, id, about).await?;
    let asked = json_object(&parts, body).await?;
    if asked.str("client_id") != Some(own.row.id.as_str()) {
        return Err(Fault::Metadata(MetadataError::Member("client_id")));
    }
    let metadata = accepted(app, &asked)?;
    let before = crate::clients::registered(own.row.clone())?.metadata.auth_method;
    if metadata.auth_method.uses_secret() != before.uses_secret() {
        // A secret is told once, when it is made; a client that wants one registers anew.
        return Err(Fault::Metadata(MetadataError::Member("token_endpoint_auth_method")));
    }
    let row = Client { metadata: Value::Object(metadata.to_object()).to_string(), ..own.row.clone() };
    let (now, trace) = (app.clock.now(), trace.clone());
    app.store
        .transact(move |tx| {
            if !tx.update_client(&row)? {
                return Err(Fault::RegistrationToken);
            }
            tx.record(registered(&row, "client:update", now, &trace));
            Ok(())
        })
        .await?;
    Ok(own.respond(app, &metadata))
}

/// Removes the registration, and with it everything that users let the client do.
async fn removed(
    app: &AppState,
    parts: &Parts,
    id: &str,
    trace: &TraceId,
    about: &mut About,
) -> Result<(), Fault> {
    let own = own(app, parts, id, about).await?;
    let (row, now, trace) = (own.row, app.clock.now(), trace.clone());
    app.store
        .transact(move |tx| {
            // What has ended is not among those of the next round.
            while let some @ [_, ..] = &*tx.standing_grants_to(&row.agent)? {
                some.iter().try_for_each(|grant| end(tx, &row, grant, now, &trace))?;
            }
            tx.delete_client(&row.id)?;
            tx.record(registered(&row, "client:remove", now, &trace));
            Ok(())
        })
        .await
}

fn end(
    tx: &mut Tx<'_>,
    row: &Client,
    grant: &Grant,
    now: Timestamp,
    trace: &TraceId,
) -> Result<(), StoreError> {
    let ended = tx.revoke_tree(&grant.id, row.id.as_str(), "the client removed itself", now)?;
    if let Some(ended) = ended {
        let mut event = registered(row, "grant:revoke", now, trace).because("client_removed");
        event.kind = EventKind::Grant;
        event.subject = Some(grant.subject.clone());
        event.resource = Some(grant.resource.clone());
        ended.describe(&mut event);
        tx.record(event);
    }
    Ok(())
}

impl Own {
    fn respond(&self, app: &AppState, metadata: &ClientMetadata) -> Response {
        let information = ClientInformation {
            id: &self.row.id,
            metadata,
            issued_at: self.row.created_at,
            secret: None,
            registration_token: &self.token,
            registration_uri: format!("{}/register/{}", app.config.issuer, self.row.id),
        };
        json(StatusCode::OK, &information.to_object())
    }
}
