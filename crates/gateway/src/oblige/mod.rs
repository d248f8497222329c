//! Obligations: what must be done besides, because a policy permits a message only together with it.
//!
//! They travel in the permits. [`before`] sees to all that must be done before a call is recorded and forwarded, and leaves
//! as [`Owed`] what must be done to what comes back, which [`after`] does before anything is released. An obligation that
//! nobody here meets refuses the message: there is one `match` for each of them, without a way around it.

mod after;
mod document;
mod due;
mod origins;
mod rate;
mod release;
mod target;

pub(crate) use after::{after, error, meanwhile};
pub(crate) use due::{Tally, Withheld};
pub(crate) use origins::Origins;

use crate::decide::{Granted, Warrant};
use crate::fault::Fault;
use crate::question::Asked;
use crate::scene::Scene;
use prokura_core::{Action, Demand, Denial, Obligation, Permit, Reason, ScopeSet, Timestamp};
use prokura_ledger::Event;
use prokura_oauth::json::{self, Limits, Object, Value};
use prokura_policy::pdp::{from_object, to_object};

mod approval;
mod unapproved;

pub(crate) use approval::{Approvals, Spend};
pub(crate) use unapproved::{INPUT, Returned, Speaks, Unapproved};
#[cfg(test)]
pub(crate) use unapproved::{Reply, Waits};

/// What must still be done to what comes back of a message.
#[derive(Default)]
pub(crate) struct Owed {
    /// What is used and noted in the transaction that records the permits.
    pub(crate) due: Due,
    /// What; in the order of the policies.
    pub(crate) obligations: Vec<Obligation>,
    /// What was asked about the call, so that it can be asked about parts of its result.
    pub(crate) asked: Option<Asked>,
    /// The arguments of the call, where something is owed.
    pub(crate) arguments: Option<Object>,
    /// What was done so far.
    pub(crate) tally: Tally,
}

/// What is done in the transaction that records the permits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Due {
    /// Agreements that are used up.
    pub(crate) spends: Vec<Spend>,
    /// Standing agreements that a call falls under.
    pub(crate) standing: Vec<String>,
    /// What is looked at afterwards: the action, and why.
    pub(crate) reviews: Vec<(String, String)>,
}

/// Does what must be done before a message is recorded and forwarded. `back` says where the client was sent before, and
/// how it can be sent somewhere.
///
/// # Errors
/// [`Fault::Denied`] if another sign-in is needed; [`Fault::Unapproved`] if somebody has to agree first; [`Fault::Unmet`]
/// if nobody here can do what must be done.
pub(crate) async fn before(
    scene: &Scene,
    warrant: &Warrant,
    asked: Option<Asked>,
    arguments: Option<&Object>,
    back: Option<(&Returned, &Speaks<'_>)>,
    now: Timestamp,
) -> Result<Owed, Fault> {
    let (mut owed, mut said) = (Owed { asked, ..Owed::default() }, Vec::new());
    for (place, granted) in warrant.each().enumerate() {
        for obligation in &weighed(scene, granted, arguments, now).await? {
            match obligation {
                // Met by `results`, which marks what was filtered or read with a token.
                Obligation::MarkPrivate => {}
                Obligation::Review(why) => {
                    let action =
                        granted.permit.action().map_or_else(|| scene.action.clone(), Action::to_string);
                    owed.due.reviews.push((action, why.clone()));
                }
                Obligation::SignIn(demand) => signed_in(scene, *demand, now)?,
                Obligation::Rewrite(_) | Obligation::Rows(_) | Obligation::SizeAtMost(_) => {
                    owed.add(obligation);
                }
                // Asked for together, below.
                Obligation::Approval(need) if back.is_some() => said.push((place, need.clone())),
                Obligation::Approval(_) => return Err(Fault::Unmet("approval")),
                Obligation::Target(_) => return Err(Fault::Unmet("target")),
                // Counted last.
                Obligation::Rate(_) => {}
            }
        }
    }
    if let Some(back) = back {
        let call = back.1.said(arguments);
        let call = call.as_deref();
        let needs = approval::needs(scene, warrant, &said, owed.asked.as_ref(), call);
        if !needs.is_empty() {
            (owed.due.spends, owed.due.standing) = approval::agreed(scene, needs, call, back, now).await?;
            // What falls under a standing agreement was read by nobody.
            if let Some(call) = call.filter(|_| !owed.due.spends.is_empty()) {
                target::approved(scene, &Value::Object(call.clone()), now);
            }
        }
    }
    for granted in warrant.each() {
        for obligation in granted.permit.obligations() {
            if let Obligation::Rate(rate) = obligation {
                rate::take(scene, granted.permit.action(), *rate, now)?;
            }
        }
    }
    owed.arguments = arguments.filter(|_| !owed.obligations.is_empty()).cloned();
    Ok(owed)
}

/// The obligations of a permit, without those on targets: they are met, or somebody must agree.
async fn weighed(
    scene: &Scene,
    granted: &Granted,
    arguments: Option<&Object>,
    now: Timestamp,
) -> Result<Vec<Obligation>, Fault> {
    let mut weighed = Vec::new();
    for obligation in granted.permit.obligations() {
        let Obligation::Target(aimed) = obligation else {
            weighed.push(obligation.clone());
            continue;
        };
        let tool = granted.permit.action().map_or("", |action| action.name.as_str());
        let arguments = Value::Object(arguments.cloned().unwrap_or_default());
        let call = target::Call { scene, tool, arguments: &arguments, now };
        weighed.extend(target::weigh(&call, aimed).await?);
    }
    Ok(weighed)
}

fn signed_in(scene: &Scene, demand: Demand, now: Timestamp) -> Result<(), Fault> {
    if demand.is_met_by(scene.caller.sign_in(), now) {
        return Ok(());
    }
    let held = scene.caller.token().map(|t| t.scopes.clone()).unwrap_or_default();
    let denial = Denial { reason: Reason::SignIn(demand), missing: ScopeSet::default() };
    Err(Fault::Denied { ask: scene.route.asked(scene.caller.source(), &held), denial, remedy: None })
}

/// Says in the record what must be done besides.
pub(crate) fn note(permit: &Permit, event: &mut Event) {
    let all = permit.obligations().iter();
    let said: Vec<_> = all.filter_map(to_object).map(Value::Object).collect();
    if !said.is_empty() {
        event.details.insert("obligations", Value::Array(said));
    }
}

impl Owed {
    /// Takes on what [`after`] does.
    fn add(&mut self, obligation: &Obligation) {
        if !self.obligations.contains(obligation) {
            self.obligations.push(obligation.clone());
        }
    }
}

/// What is owed, to be sealed into the handle of what comes later: a task, an event of a stream.
pub(crate) fn to_bytes(owed: &[Obligation]) -> Vec<u8> {
    if owed.is_empty() {
        return Vec::new();
    }
    Value::Array(owed.iter().filter_map(to_object).map(Value::Object).collect()).to_vec()
}

/// Reads what [`to_bytes`] wrote.
pub(crate) fn read_owed(bytes: &[u8]) -> Option<Vec<Obligation>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let value = json::parse(bytes, &Limits::DOCUMENT).ok()?;
    value.as_array()?.iter().map(|o| from_object(o.as_object()?).ok()).collect()
}

#[cfg(test)]
mod tests;
