//! Decide: every action of a message is put to the policy; all must be permitted.

use crate::access::Left;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::route::Route;
use crate::ruling::Ground;
use crate::tools::Tool;
use prokura_core::{
    Action, ActionKind, Decision, Demand, Denial, Duty, Node, Permit, Reason, ScopeSet, Timestamp,
};
use prokura_oauth::json::Value;
use prokura_oauth::rich;
use prokura_policy::{Request, decide};
use std::sync::Arc;

/// The permits for one message: what forwarding consumes. There is no way to make one but a decision.
#[derive(Debug)]
pub(crate) struct Warrant {
    first: Granted,
    more: Vec<Granted>,
}

/// A permit, and on what grounds it was given.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) permit: Permit,
    /// Why the authority of the token reaches so far.
    pub(crate) reason: Reason,
    /// Why the policies permit it, where there are any.
    pub(crate) ground: Option<Ground>,
    /// The tool as its description in force says, where it is pinned.
    pub(crate) tool: Option<Arc<Tool>>,
    /// Whether it is about what came of a call that was decided on before: nobody is asked to agree to that again.
    pub(crate) since: bool,
}

impl Warrant {
    /// The permits, and why each was given.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Granted> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The same, for policies to add theirs.
    pub(crate) fn each_mut(&mut self) -> impl Iterator<Item = &mut Granted> {
        std::iter::once(&mut self.first).chain(&mut self.more)
    }
}

/// Decides on all `actions`; on the protocol alone if there are none. If some are refused, the challenge asks for
/// everything that the message needs at once. `arguments` are those of a call; without them, what the actions came
/// of was decided on with them. `left` is what conditional access leaves of the authority.
pub(crate) fn all(
    route: &Route,
    caller: &Caller,
    left: &Left,
    actions: &[Action],
    arguments: Option<&dyn Node>,
    filtered: bool,
    now: Timestamp,
) -> Result<Warrant, Fault> {
    let (authority, sign_in) = (left.of(caller.authority()), caller.sign_in());
    let ask =
        |action| decide(&Request { authority, action, arguments, sign_in, now, filtered }, &route.policy);
    if actions.is_empty() {
        return warrant(route, caller, &[], vec![ask(None)]);
    }
    let warrant = warrant(route, caller, actions, actions.iter().map(|a| ask(Some(a))).collect())?;
    let Some(denial) = undone(caller, now) else { return Ok(warrant) };
    let held = caller.token().map(|t| t.scopes.clone()).unwrap_or_default();
    Err(Fault::Denied { ask: route.asked(caller.source(), &held), denial, remedy: None })
}

/// What must be done besides, by the grant of the token and those above it, and was not: one sign-in that would do for all
/// of it. As with what scopes demand, messages that touch nothing are not asked.
fn undone(caller: &Caller, now: Timestamp) -> Option<Denial> {
    let demand = |duty: &Duty| match duty {
        Duty::SignIn(demand) => *demand,
    };
    let all = caller.token()?.grant.duties.iter().map(demand).reduce(Demand::and)?;
    let unmet = !all.is_met_by(caller.sign_in(), now);
    unmet.then(|| Denial { reason: Reason::SignIn(all), missing: ScopeSet::default() })
}

fn warrant(
    route: &Route,
    caller: &Caller,
    actions: &[Action],
    decisions: Vec<Decision>,
) -> Result<Warrant, Fault> {
    let (mut permits, mut denials) = (Vec::new(), Vec::new());
    for decision in decisions {
        match decision {
            Decision::Permit(permit, reason) => {
                permits.push(Granted { permit, reason, ground: None, tool: None, since: false })
            }
            Decision::Challenge(denial) | Decision::Deny(denial) => denials.push(denial),
        }
    }
    let mut permits = permits.into_iter();
    match (permits.next(), refusal(denials)) {
        (Some(first), None) => Ok(Warrant { first, more: permits.collect() }),
        (_, denial) => {
            let denial = denial.unwrap_or(Denial { reason: Reason::Unmapped, missing: ScopeSet::default() });
            let held = caller.token().map(|t| t.scopes.clone()).unwrap_or_default();
            let ask = route.asked(caller.source(), &held.union(&denial.missing));
            let remedy = remedy(caller, actions, &denial);
            Err(Fault::Denied { ask, denial, remedy })
        }
    }
}

/// The details to ask for, where those of the token are what stands in the way. A token's own details are no secret
/// from who holds it.
fn remedy(caller: &Caller, actions: &[Action], denial: &Denial) -> Option<Value> {
    if !matches!(denial.reason, Reason::NotInDetails | Reason::Constraint(_)) {
        return None;
    }
    let tool = actions.iter().find(|a| a.kind == ActionKind::Tool)?;
    Some(rich::remedy(&tool.name, &caller.token()?.audience))
}

/// One refusal of several: if anything is denied for good, no scope would help; else all missing scopes would.
fn refusal(denials: Vec<Denial>) -> Option<Denial> {
    denials.into_iter().reduce(|a, b| match (a.missing.is_empty(), b.missing.is_empty()) {
        (true, _) => a,
        (_, true) => b,
        _ => Denial { missing: a.missing.union(&b.missing), reason: a.reason },
    })
}
