//! One event: verified, counted once, weighed against what is newer, and put into effect in one transaction.

use super::effect::{Effects, Job, apply};
use super::target::{Who, find};
use super::{Refusal, Transmitter};
use crate::record::About;
use crate::server::AppState;
use prokura_config::{Reaction, Reactions, RiskThreshold};
use prokura_core::{Principal, Timestamp, TraceId};
use prokura_ledger::{Event as Entry, EventKind, Outcome};
use prokura_oauth::json::Value;
use prokura_oauth::signals::{
    Compliance, CredentialChangeType, DeliveryErrorCode, Event, LEEWAY, RiskLevel, SecurityEvent, SetTerms,
    StreamStatus, Subject, peek,
};
use prokura_store::{ArtifactKind, Consumed, Tx};
use std::sync::Arc;

/// The members of a complex subject that are understood here.
const UNDERSTOOD: [&str; 4] = ["user", "device", "session", "application"];
/// So many effects stand in the entry of an event; each has an entry of its own besides.
const MAX_EFFECTS: usize = 256;
/// No more of a stranger's sentence goes on record.
const MAX_SAID: usize = 200;

/// What an event means for whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Something is to end or to stop.
    Restricts,
    /// What stopped before for the same cause acts again.
    Recovers,
    /// It is good to know.
    Tells,
}

/// Takes an event. `Ok` means that it and all its effects are durable, or were before.
pub(super) async fn take(app: &AppState, t: &Arc<Transmitter>, set: &str) -> Result<(), Refusal> {
    let trace = app.trace();
    let taken = try_take(app, t, set, &trace).await;
    if let Err(refusal) = &taken {
        tracing::warn!(%trace, transmitter = t.name(), %refusal, "a security event was not taken");
        if let Refusal::Never(code, _) = refusal {
            let about = About::new(EventKind::System, "signal:refuse");
            app.refusals.put(&about, &format!("signal_{}", code.as_str()), &trace).await;
        }
    }
    taken
}

async fn try_take(app: &AppState, t: &Arc<Transmitter>, set: &str, trace: &TraceId) -> Result<(), Refusal> {
    let invalid = |why: String| Refusal::Never(DeliveryErrorCode::InvalidRequest, why);
    let peeked = peek(set).ok_or_else(|| invalid("it is no signed token".to_owned()))?;
    let keys = t.keys(app, peeked.kid.as_deref()).await.map_err(Refusal::Later)?;
    let now = app.clock.now();
    let terms = SetTerms {
        issuer: &t.config.issuer,
        audience: &t.audience,
        algorithms: &t.algorithms,
        max_age: t.config.max_age.get(),
        now,
    };
    let told =
        SecurityEvent::verify(set, &keys, &terms).map_err(|e| Refusal::Never(e.code(), e.to_string()))?;
    let critical = t.critical(app).await.map_err(Refusal::Later)?;
    let taking = Taking {
        discarded: is_beyond_us(&told.subject, &critical),
        told,
        job: Job {
            transmitter: Arc::clone(t),
            issuer: app.config.issuer.as_str().to_owned(),
            now,
            trace: trace.clone(),
        },
    };
    app.store.transact(move |tx| taking.run(tx)).await
}

/// Whether a subject has a member that must be understood and is not.
fn is_beyond_us(subject: &Subject, critical: &[String]) -> bool {
    let Subject::Complex(complex) = subject else { return false };
    complex.names().any(|name| !UNDERSTOOD.contains(&name) && critical.iter().any(|c| c == name))
}

struct Taking {
    told: SecurityEvent,
    discarded: bool,
    job: Job,
}

impl Taking {
    /// The `jti` is spent in the same step as everything that follows from the event, so that of any number of
    /// deliveries, on whichever process, one counts; the others are acknowledged and do nothing (RFC 8935 §2.2).
    fn run(&self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        let (told, now) = (&self.told, self.job.now);
        let name = self.job.transmitter.name();
        let ends =
            told.issued_at.after(self.job.transmitter.config.max_age.get()).after(LEEWAY).after(LEEWAY);
        if !tx.claim(ArtifactKind::SignalJti, &format!("{name}\n{}", told.id), now, ends)? {
            return Ok(());
        }
        match &told.event {
            Event::Verification(state) => return self.verified(tx, state.as_deref()),
            Event::StreamUpdated { status, reason } => return self.updated(tx, *status, reason.as_deref()),
            _ if self.discarded => return self.record(tx, "critical_member", &[], &Effects::default()),
            _ => {}
        }
        let found = find(tx, &self.job, &told.subject, &told.event)?;
        let meaning = meaning(&told.event, self.job.transmitter.config.risk_threshold);
        let Some(word) = told.event.kind().map(|k| k.word()) else {
            return self.record(tx, "unknown_event", &found, &Effects::default());
        };
        if found.is_empty() {
            return self.record(tx, "unknown_subject", &found, &Effects::default());
        }
        let (mut effects, mut older) = (Effects::default(), 0);
        for who in &found {
            if self.is_older(tx, word, who, meaning)? {
                older += 1;
                continue;
            }
            let reaction = reaction(self.reactions(), who);
            apply(tx, &self.job, told, (who, reaction, meaning), &mut effects)?;
        }
        let outcome = match (older == found.len(), effects.is_empty()) {
            (true, _) => "older",
            (false, true) => "recorded",
            (false, false) => "done",
        };
        self.record(tx, outcome, &found, &effects)
    }

