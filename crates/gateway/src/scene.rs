//! Record: what is known of a request so far, and the entries made from it.

use crate::access::Left;
use crate::budget::{Bill, Counted, Unsettled};
use crate::caller::{Caller, Scheme};
use crate::decide::{Granted, Warrant};
use crate::fault::Fault;
use crate::gateway::Inner;
use crate::oblige::{self, Due, Unapproved};
use crate::route::Route;
use axum::body::Body;
use http::Response;
use prokura_core::{Action, Denial, GrantId, Principal, Reason, Timestamp, TraceId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::dpop::{NONCE_HEADER, Proof};
use prokura_oauth::json::Value;
use prokura_oauth::rich;
use prokura_store::{Review, ReviewState, StoreError, Undrawn};
use std::net::IpAddr;
use std::sync::Arc;

/// One request as far as it is known.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) inner: Arc<Inner>,
    pub(crate) route: Arc<Route>,
    pub(crate) caller: Caller,
    /// How the caller presents its token.
    pub(crate) scheme: Scheme,
    /// The proof that came with the token, until it is spent.
    pub(crate) proof: Option<Proof>,
    /// Where the caller is, as far as is known.
    pub(crate) address: Option<IpAddr>,
    /// What conditional access leaves of the caller's authority.
    pub(crate) left: Left,
    pub(crate) trace: TraceId,
    /// What is asked for, as the record says it: `tool:read_report`, `mcp:tools/list`.
    pub(crate) action: String,
    /// The MCP method, once it is known.
    pub(crate) method: String,
}

/// The longest method that is recorded, in characters.
const MAX_WORD: usize = 64;
/// The longest reason that is recorded in words, in characters: names may be of any length.
const MAX_REASON: usize = 256;

fn cut(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}

impl Scene {
    /// A scene of which only the address is known.
    pub(crate) fn new(inner: Arc<Inner>, route: Arc<Route>) -> Self {
        let trace = TraceId::random(inner.rng.as_ref());
        let action = "mcp:request".to_owned();
        Self {
            inner,
            route,
            caller: Caller::Nobody,
            scheme: Scheme::Bearer,
            proof: None,
            address: None,
            left: Left::default(),
            trace,
            action,
            method: String::new(),
        }
    }

    /// Notes the method.
    pub(crate) fn is_about(&mut self, method: &str) {
        self.method = method.chars().filter(char::is_ascii_graphic).take(MAX_WORD).collect();
        self.action = format!("mcp:{}", self.method);
    }

    /// An entry of this scene.
    pub(crate) fn event(&self, kind: EventKind, action: String, outcome: Outcome) -> Event {
        let mut event = Event::new(kind, action, outcome, self.inner.clock.now(), self.trace.clone());
        event.resource = Some(self.route.resource.clone());
        if let Some(token) = self.caller.token() {
            event.subject = Some(token.subject.clone());
            event.actors.clone_from(&token.actors);
            event.client = Some(token.client.clone());
            event.grant = Some(token.grant.id.clone());
            if !token.grant.ancestors.is_empty() {
                event.details.insert("anc", token.grant.ancestors.iter().map(GrantId::as_str).collect());
            }
            if let Some(attested) = &token.workload {
                event.details.insert("workload", attested.workload.as_str().into());
                event.details.insert("provider", attested.provider.as_ref().into());
            }
        }
        if !self.method.is_empty() {
            event.details.insert("method", self.method.as_str().into());
        }
        event
    }

    /// Records what was permitted, an entry for each permit, and in the same transaction spends the proof and draws from
    /// the budgets. The call may be forwarded when this returns.
    pub(crate) async fn record_permits(
        &mut self,
        warrant: &Warrant,
        counted: Option<Counted>,
        due: Due,
    ) -> Result<(), Fault> {
        let mut events = Vec::new();
        for Granted { permit, reason, ground, .. } in warrant.each() {
            let action = permit.action().map_or_else(|| self.action.clone(), Action::to_string);
            let mut event = self.event(EventKind::Decision, action, Outcome::Permit).because(reason.code());
            if let Some(ground) = ground {
                ground.note(&mut event);
            }
            oblige::note(permit, &mut event);
            if let Some(verdict) = self.left.verdict() {
                event.details.insert("access", Value::Object(verdict.to_object()));
            }
            events.push(event);
        }
        if let [only] = events.as_slice() {
            self.action.clone_from(&only.action);
        }
        if !due.standing.is_empty() {
            let rules: Value = due.standing.iter().map(String::as_str).collect();
            events.iter_mut().for_each(|event| event.details.insert("approval_rules", rules.clone()));
        }
        let (reviews, now) = (self.reviews(&due, &mut events), self.inner.clock.now());
        let bill = Bill { proof: self.proof.take(), counted, due, reviews, events, now };
        if bill.is_plain() { self.write(bill.events).await } else { self.settle(bill).await }
    }

    /// The calls to be looked at afterwards; the entries say so.
    fn reviews(&self, due: &Due, events: &mut [Event]) -> Vec<Review> {
        let Some(token) = self.caller.token() else { return Vec::new() };
        let own = match &token.subject {
            Principal::Agent(agent) => Some(agent),
            Principal::User(_) => None,
        };
        let actor = token.actors.first().or(token.grant.holder.as_ref()).or(own);
        let (Some(actor), now) = (actor, self.inner.clock.now()) else { return Vec::new() };
        let hash = |action: &str| {
            let entry = events.iter().find(|event| event.action == action);
            entry.and_then(|entry| entry.details.str("arguments_sha256")).unwrap_or_default().to_owned()
        };
        let review = |(action, because): &(String, String)| Review {
            id: random_id("rev_", &*self.inner.rng),
            trace: self.trace.to_string(),
            grant: token.grant.id.clone(),
            subject: token.subject.clone(),
            actor: actor.clone(),
            client: token.client.clone(),
            server: self.route.name.clone(),
            action: action.clone(),
            arguments: hash(action),
            because: because.clone(),
            state: ReviewState::Open,
            at: now,
            decided_at: Timestamp::from_micros(0),
            decided_by: String::new(),
            word: String::new(),
        };
        let reviews: Vec<Review> = due.reviews.iter().map(review).collect();
        if let Some(first) = reviews.first() {
            events.iter_mut().for_each(|event| event.details.insert("review", first.id.as_str().into()));
        }
        reviews
    }

