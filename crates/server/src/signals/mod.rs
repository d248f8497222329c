//! Shared signals (SSF 1.0, CAEP 1.0): what others tell of people, software and devices takes effect here at the next call,
//! and what happens here is told to who asked for it.
//!
//! Invariants: an event counts once, only from whom the configuration names, and is durable with all its effects before
//! it is acknowledged; what is older undoes nothing; what a signal stopped it may let act again, what an operator stopped
//! it may not; what happened here and is to be told is written in the transaction in which it happens.

use crate::places::Place;
use prokura_config::{Config, SIGNALS, SSF_MANAGE, SSF_READ};
use prokura_core::{InvalidResource, ResourceUri, Scope, ScopeSet};
use std::sync::Arc;

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