    fn is_older(&self, tx: &mut Tx<'_>, word: &str, who: &Who, meaning: Meaning) -> Result<bool, Refusal> {
        let times = (self.told.happened_at(), self.told.issued_at);
        let about = (self.job.transmitter.name(), word, who.key());
        let restricts = meaning == Meaning::Restricts;
        Ok(!tx.hear((about.0, about.1, &about.2), times, restricts)?)
    }

    fn reactions(&self) -> Reactions {
        let config = &self.job.transmitter.config;
        match &self.told.event {
            Event::SessionRevoked => config.session_revoked,
            Event::CredentialChange(_) => config.credential_change,
            Event::DeviceComplianceChange { .. } => config.device_compliance_change,
            Event::RiskLevelChange(_) => config.risk_level_change,
            _ => Reactions { users: Reaction::Record, software: Reaction::Record },
        }
    }

    /// The transmitter shows that the stream works: by the word that it was asked for, if it was asked.
    fn verified(&self, tx: &mut Tx<'_>, state: Option<&str>) -> Result<(), Refusal> {
        self.is_of_our_stream(tx)?;
        let name = self.job.transmitter.name();
        if let Some(state) = state {
            let asked = tx.consume(ArtifactKind::SignalState, &format!("{name}\n{state}"), self.job.now)?;
            if !matches!(asked, Consumed::Won(_)) {
                let why = "`state` is not what was asked for".to_owned();
                return Err(Refusal::Never(DeliveryErrorCode::InvalidState, why));
            }
        }
        tx.put_setting(&format!("signals.verified.{name}"), &self.job.now.seconds().to_string())?;
        self.record(tx, "verified", &[], &Effects::default())
    }

    fn updated(&self, tx: &mut Tx<'_>, status: StreamStatus, reason: Option<&str>) -> Result<(), Refusal> {
        self.is_of_our_stream(tx)?;
        let name = self.job.transmitter.name();
        tx.put_setting(&format!("signals.status.{name}"), status.as_str())?;
        tracing::warn!(transmitter = name, %status, ?reason, "a transmitter changed its stream");
        self.record(tx, status.as_str(), &[], &Effects::default())
    }

    /// The subject is the stream; where its id is known here, it must be that one.
    fn is_of_our_stream(&self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        let known = super::stream::id_of(tx, &self.job.transmitter)?;
        let fits = match &self.told.subject {
            Subject::Simple(prokura_oauth::signals::SubjectId::Opaque(id)) => known.is_none_or(|k| k == *id),
            _ => false,
        };
        let why = || "its subject is not this stream".to_owned();
        if fits { Ok(()) } else { Err(Refusal::Never(DeliveryErrorCode::InvalidRequest, why())) }
    }

    fn record(
        &self,
        tx: &mut Tx<'_>,
        outcome: &str,
        found: &[Who],
        effects: &Effects,
    ) -> Result<(), Refusal> {
        let word = self.told.event.kind().map_or("other", |k| k.word());
        let trace = self.job.trace.clone();
        let action = format!("signal:{word}");
        let mut entry = Entry::new(EventKind::System, action, Outcome::Permit, self.job.now, trace);
        entry = entry.because(outcome);
        entry.subject = found.iter().find_map(Who::principal);
        let d = &mut entry.details;
        d.insert("transmitter", self.job.transmitter.name().into());
        d.insert("jti", self.told.id.as_str().into());
        d.insert("happened_at", self.told.happened_at().seconds().into());
        d.insert("about", found.iter().map(|who| who.key()).collect());
        d.insert("effects", effects.said().take(MAX_EFFECTS).collect());
        if let Event::Other(uri) = &self.told.event {
            d.insert("event", uri.as_str().into());
        }
        let said =
            [("txn", self.told.transaction.as_deref()), ("reason", self.told.circumstances.said_to_admins())];
        for (name, text) in said.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            d.insert(name, Value::from(text.chars().take(MAX_SAID).collect::<String>()));
        }
        tx.record(entry);
        Ok(())
    }
}

fn reaction(reactions: Reactions, who: &Who) -> Reaction {
    match who {
        Who::User(_) | Who::UserAt(..) | Who::Grant(_) => reactions.users,
        Who::Agent(_) | Who::Client(_) | Who::Workload(_) | Who::Host(_) => reactions.software,
    }
}

fn meaning(event: &Event, threshold: RiskThreshold) -> Meaning {
    let least = match threshold {
        RiskThreshold::Medium => RiskLevel::Medium,
        RiskThreshold::High => RiskLevel::High,
    };
    match event {
        Event::SessionRevoked => Meaning::Restricts,
        Event::CredentialChange(c) => match c.change {
            CredentialChangeType::Revoke | CredentialChangeType::Delete => Meaning::Restricts,
            CredentialChangeType::Create | CredentialChangeType::Update => Meaning::Tells,
        },
        Event::DeviceComplianceChange { current: Compliance::NotCompliant, .. } => Meaning::Restricts,
        Event::DeviceComplianceChange { current: Compliance::Compliant, .. } => Meaning::Recovers,
        Event::RiskLevelChange(r) if r.current >= least => Meaning::Restricts,
        Event::RiskLevelChange(r) if r.current == RiskLevel::Low => Meaning::Recovers,
        _ => Meaning::Tells,
    }
}

/// The last moment that an event reaches back from: clocks differ, and events tell whole seconds.
pub(super) fn reach(at: Timestamp) -> Timestamp {
    at.after(std::time::Duration::from_secs(10))
}

impl Who {
    /// The person or agent, for the record.
    pub(super) fn principal(&self) -> Option<Principal> {
        match self {
            Self::User(id) | Self::UserAt(id, _) => Some(Principal::User(id.clone())),
            Self::Agent(id) => Some(Principal::Agent(id.clone())),
            _ => None,
        }
    }
}
