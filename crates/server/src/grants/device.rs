//! Device codes: asked with until the person has answered, then redeemed once (RFC 8628 §3.4, §3.5).

use super::code::seen;
use super::mint::{Issued, Minting, chain, in_force};
use super::payload::RefreshPayload;
use crate::clients::Client;
use crate::consent::carries;
use crate::device::{DeviceFault, Outcome, Polling};
use crate::fault::Fault;
use crate::identity;
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_core::{Grant, GrantId, ResourceUri, ScopeSet, TraceId, random_id};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::client_metadata::GrantType;
use prokura_store::{Artifact, ArtifactKind, Consumed, RevokedView, Tx};
use std::sync::Arc;
use std::time::Duration;

/// By how much the interval grows if a device asks too soon (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest interval: a device that never learns hears of it once a minute.
const SLOWEST: Duration = Duration::from_secs(60);
/// Requests are not equally long under way, so one that is early by so little is not early.
const LEEWAY: Duration = Duration::from_secs(1);

/// What comes with a device code.
pub(crate) struct Poll {
    pub(crate) code: String,
    pub(crate) resource: Option<ResourceUri>,
}

struct Job {
    asked: Poll,
    client: Arc<Client>,
    minting: Minting,
    refresh: Option<(String, Duration)>,
    registered_for: Duration,
    view: Arc<RevokedView>,
}

/// What became of it, in a transaction that is to be kept.
enum Polled {
    Done(Box<Issued>),
    Wait(DeviceFault),
}

/// Gives a device its token, or says why there is none yet.
pub(crate) async fn poll(
    app: &AppState,
    client: &Arc<Client>,
    asked: Poll,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    let refresh = client
        .may(GrantType::RefreshToken)
        .then(|| (random_id("rt_", &*app.rng), app.config.tokens.refresh.get()));
    let job = Job {
        asked,
        client: Arc::clone(client),
        minting: Minting::new(app, &client.id, possession, GrantType::DeviceCode, trace),
        refresh,
        registered_for: app.config.registration.expires_after.get(),
        view: app.store.revoked_view(),
    };
    match app.store.transact(move |tx| job.run(tx)).await? {
        Polled::Done(issued) => {
            about.grant = Some(issued.token.grant.id.clone());
            Ok(*issued)
        }
        Polled::Wait(fault) => Err(Fault::Device(fault)),
    }
}

impl Job {
    fn run(&self, tx: &mut Tx<'_>) -> Result<Polled, Fault> {
        let found = tx.artifact(ArtifactKind::DeviceCode, &self.asked.code)?;
        let found = found.ok_or(Fault::Device(DeviceFault::Unknown))?;
        let polling = Polling::read(&found.payload)?;
        if polling.client != self.client.id {
            return Err(Fault::Device(DeviceFault::OtherClient));
        }
        if self.asked.resource.as_ref().is_some_and(|r| *r != polling.resource) {
            return Err(Fault::ResourceOther);
        }
        if found.consumed_at.is_some() {
            return Err(Fault::Device(DeviceFault::Used));
        }
        let answer = tx.artifact(ArtifactKind::UserCode, &polling.key)?;
        match answer.filter(|a| a.consumed_at.is_some()) {
            Some(answer) => match Outcome::read(&answer.payload)? {
                Outcome::Allowed { grant, scope, authentication } => {
                    self.redeem(tx, &polling, &grant, scope, authentication)
                }
                Outcome::Refused => Err(Fault::Device(DeviceFault::Refused)),
            },
            None if self.minting.now >= polling.until => Err(Fault::Device(DeviceFault::Expired)),
            None => self.wait(tx, &found, polling),
        }
    }

    /// Nobody has answered. What is written down is when the device asked, and how long it has to wait.
    fn wait(&self, tx: &mut Tx<'_>, found: &Artifact, polling: Polling) -> Result<Polled, Fault> {
        let now = self.minting.now;
        let early = now.since(polling.last) + LEEWAY < polling.interval;
        let interval = if early { (polling.interval + SLOWER).min(SLOWEST) } else { polling.interval };
        let next = Polling { last: now, interval, ..polling }.to_vec();
        let kept =
            tx.update_payload(ArtifactKind::DeviceCode, &self.asked.code, &found.payload, &next, now)?;
        Ok(Polled::Wait(if early || !kept { DeviceFault::TooSoon } else { DeviceFault::Pending }))
    }

    fn redeem(
        &self,
        tx: &mut Tx<'_>,
        polling: &Polling,
        grant: &GrantId,
        scope: ScopeSet,
        authentication: Authentication,
    ) -> Result<Polled, Fault> {
        let now = self.minting.now;
        let chain = chain(tx, grant)?;
        in_force(&self.view, &chain, &self.client.id, now)?;
        carries(tx, &self.minting.config, &chain, &self.client, now)?;
        let grant = chain.leaf();
        match tx.consume(ArtifactKind::DeviceCode, &self.asked.code, now)? {
            Consumed::Won(_) => {}
            Consumed::Already(_) => return Err(Fault::Device(DeviceFault::Used)),
            Consumed::Absent | Consumed::Expired => return Err(Fault::Device(DeviceFault::Expired)),
        }
        let minting = Minting {
            trace: polling.trace.clone(),
            authentication: Some(authentication),
            ..self.minting.clone()
        };
        let token = minting.token(&chain, &scope, &grant.details)?;
        minting.settle(tx, &token)?;
        let refresh_token = self.put_refresh(tx, &minting, grant, scope)?;
        seen(tx, &self.client, &grant.grantee, now, self.registered_for)?;
        let id_token = identity::id_token(tx, &token, None)?;
        Ok(Polled::Done(Box::new(Issued { token, refresh_token, id_token, grant_name: None })))
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
