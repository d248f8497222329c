//! Who asks for streams: a configured client, with a token of its own authority for this address.

use super::StreamFault;
use crate::fault::Fault;
use crate::left::in_force;
use crate::record::About;
use crate::server::AppState;
use crate::wire::access_token;
use http::request::Parts;
use prokura_config::{SSF_MANAGE, SSF_READ};
use prokura_core::{ClientId, Scope};
use prokura_oauth::access_token::AccessToken;

/// The receiver behind a request that reads.
pub(super) async fn reader(app: &AppState, parts: &Parts, about: &mut About) -> Result<ClientId, Fault> {
    receiver(app, parts, &[SSF_READ, SSF_MANAGE], about).await
}

/// The receiver behind a request that changes something.
pub(super) async fn manager(app: &AppState, parts: &Parts, about: &mut About) -> Result<ClientId, Fault> {
    receiver(app, parts, &[SSF_MANAGE], about).await
}

/// The receiver, whose token has one of `scopes`, which the configuration still gives it. A token that is bound to a key
/// is not taken: proofs are not read here.
async fn receiver(
    app: &AppState,
    parts: &Parts,
    scopes: &[&'static str],
    about: &mut About,
) -> Result<ClientId, Fault> {
    const REFUSED: Fault = Fault::Stream(StreamFault::Token);
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let place = app.places.streams().ok_or(REFUSED)?;
    about.resource = Some(place.uri.clone());
    let Some((compact, false)) = access_token(parts) else { return Err(REFUSED) };
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let token = AccessToken::verify(compact, &keys, issuer, &place.uri, app.clock.now()).ok();
    let token = token.filter(|t| t.cnf.is_bearer() && in_force(app, t)).ok_or(REFUSED)?;
    about.client = Some(token.client.clone());
    let client = app.clients.find(&token.client).await?;
    let given = client.own.get(&place.uri).ok_or(REFUSED)?;
    let has = |s: &Scope| scopes.contains(&s.as_str()) && given.contains(s);
    if !token.scopes.iter().any(has) {
        return Err(Fault::Stream(StreamFault::Scope(scopes[0])));
    }
    Ok(token.client)
}
