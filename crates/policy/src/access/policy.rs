//! The policies themselves.

use super::condition::Condition;
use super::verdict::{Narrowing, Outcome};
use super::{Applies, Situation};
use aws_lc_rs::digest::{SHA256, digest};
use prokura_core::FactName;
use prokura_oauth::json::Value;
use std::fmt;
use std::sync::Arc;

/// The name of a policy: a word of lower-case letters, digits and `_` that begins with a letter, so that its approval is
/// a fact of its own (`approval.NAME`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Arc<str>);

impl PolicyName {
    /// Reads a name; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        let named = begins && text.len() <= 64 && FactName::parse(&format!("approval.{text}")).is_ok();
        (named && !text.contains('.')).then(|| Self(text.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The fact by which an approval of this policy is known.
    pub fn approval(&self) -> Option<FactName> {
        FactName::parse(&format!("approval.{}", self.0)).ok()
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It counts.
    On,
    /// It is weighed, and what it would have done stands in the record; nothing follows from it.
    ReportOnly,
    /// It is not weighed.
    Off,
}

impl Mode {
    /// Its word in configuration and the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::ReportOnly => "report-only",
            Self::Off => "off",
        }
    }
}

/// What follows where a policy's conditions are not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    /// Less is given.
    Narrow(Narrowing),
    /// A person must agree first.
    Approval,
    /// Nothing is given.
    Deny,
    /// Nothing is given, and the workload, or else the agent, is disabled.
    Quarantine,
}

impl Otherwise {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Narrow(narrowing) => Outcome::Narrowed(narrowing.clone()),
            Self::Approval => Outcome::Approval,
            Self::Deny => Outcome::Deny,
            Self::Quarantine => Outcome::Quarantine,
        }
    }
}

/// One policy: whom it concerns, what must be so, and what follows if it is not.
#[derive(Debug, Clone)]
pub struct AccessPolicy {
    /// Its name.
    pub name: PolicyName,
    /// Whether it counts.
    pub mode: Mode,
    /// Whom it concerns.
    pub applies: Applies,
    /// What must be so; `None` if nothing helps and `otherwise` follows always.
    pub requires: Option<Condition>,
    /// What follows if it is not so. Where it is unknown whether it is, it is denied, unless a test says otherwise.
    pub otherwise: Otherwise,
}

/// Which policies these are: the hash of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicySetId(Arc<str>);

impl PolicySetId {
    /// Its text: `aps_` and 16 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(policies: &[AccessPolicy]) -> Self {
        let all = policies.iter().map(|p| Value::Object(p.to_object())).collect();
        let hash = digest(&SHA256, &Value::Array(all).to_jcs());
        let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("aps_{hex}").into())
    }
}

impl fmt::Display for PolicySetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Policies that cannot stand together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicies {
    /// Two have one name.
    #[error("two policies are named `{0}`")]
    Twice(PolicyName),
    /// `all` or `any` of nothing.
    #[error("policy `{0}` asks for `all` or `any` of nothing: name at least one test")]
    OfNothing(PolicyName),
}

/// One policy, made ready.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) policy: AccessPolicy,
    /// Where the fact of its approval is kept.
    pub(super) approval: Option<usize>,
}

/// All policies, made ready to be asked: which facts they name is known beforehand, so that each is asked for once.
#[derive(Debug, Clone)]
pub struct AccessPolicies {
    pub(super) ready: Vec<Ready>,
    pub(super) names: Vec<FactName>,
    all: Arc<[AccessPolicy]>,
    set: PolicySetId,
}

impl Default for AccessPolicies {
    fn default() -> Self {
        Self { ready: Vec::new(), names: Vec::new(), all: Arc::new([]), set: PolicySetId::of(&[]) }
    }
}

impl AccessPolicies {
    /// These policies.
    ///
    /// # Errors
    /// [`InvalidPolicies`] names the policy.
    pub fn new(policies: Vec<AccessPolicy>) -> Result<Self, InvalidPolicies> {
        for (i, policy) in policies.iter().enumerate() {
            if policies.iter().take(i).any(|p| p.name == policy.name) {
                return Err(InvalidPolicies::Twice(policy.name.clone()));
            }
            if policy.requires.as_ref().is_some_and(Condition::is_of_nothing) {
                return Err(InvalidPolicies::OfNothing(policy.name.clone()));
            }
        }
        let (all, set) = (policies.clone().into(), PolicySetId::of(&policies));
        let mut names = Vec::new();
        let weighed = policies.into_iter().filter(|p| p.mode != Mode::Off);
        let ready = weighed.map(|policy| ready(policy, &mut names)).collect();
        Ok(Self { ready, names, all, set })
    }

    /// Whether there is nothing to weigh: then nobody needs to collect facts.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether some policy concerns this: if not, nobody needs to collect facts.
    pub fn concern(&self, situation: &Situation<'_>) -> bool {
        self.ready.iter().any(|r| r.policy.applies.to(situation).is_ok())
    }

    /// Every policy, those that are off as well, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &AccessPolicy> {
        self.all.iter()
    }

    /// Which policies these are.
    pub fn set(&self) -> &PolicySetId {
        &self.set
    }

    /// Every fact that is looked at.
    pub fn names(&self) -> &[FactName] {
        &self.names
    }
}

fn ready(mut policy: AccessPolicy, names: &mut Vec<FactName>) -> Ready {
    let mut slot = |name: &FactName| match names.iter().position(|n| n == name) {
        Some(at) => at,
        None => {
            names.push(name.clone());
            names.len() - 1
        }
    };
    if let Some(condition) = &mut policy.requires {
        condition.settle(&mut slot);
    }
    let asks = policy.otherwise == Otherwise::Approval;
    let approval = policy.name.approval().filter(|_| asks).map(|name| slot(&name));
    Ready { policy, approval }
}
