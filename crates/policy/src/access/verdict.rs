//! What comes of it.

use super::condition::earlier;
use super::policy::{Mode, PolicyName, PolicySetId};
use prokura_core::{Fact, FactName, ScopeSet, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// What is taken from an authority.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowing {
    /// These scopes.
    pub without: ScopeSet,
    /// A token lives at most so long.
    pub life: Option<Duration>,
}

/// A narrowing would leave nothing: a token without scopes says something else than one with few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("conditional access leaves nothing of what was asked for")]
pub struct NothingLeft;

impl Narrowing {
    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let life = match (self.life, other.life) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { without: self.without.union(&other.without), life }
    }

    /// What is left of `scopes`.
    ///
    /// # Errors
    /// [`NothingLeft`] if something is taken away and no scope is left but such as only tell who the user is: without
    /// scopes, the details of a token alone would say what it may do.
    pub fn of(&self, scopes: &ScopeSet) -> Result<ScopeSet, NothingLeft> {
        let left = scopes.difference(&self.without);
        let opens = left.iter().any(|scope| !scope.is_of_identity());
        if left.len() == scopes.len() || opens { Ok(left) } else { Err(NothingLeft) }
    }
}

/// What the policies say together, or one of them alone. Later is stricter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing stands in the way.
    Permit,
    /// Less than was asked for.
    Narrowed(Narrowing),
    /// A person must agree first.
    Approval,
    /// No.
    Deny,
    /// No, and the workload, or else the agent, is disabled until an operator enables it.
    Quarantine,
}

impl Outcome {
    /// Its word in configuration and the record.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Narrowed(_) => "narrow",
            Self::Approval => "approval",
            Self::Deny => "deny",
            Self::Quarantine => "quarantine",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Permit => 0,
            Self::Narrowed(_) => 1,
            Self::Approval => 2,
            Self::Deny => 3,
            Self::Quarantine => 4,
        }
    }

    /// The stricter of both; two narrowings together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Narrowed(a), Self::Narrowed(b)) => Self::Narrowed(a.and(&b)),
            (a, b) if b.rank() > a.rank() => b,
            (a, _) => a,
        }
    }

    /// Whether something goes on, if only with less.
    pub fn permits(&self) -> bool {
        matches!(self, Self::Permit | Self::Narrowed(_))
    }
}

/// A fact that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its name.
    pub name: FactName,
    /// What was known; `None` if nothing.
    pub fact: Option<Arc<Fact>>,
    /// Whether it counted: known, and fresh enough for every test that looked at it.
    pub counts: bool,
}

/// What one policy that applied came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// Which.
    pub policy: PolicyName,
    /// Whether it counts or only reports.
    pub mode: Mode,
    /// What it came to.
    pub outcome: Outcome,
    /// For administrators: the tests that were not met, expected against received. Empty if it permits.
    pub unmet: Vec<String>,
}

/// The answer of all policies to one situation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What follows: the strictest of all policies that are on.
    pub outcome: Outcome,
    /// Until when it holds as far as is known: the end of the time window, and of the facts that it rests on. No token
    /// that is issued by it lives longer. `None`: nothing bounds it.
    pub until: Option<Timestamp>,
    /// Every policy that applied, in the order of the configuration; those that only report as well.
    pub weighed: Vec<Weighed>,
    /// The facts that were looked at.
    pub used: Vec<Used>,
    /// Which policies these were: changes whenever one of them does.
    pub set: PolicySetId,
    /// When.
    pub at: Timestamp,
}

impl Verdict {
    /// The policies that are on and came to what the whole came to.
    pub fn decisive(&self) -> impl Iterator<Item = &Weighed> {
        self.weighed.iter().filter(|w| w.mode == Mode::On && w.outcome.rank() == self.outcome.rank())
    }

    /// What the policies that only report would have made of it, where that is stricter than what was done.
    pub fn would_have(&self) -> impl Iterator<Item = &Weighed> {
        self.weighed.iter().filter(|w| w.mode == Mode::ReportOnly && w.outcome.rank() > self.outcome.rank())
    }

    /// Both together: of one message that does several things.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.outcome = self.outcome.and(other.outcome);
        self.until = earlier(self.until, other.until);
        for weighed in other.weighed {
            if !self.weighed.contains(&weighed) {
                self.weighed.push(weighed);
            }
        }
        for used in other.used {
            if !self.used.contains(&used) {
                self.used.push(used);
            }
        }
        self
    }

    /// Whether nothing is worth a word in the record.
    pub fn is_silent(&self) -> bool {
        self.weighed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(scopes: &str, life: Option<u64>) -> Narrowing {
        Narrowing { without: ScopeSet::parse(scopes).unwrap(), life: life.map(Duration::from_secs) }
    }

    #[test]
    fn the_strictest_wins_and_narrowings_add_up() {
        let all = [
            Outcome::Permit,
            Outcome::Narrowed(without("a", None)),
            Outcome::Approval,
            Outcome::Deny,
            Outcome::Quarantine,
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(&a.clone().and(b.clone()), &all[i.max(j)], "{a:?} and {b:?}");
            }
        }
        let both = Outcome::Narrowed(without("a", Some(60))).and(Outcome::Narrowed(without("b", Some(30))));
        assert_eq!(both, Outcome::Narrowed(without("a b", Some(30))));
    }

    #[test]
    fn a_narrowing_never_takes_all() {
        let scopes = |text| ScopeSet::parse(text).unwrap();
        let write = without("write", None);
        assert_eq!(write.of(&scopes("read write")), Ok(scopes("read")));
        assert_eq!(write.of(&scopes("write")), Err(NothingLeft));
        assert_eq!(write.of(&scopes("write openid")), Err(NothingLeft), "who the user is opens nothing");
        assert_eq!(write.of(&scopes("openid")), Ok(scopes("openid")));
        assert_eq!(write.of(&scopes("")), Ok(scopes("")), "nothing was taken");
    }
}
