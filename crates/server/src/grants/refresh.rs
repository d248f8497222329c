//! Refresh tokens: each is exchanged once for its successor (RFC 9700 §4.14.2), and a lost answer can be had again.
//!
//! The successor is derived from its predecessor with a key that only this server has, so that the same one can be
//! given again although no token is stored.

use super::mint::{Issued, Minting, chain, in_force, narrowed, nobody_is_disabled};
use super::payload::RefreshPayload;
use crate::clients::{Client, ClientKind};
use crate::consent::carries;
use crate::fault::{Fault, RefreshFault};
use crate::identity;
use crate::places::without_offline;
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::{Chain, Details, Grant, GrantId, ResourceUri, ScopeSet, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::confirmation::Confirmation;
use prokura_oauth::seal::MacKey;
use prokura_store::{Artifact, ArtifactKind, Consumed, Ended, RevokedView, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;

/// How often an answer is repeated.
const MAX_REPEATS: u64 = 5;

/// What comes with a refresh token.
pub(crate) struct Renewal {
    pub(crate) token: String,
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) resource: Option<ResourceUri>,
    /// Narrower authorization details.
    pub(crate) details: Option<String>,
}

struct Job {
    asked: Renewal,
    successor: String,
    client: Arc<Client>,
    minting: Minting,
    life: Duration,
    repeat_for: Duration,
    registered_for: Duration,
    view: Arc<RevokedView>,
}

/// What the new token may be used for.
struct Bounds {
    scope: ScopeSet,
    details: Details,
}

/// What became of it, in a transaction that is to be kept.
enum Renewed {
    Done(Box<Issued>),
    Reused(GrantId),
}

/// The token that follows `token`.
fn successor(key: &MacKey, token: &str) -> String {
    format!("rt_{}", URL_SAFE_NO_PAD.encode(key.mac(token.as_bytes())))
}

/// Exchanges a refresh token.
pub(crate) async fn refresh(
    app: &AppState,
    client: &Arc<Client>,
    asked: Renewal,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    let job = Job {
        successor: successor(&app.successors, &asked.token),
        asked,
        client: Arc::clone(client),
        minting: Minting::new(app, &client.id, possession, GrantType::RefreshToken, trace),
        life: app.config.tokens.refresh.get(),
        repeat_for: app.config.tokens.refresh_retry.get(),
        registered_for: app.config.registration.expires_after.get(),
        view: app.store.revoked_view(),
    };
    match app.store.transact(move |tx| job.run(tx)).await? {
        Renewed::Done(issued) => Ok(*issued),
        Renewed::Reused(grant) => {
            about.grant = Some(grant);
            Err(Fault::Refresh(RefreshFault::Reused))
        }
    }
}

impl Job {
    fn run(&self, tx: &mut Tx<'_>) -> Result<Renewed, Fault> {
        let found = tx.artifact(ArtifactKind::RefreshToken, &self.asked.token)?;
        let found = found.ok_or(Fault::Refresh(RefreshFault::Unknown))?;
        let payload = RefreshPayload::read(&found.payload)?;
        if payload.client != self.client.id {
            return Err(Fault::Refresh(RefreshFault::OtherClient));
        }
        self.check_possession(&payload)?;
        let bounds = self.bounds(&payload)?;
        let grant =
            found.grant.clone().ok_or_else(|| Fault::Broken("a refresh token has no grant".to_owned()))?;
        let chain = chain(tx, &grant)?;
        in_force(&self.view, &chain, &self.client.id, self.minting.now)?;
        nobody_is_disabled(tx, &chain, &self.client.id)?;
        carries(tx, &self.minting.config, &chain, &self.client, self.minting.now)?;
        if found.consumed_at.is_some() {
            return self.again(tx, &payload, &chain, &bounds);
        }
        let exchanged = RefreshPayload { exchanged: Some(self.minting.now), ..payload.clone() };
        let kind = ArtifactKind::RefreshToken;
        match tx.consume_with(kind, &self.asked.token, self.minting.now, &exchanged.to_vec())? {
            Consumed::Won(_) => {}
            Consumed::Already(now) => {
                return self.again(tx, &RefreshPayload::read(&now.payload)?, &chain, &bounds);
            }
            Consumed::Absent | Consumed::Expired => return Err(Fault::Refresh(RefreshFault::Unknown)),
        }
        let cnf = self.successor_bound_to(&payload);
        let next = RefreshPayload { repeats: 0, exchanged: None, cnf, ..payload };
        let until = self.minting.now.after(self.life).min(chain.leaf().expires_at);
        tx.put_artifact(kind, &self.successor, Some(&chain.leaf().id), &next.to_vec(), until)?;
        self.issue(tx, &chain, &bounds, next.authentication)
    }

    /// A stolen token is worth nothing without what it is bound to (RFC 9449 §5).
    fn check_possession(&self, payload: &RefreshPayload) -> Result<(), Fault> {
        let covered = self.minting.possession.covers(&payload.cnf);
        if covered { Ok(()) } else { Err(Fault::Refresh(RefreshFault::Key)) }
    }

    /// What its successor is bound to: the same; if it was bound to nothing, what is shown now.
    fn successor_bound_to(&self, payload: &RefreshPayload) -> Confirmation {
        let shown = self.minting.possession.of_refresh(&self.client);
        Confirmation {
            key: payload.cnf.key.or(shown.key),
            certificate: payload.cnf.certificate.or(shown.certificate),
        }
    }

    /// Fewer scopes and tools than were agreed to may be asked for, never more or elsewhere (attack C17).
    fn bounds(&self, payload: &RefreshPayload) -> Result<Bounds, Fault> {
        if self.asked.resource.as_ref().is_some_and(|r| *r != payload.resource) {
            return Err(Fault::ResourceOther);
        }
        let details = narrowed(&payload.details, self.asked.details.as_deref(), &payload.resource)?;
        let Some(asked) = self.asked.scope.as_ref().map(without_offline).filter(|s| !s.is_empty()) else {
            return Ok(Bounds { scope: payload.scope.clone(), details });
        };
        if asked.is_within(&payload.scope) {
            Ok(Bounds { scope: asked, details })
        } else {
            Err(Fault::ScopeTooWide(asked.difference(&payload.scope)))
        }
    }

    /// The token was exchanged before. Soon after, and if its successor was not used yet, the answer was lost and is
    /// given again; else somebody else has the token too, and everything that came of the grant ends.
    fn again(
        &self,
        tx: &mut Tx<'_>,
        payload: &RefreshPayload,
        chain: &Chain,
        bounds: &Bounds,
    ) -> Result<Renewed, Fault> {
        let now = self.minting.now;
        let soon = payload.exchanged.is_some_and(|at| now.since(at) <= self.repeat_for);
        let next = tx.artifact(ArtifactKind::RefreshToken, &self.successor)?;
        let Some(next) = next.filter(|n| soon && n.consumed_at.is_none()) else {
            return self.reused(tx, payload, chain.leaf());
        };
        self.count(tx, &next)?;
        self.issue(tx, chain, bounds, payload.authentication.clone())
    }

    fn count(&self, tx: &mut Tx<'_>, next: &Artifact) -> Result<(), Fault> {
        let mut counted = RefreshPayload::read(&next.payload)?;
        self.check_possession(&counted)?;
        if counted.repeats >= MAX_REPEATS {
            return Err(Fault::Refresh(RefreshFault::RepeatedTooOften));
        }
        counted.repeats += 1;
        let kind = ArtifactKind::RefreshToken;
        let kept =
            tx.update_payload(kind, &self.successor, &next.payload, &counted.to_vec(), self.minting.now)?;
        if kept { Ok(()) } else { Err(Fault::Refresh(RefreshFault::Unknown)) }
    }

    fn issue(
        &self,
        tx: &mut Tx<'_>,
        chain: &Chain,
        bounds: &Bounds,
        authentication: Option<Authentication>,
    ) -> Result<Renewed, Fault> {
        let minting = Minting { authentication, ..self.minting.clone() };
        let token = minting.token(chain, &bounds.scope, &bounds.details)?;
        minting.settle(tx, &token)?;
        if matches!(self.client.kind, ClientKind::Registered) {
            let until = self.minting.now.after(self.registered_for);
            tx.touch_client(&self.client.id, self.minting.now, until)?;
        }
        // A renewed ID token says the same of the sign-in and has no nonce (OpenID Connect Core §12.2).
        let id_token = identity::id_token(tx, &token, None)?;
        let refresh_token = Some(self.successor.clone());
        Ok(Renewed::Done(Box::new(Issued { token, refresh_token, id_token, grant_name: None })))
    }

    fn reused(&self, tx: &mut Tx<'_>, payload: &RefreshPayload, grant: &Grant) -> Result<Renewed, Fault> {
        let now = self.minting.now;
        let ended = tx.revoke_tree(&grant.id, "system", "a refresh token was used twice", now)?;
        if let Some(ended) = ended {
            tx.record(self.ended(payload, grant, ended));
        }
        Ok::<_, StoreError>(Renewed::Reused(grant.id.clone())).map_err(Fault::from)
    }

    fn ended(&self, payload: &RefreshPayload, grant: &Grant, ended: Ended) -> Event {
        let (now, trace) = (self.minting.now, payload.trace.clone());
        let mut event = Event::new(EventKind::Grant, "grant:revoke", Outcome::Permit, now, trace)
            .because("refresh_reused");
        event.client = Some(payload.client.clone());
        event.subject = Some(grant.subject.clone());
        event.resource = Some(grant.resource.clone());
        ended.describe(&mut event);
        event
    }
}
