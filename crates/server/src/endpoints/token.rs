//! `/token` (RFC 6749 §3.2): authenticate, read, grant, record, mint.

use crate::attester::{self, AttesterFault};
use crate::authenticate;
use crate::clients::Client;
use crate::fault::Fault;
use crate::grants::{
    Answered, Asserted, Own, Poll, Redemption, Renewal, accept, answered, exchange, own, poll, redeem,
    refresh, transaction,
};
use crate::places::Place;
use crate::possession::{At, Possession};
use crate::record::About;
use crate::server::AppState;
use crate::wire::{form, refusal};
use crate::workload;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::request::Parts;
use prokura_core::{AgentId, ResourceUri, ScopeSet, TraceId};
use prokura_ledger::EventKind;
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::exchange::TokenType;
use prokura_oauth::form::Form;
use prokura_oauth::token_request::{CredentialsError, TokenRequest, TokenRequestError};
use std::sync::Arc;

pub(super) async fn token(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "token");
    match answer(&app, request, &trace, &mut about).await {
        Ok(response) => response,
        Err(fault) if fault.is_wait() => refusal(&fault, &trace, about.by_header),
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

async fn answer(
    app: &AppState,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let form = form(&parts, body).await?;
    if let Some(named) = form.value("grant_type").filter(|g| g.len() <= 64) {
        about.action = format!("token:{named}");
    }
    if attester::is_shown(app, &parts) {
        return by_attestation(app, &parts, &form, trace, about).await;
    }
    if workload::is_for(app, &form) {
        return attested(app, &parts, &form, trace, about).await;
    }
    if let Some(issued) = workload::own_by_certificate(app, &parts, &form, trace, about).await? {
        return issued.respond(app).await;
    }
    let found = authenticate::client(app, &parts, &form, Some(At::Token), about).await?;
    let client = found.client;
    let asked = TokenRequest::read(&form)?;
    if !client.may(asked.grant_type()) {
        return Err(Fault::GrantType(asked.grant_type()));
    }
    if asked.grant_type() == GrantType::DeviceCode && !client.may_use_devices(app.config.device.clients) {
        return Err(Fault::GrantType(GrantType::DeviceCode));
    }
    if asked.grant_type() == GrantType::Ciba && !client.may_ask_elsewhere(app.config.ciba.clients) {
        return Err(Fault::GrantType(GrantType::Ciba));
    }
    let possession = Possession::shown(app, &parts, At::Token, &client)?.of_workload(found.workload);
    if matches!(&asked, TokenRequest::Exchange(asked) if asked.requested == TokenType::Transaction) {
        return transaction(app, &client, &form, possession, trace, about).await;
    }
    grant(app, &client, asked, possession, trace, about).await
}

/// A workload that authenticates by a client attestation of ours gets what its rule gives now: by client credentials, for
/// it acts for nobody but its agent.
async fn by_attestation(
    app: &AppState,
    parts: &Parts,
    form: &Form,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    if parts.headers.contains_key(AUTHORIZATION)
        || form.value("client_secret").is_some()
        || form.value("client_assertion").is_some()
    {
        return Err(Fault::Credentials(CredentialsError::TwoMethods));
    }
    let caller = attester::attested(app, parts, form.value("client_id")).await?;
    about.client = Some(caller.client.clone());
    let asked = TokenRequest::read(form)?;
    let TokenRequest::ClientCredentials { scope, resource, details: None } = asked else {
        return Err(Fault::GrantType(asked.grant_type()));
    };
    let by = GrantType::ClientCredentials;
    let only = AgentId::parse(caller.client.as_str()).map_err(|_| AttesterFault::Stale)?;
    let wanted = workload::Wanted { scope, resource, by, only: Some(only), certificate: None };
    let issued = workload::give(app, None, caller.evidence, wanted, caller.possession, trace, about).await?;
    let mut response = issued.respond(app).await?;
    app.offer_challenge(&mut response);
    Ok(response)
}

/// Evidence as a grant: nobody has to authenticate besides. Whoever does (RFC 7521 §4.1) is who the token is for; a
/// `client_id` alone says nothing that is believed, and names nobody in the token.
async fn attested(
    app: &AppState,
    parts: &Parts,
    form: &Form,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let authenticates = parts.headers.contains_key(AUTHORIZATION)
        || form.value("client_secret").is_some()
        || form.value("client_assertion").is_some();
    let client = match authenticates {
        true => Some(authenticate::client(app, parts, form, Some(At::Token), about).await?.client),
        false => None,
    };
    if client.as_ref().is_some_and(|c| !c.may(GrantType::JwtBearer)) {
        return Err(Fault::GrantType(GrantType::JwtBearer));
    }
    let TokenRequest::Assertion { assertion, scope, resource } = TokenRequest::read(form)? else {
        return Err(NOT_SERVED);
    };
    let possession = match &client {
        Some(client) => Possession::shown(app, parts, At::Token, client)?,
        None => Possession::of_nobody(app, parts)?,
    };
    let asked = workload::Asked { assertion, scope, resource };
    workload::accept(app, client.as_deref(), asked, possession, trace, about).await?.respond(app).await
}

async fn grant(
    app: &AppState,
    client: &Arc<Client>,
    asked: TokenRequest,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let served = &app.config.id_jag;
    let issued = match asked {
        TokenRequest::Assertion { .. } if served.issuers.is_empty() => return Err(NOT_SERVED),
        TokenRequest::Exchange(_) if !app.config.exchanges() => return Err(NOT_SERVED),
        TokenRequest::Assertion { assertion, scope, resource } => {
            let asked = Asserted { assertion, scope, resource: named(resource.as_deref())? };
            accept(app, client, asked, possession, trace, about).await?
        }
        TokenRequest::Exchange(asked) => {
            return exchange(app, client, asked, possession, trace, about).await;
        }
        TokenRequest::AuthorizationCode { code, redirect_uri, verifier, resource, details } => {
            let resource = named(resource.as_deref())?;
            let asked = Redemption { code, redirect_uri, verifier, resource, details };
            redeem(app, client, asked, possession, trace, about).await?
        }
        TokenRequest::RefreshToken { token, scope, resource, details } => {
            let asked = Renewal { token, scope, resource: named(resource.as_deref())?, details };
            refresh(app, client, asked, possession, trace, about).await?
        }
        TokenRequest::ClientCredentials { scope, resource, details } => {
            let resource = resource.or_else(|| app.places.located(details.as_deref()));
            if details.is_some() && !client.metadata.may_detail() {
                return Err(Fault::DetailType);
            }
            let place = place_of_its_own(app, client, resource.as_deref(), scope.as_ref())?;
            about.resource = Some(place.uri.clone());
            let asked = Own { scope, details };
            own(app, client, &place, &asked, possession, trace, about).await?
        }
        TokenRequest::DeviceCode { code, resource } => {
            let asked = Poll { code, resource: named(resource.as_deref())? };
            poll(app, client, asked, possession, trace, about).await?
        }
        TokenRequest::Backchannel { request, resource } => {
            let asked = Answered { request, resource: named(resource.as_deref())? };
            answered(app, client, asked, possession, trace, about).await?
        }
    };
    issued.respond(app).await
}

/// The resource that a client means for its own authority: `/grants` or the administration API if it says so, `/grants`
/// if it asks only for what is there, the only one where it has any, or the one that it names.
fn place_of_its_own(
    app: &AppState,
    client: &Client,
    resource: Option<&str>,
    scope: Option<&ScopeSet>,
) -> Result<Arc<Place>, Fault> {
    let management = app.places.management();
    let only_there = |asked: &ScopeSet| !asked.is_empty() && asked.is_within(&management.scopes);
    if resource == Some(management.uri.as_str()) || (resource.is_none() && scope.is_some_and(only_there)) {
        return Ok(Arc::clone(management));
    }
    let only = match (resource, client.own.len()) {
        (None, 1) => client.own.keys().next().and_then(|uri| app.places.of_clients(uri)),
        (Some(named), _) => app.places.for_clients().find(|p| p.uri.as_str() == named).cloned(),
        _ => None,
    };
    only.map_or_else(|| app.places.asked(resource), Ok)
}
/// A grant type that the configuration does not turn on.
const NOT_SERVED: Fault = Fault::TokenRequest(TokenRequestError::GrantType);

fn named(resource: Option<&str>) -> Result<Option<ResourceUri>, Fault> {
    Ok(resource.map(ResourceUri::parse).transpose()?)
}
