//! What is left now of what a token says: asked anew of its grant and of everything above it, in the store.

use crate::fault::Fault;
use crate::server::AppState;
use prokura_core::{Chain, Effective, GrantId, Principal};
use prokura_oauth::access_token::{AccessToken, GrantClaim, View};
use prokura_oauth::id_token::{self, Hint};
use std::collections::BTreeSet;

/// A token of ours that stands, cut to what is left of its grant.
pub(crate) struct Standing {
    pub(crate) token: AccessToken,
    pub(crate) chain: Chain,
}

impl Standing {
    /// The grants at the top of the chain.
    pub(crate) fn roots(&self) -> BTreeSet<&GrantId> {
        self.chain.roots().map(|g| &g.id).collect()
    }
}

/// The token, whatever resource it is for, if it is one of ours and everything behind it stands.
pub(crate) async fn standing(app: &AppState, compact: &str) -> Result<Option<Standing>, Fault> {
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let read = AccessToken::verify_any_resource(compact, &keys, issuer, app.clock.now());
    let Some(token) = read.ok().filter(|token| in_force(app, token)) else { return Ok(None) };
    let Some((chain, left)) = left(app, &token.grant).await? else { return Ok(None) };
    let told = |mut token: AccessToken| {
        // A token that hides who acts names only who holds it; the chain has all of them.
        if token.view == View::Impersonation {
            token.actors = chain.actors();
        }
        Standing { token, chain }
    };
    Ok(cut(token, &left).map(told))
}

/// What is left of a grant; `None` if that is nothing.
async fn left(app: &AppState, claim: &GrantClaim) -> Result<Option<(Chain, Effective)>, Fault> {
    let id = claim.id.clone();
    let chain = app.store.read::<_, Fault>(move |tx| Ok(tx.chain(&id)?)).await?;
    let left = |chain: Chain| {
        let left = chain.effective(app.clock.now(), &*app.passages).ok()?;
        Some((chain, left))
    };
    Ok(chain.and_then(left))
}

/// The token with what is left of its scopes and details. One that says more than is left was made before its grant was
/// narrowed, and is worth nothing.
fn cut(mut token: AccessToken, left: &Effective) -> Option<AccessToken> {
    if !token.scopes.is_within(&left.held.actions) {
        return None;
    }
    token.details = left.held.details.meet(&token.details).ok().flatten()?;
    token.grant.duties.extend(left.duties.iter().cloned());
    token.expires_at = token.expires_at.min(left.expires_at);
    Some(token)
}

/// Whether everything behind a token still stands, by what is known in memory.
pub(crate) fn in_force(app: &AppState, token: &AccessToken) -> bool {
    let view = app.store.revoked();
    let ended = !view.stands(token.grant.standing())
        || view.client_disabled(&token.client)
        || token.actors.iter().any(|a| view.agent_disabled(a))
        || token
            .workload
            .as_ref()
            .is_some_and(|w| view.workload_disabled(&w.workload) || view.provider_disabled(&w.provider))
        || match &token.subject {
            Principal::User(user) => view.user_disabled(user),
            Principal::Agent(agent) => view.agent_disabled(agent),
        };
    !ended
}

/// An ID token of ours that is in force.
pub(crate) fn id_token(app: &AppState, compact: &str) -> Option<Hint> {
    let (keys, issuer, view) = (app.keys.published(), app.config.issuer.as_str(), app.store.revoked());
    let read = id_token::read(compact, &keys, issuer, app.clock.now()).ok()?;
    let ended = view.user_disabled(&read.subject)
        || view.client_disabled(&read.audience)
        || read.agent.as_ref().is_some_and(|a| view.agent_disabled(a));
    (!ended).then_some(read)
}
