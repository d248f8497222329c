//! `/userinfo` (OpenID Connect Core §5.3): who the user of a token is. It takes tokens that were made for it and no
//! others: what was agreed to for an MCP server tells nobody who somebody is.

use crate::fault::Fault;
use crate::identity;
use crate::possession::{At, Possession};
use crate::record::About;
use crate::server::AppState;
use crate::wire::{access_token, json};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use prokura_core::Principal;
use prokura_ledger::EventKind;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::json::{Object, obj};
use std::sync::Arc;

pub(super) async fn userinfo(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Issuance, "userinfo"));
    let (parts, _) = request.into_parts();
    match answer(&app, &parts, &mut about).await {
        Ok(claims) => json(StatusCode::OK, &claims),
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

async fn answer(app: &AppState, parts: &Parts, about: &mut About) -> Result<Object, Fault> {
    let (token, possession) = shown(app, parts)?;
    about.client = Some(token.client.clone());
    about.grant = Some(token.grant.id.clone());
    about.resource = Some(token.audience.clone());
    let Principal::User(id) = token.subject.clone() else { return Err(Fault::UserInfoToken) };
    let (now, scopes) = (app.clock.now(), token.scopes.clone());
    let user = match possession.is_to_be_spent() {
        true => {
            app.store.transact::<_, Fault>(move |tx| possession.spend(tx, now).and(Ok(tx.user(&id)?))).await?
        }
        false => app.store.read(move |tx| tx.user(&id)).await?,
    };
    let user = user.filter(|u| !u.disabled).ok_or(Fault::UserInfoToken)?;
    let mut claims = obj([("sub", user.id.as_str().into())]);
    identity::profile(&user, &scopes).insert_into(&mut claims);
    Ok(claims)
}

/// The token of the request, if it is in force and for this place, and what was shown with it. One that is bound to a
/// key is not taken from whoever merely has it, and one that is not bound is not taken for one that is.
fn shown(app: &AppState, parts: &Parts) -> Result<(AccessToken, Possession), Fault> {
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let (compact, proven) = access_token(parts).ok_or(Fault::UserInfoToken)?;
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let token = AccessToken::verify(compact, &keys, issuer, &app.places.identity().uri, app.clock.now())
        .map_err(|_| Fault::UserInfoToken)?;
    let possession = Possession::with_token(app, parts, At::UserInfo, compact)?;
    let fits = possession.covers(&token.cnf) && proven == token.cnf.key.is_some();
    if fits && crate::left::in_force(app, &token) {
        Ok((token, possession))
    } else {
        Err(Fault::UserInfoToken)
    }
}
