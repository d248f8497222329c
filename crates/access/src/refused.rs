//! What follows from a refusal.

use crate::guard::key;
use prokura_core::{AgentId, ClientId, Principal, Timestamp, TraceId, WorkloadId};
use prokura_ledger::{Event, EventKind, Outcome as Recorded};
use prokura_oauth::json::Value;
use prokura_policy::access::{Outcome, Situation, Verdict};
use prokura_store::{ApprovalAsker, ApprovalKey, Asked, Foreigner, StoreError, Tx};
use std::fmt;

/// A verdict that does not permit, and all that is needed to act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    verdict: Verdict,
    approvals: Vec<ApprovalKey>,
    asker: ApprovalAsker,
    subject: Option<Principal>,
    agent: Option<AgentId>,
    client: Option<ClientId>,
    workload: Option<WorkloadId>,
    trace: TraceId,
}

impl Refused {
    /// What is to be done about this verdict on this situation.
    pub fn new(verdict: Verdict, situation: &Situation<'_>, trace: &TraceId) -> Self {
        let asks = verdict.decisive().filter(|w| w.outcome == Outcome::Approval);
        let text = |id: Option<&dyn fmt::Display>| id.map(ToString::to_string).unwrap_or_default();
        Self {
            approvals: asks.map(|w| key(w.policy.as_str(), situation)).collect(),
            asker: ApprovalAsker {
                client: text(situation.client.map(|c| c as &dyn fmt::Display)),
                workload: text(situation.workload_id().map(|w| w as &dyn fmt::Display)),
                trace: trace.to_string(),
            },
            subject: situation.subject.cloned(),
            agent: situation.agent.cloned(),
            client: situation.client.cloned(),
            workload: situation.workload_id().cloned(),
            trace: trace.clone(),
            verdict,
        }
    }

    /// What the policies said.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The word for the record: `access_denied`, `access_approval`, `access_quarantined`.
    pub fn word(&self) -> &'static str {
        match self.verdict.outcome {
            Outcome::Approval => "access_approval",
            Outcome::Quarantine => "access_quarantined",
            Outcome::Permit | Outcome::Narrowed(_) | Outcome::Deny => "access_denied",
        }
    }

    /// Whether an approval would help.
    pub fn waits(&self) -> bool {
        self.verdict.outcome == Outcome::Approval
    }

    /// Whether the workload or the agent is put out of action.
    pub fn quarantines(&self) -> bool {
        self.verdict.outcome == Outcome::Quarantine
    }

    /// The ids of the approvals that are asked for.
    pub fn approvals(&self) -> impl Iterator<Item = String> {
        self.approvals.iter().map(ApprovalKey::id)
    }

    /// Records `event`, the refusal itself, with the verdict in it, and in the same transaction asks for approval or puts
    /// the workload, or else the agent, out of action.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle(&self, tx: &mut Tx<'_>, mut event: Event, now: Timestamp) -> Result<(), StoreError> {
        event.details.insert("access", Value::Object(self.verdict.to_object()));
        self.name(&mut event);
        let mut after = Vec::new();
        for key in &self.approvals {
            match tx.ask_approval(key, &self.asker, now)? {
                Asked::New => after.push(self.asked(key, &event, now)),
                Asked::Full => event.details.insert("approvals_full", true.into()),
                Asked::Waiting | Asked::Decided => {}
            }
        }
        if !self.approvals.is_empty() {
            let ids = self.approvals().map(Value::from).collect();
            event.details.insert("approvals", Value::Array(ids));
        }
        if self.quarantines() {
            after.extend(self.quarantine(tx, &event, now)?);
        }
        tx.record(event);
        after.into_iter().for_each(|e| tx.record(e));
        Ok(())
    }

    /// Names who was refused, where the event does not.
    fn name(&self, event: &mut Event) {
        if event.subject.is_some() {
            return;
        }
        event.subject.clone_from(&self.subject);
        let acts = |agent: &&AgentId| self.subject.as_ref().is_some_and(|s| s.as_str() != agent.as_str());
        event.actors = self.agent.iter().filter(acts).cloned().collect();
    }

    fn said(&self, action: &str, about: &Event, now: Timestamp) -> Event {
        let (kind, done) = (EventKind::Administration, Recorded::Permit);
        let mut event = Event::new(kind, action, done, now, self.trace.clone());
        event.subject = about.subject.clone();
        event.actors.clone_from(&about.actors);
        event.client = about.client.clone();
        event.resource = about.resource.clone();
        event
    }

    fn asked(&self, key: &ApprovalKey, about: &Event, now: Timestamp) -> Event {
        let mut event = self.said("approval:ask", about, now).because(self.word());
        event.details.insert("approval", Value::from(key.id()));
        event.details.insert("policy", Value::from(key.policy.as_str()));
        event.details.insert("action", Value::from(key.action.as_str()));
        event
    }

    /// Puts the workload out of action; without one the agent, or the client of an agent that has no row here. Whoever is
    /// so already is left so.
    fn quarantine(
        &self,
        tx: &mut Tx<'_>,
        about: &Event,
        now: Timestamp,
    ) -> Result<Option<Event>, StoreError> {
        let policies: Vec<_> = self.verdict.decisive().map(|w| w.policy.as_str()).collect();
        let why = format!("quarantined by the access policy {}", policies.join(", "));
        let by = "access policy";
        let (action, id, done) = if let Some(workload) = &self.workload {
            let who = Foreigner::Workload(workload.clone());
            ("workload:disable", workload.to_string(), tx.disable_foreigner(&who, true, by, &why, now)?)
        } else if let Some(agent) = self.registered(tx)? {
            ("agent:disable", agent.to_string(), tx.disable_agent(&agent, true, by, &why, now)?)
        } else if let Some(client) = &self.client {
            let who = Foreigner::Client(client.clone());
            ("client:disable", client.to_string(), tx.disable_foreigner(&who, true, by, &why, now)?)
        } else {
            return Ok(None);
        };
        let mut event = self.said(action, about, now).because(self.word());
        event.details.insert("id", Value::from(id));
        event.details.insert("why", Value::from(why));
        Ok(done.then_some(event))
    }

    fn registered(&self, tx: &mut Tx<'_>) -> Result<Option<AgentId>, StoreError> {
        let Some(agent) = &self.agent else { return Ok(None) };
        Ok(tx.agent(agent)?.map(|known| known.id))
    }
}

impl fmt::Display for Refused {
    /// For whoever asked: nothing of what was expected or is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict.outcome {
            Outcome::Approval => {
                f.write_str("this waits for an approval, which was requested: try again once it is given")
            }
            Outcome::Quarantine => f.write_str("this was stopped: ask the operator"),
            Outcome::Permit | Outcome::Narrowed(_) | Outcome::Deny => {
                f.write_str("the conditions of access are not met now")
            }
        }
    }
}
