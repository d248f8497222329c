//! How two policy sets differ: which policies came, went or say something else.

use super::CedarEngine;
use super::rule::Rule;
use cedar_policy::PolicyId;
use prokura_policy::pdp::RuleRef;
use std::collections::{BTreeMap, HashSet};

/// How two sets differ, by policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Policies that only the later set has.
    pub added: Vec<RuleRef>,
    /// Policies that only the earlier set had.
    pub removed: Vec<RuleRef>,
    /// Policies of the same name that say something else.
    pub changed: Vec<Changed>,
}

/// A policy that says something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its name in the later set.
    pub rule: RuleRef,
    /// What it said.
    pub before: String,
    /// What it says.
    pub after: String,
}

impl Difference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl CedarEngine {
    /// What came since `before`, what went, and what says something else. Comments, layout, and where a policy stands make
    /// no difference: one that is called by its place is found again by what it says.
    pub fn difference(&self, before: &Self) -> Difference {
        let names = |e: &Self| e.rules.iter().map(|r| r.named.rule.to_string()).collect::<HashSet<_>>();
        let (was, is) = (names(before), names(self));
        let mut gone: BTreeMap<String, Vec<&Rule>> = BTreeMap::new();
        for rule in before.rules.iter().filter(|r| r.unnamed() || !is.contains(&*r.named.rule)) {
            gone.entry(before.said(rule)).or_default().push(rule);
        }
        let mut difference = Difference::default();
        for rule in &self.rules {
            let said = self.said(rule);
            if !rule.unnamed() && was.contains(&*rule.named.rule) {
                let old =
                    before.rules.iter().find(|r| r.named.rule == rule.named.rule).map(|r| before.said(r));
                if let Some(before) = old.filter(|old| *old != said) {
                    difference.changed.push(Changed { rule: rule.named.clone(), before, after: said });
                }
            } else if gone.get_mut(&said).and_then(Vec::pop).is_none() {
                difference.added.push(rule.named.clone());
            }
        }
        let mut removed: Vec<&Rule> = gone.into_values().flatten().collect();
        removed.sort_by_key(|rule| (rule.file.clone(), rule.begins));
        difference.removed = removed.into_iter().map(|rule| rule.named.clone()).collect();
        difference
    }

    /// What a policy says, in one form whatever its layout.
    fn said(&self, rule: &Rule) -> String {
        let policy = self.policies.policy(&PolicyId::new(&rule.named.rule));
        policy.map(|p| AsRef::<cedar_policy_core::ast::Policy>::as_ref(p).to_string()).unwrap_or_default()
    }
}

impl Rule {
    /// Whether it is called by its place only.
    fn unnamed(&self) -> bool {
        self.named.rule.strip_prefix(&*self.file).is_some_and(|rest| rest.starts_with(':'))
    }
}
