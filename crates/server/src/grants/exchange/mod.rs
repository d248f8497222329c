//! Token exchange (RFC 8693): a token of somebody's authority becomes one for another agent, another resource, or less.
//!
//! Whose authority it is says the subject token (`subject.rs`), who acts says the actor token (`actor.rs`), and whether that
//! agent may says whoever holds the grant: its holder, the user who named the agent, or the operator's rules (`rules.rs`,
//! `ways.rs`). What comes of it is a child of the grant (`child.rs`) and a token of it (`job.rs`), made in one transaction
//! in which everything that can have ended is asked anew. Without an actor only three things are had: less of a token by
//! its own holder; a token by who the user is, of what that user allowed the client (`person.rs`); and one that hides who
//! acts, by a policy that the operator wrote (`impersonate.rs`).

mod actor;
mod child;
mod impersonate;
mod issue;
mod job;
mod person;
mod remembered;
mod rules;
mod subject;
mod ways;

pub(crate) use issue::exchange;
use rules::Rulebook;

use crate::places::{InvalidPlace, Places};
use child::Chains;
use impersonate::Impersonations;
use prokura_config::Config;
use remembered::Remembered;
use std::sync::Arc;

/// What exchanges share.
pub(crate) struct Exchanges {
    pub(crate) rules: Arc<Rulebook>,
    impersonations: Arc<Impersonations>,
    remembered: Remembered,
    chains: Arc<Chains>,
}

impl Exchanges {
    pub(crate) fn new(config: &Config, places: &Places) -> Result<Self, InvalidPlace> {
        Ok(Self {
            rules: Arc::new(Rulebook::new(config, places)?),
            impersonations: Arc::new(Impersonations::new(config, places)?),
            remembered: Remembered::default(),
            chains: Arc::default(),
        })
    }
}
