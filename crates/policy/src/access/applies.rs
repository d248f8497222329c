//! Whom a policy concerns.

use super::{Situation, Stage};
use prokura_core::{ActionPattern, AgentId, ClientId, Principal, UserId};

/// Whom a policy concerns: all that is named must hold, and what is left empty holds for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applies {
    /// These agents.
    pub agents: Vec<AgentId>,
    /// The authority of these users.
    pub users: Vec<UserId>,
    /// These clients.
    pub clients: Vec<ClientId>,
    /// Resources of these names.
    pub resources: Vec<String>,
    /// These actions; the policy then concerns calls only, since a token is issued for no single action.
    pub actions: Vec<ActionPattern>,
    /// These stages.
    pub stages: Vec<Stage>,
    /// Workloads that these providers vouch for.
    pub providers: Vec<String>,
}

/// Why a policy does not concern a situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    Stage,
    Agent,
    User,
    Client,
    Resource,
    Action,
    Provider,
}

impl Beside {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stage => "another stage",
            Self::Agent => "another agent",
            Self::User => "another user",
            Self::Client => "another client",
            Self::Resource => "another resource",
            Self::Action => "another action",
            Self::Provider => "no workload of the providers",
        }
    }
}

impl Applies {
    /// Whether the policy concerns this.
    pub(super) fn to(&self, situation: &Situation<'_>) -> Result<(), Beside> {
        let among = |named: bool, beside| if named { Ok(()) } else { Err(beside) };
        among(self.stages.is_empty() || self.stages.contains(&situation.stage), Beside::Stage)?;
        among(is_named(&self.agents, situation.agent), Beside::Agent)?;
        let user = match situation.subject {
            Some(Principal::User(user)) => Some(user),
            _ => None,
        };
        among(is_named(&self.users, user), Beside::User)?;
        among(is_named(&self.clients, situation.client), Beside::Client)?;
        let resource = self.resources.is_empty() || self.resources.iter().any(|r| r == situation.resource);
        among(resource, Beside::Resource)?;
        let acted_on = situation.action.is_some_and(|a| self.actions.iter().any(|p| p.matches(a)));
        among(self.actions.is_empty() || acted_on, Beside::Action)?;
        let vouched = situation.workload.is_some_and(|w| self.providers.iter().any(|p| **p == *w.provider));
        among(self.providers.is_empty() || vouched, Beside::Provider)
    }
}

fn is_named<T: PartialEq>(named: &[T], this: Option<&T>) -> bool {
    named.is_empty() || this.is_some_and(|this| named.contains(this))
}
