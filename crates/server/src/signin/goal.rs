//! What somebody signs in for. It stands in the address, so that the sign-ins of two tabs lead each to its own.

use crate::people::{PageFault, People, Visit};
use prokura_core::{AskId, InteractionId, TaskId};

/// What somebody signs in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goal {
    /// To see the account.
    Account,
    /// To prove once more who they are, before they change the ways into the account.
    Again,
    /// To answer what software asks.
    Interaction(InteractionId),
    /// To answer what software asks from elsewhere.
    Ask(AskId),
    /// To decide on a call; `sure` if they have to sign in anew for it.
    Approve {
        /// Which.
        task: TaskId,
        /// Whether a sign-in that was made before will not do.
        sure: bool,
    },
}

impl Goal {
    /// The goal that the query of an address names.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, PageFault> {
        match query.unwrap_or_default() {
            "" => Ok(Self::Account),
            "again" => Ok(Self::Again),
            query => Self::named(query).ok_or(PageFault::Missing),
        }
    }

    fn named(query: &str) -> Option<Self> {
        let (kind, id) = query.split_once('=')?;
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        match kind {
            "i" => InteractionId::parse(id).ok().map(Self::Interaction),
            "q" => AskId::parse(id).ok().map(Self::Ask),
            "a" => TaskId::parse(id).ok().map(|task| Self::Approve { task, sure: false }),
            "sure" => TaskId::parse(id).ok().map(|task| Self::Approve { task, sure: true }),
            _ => None,
        }
    }

    /// The query that [`parse`](Self::parse) reads.
    pub(super) fn query(&self) -> String {
        match self {
            Self::Account => String::new(),
            Self::Again => "again".to_owned(),
            Self::Interaction(id) => format!("i={id}"),
            Self::Ask(id) => format!("q={id}"),
            Self::Approve { task, sure: false } => format!("a={task}"),
            Self::Approve { task, sure: true } => format!("sure={task}"),
        }
    }

    /// A path with this goal.
    pub(super) fn at(&self, path: &str) -> String {
        match self {
            Self::Account => path.to_owned(),
            _ => format!("{path}?{}", self.query()),
        }
    }

    /// Where a browser goes after it has signed in.
    pub(super) fn onward(&self, people: &People) -> String {
        match self {
            Self::Account => people.path("/account"),
            Self::Again => people.path("/account/security"),
            Self::Interaction(id) => people.path(&format!("/interaction/{id}")),
            Self::Ask(id) => people.path(&format!("/asks/{id}")),
            Self::Approve { task, .. } => people.path(&format!("/approve/{task}")),
        }
    }

    /// How old, in seconds, a sign-in for it may be, if that matters: 0 if it has to be made anew.
    pub(super) async fn max_age(&self, people: &People, visit: &Visit) -> Result<Option<u64>, PageFault> {
        match self {
            Self::Account | Self::Ask(_) | Self::Approve { sure: false, .. } => Ok(None),
            Self::Again | Self::Approve { sure: true, .. } => Ok(Some(0)),
            Self::Interaction(id) => people.freshness(visit, id).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_comes_back_from_its_query() {
        let task = TaskId::parse("apt_1").unwrap();
        for goal in [
            Goal::Account,
            Goal::Again,
            Goal::Interaction(InteractionId::parse("i_1").unwrap()),
            Goal::Ask(AskId::parse("ask_1").unwrap()),
            Goal::Approve { task: task.clone(), sure: false },
            Goal::Approve { task, sure: true },
        ] {
            assert_eq!(Goal::parse(Some(&goal.query())).unwrap(), goal);
        }
        for odd in ["i=", "i=a/b", "x", "again=1", "i=a&m=b", "a=", "a=x/y"] {
            assert!(Goal::parse(Some(odd)).is_err(), "{odd}");
        }
    }
}
