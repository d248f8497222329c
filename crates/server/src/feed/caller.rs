//! Who may follow the feed: a configured client, with a token of its own authority for it.

use super::FeedFault;
use crate::endpoints::in_force;
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::access_token;
use http::request::Parts;
use prokura_oauth::access_token::AccessToken;

/// The token of a follower, which the configuration still lets follow. The words name nobody by a name, but who has them
/// all sees how much happens here and when; so they are for whom the operator named. A token that is bound to a key is not
/// taken: proofs are not read here. `scope` is what it needs.
pub(super) async fn follower(
    app: &AppState,
    parts: &Parts,
    scope: &str,
    about: &mut About,
) -> Result<AccessToken, Fault> {
    const REFUSED: Fault = Fault::Feed(FeedFault::Token);
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let place = app.places.feed().ok_or(REFUSED)?;
    about.resource = Some(place.uri.clone());
    let Some((compact, false)) = access_token(parts) else { return Err(REFUSED) };
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let token = AccessToken::verify(compact, &keys, issuer, &place.uri, app.clock.now()).ok();
    let token = token.filter(|t| t.cnf.is_bearer() && in_force(app, t)).ok_or(REFUSED)?;
    about.client = Some(token.client.clone());
    let client = app.clients.find(&token.client).await?;
    let given = client.own.get(&place.uri).ok_or(REFUSED)?;
    let has = token.scopes.iter().any(|s| s.as_str() == scope && given.contains(s));
    if has { Ok(token) } else { Err(REFUSED) }
}
