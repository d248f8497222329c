//! All policies, put to one situation.

use super::condition::{FactTest, LEEWAY, Reading, Seen, Standing, earlier};
use super::policy::{AccessPolicies, Mode, Ready};
use super::verdict::{Narrowing, Outcome, Used, Verdict, Weighed};
use super::{Facts, Situation};
use prokura_core::{Fact, FactName, FactValue, ScopeSet, Timestamp};
use std::sync::Arc;

/// The facts of one situation, each asked for once.
pub(super) struct Sight<'a> {
    facts: &'a dyn Facts,
    names: &'a [FactName],
    now: Timestamp,
    slots: Vec<Option<Slot>>,
}

struct Slot {
    fact: Option<Arc<Fact>>,
    counts: bool,
}

impl<'a> Sight<'a> {
    pub(super) fn new(policies: &'a AccessPolicies, facts: &'a dyn Facts, now: Timestamp) -> Self {
        let slots = policies.names.iter().map(|_| None).collect();
        Self { facts, names: &policies.names, now, slots }
    }

    fn slot(&mut self, at: usize) -> Option<&mut Slot> {
        let (slot, name) = (self.slots.get_mut(at)?, self.names.get(at)?);
        let facts = self.facts;
        Some(slot.get_or_insert_with(|| {
            let fact = facts.fact(name);
            let counts = fact.is_some();
            Slot { fact, counts }
        }))
    }

    /// The fact of an approval, if there is one that counts.
    fn approval(&mut self, at: usize) -> Option<Arc<Fact>> {
        let now = self.now;
        let slot = self.slot(at)?;
        slot.counts = slot.fact.as_ref().is_some_and(|f| f.is_fresh(now, LEEWAY));
        slot.fact.clone().filter(|_| slot.counts)
    }

    fn used(self) -> Vec<Used> {
        let looked_at = self.names.iter().zip(self.slots);
        let used = looked_at.filter_map(|(name, slot)| {
            let Slot { fact, counts } = slot?;
            Some(Used { name: name.clone(), fact, counts })
        });
        used.collect()
    }
}

impl Seen for Sight<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn fact(&mut self, test: &FactTest) -> Option<Arc<Fact>> {
        let now = self.now;
        let slot = self.slot(test.slot)?;
        let fact = slot.fact.clone()?;
        slot.counts &= test.counts(&fact, now);
        Some(fact)
    }
}

impl AccessPolicies {
    /// What the policies say. Those that concern nobody here say nothing; of the others the strictest counts.
    pub fn evaluate(&self, situation: &Situation<'_>, facts: &dyn Facts) -> Verdict {
        let mut sight = Sight::new(self, facts, situation.now);
        let mut verdict = Verdict {
            outcome: Outcome::Permit,
            until: None,
            weighed: Vec::new(),
            used: Vec::new(),
            set: self.set().clone(),
            at: situation.now,
        };
        for ready in self.ready.iter().filter(|r| r.policy.applies.to(situation).is_ok()) {
            let (outcome, until) = ready.weigh(&mut sight);
            if ready.policy.mode == Mode::On {
                verdict.until = earlier(verdict.until, until);
                verdict.outcome = verdict.outcome.and(outcome.clone());
            }
            let unmet = if outcome == Outcome::Permit { Vec::new() } else { ready.unmet(&mut sight) };
            let (policy, mode) = (ready.policy.name.clone(), ready.policy.mode);
            verdict.weighed.push(Weighed { policy, mode, outcome, unmet });
        }
        verdict.used = sight.used();
        verdict
    }
}

impl Ready {
    /// What this policy comes to, and until when, where it permits.
    pub(super) fn weigh(&self, sight: &mut Sight<'_>) -> (Outcome, Option<Timestamp>) {
        let always = Reading { standing: Standing::Unmet, until: None };
        let reading = self.policy.requires.as_ref().map_or(always, |c| c.read(sight, true));
        match (reading.standing, self.approval) {
            (Standing::Met, _) => (Outcome::Permit, reading.until),
            (Standing::Unknown, _) => (Outcome::Deny, None),
            (Standing::Unmet, None) => (self.policy.otherwise.outcome(), None),
            (Standing::Unmet, Some(slot)) => sight.approval(slot).map_or((Outcome::Approval, None), approved),
        }
    }
}

/// What an approval says: yes, no, or yes without these scopes.
#[allow(clippy::needless_pass_by_value, reason = "it is handed over from an option")]
fn approved(fact: Arc<Fact>) -> (Outcome, Option<Timestamp>) {
    let until = fact.max_age.map(|life| fact.observed_at.after(life));
    match &fact.value {
        FactValue::Flag(true) => (Outcome::Permit, until),
        FactValue::Text(without) => match ScopeSet::parse(without) {
            Ok(without) => (Outcome::Narrowed(Narrowing { without, life: None }), until),
            Err(_) => (Outcome::Deny, None),
        },
        FactValue::Flag(false) | FactValue::Number(_) => (Outcome::Deny, None),
    }
}
