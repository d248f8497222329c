//! Terms: what comes with a grant besides what it allows. A child may have harder terms, never softer ones.

use super::{Budget, NarrowingError};
use crate::{AgentId, Demand};
use std::collections::BTreeSet;

/// Who may hold a part of a grant, what must be done besides, and how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Who may be made a grantee below.
    pub may_act: MayAct,
    /// What must be done besides. A child has all of its parents' and may have more.
    pub duties: BTreeSet<Duty>,
    /// How much may be used, drawn from by everything below too.
    pub budget: Option<Budget>,
}

/// Who may be made a grantee below a grant, directly or further down (`may_act`, RFC 8693 §4.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MayAct {
    /// Whom the operator's rules let.
    #[default]
    ByRule,
    /// Nobody but these; with none, nobody. In a root it is the user who names them, and that is enough: no rule has to.
    Only(BTreeSet<AgentId>),
}

/// Something that must be done or be so besides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// The user must have signed in at least so surely and so freshly (RFC 9470).
    SignIn(Demand),
}

impl MayAct {
    /// Whether it lets `agent`, as far as it says.
    pub fn lets(&self, agent: &AgentId) -> bool {
        match self {
            Self::ByRule => true,
            Self::Only(agents) => agents.contains(agent),
        }
    }

    /// Whether it names `agent`.
    pub fn names(&self, agent: &AgentId) -> bool {
        matches!(self, Self::Only(agents) if agents.contains(agent))
    }

    /// Those that both let.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::ByRule, one) | (one, Self::ByRule) => one.clone(),
            (Self::Only(a), Self::Only(b)) => Self::Only(a.intersection(b).cloned().collect()),
        }
    }

    /// What a child that asks for `asked` has under it.
    ///
    /// # Errors
    /// [`NarrowingError::MayAct`] names an agent that it does not let.
    pub fn narrow(&self, asked: &Self) -> Result<Self, NarrowingError> {
        if let Self::Only(agents) = asked
            && let Some(wider) = agents.iter().find(|agent| !self.lets(agent))
        {
            return Err(NarrowingError::MayAct(wider.clone()));
        }
        Ok(self.meet(asked))
    }
}
