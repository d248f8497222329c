//! `/introspect` (RFC 7662, signed on request: RFC 9701): a resource asks about a token that was presented to it, or about
//! two: the token of a user and the token of whoever acts for them. Everybody else hears `active: false`, whatever they
//! ask about (attack C26).

use crate::authenticate;
use crate::clients::Client;
use crate::fault::Fault;
use crate::left::{self, Standing, standing};
use crate::record::About;
use crate::server::AppState;
use crate::wire::{form, json, jwt};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::header::ACCEPT;
use prokura_core::TraceId;
use prokura_ledger::EventKind;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::authorize::ParameterError;
use prokura_oauth::client_metadata::AuthMethod;
use prokura_oauth::exchange::{ExchangeError, TokenType};
use prokura_oauth::form::Form;
use prokura_oauth::introspection::{
    SIGNED_MEDIA_TYPE, UserToken, active, cut, inactive, of_one_flow, signed, together, wants_signed,
};
use prokura_oauth::json::Object;
use prokura_oauth::token_request::TokenRequestError;
use std::sync::Arc;

/// The word in the record for two valid tokens that do not belong together.
const SPLICED: &str = "tokens_spliced";

pub(super) async fn introspect(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "introspect");
    match answer(&app, request, &trace, &mut about).await {
        Ok(response) => response,
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
    let client = authenticate::client(app, &parts, &form, None, about).await?.client;
    if client.metadata.auth_method == AuthMethod::None {
        return Err(Fault::Secret);
    }
    let token = form.value("token").ok_or(ParameterError::Missing("token"))?;
    let actor = actor_token(&form)?;
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let body = match actor {
        None => live(app, &client, token).await?.map(|live| active(&live.token)),
        Some(actor) => both(app, &client, token, actor, trace, about).await?,
    };
    let body = body.unwrap_or_else(inactive);
    let accept = parts.headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
    if !wants_signed(accept) {
        return Ok(json(StatusCode::OK, &body));
    }
    let now = app.clock.now();
    let key = app.keys.signer(now).ok_or_else(|| Fault::Broken("there is no signing key".to_owned()))?;
    let answer = signed(body, app.config.issuer.as_str(), &client.id, now, &key);
    Ok(jwt(answer.map_err(|e| Fault::Broken(e.to_string()))?, SIGNED_MEDIA_TYPE))
}

/// The token of whoever acts, which comes with its type as it does in an exchange (RFC 8693 §2.1).
fn actor_token(form: &Form) -> Result<Option<&str>, Fault> {
    let bad = |why| Fault::TokenRequest(TokenRequestError::Exchange(why));
    match (form.value("actor_token"), form.value("actor_token_type")) {
        (None, None) => Ok(None),
        (Some(token), Some(kind)) if TokenType::parse(kind) == Some(TokenType::Access) => Ok(Some(token)),
        (Some(_), Some(_)) => Err(bad(ExchangeError::Type("actor_token_type"))),
        _ => Err(bad(ExchangeError::Actor)),
    }
}

/// The token, if it stands and is for a resource of the caller.
async fn live(app: &AppState, client: &Client, token: &str) -> Result<Option<Standing>, Fault> {
    let found = standing(app, token).await?;
    Ok(found.filter(|live| client.introspects.contains(&live.token.audience)))
}

/// What is heard of a user token and an actor token: nothing, unless both stand, are about the same user, and are of one
/// flow. Two valid tokens that are not are an attack (chain splicing), and go on record.
async fn both(
    app: &AppState,
    client: &Client,
    user: &str,
    actor: &str,
    trace: &TraceId,
    about: &mut About,
) -> Result<Option<Object>, Fault> {
    let Some(actor) = live(app, client, actor).await? else { return Ok(None) };
    let found = match live(app, client, user).await? {
        Some(user) => beside(&user, &actor).map(|cut| together(UserToken::Access(&user.token), &cut)),
        None => {
            let Some(id) = left::id_token(app, user) else { return Ok(None) };
            of_one_flow(&id, &actor.token).then(|| together(UserToken::Id(&id), &actor.token))
        }
    };
    if found.is_none() {
        about.resource = Some(actor.token.audience.clone());
        about.grant = Some(actor.token.grant.id.clone());
        about.subject = Some(actor.token.subject.clone());
        app.refusals.put(about, SPLICED, trace).await;
    }
    Ok(found)
}

/// The actor token, cut to what the user's access token yields too; `None` if the two are of different flows: other users,
/// other resources, or grants that do not stand under the same roots.
fn beside(user: &Standing, actor: &Standing) -> Option<AccessToken> {
    if user.roots() != actor.roots() {
        return None;
    }
    cut(&user.token, &actor.token)
}
