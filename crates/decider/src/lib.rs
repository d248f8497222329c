//! The policy decision point at work: which policy sets are in force, what is known of users, agents and what they act on,
//! and other decision points that are asked besides; put together in one [`Decider`] that the server and the gateway ask.
//!
//! Invariant: a set that does not validate never replaces one that does. Who cannot be asked in time has denied.
#![forbid(unsafe_code)]

pub mod ask;
mod asking;
pub mod directory;
pub mod entities;
pub mod explain;
pub mod files;
mod follow;
mod keeper;
mod kept;
pub mod languages;
pub mod relations;
pub mod remote;
mod status;
pub mod text;

pub use asking::Asked;
pub use follow::{FILES, activated, kept as version_of};
pub use keeper::{Build, Keeper, KeeperError, KeeperOptions};
pub use status::{SetStatus, Status, problem_object};

use prokura_policy::pdp::{Aim, Directory, Effect, Engine, Finding, Listed, Question, Ruling};
use remote::Remote;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

/// What is asked: one value for all of a process. What is in force is exchanged as a whole: whoever took
/// [`in_force`](Self::in_force) goes on with that.
#[derive(Default)]
pub struct Decider {
    inner: RwLock<Arc<InForce>>,
    keeper: OnceLock<Weak<Keeper>>,
    relations: OnceLock<Arc<relations::Facts>>,
}

/// What is in force: one version of everything that decides.
#[derive(Clone, Default)]
pub struct InForce {
    /// Which it is, for the record: changes whenever a policy does.
    pub set: Option<Arc<str>>,
    /// The engines that count, all of them. Without any, nothing is asked and nothing refused here.
    pub engines: Vec<Arc<dyn Engine>>,
    /// The decision points elsewhere that count.
    pub remotes: Vec<Arc<dyn Remote>>,
    /// Those who only report: asked, and what they would have changed is recorded.
    pub reporting: Asked,
    /// What is known of entities.
    pub directory: Option<Arc<dyn Directory>>,
    /// What relations say of the subject and the resource of each question.
    pub relations: Option<Arc<relations::Facts>>,
}

impl Decider {
    /// One that asks these.
    pub fn new(first: InForce) -> Self {
        Self { inner: RwLock::new(Arc::new(first)), ..Self::default() }
    }

    /// Whether there are no policies, not even such as only report.
    pub fn is_empty(&self) -> bool {
        self.in_force().is_empty()
    }

    /// What is in force now.
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who keeps it, if somebody does.
    pub fn keeper(&self) -> Option<Arc<Keeper>> {
        self.keeper.get().and_then(Weak::upgrade)
    }

    pub(crate) fn kept_by(&self, keeper: &Arc<Keeper>) {
        // A decider has one keeper; a second one is another's mistake and changes nothing.
        let _first = self.keeper.set(Arc::downgrade(keeper));
    }

    /// From now on every question is asked with what `facts` say of it, whatever is in force.
    pub fn with_relations(&self, facts: relations::Facts) {
        // It is said once, at the start; a second word is another's mistake and changes nothing.
        let _first = self.relations.set(Arc::new(facts));
        self.replace(InForce::clone(&self.in_force()));
    }

    /// From now on this is in force.
    pub fn replace(&self, mut next: InForce) {
        if let Some(facts) = self.relations.get() {
            next.relations = Some(Arc::clone(facts));
        }
        *self.inner.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }

    /// What everybody who is asked says together. Engines here are asked first; who is elsewhere is not asked where one of
    /// them denies. Without a policy that counts, it is permitted, and nobody was asked.
    pub async fn decide(&self, question: &Question<'_>) -> Ruling {
        self.in_force().ruling(question).await
    }
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Decider").field(&self.in_force().set).finish()
    }
}

impl InForce {
    /// Whether nobody is asked, not even such as only report.
    pub fn is_empty(&self) -> bool {
        !self.counts() && self.reporting.is_empty()
    }

    /// Of each entry of a list, whether the list may show it: some engine could permit it with some arguments, and none
    /// forbids it whatever they are. Who is elsewhere is not asked for a list.
    pub fn visible(&self, question: &Question<'_>, listed: &[Listed<'_>]) -> Vec<bool> {
        let known = match &self.relations {
            None => None,
            Some(facts) => match facts.of_all(question, listed) {
                Ok(known) => Some(known),
                Err(_) if !self.counts() => None,
                Err(error) => {
                    tracing::warn!(%error, "what relations say is not known: lists show nothing");
                    return vec![false; listed.len()];
                }
            },
        };
        let subject = known.as_ref().map_or(question.subject, |(subject, _)| subject);
        let question = &Question { subject, ..*question };
        let listed: Vec<_> = listed
            .iter()
            .enumerate()
            .map(|(at, one)| match known.as_ref().and_then(|(_, aims)| aims.get(at)?.as_ref()) {
                Some(aim) => Listed { aim: Aim::At(aim), ..*one },
                None => *one,
            })
            .collect();
        let each: Vec<_> = self.engines.iter().map(|engine| engine.visible(question, &listed)).collect();
        let others = self.engines.is_empty() || !self.remotes.is_empty();
        let shown = |at: usize| {
            let mut all = each.iter().map(|effects| effects.get(at).copied().unwrap_or(Effect::Deny));
            let denied = all.clone().any(|effect| effect == Effect::Deny);
            !denied && (others || all.any(|effect| effect == Effect::Permit))
        };
        (0..listed.len()).map(shown).collect()
    }

    /// What the engines here that count say together. Nobody elsewhere is asked: see [`ruling`](Self::ruling).
    pub fn decide(&self, question: &Question<'_>) -> Ruling {
        if !self.counts() {
            return Ruling::unasked();
        }
        let Some(facts) = &self.relations else {
            return Ruling::of(self.engines.iter().map(|engine| engine.decide(question)));
        };
        match facts.of(question) {
            Ok((subject, resource)) => {
                let question = Question { subject: &subject, resource: &resource, ..*question };
                Ruling::of(self.engines.iter().map(|engine| engine.decide(&question)))
            }
            Err(error) => Ruling::of([Finding::failed(error.to_string())]),
        }
    }
}
