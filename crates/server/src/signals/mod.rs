//! Shared signals (SSF 1.0, CAEP 1.0): what others tell of people, software and devices takes effect here at the next call,
//! and what happens here is told to who asked for it.
//!
//! Invariants: an event counts once, only from whom the configuration names, and is durable with all its effects before
//! it is acknowledged; what is older undoes nothing; what a signal stopped it may let act again, what an operator stopped
//! it may not; what happened here and is to be told is written in the transaction in which it happens.

mod receive;
mod run;

use crate::places::Place;
use crate::server::{AppState, Secrets};
use axum::Router;
use axum::routing::post;
use prokura_config::{Config, SIGNALS, SSF_MANAGE, SSF_READ};
use prokura_core::{InvalidResource, Principal, ResourceUri, Scope, ScopeSet, Timestamp, TraceId, UserId};
use prokura_egress::Egress;
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{Happens, Said, StoreError, Tx};
use receive::Transmitter;
use std::sync::Arc;

pub(crate) use run::{for_ever, round};

/// Everything about signals that requests share.
pub(crate) struct Signals {
    transmitters: Vec<Arc<Transmitter>>,
}

impl Signals {
    pub(crate) fn new(config: &Config, secrets: &Secrets, egress: &Egress) -> Self {
        let all = config.signals.transmitters.iter();
        Self { transmitters: all.map(|t| Arc::new(Transmitter::new(config, t, secrets, egress))).collect() }
    }

    /// The transmitter of that name.
    fn transmitter(&self, name: &str) -> Option<&Arc<Transmitter>> {
        self.transmitters.iter().find(|t| t.name() == name)
    }
}

/// The addresses below the issuer's own path.
pub(crate) fn routes(config: &Config) -> Router<Arc<AppState>> {
    let mut router = Router::new();
    if !config.signals.transmitters.is_empty() {
        router = router.route("/signals/{name}", post(receive::push));
    }
    router
}

/// The place that tokens for the interface of streams are made for, if events are sent.
pub(crate) fn place(config: &Config) -> Result<Option<Arc<Place>>, InvalidResource> {
    if !config.signals.send.enabled {
        return Ok(None);
    }
    let scopes: ScopeSet = [SSF_READ, SSF_MANAGE].into_iter().filter_map(|s| Scope::parse(s).ok()).collect();
    Ok(Some(Arc::new(Place {
        uri: ResourceUri::parse(&format!("{}/ssf", config.issuer))?,
        name: SIGNALS.to_owned(),
        first: scopes.clone(),
        scopes,
        needs_proof: false,
        bundled: Vec::new(),
    })))
}

/// Notes for the streams that a user was signed out everywhere.
pub(crate) fn signed_out(
    tx: &mut Tx<'_>,
    user: &UserId,
    (by, why): (&str, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.happens(Happens { kind: "sessions", id: user.as_str(), word: "ended", by, why }, now)
}

/// Whoever proves anew who they are resumes what was suspended because a session was revoked elsewhere: whoever can sign
/// in could agree to it anew.
pub(crate) fn signed_in(
    tx: &mut Tx<'_>,
    user: &UserId,
    now: Timestamp,
    trace: &TraceId,
) -> Result<(), StoreError> {
    let subject = Principal::User(user.clone());
    for hold in tx.holds_on_grants_of(&subject)? {
        if !(hold.cause.starts_with("signal:") && hold.cause.ends_with(":session-revoked")) {
            continue;
        }
        let said = Said { by: user.as_str(), why: "the user signed in anew", now };
        if tx.release(&hold.held, &hold.cause, said)? {
            let entry = Event::new(EventKind::Administration, "", Outcome::Permit, now, trace.clone());
            let mut entry = receive::on_record(entry.because("signed_in"), "release", &hold.held);
            entry.subject = Some(subject.clone());
            tx.record(entry);
        }
    }
    Ok(())
}
