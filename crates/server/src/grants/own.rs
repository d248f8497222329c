//! A client's own authority (RFC 6749 §4.4).

use super::mint::{Issued, Minting, in_force};
use super::root::{Root, TRIES, root};
use crate::clients::Client;
use crate::fault::Fault;
use crate::named::may_manage;
use crate::places::{Place, without_offline};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_core::{Chain, Details, Evidence, Held, ScopeSet, TraceId};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::client_metadata::GrantType;
use std::sync::Arc;

/// What a client asks for itself.
pub(crate) struct Own {
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) details: Option<String>,
}

impl Own {
    /// What of it was given. Details without scopes stand alone, as everywhere; each of their tools must be within the
    /// scopes that were given.
    fn within(&self, given: &ScopeSet, place: &Place) -> Result<(ScopeSet, Details), Fault> {
        let scopes = within(given, self.scope.as_ref())?;
        let details = place.details_asked(self.details.as_deref(), &scopes)?;
        let alone = !details.is_empty() && self.scope.as_ref().is_none_or(|s| without_offline(s).is_empty());
        Ok((if alone { ScopeSet::default() } else { scopes }, details))
    }
}

/// Issues a token of the client's own authority.
pub(crate) async fn own(
    app: &AppState,
    client: &Client,
    place: &Place,
    asked: &Own,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    // Whoever authenticates may look after the grants that it has a name for.
    let managed = (is_management(app, place) && may_manage(client)).then_some(&place.scopes);
    let (Some(given), Some(agent)) = (client.own.get(&place.uri).or(managed), &client.agent) else {
        return Err(Fault::NoAuthority);
    };
    asked.within(given, place)?;
    let mut minting = Minting::new(app, &client.id, possession, GrantType::ClientCredentials, trace);
    for _ in 0..TRIES {
        let wanted = Root {
            agent: agent.clone(),
            place,
            actions: match is_management(app, place) {
                true => place.scopes.clone(),
                false => app.clients.given_to(agent, &place.uri),
            },
            evidence: Evidence::Configuration,
            now: minting.now,
        };
        let grant = root(app, &app.own, wanted, trace).await?;
        // A grant that was made just now does not count before it.
        minting.now = app.clock.now();
        about.grant = Some(grant.leaf().id.clone());
        in_force(app.store.revoked(), &grant, &client.id, minting.now)?;
        let left = given.intersection(&minting.left(&grant)?.held.actions);
        if left.is_empty() {
            return Err(Fault::GrantOver);
        }
        // What is left of the grant bundles these tools, so that they may stand without its scopes.
        let (scopes, details) = asked.within(&left, place)?;
        let token = minting.token_within(&grant, &scopes, &Held { actions: left, details })?;
        if settled(app, &minting, &grant, &token).await? {
            return Ok(Issued { token, refresh_token: None, id_token: None, grant_name: None });
        }
        app.own.drop(&grant);
    }
    Err(Fault::GrantOver)
}

/// Puts the token on record; false if its grant is not what it was.
async fn settled(
    app: &AppState,
    minting: &Minting,
    grant: &Arc<Chain>,
    token: &AccessToken,
) -> Result<bool, Fault> {
    if minting.possession.is_to_be_spent() {
        return minting.clone().settle_under(&app.store, grant, token, |_, _| Ok(())).await;
    }
    Ok(app.store.record_under(grant, vec![minting.event(token)]).await?)
}

fn is_management(app: &AppState, place: &Place) -> bool {
    place.uri == app.places.management().uri
}

fn within(given: &ScopeSet, asked: Option<&ScopeSet>) -> Result<ScopeSet, Fault> {
    match asked.map(without_offline).filter(|s| !s.is_empty()) {
        None => Ok(given.clone()),
        Some(asked) if asked.is_within(given) => Ok(asked),
        Some(asked) => Err(Fault::ScopeTooWide(asked.difference(given))),
    }
}
