//! The rules that are in force: those of the configuration, then those that were stored. What an administrator stores
//! counts at the next request on every process.

use crate::fault::Fault;
use crate::server::AppState;
use prokura_attest::{Evidence, NoRule, Rule, Rules};
use prokura_config::{Config, WorkloadRule};
use prokura_core::{AgentId, ScopeSet};
use prokura_store::{StoreError, StoredRule};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// A rule, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleInForce {
    pub(crate) rule: Rule,
    /// Whether it was stored by an administrator, and does not stand in the configuration.
    pub(crate) stored: bool,
}

/// The rules at one time.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    /// What the store said the rules were numbered.
    revision: Option<u64>,
    rules: Rules,
    all: Vec<Arc<RuleInForce>>,
}

impl InForce {
    /// The first rule for this evidence.
    pub(crate) fn find(&self, evidence: &Evidence) -> Result<Arc<RuleInForce>, NoRule> {
        let found = self.rules.find(evidence)?;
        let same = self.all.iter().find(|r| r.rule.name == found.name);
        same.cloned().ok_or(NoRule { tried: Vec::new() })
    }

    /// The rule of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<RuleInForce>> {
        self.all.iter().find(|r| r.rule.name == name)
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<RuleInForce>> {
        self.all.iter()
    }

    /// What all rules together give an agent at a resource.
    pub(crate) fn given_to(&self, agent: &AgentId, resource: &str) -> ScopeSet {
        let of_agent = self.all.iter().filter(|r| r.rule.agent == *agent);
        let grants = of_agent.flat_map(|r| &r.rule.grants).filter(|(name, _)| name == resource);
        grants.fold(ScopeSet::default(), |all, (_, scopes)| all.union(scopes))
    }

    pub(super) fn new(config: &Config, stored: &[WorkloadRule], revision: Option<u64>) -> Self {
        let mut names = BTreeSet::new();
        let of_file = config.workload.rules.iter().map(|r| (r, false));
        let all: Vec<_> = of_file
            .chain(stored.iter().map(|r| (r, true)))
            .filter_map(|(r, stored)| Some(Arc::new(RuleInForce { rule: Rule::configured(r).ok()?, stored })))
            .filter(|r| names.insert(r.rule.name.clone()))
            .collect();
        let rules = Rules::new(all.iter().map(|r| r.rule.clone()).collect());
        Self { revision, rules, all }
    }
}

/// The rules as they were last read.
pub(super) struct Rulebook {
    now: RwLock<Arc<InForce>>,
}

impl Rulebook {
    pub(super) fn new(config: &Config) -> Self {
        Self { now: RwLock::new(Arc::new(InForce::new(config, &[], None))) }
    }

    /// The rules, and whether they are others than the last time. The store is read only if it says that they changed.
    pub(super) async fn now(&self, app: &AppState) -> Result<(Arc<InForce>, bool), Fault> {
        let revision = Some(app.store.revoked().rules_revision());
        let known = Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner));
        if known.revision == revision {
            return Ok((known, false));
        }
        let stored = app.store.read::<_, StoreError>(|tx| tx.workload_rules()).await?;
        let stored: Vec<_> = stored.iter().filter_map(|s| readable(&app.config, s)).collect();
        let fresh = Arc::new(InForce::new(&app.config, &stored, revision));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok((fresh, true))
    }
}

/// A stored rule that still fits the configuration. One that does not (its provider or resource is gone) leads nowhere.
pub(super) fn readable(config: &Config, stored: &StoredRule) -> Option<WorkloadRule> {
    let read = WorkloadRule::from_json(&stored.rule).and_then(|rule| {
        config.check_workload_rule(&rule)?;
        Ok(rule)
    });
    read.inspect_err(|error| tracing::warn!(rule = %stored.name, %error, "a stored rule is left out")).ok()
}
