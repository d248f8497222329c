//! Shared signals (SSF 1.0, CAEP 1.0): what others tell of people, software and devices takes effect here at the next call,
//! and what happens here is told to who asked for it.
//!
//! Invariants: an event counts once, only from whom the configuration names, and is durable with all its effects before
//! it is acknowledged; what is older undoes nothing; what a signal stopped it may let act again, what an operator stopped
//! it may not; what happened here and is to be told is written in the transaction in which it happens.

mod receive;
mod run;
mod send;

use crate::places::Place;
use crate::server::{AppState, Secrets};
use crate::wire::preflight;
use axum::Router;
use axum::routing::{get, post};
use prokura_config::{Config, SIGNALS, SSF_MANAGE, SSF_READ};
use prokura_core::{InvalidResource, Principal, ResourceUri, Scope, ScopeSet, Timestamp, TraceId, UserId};
use prokura_egress::Egress;
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::seal::{MasterKey, SealError};
use prokura_store::{Happens, Said, StoreError, Tx};
use receive::Transmitter;
use std::sync::Arc;

pub(crate) use run::{for_ever, round};
pub use send::StreamFault;

/// Everything about signals that requests share.
pub(crate) struct Signals {
    transmitters: Vec<Arc<Transmitter>>,
    sender: send::Sender,
}

impl Signals {
    pub(crate) fn new(
        config: &Config,
        secrets: &Secrets,
        egress: &Egress,
        master: &MasterKey,
    ) -> Result<Self, SealError> {
        let all = config.signals.transmitters.iter();
        let transmitters = all.map(|t| Arc::new(Transmitter::new(config, t, secrets, egress))).collect();
        Ok(Self { transmitters, sender: send::Sender::new(egress, master)? })
    }

    /// What sending needs.
    fn sender(&self) -> &send::Sender {
        &self.sender
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
    if config.signals.send.enabled {
        router = router.merge(send::routes());
    }
    router
}

/// Where a receiver looks first, inserted before the issuer's path; nowhere if nothing is sent.
pub(crate) fn well_known(config: &Config) -> Router<Arc<AppState>> {
    if !config.signals.send.enabled {
        return Router::new();
    }
    let at = format!("/.well-known/ssf-configuration{}", config.issuer.path());
    Router::new().route(&at, get(send::well_known).options(preflight))
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

/// Notes for the streams that a credential of a user was made, changed or removed: `password:update`, `app:delete`, …
pub(crate) fn credential_changed(
    tx: &mut Tx<'_>,
    user: &UserId,
    word: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let why = "the user changed a way to sign in";
    tx.happens(Happens { kind: "credential", id: user.as_str(), word, by: user.as_str(), why }, now)
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
