//! Why: every test of every policy, for administrators.

use super::condition::{Condition, FactTest, Standing};
use super::evaluate::Sight;
use super::policy::{AccessPolicies, Mode, PolicyName, Ready};
use super::verdict::Outcome;
use super::{Facts, Situation};
use crate::access::condition::Seen as _;
use prokura_core::{Fact, FactName, Timestamp};
use std::sync::Arc;

/// One test, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// What is asked: `network.country is one of DE, AT`.
    pub test: String,
    /// The fact, unless it is about the time.
    pub name: Option<FactName>,
    /// What is known.
    pub fact: Option<Arc<Fact>>,
    /// Whether it stands under `not`: then the policy wants it unmet.
    pub negated: bool,
    /// How it stands, before `not` and before anything is said of the unknown.
    pub standing: Standing,
}

impl Leaf {
    /// What was received, for a sentence.
    pub fn received(&self, now: Timestamp) -> String {
        match (&self.fact, &self.name) {
            (Some(fact), _) => {
                let stale = if self.standing == Standing::Unknown { ", which does not count" } else { "" };
                let age = fact.age(now).as_secs();
                format!("{} (from {}, {age} s old{stale})", fact.value, fact.source)
            }
            (None, Some(_)) => "nothing".to_owned(),
            (None, None) => "another time".to_owned(),
        }
    }
}

/// One policy, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Which.
    pub policy: PolicyName,
    /// Whether it counts.
    pub mode: Mode,
    /// Why it does not concern the situation; `None` if it does.
    pub beside: Option<&'static str>,
    /// Every test; empty if it does not concern the situation.
    pub leaves: Vec<Leaf>,
    /// What it comes to; `None` if it does not concern the situation.
    pub outcome: Option<Outcome>,
    /// Until when that holds, where it permits.
    pub until: Option<Timestamp>,
}

impl AccessPolicies {
    /// Every policy that is on or reports, with each of its tests. Slower than [`evaluate`](Self::evaluate), and comes to
    /// the same.
    pub fn explain(&self, situation: &Situation<'_>, facts: &dyn Facts) -> Vec<Explained> {
        let mut sight = Sight::new(self, facts, situation.now);
        let explained = self.ready.iter().map(|ready| {
            let (policy, mode) = (ready.policy.name.clone(), ready.policy.mode);
            let beside = ready.policy.applies.to(situation).err().map(|beside| beside.as_str());
            let (mut leaves, mut weighed) = (Vec::new(), None);
            if beside.is_none() {
                leaves = ready.leaves(&mut sight);
                weighed = Some(ready.weigh(&mut sight));
            }
            let until = weighed.as_ref().and_then(|(_, until)| *until);
            Explained { policy, mode, beside, leaves, outcome: weighed.map(|(outcome, _)| outcome), until }
        });
        explained.collect()
    }
}

impl Ready {
    fn leaves(&self, sight: &mut Sight<'_>) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        if let Some(condition) = &self.policy.requires {
            condition.collect(sight, false, &mut leaves);
        }
        leaves
    }

    /// The tests that stood in the way: expected against received.
    pub(super) fn unmet(&self, sight: &mut Sight<'_>) -> Vec<String> {
        let now = sight.now();
        let in_the_way = |l: &Leaf| match l.standing {
            Standing::Met => l.negated,
            Standing::Unmet => !l.negated,
            Standing::Unknown => true,
        };
        let leaves = self.leaves(sight).into_iter().filter(in_the_way);
        let said = leaves.map(|l| {
            let not = if l.negated { "not: " } else { "" };
            format!("expected {not}{}; received {}", l.test, l.received(now))
        });
        said.collect()
    }
}

impl Condition {
    fn collect(&self, sight: &mut Sight<'_>, negated: bool, leaves: &mut Vec<Leaf>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.collect(sight, negated, leaves));
            }
            Self::Not(part) => part.collect(sight, !negated, leaves),
            Self::Fact(test) => leaves.push(leaf(test, sight, negated)),
            Self::Time(calendar) => {
                let open = calendar.period(sight.now()).open;
                let standing = if open { Standing::Met } else { Standing::Unmet };
                let test = format!("the time is {calendar}");
                leaves.push(Leaf { test, name: None, fact: None, negated, standing });
            }
        }
    }
}

fn leaf(test: &FactTest, sight: &mut Sight<'_>, negated: bool) -> Leaf {
    let fact = sight.fact(test);
    let bare = FactTest { unknown: super::Unknown::Deny, ..test.clone() };
    let standing = bare.standing(fact.as_deref(), sight.now());
    Leaf { test: test.to_string(), name: Some(test.name.clone()), fact, negated, standing }
}
