//! The policy decision point at work: which policy sets are in force, what is known of users, agents and what they act on,
//! and other decision points that are asked besides; put together in one [`Decider`] that the server and the gateway ask.
//!
//! Invariant: a set that does not validate never replaces one that does. Who cannot be asked in time has denied.
#![forbid(unsafe_code)]

pub mod remote;

use prokura_engines as _;
use prokura_store as _;

use prokura_policy::pdp::{Directory, Effect, Engine, Listed, Question, Ruling};
use std::sync::{Arc, RwLock};

/// What is asked: one value for all of a process. What is in force is exchanged as a whole.
#[derive(Default)]
pub struct Decider {
    inner: RwLock<Arc<InForce>>,
}

/// What is in force: one version of everything that decides.
#[derive(Default)]
pub struct InForce {
    /// Which it is, for the record: changes whenever a policy does.
    pub set: Option<Arc<str>>,
    /// The engines that are asked, all of them. Without any, nothing is asked and nothing refused here.
    pub engines: Vec<Arc<dyn Engine>>,
    /// What is known of entities.
    pub directory: Option<Arc<dyn Directory>>,
}

impl Decider {
    /// Whether there are any policies.
    pub fn is_empty(&self) -> bool {
        self.in_force().engines.is_empty()
    }

    /// What is in force now.
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// From now on this is in force.
    pub fn replace(&self, next: InForce) {
        *self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(next);
    }
}

impl InForce {
    /// Whether there is nobody to ask.
    pub fn is_empty(&self) -> bool {
        self.engines.is_empty()
    }

    /// Of each entry of a list, whether the list may show it: some engine could permit it with some arguments, and none
    /// forbids it whatever they are.
    pub fn visible(&self, question: &Question<'_>, listed: &[Listed<'_>]) -> Vec<bool> {
        let each: Vec<_> = self.engines.iter().map(|engine| engine.visible(question, listed)).collect();
        let shown = |at: usize| {
            let mut all = each.iter().map(|effects| effects.get(at).copied().unwrap_or(Effect::Deny));
            !all.clone().any(|effect| effect == Effect::Deny) && all.any(|effect| effect == Effect::Permit)
        };
        (0..listed.len()).map(shown).collect()
    }

    /// What all engines say together.
    pub fn decide(&self, question: &Question<'_>) -> Ruling {
        Ruling::of(self.engines.iter().map(|engine| engine.decide(question)))
    }
}
