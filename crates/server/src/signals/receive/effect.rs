//! What an event does to whom it is about.

use super::take::{Meaning, reach};
use super::target::Who;
use super::{Refusal, Transmitter};
use prokura_config::Reaction;
use prokura_core::{AgentId, FactName, FactValue, Grant, Principal, Timestamp, TraceId, UserId};
use prokura_ledger::{Event as Entry, EventKind, Outcome};
use prokura_oauth::signals::{Compliance, Event, SecurityEvent};
use prokura_store::{FactKind, FactSubject, Held, Said, StoreError, StoredFact, Tx};
use std::sync::Arc;

/// What every effect needs.
pub(super) struct Job {
    pub(super) transmitter: Arc<Transmitter>,
    /// This server's own issuer.
    pub(super) issuer: String,
    pub(super) now: Timestamp,
    pub(super) trace: TraceId,
}

/// What was done, in words for the record.
#[derive(Debug, Default)]
pub(super) struct Effects(Vec<String>);

impl Effects {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn said(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Puts an event into effect for one of those whom it is about.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    job: &Job,
    told: &SecurityEvent,
    (who, reaction, meaning): (&Who, Reaction, Meaning),
    effects: &mut Effects,
) -> Result<(), Refusal> {
    let word = told.event.kind().map_or("other", |k| k.word());
    let mut doing = Doing { job, cause: job.transmitter.cause(word), at: told.happened_at(), effects };
    doing.keep_fact(tx, who, told)?;
    match meaning {
        Meaning::Restricts => doing.restrict(tx, who, reaction)?,
        Meaning::Recovers => doing.recover(tx, who)?,
        Meaning::Tells => {}
    }
    Ok(())
}

struct Doing<'a> {
    job: &'a Job,
    cause: String,
    at: Timestamp,
    effects: &'a mut Effects,
}

