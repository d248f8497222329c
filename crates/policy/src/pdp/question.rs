//! What is asked.

use super::{Directory, Entity, EntityId};
use prokura_core::Timestamp;
use prokura_oauth::json::Object;

/// One request, as every engine sees it: whose authority, who acts, what is done with which arguments, to what, and what else
/// is known. The members are those of AuthZEN (Authorization API 1.0, §5); `actor`, `chain` and `grant` stand in its
/// context.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Whose authority is used: `User::"usr_alice"`, or the agent itself.
    pub subject: &'a Entity,
    /// Who uses it, where that is somebody else: `Agent::"agt_planner"`.
    pub actor: Option<&'a Entity>,
    /// Everybody through whom it came, the current actor first.
    pub chain: &'a [EntityId],
    /// The grant that it rests on.
    pub grant: Option<&'a str>,
    /// What is done: the name that policies have for it.
    pub action: &'a str,
    /// With which arguments. None where none are known yet, as in a list.
    pub arguments: Option<&'a Object>,
    /// To what: `Employee::"e7"`, or the tool or resource itself.
    pub resource: &'a Entity,
    /// What else is known: `tool` (name, hints), `resource_server`, `facts`, `device`, `scopes`, `now`.
    pub context: &'a Object,
    /// Everybody and everything else.
    pub directory: &'a dyn Directory,
    /// The time of the request.
    pub now: Timestamp,
}
