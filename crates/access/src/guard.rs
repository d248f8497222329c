//! The one value that is asked.

use prokura_core::{AgentId, Fact, FactName, Principal};
use prokura_policy::access::{
    AccessPolicies, Explained, Facts, OwnSources, Situation, Sources, Stage, Verdict,
};
use prokura_store::{ApprovalKey, FactKind, FactsView, Store};
use std::sync::Arc;

/// The root of the facts that approvals are.
const APPROVAL: &str = "approval.";

/// Conditional access as it is asked: policies, where facts come from, and what people agreed to.
pub struct Guard {
    policies: AccessPolicies,
    sources: Arc<dyn Sources>,
    approvals: Arc<FactsView>,
}

impl Guard {
    /// These policies, with facts from `sources` and approvals from `store`.
    pub fn new(policies: AccessPolicies, sources: Arc<dyn Sources>, store: &Store) -> Self {
        Self { policies, sources, approvals: store.facts() }
    }

    /// A guard without policies, which lets everything pass.
    pub fn open(store: &Store) -> Self {
        Self::new(AccessPolicies::default(), Arc::new(OwnSources), store)
    }

    /// The policies.
    pub fn policies(&self) -> &AccessPolicies {
        &self.policies
    }

    /// Where facts come from.
    pub fn sources(&self) -> &Arc<dyn Sources> {
        &self.sources
    }

    /// What the policies say; `None` if none concerns this. Costs nothing where there are no policies.
    pub fn weigh(&self, situation: &Situation<'_>) -> Option<Verdict> {
        if self.policies.is_empty() {
            return None;
        }
        let verdict = self.policies.concern(situation).then(|| {
            let sources = self.sources.facts(situation);
            self.policies.evaluate(situation, &self.known(situation, &*sources))
        });
        // What is usual is learned of everything that passes, also of what no policy concerns.
        self.sources.note(situation, verdict.as_ref().is_none_or(|v| v.outcome.permits()));
        verdict
    }

    /// What the policies would say with the facts of `instead` before those of the sources, and why. Nothing is recorded
    /// and nothing changed.
    pub fn what_if(&self, situation: &Situation<'_>, instead: &dyn Facts) -> (Verdict, Vec<Explained>) {
        let sources = self.sources.facts(situation);
        let known = self.known(situation, &*sources);
        let facts = (instead, &known as &dyn Facts);
        (self.policies.evaluate(situation, &facts), self.policies.explain(situation, &facts))
    }

    fn known<'a>(&'a self, situation: &'a Situation<'a>, sources: &'a dyn Facts) -> Known<'a> {
        Known { sources, approvals: &self.approvals, situation }
    }
}

/// Everything that is known of a situation.
struct Known<'a> {
    sources: &'a dyn Facts,
    approvals: &'a FactsView,
    situation: &'a Situation<'a>,
}

impl Facts for Known<'_> {
    fn fact(&self, name: &FactName) -> Option<Arc<Fact>> {
        match name.as_str().strip_prefix(APPROVAL) {
            Some(policy) => {
                let id = key(policy, self.situation).id();
                self.approvals.fact(FactKind::Approval, &id, name)
            }
            None => self.sources.fact(name),
        }
    }
}

/// What an approval of `policy` in this situation is for.
pub(crate) fn key(policy: &str, situation: &Situation<'_>) -> ApprovalKey {
    let action = match (situation.action, situation.stage) {
        (Some(action), _) => action.to_string(),
        (None, Stage::Call) => "mcp".to_owned(),
        (None, _) => "token".to_owned(),
    };
    ApprovalKey {
        policy: policy.to_owned(),
        agent: situation.agent.map(ToString::to_string).unwrap_or_default(),
        subject: situation.subject.map(ToString::to_string).unwrap_or_default(),
        resource: situation.resource.to_owned(),
        action,
    }
}

/// The agent that acts: the current actor, or the subject, where an agent uses its own authority.
pub fn actor<'a>(actors: &'a [AgentId], subject: &'a Principal) -> Option<&'a AgentId> {
    actors.first().or(match subject {
        Principal::Agent(agent) => Some(agent),
        Principal::User(_) => None,
    })
}
