//! Device codes: asked with until the person has answered, then redeemed once (RFC 8628 §3.4, §3.5).

use super::mint::Issued;
use super::waited::{Waiting, paced};
use crate::clients::Client;
use crate::device::{DeviceFault, Outcome, Polling};
use crate::fault::Fault;
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_core::{GrantId, ResourceUri, ScopeSet, TraceId};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::client_metadata::GrantType;
use prokura_store::{Artifact, ArtifactKind, Consumed, Tx};
use std::sync::Arc;

/// What comes with a device code.
pub(crate) struct Poll {
    pub(crate) code: String,
    pub(crate) resource: Option<ResourceUri>,
}

struct Job {
    asked: Poll,
    waiting: Waiting,
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
    let job = Job { asked, waiting: Waiting::new(app, client, possession, GrantType::DeviceCode, trace) };
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
        if polling.client != self.waiting.client.id {
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
            None if self.waiting.minting.now >= polling.until => Err(Fault::Device(DeviceFault::Expired)),
            None => self.wait(tx, &found, polling),
        }
    }

    /// Nobody has answered. What is written down is when the device asked, and how long it has to wait.
    fn wait(&self, tx: &mut Tx<'_>, found: &Artifact, polling: Polling) -> Result<Polled, Fault> {
        let now = self.waiting.minting.now;
        let (interval, early) = paced(now, polling.last, polling.interval);
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
        let chain = self.waiting.standing(tx, grant)?;
        match tx.consume(ArtifactKind::DeviceCode, &self.asked.code, self.waiting.minting.now)? {
            Consumed::Won(_) => {}
            Consumed::Already(_) => return Err(Fault::Device(DeviceFault::Used)),
            Consumed::Absent | Consumed::Expired => return Err(Fault::Device(DeviceFault::Expired)),
        }
        let issued = self.waiting.give(tx, &chain, (scope, authentication), &polling.trace)?;
        Ok(Polled::Done(Box::new(issued)))
    }
}