    /// Makes entries durable together with what follows from them.
    async fn settle(&self, bill: Bill) -> Result<(), Fault> {
        let settled = self.inner.store.transact(move |tx| bill.settle(tx));
        settled.await.map_err(|why| match why {
            Unsettled::Replayed => Fault::ProofReplayed,
            Unsettled::Unapproved => Fault::Unapproved(Box::new(Unapproved::Gone)),
            Unsettled::Undrawn(why) => Fault::Budget(why),
            Unsettled::Store(error) => self.unwritten(&error),
        })
    }

    /// Puts the nonce for the next proof into an answer, where nonces are asked for (RFC 9449 §8.2).
    pub(crate) fn offer_nonce(&self, response: &mut Response<Body>) {
        if self.scheme == Scheme::Dpop
            && let Some(nonce) = self.inner.proofs.next_nonce(self.inner.clock.now())
        {
            response.headers_mut().insert(NONCE_HEADER, nonce);
        }
    }

    /// The entry of a refusal: of a request that was not forwarded, or of a call that failed after it.
    pub(crate) fn refusal(&self, fault: &Fault, forwarded: bool) -> Event {
        let (kind, outcome) = match fault {
            _ if forwarded => (EventKind::Outcome, Outcome::Error),
            Fault::NoToken => (EventKind::Decision, Outcome::Challenge),
            Fault::Access(refused) if refused.waits() => (EventKind::Decision, Outcome::Challenge),
            Fault::Unapproved(why) if matches!(**why, Unapproved::Waits(_)) => {
                (EventKind::Decision, Outcome::Challenge)
            }
            Fault::Denied { denial, .. }
                if !denial.missing.is_empty() || matches!(denial.reason, Reason::SignIn(_)) =>
            {
                (EventKind::Decision, Outcome::Challenge)
            }
            _ => (EventKind::Decision, Outcome::Deny),
        };
        let mut event = self.event(kind, self.action.clone(), outcome).because(fault.word());
        match fault {
            Fault::Policy(refused) => refused.note(&mut event),
            Fault::Mapping(why) => event.details.insert("why", cut(&why.to_string()).into()),
            Fault::ToolSchema(why) => event.details.insert("why", cut(&why.to_string()).into()),
            Fault::Arguments(misfit) => {
                event.details.insert("argument", cut(&misfit.place).into());
                event.details.insert("why", misfit.why.to_string().into());
            }
            Fault::Untold(at) => event.details.insert("argument", at.to_string().into()),
            Fault::Withheld(why) => event.details.insert("withheld", why.word().into()),
            Fault::Unmet(obligation) => event.details.insert("obligation", (*obligation).into()),
            Fault::UpstreamBad(why) => event.details.insert("why", (*why).into()),
            Fault::UpstreamSays(status) => {
                event.details.insert("status", i64::from(status.as_u16()).into());
            }
            Fault::Denied { denial: Denial { reason: Reason::Constraint(constraint), .. }, .. } => {
                event.details.insert("constraint", rich::constraint_value(constraint));
            }
            Fault::Unapproved(why) if !why.tasks().is_empty() => {
                event.details.insert("approvals", why.tasks().iter().map(|t| t.as_str()).collect());
            }
            Fault::Budget(Undrawn::Sum(path)) => event.details.insert("argument", path.to_string().into()),
            Fault::Denied { denial, .. } if !denial.missing.is_empty() => {
                event.details.insert("missing", denial.missing.to_string().into());
            }
            _ => {}
        }
        event
    }

    /// The entry of what became of a call: the HTTP status, and the code of a JSON-RPC error.
    pub(crate) fn outcome(&self, status: u16, error: Option<i64>) -> Event {
        let outcome = if error.is_some() || status >= 400 { Outcome::Error } else { Outcome::Permit };
        let mut event = self.event(EventKind::Outcome, self.action.clone(), outcome);
        event.details.insert("status", i64::from(status).into());
        if let Some(code) = error {
            event.details.insert("error", code.into());
        }
        event
    }

    /// Records a refusal; one by conditional access together with what follows from it.
    pub(crate) async fn write_refusal(&self, fault: &Fault, forwarded: bool) -> Result<(), Fault> {
        let event = self.refusal(fault, forwarded);
        let Fault::Access(refused) = fault else { return self.write(vec![event]).await };
        let (refused, now) = (refused.clone(), self.inner.clock.now());
        let settled = self.inner.store.transact(move |tx| refused.settle(tx, event.clone(), now));
        settled.await.map_err(|error| self.unwritten(&error))
    }

    /// Makes entries durable.
    pub(crate) async fn write(&self, events: Vec<Event>) -> Result<(), Fault> {
        self.inner.store.record(events).await.map_err(|error| self.unwritten(&error))
    }

    fn unwritten(&self, error: &StoreError) -> Fault {
        tracing::error!(%error, trace = %self.trace, "the record cannot be written: the call is refused");
        Fault::NotRecorded
    }
}
