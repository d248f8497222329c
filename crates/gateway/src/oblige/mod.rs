//! Obligations: what must be done besides, because a policy permits a message only together with it.
//!
//! They travel in the permits. [`before`] sees to all that must be done before a call is recorded and forwarded, and leaves
//! as [`Owed`] what must be done to what comes back, which [`after`] does before anything is released. An obligation that
//! nobody here meets refuses the message: there is one `match` for each of them, without a way around it.

use crate::decide::Warrant;
use crate::fault::Fault;
use crate::gateway::Inner;
use crate::question::Asked;
use crate::scene::Scene;
use prokura_core::{Demand, Denial, Obligation, Permit, Reason, ScopeSet, Timestamp};
use prokura_ledger::Event;
use prokura_oauth::json::{self, Limits, Object, Value};
use prokura_policy::pdp::{from_object, to_object};

/// What must still be done to what comes back of a message.
#[derive(Default)]
pub(crate) struct Owed {
    /// What; in the order of the policies.
    pub(crate) obligations: Vec<Obligation>,
    /// What was asked about the call, so that it can be asked about parts of its result.
    #[allow(dead_code, reason = "rows will ask by it")]
    pub(crate) asked: Option<Asked>,
    /// The arguments of the call, where something is owed.
    pub(crate) arguments: Option<Object>,
}

/// Does what must be done before a message is recorded and forwarded.
///
/// # Errors
/// [`Fault::Denied`] if another sign-in is needed; [`Fault::Unmet`] if nobody here can do what must be done.
pub(crate) async fn before(
    scene: &Scene,
    warrant: &Warrant,
    asked: Option<Asked>,
    arguments: Option<&Object>,
    now: Timestamp,
) -> Result<Owed, Fault> {
    let mut owed = Owed { asked, ..Owed::default() };
    for granted in warrant.each() {
        for obligation in granted.permit.obligations() {
            match obligation {
                // Met by `results`, which marks what was filtered or read with a token.
                Obligation::MarkPrivate => {}
                // Met by `scene`, whose entry says it.
                Obligation::Review(_) => {}
                Obligation::SignIn(demand) => signed_in(scene, *demand, now)?,
                Obligation::Rewrite(_) | Obligation::Rows(_) | Obligation::SizeAtMost(_) => {
                    owed.add(obligation)?;
                }
                Obligation::Rate(_) => return Err(Fault::Unmet("rate")),
                Obligation::Approval(_) => return Err(Fault::Unmet("approval")),
            }
        }
    }
    owed.arguments = arguments.filter(|_| !owed.obligations.is_empty()).cloned();
    Ok(owed)
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

/// Does to a result, or to a notification that carries one, what must be done before it is released.
///
/// # Errors
/// [`Fault::Unmet`] if it cannot be done.
pub(crate) async fn after(_inner: &Inner, owed: &Owed, _result: &mut Object) -> Result<(), Fault> {
    match owed.obligations.first() {
        None => Ok(()),
        Some(obligation) => Err(Fault::Unmet(name(obligation))),
    }
}

impl Owed {
    /// Takes on what [`after`] does.
    fn add(&mut self, obligation: &Obligation) -> Result<(), Fault> {
        if !is_done_after(obligation) {
            return Err(Fault::Unmet(name(obligation)));
        }
        if !self.obligations.contains(obligation) {
            self.obligations.push(obligation.clone());
        }
        Ok(())
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

/// Whether [`after`] knows how to do it.
fn is_done_after(_: &Obligation) -> bool {
    false
}

/// The word of an obligation, as policies write it.
fn name(obligation: &Obligation) -> &'static str {
    use prokura_core::Rewriting as R;
    match obligation {
        Obligation::MarkPrivate => "private",
        Obligation::Rewrite(rewrite) => match rewrite.how {
            R::Drop => "drop",
            R::Redact => "redact",
            R::Mask(_) => "mask",
            R::Hash => "hash",
            R::Only(_) => "only",
        },
        Obligation::Rows(_) => "rows",
        Obligation::SizeAtMost(_) => "size",
        Obligation::Rate(_) => "rate",
        Obligation::Approval(_) => "approval",
        Obligation::SignIn(_) => "sign_in",
        Obligation::Review(_) => "review",
    }
}
