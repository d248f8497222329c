//! What all have in common who wait until a user has answered somewhere else: how often they may ask, and what they get.

use super::code::seen;
use super::mint::{Issued, Minting, chain, in_force, nobody_is_disabled};
use super::payload::RefreshPayload;
use crate::clients::Client;
use crate::consent::carries;
use crate::fault::Fault;
use crate::identity;
use crate::possession::Possession;
use crate::server::AppState;
use prokura_core::{Chain, Grant, GrantId, ScopeSet, Timestamp, TraceId, random_id};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::client_metadata::GrantType;
use prokura_store::{ArtifactKind, RevokedView, Tx};
use std::sync::Arc;
use std::time::Duration;

/// By how much the interval grows if somebody asks too soon (RFC 8628 §3.5, OpenID Connect CIBA Core §11).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest interval: who never learns hears of it once a minute.
const SLOWEST: Duration = Duration::from_secs(60);
/// Requests are not equally long under way, so one that is early by so little is not early.
const LEEWAY: Duration = Duration::from_secs(1);

/// The interval from now on, and whether this question came too soon.
pub(super) fn paced(now: Timestamp, last: Timestamp, interval: Duration) -> (Duration, bool) {
    let early = now.since(last) + LEEWAY < interval;
    (if early { (interval + SLOWER).min(SLOWEST) } else { interval }, early)
}

/// Who waits.
pub(super) struct Waiting {
    pub(super) client: Arc<Client>,
    pub(super) minting: Minting,
    refresh: Option<(String, Duration)>,
    registered_for: Duration,
    view: Arc<RevokedView>,
}

impl Waiting {
    pub(super) fn new(
        app: &AppState,
        client: &Arc<Client>,
        possession: Possession,
        by: GrantType,
        trace: &TraceId,
    ) -> Self {
        let refresh = client
            .may(GrantType::RefreshToken)
            .then(|| (random_id("rt_", &*app.rng), app.config.tokens.refresh.get()));
        Self {
            client: Arc::clone(client),
            minting: Minting::new(app, &client.id, possession, by, trace),
            refresh,
            registered_for: app.config.registration.expires_after.get(),
            view: app.store.revoked_view(),
        }
    }

    /// A grant with everything above it, if all of it is in force.
    pub(super) fn standing(&self, tx: &mut Tx<'_>, grant: &GrantId) -> Result<Chain, Fault> {
        let (chain, now) = (chain(tx, grant)?, self.minting.now);
        in_force(&self.view, &chain, &self.client.id, now)?;
        nobody_is_disabled(tx, &chain, &self.client.id)?;
        carries(tx, &self.minting.config, &chain, &self.client, now)?;
        Ok(chain)
    }

    /// The tokens of what a user agreed to.
    pub(super) fn give(
        &self,
        tx: &mut Tx<'_>,
        chain: &Chain,
        (scope, authentication): (ScopeSet, Authentication),
        trace: &TraceId,
    ) -> Result<Issued, Fault> {
        let (grant, now) = (chain.leaf(), self.minting.now);
        let minting =
            Minting { trace: trace.clone(), authentication: Some(authentication), ..self.minting.clone() };
        let token = minting.token(chain, &scope, &grant.details)?;
        minting.settle(tx, &token)?;
        let refresh_token = self.put_refresh(tx, &minting, grant, scope)?;
        seen(tx, &self.client, &grant.grantee, now, self.registered_for)?;
        let id_token = identity::id_token(tx, &token, None)?;
        Ok(Issued { token, refresh_token, id_token, grant_name: None })
    }

    fn put_refresh(
        &self,
        tx: &mut Tx<'_>,
        minting: &Minting,
        grant: &Grant,
        scope: ScopeSet,
    ) -> Result<Option<String>, Fault> {
        let Some((secret, life)) = &self.refresh else { return Ok(None) };
        let first = RefreshPayload {
            client: self.client.id.clone(),
            resource: grant.resource.clone(),
            scope,
            details: grant.details.clone(),
            repeats: 0,
            exchanged: None,
            cnf: minting.possession.of_refresh(&self.client),
            trace: minting.trace.clone(),
            authentication: minting.authentication.clone(),
        };
        let until = minting.now.after(*life).min(grant.expires_at);
        tx.put_artifact(ArtifactKind::RefreshToken, secret, Some(&grant.id), &first.to_vec(), until)?;
        Ok(Some(secret.clone()))
    }
}