impl Doing<'_> {
    fn restrict(&mut self, tx: &mut Tx<'_>, who: &Who, reaction: Reaction) -> Result<(), StoreError> {
        match (who, reaction) {
            (_, Reaction::Record) | (Who::Host(_), _) => Ok(()),
            (Who::User(user), Reaction::Sessions) => self.sign_out(tx, user),
            (_, Reaction::Sessions) => Ok(()),
            (Who::User(user), Reaction::Suspend) => {
                self.sign_out(tx, user)?;
                self.suspend(tx, user, None)
            }
            (Who::User(user), Reaction::Disable) => self.hold(tx, &Held::User(user.clone())),
            (Who::User(user), Reaction::Revoke) => {
                self.sign_out(tx, user)?;
                self.revoke(tx, user, None)
            }
            (Who::UserAt(user, agents), Reaction::Suspend | Reaction::Disable) => {
                self.suspend(tx, user, Some(agents))
            }
            (Who::UserAt(user, agents), Reaction::Revoke) => self.revoke(tx, user, Some(agents)),
            (Who::Grant(id), Reaction::Revoke) => match tx.grant(id)? {
                Some(grant) => self.end(tx, &grant),
                None => Ok(()),
            },
            (Who::Grant(id), _) => self.hold(tx, &Held::Grant(id.clone())),
            (Who::Agent(agent), reaction) => {
                self.hold(tx, &Held::Agent(agent.clone()))?;
                if reaction == Reaction::Revoke { self.revoke_to(tx, agent) } else { Ok(()) }
            }
            (Who::Client(client), reaction) => {
                self.hold(tx, &Held::Client(client.clone()))?;
                match tx.agent_of_client(client)?.filter(|_| reaction == Reaction::Revoke) {
                    Some(agent) => self.revoke_to(tx, &agent.id),
                    None => Ok(()),
                }
            }
            (Who::Workload(workload), _) => self.hold(tx, &Held::Workload(workload.clone())),
        }
    }

    /// What this cause stopped acts again, unless there is another.
    fn recover(&mut self, tx: &mut Tx<'_>, who: &Who) -> Result<(), StoreError> {
        let held = match who {
            Who::User(user) | Who::UserAt(user, _) => {
                let subject = Principal::User(user.clone());
                let grants = tx.holds_on_grants_of(&subject)?;
                let mut held: Vec<_> =
                    grants.into_iter().filter(|h| h.cause == self.cause).map(|h| h.held).collect();
                held.push(Held::User(user.clone()));
                held
            }
            Who::Agent(id) => vec![Held::Agent(id.clone())],
            Who::Client(id) => vec![Held::Client(id.clone())],
            Who::Workload(id) => vec![Held::Workload(id.clone())],
            Who::Grant(id) => vec![Held::Grant(id.clone())],
            Who::Host(_) => Vec::new(),
        };
        for held in held {
            let (cause, why) = (self.cause.clone(), "the cause is over");
            if tx.release(&held, &cause, self.said(why))? {
                self.done(tx, "release", &held);
            }
        }
        Ok(())
    }

    /// Ends the sessions that had begun when it happened.
    fn sign_out(&mut self, tx: &mut Tx<'_>, user: &UserId) -> Result<(), StoreError> {
        let ended = tx.end_sessions_until(user, reach(self.at))?;
        if ended > 0 {
            let why = self.cause.clone();
            super::super::signed_out(tx, user, ("signals", &why), self.job.now)?;
            self.effects.0.push(format!("sessions:{ended}"));
            let mut entry = self.entry(EventKind::SignIn, "session:end_all");
            entry.subject = Some(Principal::User(user.clone()));
            tx.record(entry);
        }
        Ok(())
    }

    /// The roots of what a user had allowed when it happened, to these agents or to any.
    fn roots(
        &self,
        tx: &mut Tx<'_>,
        user: &UserId,
        agents: Option<&[AgentId]>,
    ) -> Result<Vec<Grant>, StoreError> {
        let reach = reach(self.at);
        let within = |g: &Grant| g.not_before <= reach && agents.is_none_or(|all| all.contains(&g.grantee));
        let subject = Principal::User(user.clone());
        Ok(tx.standing_roots_of(&subject)?.into_iter().filter(within).collect())
    }

    fn suspend(
        &mut self,
        tx: &mut Tx<'_>,
        user: &UserId,
        agents: Option<&[AgentId]>,
    ) -> Result<(), StoreError> {
        for grant in self.roots(tx, user, agents)? {
            self.hold(tx, &Held::Grant(grant.id))?;
        }
        Ok(())
    }

    fn revoke(
        &mut self,
        tx: &mut Tx<'_>,
        user: &UserId,
        agents: Option<&[AgentId]>,
    ) -> Result<(), StoreError> {
        for grant in self.roots(tx, user, agents)? {
            self.end(tx, &grant)?;
        }
        Ok(())
    }

    fn revoke_to(&mut self, tx: &mut Tx<'_>, agent: &AgentId) -> Result<(), StoreError> {
        // What has ended is not among those of the next round.
        loop {
            let some = tx.standing_grants_to(agent)?;
            if some.is_empty() {
                return Ok(());
            }
            some.iter().try_for_each(|grant| self.end(tx, grant))?;
        }
    }

    fn end(&mut self, tx: &mut Tx<'_>, grant: &Grant) -> Result<(), StoreError> {
        let cause = self.cause.clone();
        if let Some(ended) = tx.revoke_tree(&grant.id, "signals", &cause, self.job.now)? {
            self.effects.0.push(format!("revoke grant:{}", ended.id));
            let mut entry = self.entry(EventKind::Grant, "grant:revoke");
            entry.subject = Some(grant.subject.clone());
            entry.resource = Some(grant.resource.clone());
            ended.describe(&mut entry);
            tx.record(entry);
        }
        Ok(())
    }

    fn hold(&mut self, tx: &mut Tx<'_>, held: &Held) -> Result<(), StoreError> {
        let cause = self.cause.clone();
        if tx.hold(held, &cause, self.said(&cause))? {
            self.done(tx, "hold", held);
        }
        Ok(())
    }

    fn said<'s>(&self, why: &'s str) -> Said<'s> {
        Said { by: "signals", why, now: self.job.now }
    }

    fn done(&mut self, tx: &mut Tx<'_>, what: &str, held: &Held) {
        let (kind, id) = held.named();
        self.effects.0.push(format!("{what} {kind}:{id}"));
        tx.record(on_record(self.entry(EventKind::Administration, ""), what, held));
    }

    fn entry(&self, kind: EventKind, action: &str) -> Entry {
        let entry = Entry::new(kind, action, Outcome::Permit, self.job.now, self.job.trace.clone());
        let mut entry = entry.because("signal");
        entry.details.insert("cause", self.cause.as_str().into());
        entry
    }

    /// What the event says of whom it is about, for conditions to look at.
    fn keep_fact(&mut self, tx: &mut Tx<'_>, who: &Who, told: &SecurityEvent) -> Result<(), StoreError> {
        let (name, value) = match &told.event {
            Event::DeviceComplianceChange { current, .. } => {
                ("posture.compliant", FactValue::Flag(*current == Compliance::Compliant))
            }
            Event::RiskLevelChange(risk) => ("risk.level", FactValue::Text(risk.current.as_str().into())),
            _ => return Ok(()),
        };
        let (kind, id) = match who {
            Who::User(id) => (FactKind::User, id.as_str()),
            Who::Agent(id) => (FactKind::Agent, id.as_str()),
            Who::Client(id) => (FactKind::Client, id.as_str()),
            Who::Workload(id) => (FactKind::Workload, id.as_str()),
            Who::Host(id) => (FactKind::Host, id.as_str()),
            Who::UserAt(..) | Who::Grant(_) => return Ok(()),
        };
        let Ok(name) = FactName::parse(name) else { return Ok(()) };
        let fact = StoredFact {
            subject: FactSubject { kind, id: id.to_owned() },
            value,
            source: format!("signals:{}", self.job.transmitter.name()),
            observed_at: self.at,
            max_age: self.job.transmitter.config.fact_max_age.get(),
            name,
        };
        if tx.put_fact(&fact)? {
            self.effects.0.push(format!("fact {}={} {}:{id}", fact.name, fact.value, kind.as_str()));
        }
        Ok(())
    }
}

/// An entry that says that something is held or released.
pub(in crate::signals) fn on_record(mut entry: Entry, what: &str, held: &Held) -> Entry {
    let (kind, id) = held.named();
    let verb = match (held, what) {
        (Held::Grant(_), "hold") => "suspend",
        (Held::Grant(_), _) => "resume",
        (_, "hold") => "disable",
        (_, _) => "enable",
    };
    entry.action = format!("{kind}:{verb}");
    match held {
        Held::Grant(id) => entry.grant = Some(id.clone()),
        Held::User(id) => entry.subject = Some(Principal::User(id.clone())),
        Held::Agent(id) => entry.subject = Some(Principal::Agent(id.clone())),
        Held::Client(id) => entry.client = Some(id.clone()),
        Held::Workload(_) => {
            entry.details.insert("workload", id.into());
        }
    }
    entry
}
