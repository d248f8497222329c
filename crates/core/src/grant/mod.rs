//! Grants: stored authority. A grant survives its tokens; it is the unit of consent, delegation and revocation.

mod budget;
mod chain;
mod edit;
mod held;
mod terms;
mod within;

pub use budget::{Amount, Budget, Draw, InvalidBudget, Sum};
pub use chain::{BrokenChain, Chain, ChildRequest, Effective, NoPassage, Passages};
pub use edit::{Edit, InvalidEdit};
pub use held::Held;
pub use terms::{Duty, MayAct, Terms};

use crate::{
    AgentId, Details, GrantId, InvalidDetail, Principal, ResourceUri, ScopeSet, TaskId, Timestamp, UserId,
};

/// Why a grant exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A user agreed, in this interaction.
    Consent {
        /// The interaction in which the user agreed.
        interaction: String,
    },
    /// The operator wrote it into the configuration.
    Configuration,
    /// The operator's rules lead to this agent from what its infrastructure says of a workload.
    Policy,
    /// An identity provider that the operator trusts vouched for the user (ID-JAG).
    IdJag {
        /// Who vouched.
        issuer: String,
        /// The `jti` of the assertion.
        jti: String,
    },
    /// An administrator agreed for users: an enterprise consent.
    Administrator {
        /// The name of the enterprise consent.
        consent: String,
    },
    /// A token was exchanged (RFC 8693): who holds the parent's authority is acted for by the grantee.
    Exchange {
        /// The rule of the operator, or `consent` where the user named the grantee, that let it.
        by: String,
    },
    /// Somebody agreed to one call: the grant is good for exactly that, once.
    Approval {
        /// The task that was agreed to.
        task: TaskId,
        /// The SHA-256 of the canonical arguments (RFC 8785), in base64url.
        arguments: String,
    },
}

/// Who made a grant: the user who agreed, the agent whose authority is passed on, or the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantor {
    /// The user whose authority it is.
    User(UserId),
    /// The agent that holds the parent.
    Agent(AgentId),
    /// The operator, by configuration or policy.
    Operator,
}

/// Who ended a grant, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When it ended.
    pub at: Timestamp,
    /// Who ended it: a principal's id, `operator` or `system`.
    pub by: String,
    /// Why, in a few words.
    pub why: String,
}

/// Where a grant is in its life. `Revoked` is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantState {
    /// In force.
    Active,
    /// Paused; may become active again.
    Suspended,
    /// Ended for ever.
    Revoked(Revocation),
}

/// Stored authority: what `grantee` may do at `resource` with the authority of `subject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The grants it was made under; empty only for a root.
    pub parents: Vec<GrantId>,
    /// Whose authority is used.
    pub subject: Principal,
    /// Who made it.
    pub grantor: Grantor,
    /// The agent that may use it.
    pub grantee: AgentId,
    /// Where.
    pub resource: ResourceUri,
    /// What: the scopes that bundle the actions.
    pub actions: ScopeSet,
    /// Which tools, and with which arguments, whatever the scopes say. Where there are details and no scopes, the
    /// details alone say what may be done.
    pub details: Details,
    /// Not to be used before.
    pub not_before: Timestamp,
    /// Not to be used from then on.
    pub expires_at: Timestamp,
    /// How many more hops may be made below it.
    pub depth_left: u8,
    /// Who may hold a part of it, what must be done besides, and how much of it there is.
    pub terms: Terms,
    /// Why it exists.
    pub evidence: Evidence,
    /// Where it is in its life.
    pub state: GrantState,
    /// Counts changes, for compare-and-swap.
    pub revision: u64,
}

/// Why a child cannot be made under a parent, or a grant cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NarrowingError {
    /// The grant is suspended or revoked.
    #[error("the grant is not in force")]
    NotActive,
    /// It is too early or too late.
    #[error("the grant is not valid at this time")]
    OutsideTime,
    /// Another resource was asked for.
    #[error("the grant is for another resource")]
    Resource,
    /// More was asked for than the parent holds.
    #[error("the grant does not hold `{0}`")]
    Actions(ScopeSet),
    /// Tools were asked for that the parent's details do not name, or more than can be kept.
    #[error("{0}")]
    Details(#[from] InvalidDetail),
    /// No scope was asked for that opens anything, although the parent does not stand by its details: without one, details
    /// alone would count.
    #[error("name the scopes beside the details")]
    NoScope,
    /// No further hop is allowed.
    #[error("the grant allows no further delegation")]
    Depth,
    /// An agent was named that may not hold a part of it.
    #[error("the grant does not let `{0}` hold a part of it")]
    MayAct(AgentId),
    /// An edit would add something.
    #[error("that would be {0}: an edit only takes away")]
    Wider(&'static str),
    /// Several parents have different subjects: their authority is nobody's together.
    #[error("the parents are grants of different subjects")]
    Subjects,
    /// Nothing is left of what it held, since a grant above it was narrowed.
    #[error("nothing is left of it")]
    Nothing,
}

impl Grant {
    /// Whether the grant may be used at `now`.
    ///
    /// # Errors
    /// [`NarrowingError::NotActive`] or [`NarrowingError::OutsideTime`].
    pub fn usable_at(&self, now: Timestamp) -> Result<(), NarrowingError> {
        if self.state != GrantState::Active {
            return Err(NarrowingError::NotActive);
        }
        if now < self.not_before || now >= self.expires_at {
            return Err(NarrowingError::OutsideTime);
        }
        Ok(())
    }

    /// The user whose authority is used, if it is a user's.
    pub fn user(&self) -> Option<&UserId> {
        match &self.subject {
            Principal::User(user) => Some(user),
            Principal::Agent(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn grant() -> Grant {
        Grant {
            id: GrantId::parse("g_1").unwrap(),
            parents: vec![],
            subject: Principal::User(UserId::parse("usr_alice").unwrap()),
            grantor: Grantor::User(UserId::parse("usr_alice").unwrap()),
            grantee: AgentId::parse("agt_planner").unwrap(),
            resource: ResourceUri::parse("https://as.example/mcp/crm").unwrap(),
            actions: ScopeSet::parse("read write").unwrap(),
            details: Details::default(),
            not_before: Timestamp::from_seconds(10),
            expires_at: Timestamp::from_seconds(100),
            depth_left: 1,
            terms: Terms::default(),
            evidence: Evidence::Configuration,
            state: GrantState::Active,
            revision: 0,
        }
    }

    #[test]
    fn the_bounds_of_time_are_closed_below_and_open_above() {
        let at = |s| grant().usable_at(Timestamp::from_seconds(s));
        assert_eq!((at(9), at(10), at(99)), (Err(NarrowingError::OutsideTime), Ok(()), Ok(())));
        assert_eq!(at(100), Err(NarrowingError::OutsideTime));
        assert_eq!(grant().usable_at(Timestamp::from_seconds(100).before(Duration::from_micros(1))), Ok(()));
    }

    #[test]
    fn a_suspended_grant_gives_nothing() {
        let paused = Grant { state: GrantState::Suspended, ..grant() };
        assert_eq!(paused.usable_at(Timestamp::from_seconds(50)), Err(NarrowingError::NotActive));
    }
}
