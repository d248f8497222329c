//! Conditional access at calls: beside `decide`, for every message, before anything is recorded or forwarded.
//!
//! A message is weighed with each of its actions; one that touches nothing (a list, an initialisation) without any, so that
//! policies about all that an agent does hold for it, and those about single actions do not. What a list shows is narrowed as
//! the caller is.

use crate::caller::Caller;
use crate::fault::Fault;
use crate::route::Route;
use crate::scene::Scene;
use prokura_access::{Refused, actor};
use prokura_core::{Action, ScopeSet, Timestamp};
use prokura_policy::Authority;
use prokura_policy::access::{Narrowing, Outcome, Situation, Stage, Verdict};
use std::sync::Arc;

/// What conditional access leaves of a caller's authority; empty if no policy concerned the message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Left(Option<Arc<Passed>>);

/// A message that passed.
#[derive(Debug)]
pub(crate) struct Passed {
    /// What the policies said.
    pub(crate) verdict: Verdict,
    /// The scopes that count in place of the token's, if some were taken away.
    scopes: Option<ScopeSet>,
}

/// Weighs a message with these actions.
///
/// # Errors
/// [`Fault::Access`].
pub(crate) fn weigh(scene: &Scene, actions: &[Action], now: Timestamp) -> Result<Left, Fault> {
    let guard = &scene.inner.access;
    if guard.policies().is_empty() {
        return Ok(Left::default());
    }
    let none = ScopeSet::default();
    let mut all: Option<Verdict> = None;
    let each = actions.iter().map(Some).chain(actions.is_empty().then_some(None));
    for action in each {
        let situation = situation(scene, action, &none, now);
        let Some(verdict) = guard.weigh(&situation) else { continue };
        if !verdict.outcome.permits() {
            return Err(refused(scene, verdict, &situation));
        }
        all = Some(match all {
            Some(all) => all.join(verdict),
            None => verdict,
        });
    }
    let Some(verdict) = all else { return Ok(Left::default()) };
    match left(scene, &verdict) {
        Ok(scopes) => Ok(Left(Some(Arc::new(Passed { verdict, scopes })))),
        Err(()) => Err(denied(scene, actions, verdict, now)),
    }
}

/// Counts a message that the caller has no authority for.
pub(crate) fn not_allowed(scene: &Scene, now: Timestamp) {
    let token = scene.caller.token();
    let agent = token.and_then(|t| prokura_access::actor(&t.actors, &t.subject));
    if let Some(agent) = agent.filter(|_| !scene.inner.access.policies().is_empty()) {
        scene.inner.access.sources().note_refused(agent, now);
    }
}

/// A narrowing that leaves too little for the message is a denial: more scopes would not help.
pub(crate) fn denied(scene: &Scene, actions: &[Action], verdict: Verdict, now: Timestamp) -> Fault {
    let none = ScopeSet::default();
    let situation = situation(scene, actions.first(), &none, now);
    refused(scene, Verdict { outcome: Outcome::Deny, ..verdict }, &situation)
}

fn refused(scene: &Scene, verdict: Verdict, situation: &Situation<'_>) -> Fault {
    Fault::Access(Box::new(Refused::new(verdict, situation, &scene.trace)))
}

fn situation<'a>(
    scene: &'a Scene,
    action: Option<&'a Action>,
    none: &'a ScopeSet,
    now: Timestamp,
) -> Situation<'a> {
    let token = scene.caller.token();
    Situation {
        stage: Stage::Call,
        subject: token.map(|t| &t.subject),
        agent: token.and_then(|t| actor(&t.actors, &t.subject)),
        client: token.map(|t| &t.client),
        workload: token.and_then(|t| t.workload.as_ref()),
        resource: &scene.route.name,
        action,
        scopes: token.map_or(none, |t| &t.scopes),
        address: scene.address,
        sign_in: scene.caller.sign_in(),
        now,
    }
}

/// The scopes that count, where some are taken away. A token whose details are its whole authority is measured by all
/// scopes of the resource but those; who comes without a token has no scopes, and what is taken from everybody is told by
/// the decision on the action.
fn left(scene: &Scene, verdict: &Verdict) -> Result<Option<ScopeSet>, ()> {
    let Outcome::Narrowed(Narrowing { without, .. }) = &verdict.outcome else { return Ok(None) };
    if without.is_empty() {
        return Ok(None);
    }
    let of_resource = || scene.route.policy.scopes().difference(without);
    let Some(token) = scene.caller.token() else {
        return Ok((!scene.route.policy.scopes().is_empty()).then(of_resource));
    };
    let opens = token.scopes.iter().any(|scope| !scope.is_of_identity());
    if token.details.is_empty() || opens {
        let narrowing = Narrowing { without: without.clone(), life: None };
        return narrowing.of(&token.scopes).map(Some).map_err(drop);
    }
    let rest = of_resource();
    if rest.is_empty() { Err(()) } else { Ok(Some(rest)) }
}

impl Left {
    /// What the policies said, if one concerned the message.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.0.as_ref().map(|passed| &passed.verdict)
    }

    /// The message that passed, if some scopes were taken away.
    pub(crate) fn narrowed(&self) -> Option<&Passed> {
        self.0.as_deref().filter(|passed| passed.scopes.is_some())
    }

    fn scopes(&self) -> Option<&ScopeSet> {
        self.0.as_ref()?.scopes.as_ref()
    }

    /// With what authority a caller asks who holds `authority`.
    pub(crate) fn of<'a>(&'a self, authority: Authority<'a>) -> Authority<'a> {
        match (self.scopes(), authority) {
            (Some(scopes), Authority::Token { details, .. }) => Authority::Token { scopes, details },
            (_, authority) => authority,
        }
    }

    /// Whether an action is in what is left to callers without a token, which have no scopes to lose.
    pub(crate) fn reaches(&self, route: &Route, caller: &Caller, action: &Action) -> bool {
        match (self.scopes(), caller) {
            (Some(rest), Caller::Nobody) => route.policy.allowing(action).any(|scope| rest.contains(scope)),
            _ => true,
        }
    }
}
