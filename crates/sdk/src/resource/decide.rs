//! Which scopes a request needs, and whether the caller has them.

use super::Caller;
use super::refusal::Refusal;
use prokura_core::{Action, ActionPattern, Scope, ScopeSet};
use prokura_mcp::envelope::Message;
use prokura_mcp::method::{BadCall, Touch, of_notification, of_request};
use prokura_mcp::version::Era;

/// The scopes of a resource.
#[derive(Debug, Clone, Default)]
pub(super) struct Scopes {
    /// Each with the actions that it opens, in the developer's order.
    pub(super) mapped: Vec<(Scope, Vec<ActionPattern>)>,
    /// What every request needs.
    pub(super) needed: ScopeSet,
}

impl Scopes {
    /// All of them.
    pub(super) fn all(&self) -> ScopeSet {
        self.mapped.iter().map(|(scope, _)| scope.clone()).collect::<ScopeSet>().union(&self.needed)
    }

    /// Whether messages are to be read.
    pub(super) fn reads_messages(&self) -> bool {
        !self.mapped.is_empty()
    }

    /// Whether the caller may send anything at all.
    pub(super) fn check_request(&self, caller: &Caller) -> Result<(), Refusal> {
        if self.needed.is_within(caller.scopes()) {
            return Ok(());
        }
        Err(Refusal::Scope { ask: caller.scopes().union(&self.needed) })
    }

    /// Whether the caller may do everything that a message asks for. If something is missing, the challenge asks for
    /// all of it at once; what no scope opens, none would help.
    pub(super) fn check_message(&self, caller: &Caller, message: &Message) -> Result<(), Refusal> {
        let mut missing = ScopeSet::default();
        for action in touched(message)? {
            let mut opening = self.opening(&action);
            match opening.next() {
                None => return Err(Refusal::Unmapped),
                Some(first) => {
                    let held =
                        caller.scopes().contains(first) || opening.any(|s| caller.scopes().contains(s));
                    if !held {
                        missing = missing.union(&std::iter::once(first.clone()).collect());
                    }
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Refusal::Scope { ask: caller.scopes().union(&missing) }) }
    }

    fn opening<'a>(&'a self, action: &'a Action) -> impl Iterator<Item = &'a Scope> {
        let opens =
            move |(_, patterns): &&(Scope, Vec<ActionPattern>)| patterns.iter().any(|p| p.matches(action));
        self.mapped.iter().filter(opens).map(|(scope, _)| scope)
    }
}

/// What a message touches. Lists, tasks and the protocol itself touch nothing that has a name.
fn touched(message: &Message) -> Result<Vec<Action>, Refusal> {
    let touch = match message {
        Message::Request(_, call) => in_either_era(|era| of_request(call, era)),
        Message::Notification(call) => in_either_era(|era| of_notification(call, era)),
        Message::Response(..) => Ok(Touch::Protocol),
    };
    match touch.map_err(Refusal::Call)? {
        Touch::Actions(actions) => Ok(actions),
        Touch::Protocol | Touch::List(_) | Touch::Task => Ok(Vec::new()),
    }
}

/// Which era a server speaks is its own affair; what a method touches is the same in both.
fn in_either_era(read: impl Fn(Era) -> Result<Touch, BadCall>) -> Result<Touch, BadCall> {
    match read(Era::Modern) {
        Err(BadCall::Unknown | BadCall::UnknownNotification) => read(Era::Legacy),
        read => read,
    }
}
