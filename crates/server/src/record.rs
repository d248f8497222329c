//! What goes on record besides issuances: refusals, within bounds.

use prokura_access::Refused;
use prokura_attest::{Evidence, Rule};
use prokura_core::{
    AgentId, ClientId, Clock, GrantId, Principal, ResourceUri, Timestamp, TraceId, WorkloadId,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};

/// So many refusals are recorded at once, and so many a second after that: whoever sends nonsense must not fill the
/// disk. What is left out is counted, and the next recorded refusal says how much it was.
const BURST: f64 = 500.0;
const PER_SECOND: f64 = 50.0;

/// What a refusal is about, as far as it was understood.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) kind: EventKind,
    pub(crate) action: String,
    pub(crate) client: Option<ClientId>,
    pub(crate) resource: Option<ResourceUri>,
    pub(crate) grant: Option<GrantId>,
    pub(crate) subject: Option<Principal>,
    /// The agent whose workload asks, as far as a rule said so.
    pub(crate) agent: Option<AgentId>,
    /// The workload and its provider, of evidence that verified.
    workload: Option<(WorkloadId, Arc<str>)>,
    rule: Option<String>,
    /// What an administrator wants to know besides.
    pub(crate) detail: Option<String>,
    /// Whether the client authenticates by the `Authorization` header, and so is told how (RFC 6749 §5.2).
    pub(crate) by_header: bool,
}

impl About {
    pub(crate) fn new(kind: EventKind, action: &str) -> Self {
        Self {
            kind,
            action: action.to_owned(),
            client: None,
            resource: None,
            grant: None,
            subject: None,
            agent: None,
            workload: None,
            rule: None,
            detail: None,
            by_header: false,
        }
    }

    /// Notes whose evidence it is.
    pub(crate) fn saw(&mut self, evidence: &Evidence) {
        self.workload = evidence.workload().map(|id| (id, Arc::clone(&evidence.provider)));
    }

    /// Notes which rule matched.
    pub(crate) fn matched(&mut self, rule: &Rule) {
        self.rule = Some(rule.name.clone());
        self.agent = Some(rule.agent.clone());
    }

    pub(crate) fn refused(&self, reason: &str, now: Timestamp, trace: &TraceId) -> Event {
        let mut event =
            Event::new(self.kind, self.action.as_str(), Outcome::Deny, now, trace.clone()).because(reason);
        event.client = self.client.clone();
        event.resource = self.resource.clone();
        event.grant = self.grant.clone();
        event.subject = self.subject.clone();
        if let Some(agent) = &self.agent {
            event.subject = Some(Principal::Agent(agent.clone()));
        }
        if let Some((workload, provider)) = &self.workload {
            event.details.insert("workload", workload.as_str().into());
            event.details.insert("provider", provider.as_ref().into());
        }
        if let Some(rule) = &self.rule {
            event.details.insert("rule", rule.as_str().into());
        }
        if let Some(detail) = &self.detail {
            event.details.insert("detail", detail.as_str().into());
        }
        event
    }
}

struct Bucket {
    left: f64,
    filled: Timestamp,
    dropped: u64,
}

/// Records refusals.
pub(crate) struct Refusals {
    store: Store,
    clock: Arc<dyn Clock>,
    bucket: Mutex<Bucket>,
}

impl Refusals {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let bucket = Mutex::new(Bucket { left: BURST, filled: clock.now(), dropped: 0 });
        Self { store, clock, bucket }
    }

    /// Puts a refusal on record, if there is room. The refusal itself does not wait for a store that fails: nothing
    /// is released by it.
    pub(crate) async fn put(&self, about: &About, reason: &str, trace: &TraceId) {
        self.put_event(about.refused(reason, self.clock.now(), trace)).await;
    }

    /// Puts a refusal by conditional access on record, with all that follows from it. Quarantine is never left out.
    pub(crate) async fn put_access(&self, about: &About, refused: &Refused, trace: &TraceId) {
        let now = self.clock.now();
        let room = self.room(now);
        if room.is_none() && !refused.quarantines() {
            return;
        }
        let (mut event, what) = (about.refused(refused.word(), now, trace), refused.clone());
        if let Some(dropped) = room.filter(|d| *d > 0) {
            event.details.insert("refusals_not_recorded", dropped.into());
        }
        let settled = self.store.transact::<_, StoreError>(move |tx| what.settle(tx, event.clone(), now));
        if let Err(error) = settled.await {
            tracing::error!(%trace, %error, "a refusal could not be recorded");
        }
    }

    /// As [`put`](Self::put), of a refusal that is described already.
    pub(crate) async fn put_event(&self, mut event: Event) {
        let Some(dropped) = self.room(self.clock.now()) else { return };
        let trace = event.trace.clone();
        if dropped > 0 {
            event.details.insert("refusals_not_recorded", dropped.into());
        }
        if let Err(error) = self.store.record(vec![event]).await {
            tracing::error!(%trace, %error, "a refusal could not be recorded");
        }
    }

    /// Whether there is room, and how many were left out before.
    fn room(&self, now: Timestamp) -> Option<u64> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.since(bucket.filled).as_secs_f64();
        bucket.left = (bucket.left + since * PER_SECOND).min(BURST);
        bucket.filled = now;
        if bucket.left < 1.0 {
            bucket.dropped += 1;
            return None;
        }
        bucket.left -= 1.0;
        Some(std::mem::take(&mut bucket.dropped))
    }
}
