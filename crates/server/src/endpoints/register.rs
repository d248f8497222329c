//! `/register` (RFC 7591), behind the operator's policy: off, by token, or open within bounds.

use crate::clients::SecretDigest;
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{bearer, json, json_object, peer};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use prokura_config::{DeviceClients, Dynamic};
use prokura_core::{AgentId, ClientId, Timestamp, TraceId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::client_metadata::{AuthMethod, ClientMetadata, GrantType, MetadataError};
use prokura_oauth::json::{Object, Value};
use prokura_oauth::metadata::Certificates;
use prokura_oauth::redirect::shown_host;
use prokura_oauth::registration::ClientInformation;
use prokura_store::{Agent, Client, SecretHash};
use std::sync::Arc;

pub(super) async fn register(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Registration, "client:register");
    match answer(&app, request, &trace, &mut about).await {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

/// A client that is about to be stored, and what it is told once.
struct Fresh {
    row: Client,
    metadata: ClientMetadata,
    secret: Option<String>,
    token: String,
}

async fn answer(
    app: &AppState,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    permitted(app, &parts)?;
    let metadata = accepted(app, &json_object(&parts, body).await?)?;
    let fresh = fresh(app, metadata);
    about.client = Some(fresh.row.id.clone());
    let (row, most, trace) =
        (fresh.row.clone(), u64::from(app.config.registration.max_clients), trace.clone());
    let name = fresh.metadata.name.clone().unwrap_or_else(|| row.id.to_string());
    app.store
        .transact(move |tx| {
            if tx.count_clients(row.created_at)? >= most {
                return Err(Fault::TooMany);
            }
            let agent = Agent {
                id: row.agent.clone(),
                name: name.clone(),
                disabled: false,
                created_at: row.created_at,
            };
            tx.agent_for_client(&row.id, &agent)?;
            tx.insert_client(&row)?;
            tx.record(registered(&row, "client:register", row.created_at, &trace));
            Ok(())
        })
        .await?;
    Ok(json(StatusCode::CREATED, &fresh.information(app)))
}

/// Whether whoever asks may register a client now (attacks B1, B2).
fn permitted(app: &AppState, parts: &Parts) -> Result<(), Fault> {
    match app.config.registration.dynamic {
        Dynamic::Off => return Err(Fault::RegistrationOff),
        Dynamic::Open => {}
        Dynamic::Token => {
            let expected = app.initial_token.as_ref().ok_or(Fault::RegistrationToken)?;
            let shown = bearer(parts).ok_or(Fault::RegistrationToken)?;
            if !expected.is_of(shown) {
                return Err(Fault::RegistrationToken);
            }
        }
    }
    if app.registrations.admit(peer(parts), app.clock.now()) { Ok(()) } else { Err(Fault::TooMany) }
}

/// The metadata as they are accepted: read by an allow list, within the operator's hosts, and without authority that
/// only the operator gives (attack B3).
pub(super) fn accepted(app: &AppState, object: &Object) -> Result<ClientMetadata, Fault> {
    let mut metadata = ClientMetadata::from_registration(object)?;
    let devices = app.config.device.clients >= DeviceClients::Any;
    let elsewhere = app.config.ciba.clients >= DeviceClients::Any && metadata.auth_method != AuthMethod::None;
    metadata.grant_types.retain(|g| match g {
        // Whose word counts for whom is the operator's to say, of clients that the operator knows.
        GrantType::JwtBearer | GrantType::TokenExchange => false,
        GrantType::ClientCredentials => false,
        GrantType::DeviceCode => devices,
        GrantType::Ciba => elsewhere,
        GrantType::AuthorizationCode | GrantType::RefreshToken => true,
    });
    if !metadata.may(GrantType::Ciba) {
        metadata.backchannel = None;
    }
    let alone = [GrantType::AuthorizationCode, GrantType::DeviceCode, GrantType::Ciba];
    if !alone.into_iter().any(|g| metadata.may(g)) {
        return Err(Fault::Metadata(MetadataError::Member("grant_types")));
    }
    // Who could never authenticate learns it now.
    let offered = app.certificates.offered();
    let bound = metadata.certificate_bound && offered == Certificates::Off;
    if bound || !offered.allow(metadata.auth_method) {
        return Err(Fault::Metadata(MetadataError::Member("token_endpoint_auth_method")));
    }
    let allowed = &app.config.registration.redirect_hosts;
    for uri in &metadata.redirect_uris {
        let shown = shown_host(uri.as_str());
        let host = shown.rsplit_once(':').map_or(shown.as_str(), |(host, _)| host);
        if !allowed.is_empty() && !allowed.iter().any(|a| a == host || *a == shown) {
            return Err(Fault::RedirectHost(shown));
        }
    }
    Ok(metadata)
}

fn fresh(app: &AppState, metadata: ClientMetadata) -> Fresh {
    let (rng, now) = (&*app.rng, app.clock.now());
    let secret = metadata.auth_method.uses_secret().then(|| random_id(&random_id("sec_", rng), rng));
    let token = random_id(&random_id("reg_", rng), rng);
    let row = Client {
        id: ClientId::random(rng),
        metadata: Value::Object(metadata.to_object()).to_string(),
        secret_hash: secret.as_deref().map(|s| SecretDigest::of(s).as_str().to_owned()),
        registration_token_hash: Some(SecretHash::of(&token)),
        agent: AgentId::random(rng),
        created_at: now,
        expires_at: Some(now.after(app.config.registration.expires_after.get())),
        last_used_at: None,
        disabled: false,
    };
    Fresh { row, metadata, secret, token }
}

pub(super) fn registered(row: &Client, action: &str, now: Timestamp, trace: &TraceId) -> Event {
    let mut event = Event::new(EventKind::Registration, action, Outcome::Permit, now, trace.clone());
    event.client = Some(row.id.clone());
    event.actors = vec![row.agent.clone()];
    event
}

impl Fresh {
    fn information(&self, app: &AppState) -> Object {
        ClientInformation {
            id: &self.row.id,
            metadata: &self.metadata,
            issued_at: self.row.created_at,
            secret: self.secret.as_deref(),
            registration_token: &self.token,
            registration_uri: format!("{}/register/{}", app.config.issuer, self.row.id),
        }
        .to_object()
    }
}
