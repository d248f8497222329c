//! What somebody signs in for. It stands in the address, so that the sign-ins of two tabs lead each to its own.

use crate::people::{PageFault, People, Visit};
use prokura_core::InteractionId;

/// What somebody signs in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goal {
    /// To see the account.
    Account,
    /// To prove once more who they are, before they change the ways into the account.
    Again,
    /// To answer what software asks.
    Interaction(InteractionId),
}

impl Goal {
    /// The goal that the query of an address names.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, PageFault> {
        match query.unwrap_or_default() {
            "" => Ok(Self::Account),
            "again" => Ok(Self::Again),
            query => {
                let id = query
                    .strip_prefix("i=")
                    .filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
                let id = id.and_then(|id| InteractionId::parse(id).ok());
                id.map(Self::Interaction).ok_or(PageFault::Missing)
            }
        }
    }

    /// The query that [`parse`](Self::parse) reads.
    pub(super) fn query(&self) -> String {
        match self {
            Self::Account => String::new(),
            Self::Again => "again".to_owned(),
            Self::Interaction(id) => format!("i={id}"),
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
        }
    }

    /// How old, in seconds, a sign-in for it may be, if that matters: 0 if it has to be made anew.
    pub(super) async fn max_age(&self, people: &People, visit: &Visit) -> Result<Option<u64>, PageFault> {
        match self {
            Self::Account => Ok(None),
            Self::Again => Ok(Some(0)),
            Self::Interaction(id) => people.freshness(visit, id).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_comes_back_from_its_query() {
        for goal in [Goal::Account, Goal::Again, Goal::Interaction(InteractionId::parse("i_1").unwrap())] {
            assert_eq!(Goal::parse(Some(&goal.query())).unwrap(), goal);
        }
        for odd in ["i=", "i=a/b", "x", "again=1", "i=a&m=b"] {
            assert!(Goal::parse(Some(odd)).is_err(), "{odd}");
        }
    }
}
