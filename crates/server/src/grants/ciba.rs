//! `auth_req_id`: asked with until somebody has decided, then redeemed once (OpenID Connect CIBA Core §10.1, §11).

use super::mint::Issued;
use super::waited::{Waiting, paced};
use crate::ciba::{CibaFault, Polling, Subject};
use crate::clients::Client;
use crate::device::Outcome;
use crate::fault::Fault;
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_core::{AskId, ResourceUri, TaskId, TaskState, TraceId};
use prokura_oauth::client_metadata::GrantType;
use prokura_store::{Artifact, ArtifactKind, Consumed, StoredTask, Tx};
use std::sync::Arc;

/// What comes with an `auth_req_id`.
pub(crate) struct Answered {
    pub(crate) request: String,
    pub(crate) resource: Option<ResourceUri>,
}

struct Job {
    asked: Answered,
    waiting: Waiting,
}

/// What became of it, in a transaction that is to be kept.
enum Polled {
    Done(Box<Issued>),
    Wait(CibaFault),
}

/// Gives a client its token, or says why there is none yet.
pub(crate) async fn answered(
    app: &AppState,
    client: &Arc<Client>,
    asked: Answered,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    let waiting = Waiting::new(app, client, possession, GrantType::Ciba, trace);
    let job = Job { asked, waiting };
    match app.store.transact(move |tx| job.run(tx)).await? {
        Polled::Done(issued) => {
            about.grant = Some(issued.token.grant.id.clone());
            Ok(*issued)
        }
        Polled::Wait(fault) => Err(Fault::Ciba(fault)),
    }
}

impl Job {
    fn run(&self, tx: &mut Tx<'_>) -> Result<Polled, Fault> {
        let found = tx.artifact(ArtifactKind::Backchannel, &self.asked.request)?;
        let found = found.ok_or(Fault::Ciba(CibaFault::Unknown))?;
        let polling = Polling::read(&found.payload)?;
        if polling.client != self.waiting.client.id {
            return Err(Fault::Ciba(CibaFault::OtherClient));
        }
        if found.consumed_at.is_some() {
            return Err(Fault::Ciba(CibaFault::Used));
        }
        match polling.subject.clone() {
            Subject::Ask(ask, resource) => self.of_ask(tx, &found, polling, (&ask, &resource)),
            Subject::Task(task) => self.of_task(tx, &found, polling, &task),
        }
    }

    fn of_ask(
        &self,
        tx: &mut Tx<'_>,
        found: &Artifact,
        polling: Polling,
        (ask, resource): (&AskId, &ResourceUri),
    ) -> Result<Polled, Fault> {
        self.is_of(resource)?;
        let answer = tx.artifact(ArtifactKind::BackchannelAsk, ask.as_str())?;
        let Some(answer) = answer.filter(|a| a.consumed_at.is_some()) else {
            return self.wait(tx, found, polling);
        };
        match Outcome::read(&answer.payload)? {
            Outcome::Allowed { grant, scope, authentication } => {
                let chain = self.waiting.standing(tx, &grant)?;
                self.spend(tx)?;
                let issued = self.waiting.give(tx, &chain, (scope, authentication), &polling.trace)?;
                Ok(Polled::Done(Box::new(issued)))
            }
            Outcome::Refused => Err(Fault::Ciba(CibaFault::Refused)),
        }
    }

    /// What became of an approval. Who agreed has agreed to one call of the client's, which it makes with a token of the
    /// authority that it asked with: good for that tool alone, or, where the agreement cannot name it so (a resource, a
    /// prompt, a tool that the grant holds under constraints), for what the grant gives. Either way the agreement itself is
    /// to the one call, and never is there more than the client held.
    fn of_task(
        &self,
        tx: &mut Tx<'_>,
        found: &Artifact,
        polling: Polling,
        id: &TaskId,
    ) -> Result<Polled, Fault> {
        let task = tx.task(id)?.ok_or(Fault::Ciba(CibaFault::Unknown))?;
        self.is_of(&task.task.call.resource)?;
        match task.task.state_at(self.waiting.minting.now) {
            TaskState::Pending => self.wait(tx, found, polling),
            TaskState::Approved => self.agreed(tx, &task, &polling.trace),
            TaskState::Used => Err(Fault::Ciba(CibaFault::Used)),
            TaskState::Refused | TaskState::Void => Err(Fault::Ciba(CibaFault::Refused)),
            TaskState::Expired => Err(Fault::Ciba(CibaFault::Expired)),
        }
    }

    fn agreed(&self, tx: &mut Tx<'_>, task: &StoredTask, trace: &TraceId) -> Result<Polled, Fault> {
        let child = task.child.as_ref().ok_or(Fault::GrantOver)?;
        let details = self.waiting.standing(tx, child)?.leaf().details.clone();
        let chain = self.waiting.standing(tx, &task.task.call.grant)?;
        let grant = chain.leaf();
        let details = if details.is_empty() { grant.details.clone() } else { details };
        self.spend(tx)?;
        let minting = super::mint::Minting { trace: trace.clone(), ..self.waiting.minting.clone() };
        let token = minting.token(&chain, &grant.actions, &details)?;
        minting.settle(tx, &token)?;
        let issued = Issued { token, refresh_token: None, id_token: None, grant_name: None };
        Ok(Polled::Done(Box::new(issued)))
    }

    fn is_of(&self, resource: &ResourceUri) -> Result<(), Fault> {
        match self.asked.resource.as_ref().is_some_and(|r| r != resource) {
            true => Err(Fault::ResourceOther),
            false => Ok(()),
        }
    }

    /// Of all who come with it at once, one gets a token.
    fn spend(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        match tx.consume(ArtifactKind::Backchannel, &self.asked.request, self.waiting.minting.now)? {
            Consumed::Won(_) => Ok(()),
            Consumed::Already(_) => Err(Fault::Ciba(CibaFault::Used)),
            Consumed::Absent | Consumed::Expired => Err(Fault::Ciba(CibaFault::Expired)),
        }
    }

    /// Nobody has decided. What is written down is when the client asked, and how long it has to wait.
    fn wait(&self, tx: &mut Tx<'_>, found: &Artifact, polling: Polling) -> Result<Polled, Fault> {
        let now = self.waiting.minting.now;
        if now >= polling.until {
            return Err(Fault::Ciba(CibaFault::Expired));
        }
        let (interval, early) = paced(now, polling.last, polling.interval);
        let next = Polling { last: now, interval, ..polling }.to_vec();
        let (kind, request) = (ArtifactKind::Backchannel, &self.asked.request);
        let kept = tx.update_payload(kind, request, &found.payload, &next, now)?;
        Ok(Polled::Wait(if early || !kept { CibaFault::TooSoon } else { CibaFault::Pending }))
    }
}
