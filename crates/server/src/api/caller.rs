//! Who calls the administration API.

use super::problem::ApiFault;
use crate::fault::Fault;
use crate::left::in_force;
use crate::possession::{At, Possession};
use crate::record::About;
use crate::server::AppState;
use crate::wire::access_token;
use http::request::Parts;
use prokura_core::{AgentId, ClientId, GrantId, Principal, ScopeSet};
use prokura_oauth::access_token::AccessToken;

/// A configured client that may do what it asks for.
pub(super) struct Caller {
    /// It.
    pub(super) client: ClientId,
    /// Its agent.
    pub(super) agent: AgentId,
    /// The grant of its token.
    pub(super) grant: GrantId,
    /// What its token allows, and the configuration still does.
    pub(super) scopes: ScopeSet,
}

/// The caller of a request, whose token was made for this API by the client's own authority, is in force, has `scope`,
/// and is within what the configuration gives the client now. A proof counts once, whatever becomes of the request.
pub(super) async fn caller(
    app: &AppState,
    parts: &Parts,
    scope: &'static str,
    about: &mut About,
) -> Result<Caller, ApiFault> {
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale.into());
    }
    let place = app.places.admin().ok_or(ApiFault::NoRoute)?;
    about.resource = Some(place.uri.clone());
    let (compact, proven) = access_token(parts).ok_or(ApiFault::Token)?;
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let token = AccessToken::verify(compact, &keys, issuer, &place.uri, app.clock.now())
        .map_err(|_| ApiFault::Token)?;
    about.client = Some(token.client.clone());
    about.grant = Some(token.grant.id.clone());
    about.subject = Some(token.subject.clone());
    let possession = Possession::with_token(app, parts, At::Admin, compact)?;
    let bound = token.cnf.key.is_some();
    let fits = possession.covers(&token.cnf) && proven == bound && (bound || !place.needs_proof);
    if !fits || !in_force(app, &token) {
        return Err(ApiFault::Token);
    }
    let agent = of_own_authority(&token).ok_or(ApiFault::Token)?;
    let client = app.clients.find(&token.client).await?;
    let given = client.own.get(&place.uri).ok_or(ApiFault::Token)?;
    let scopes: ScopeSet = token.scopes.iter().filter(|s| given.contains(s)).cloned().collect();
    if !scope.is_empty() && !scopes.iter().any(|s| s.as_str() == scope) {
        return Err(ApiFault::Scope(scope));
    }
    spend(app, possession).await?;
    Ok(Caller { client: token.client, agent, grant: token.grant.id, scopes })
}

/// The agent of a token that nobody else's authority is in.
fn of_own_authority(token: &AccessToken) -> Option<AgentId> {
    match &token.subject {
        Principal::Agent(agent) if token.actors.is_empty() => Some(agent.clone()),
        _ => None,
    }
}

async fn spend(app: &AppState, possession: Possession) -> Result<(), Fault> {
    if !possession.is_to_be_spent() {
        return Ok(());
    }
    let now = app.clock.now();
    app.store.transact::<_, Fault>(move |tx| possession.spend(tx, now)).await
}
