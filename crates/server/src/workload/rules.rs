//! The rules that are in force: those of the configuration, then those that were stored. What an administrator stores
//! counts at the next request on every process.

use crate::fault::Fault;
use crate::server::AppState;
use prokura_attest::{ClaimValue, Evidence, Expected, NoRule, Rule, Rules};
use prokura_config::{ClaimMatcher, ClaimTable, ClaimWord, Config, WorkloadRule};
use prokura_core::{AgentId, InvalidId, InvalidScope, ScopeSet};
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

    /// What all rules together give an agent at a resource.
    pub(crate) fn given_to(&self, agent: &AgentId, resource: &str) -> ScopeSet {
        let of_agent = self.all.iter().filter(|r| r.rule.agent == *agent);
        let grants = of_agent.flat_map(|r| &r.rule.grants).filter(|(name, _)| name == resource);
        grants.fold(ScopeSet::default(), |all, (_, scopes)| all.union(scopes))
    }

    fn new(config: &Config, stored: &[WorkloadRule], revision: Option<u64>) -> Self {
        let mut names = BTreeSet::new();
        let of_file = config.workload.rules.iter().map(|r| (r, false));
        let all: Vec<_> = of_file
            .chain(stored.iter().map(|r| (r, true)))
            .filter_map(|(r, stored)| Some(Arc::new(RuleInForce { rule: rule(r).ok()?, stored })))
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
fn readable(config: &Config, stored: &StoredRule) -> Option<WorkloadRule> {
    let read = WorkloadRule::from_json(&stored.rule).and_then(|rule| {
        config.check_workload_rule(&rule)?;
        Ok(rule)
    });
    read.inspect_err(|error| tracing::warn!(rule = %stored.name, %error, "a stored rule is left out")).ok()
}

/// A rule of the configuration that cannot be used; one that was checked can.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRule {
    #[error(transparent)]
    Agent(#[from] InvalidId),
    #[error(transparent)]
    Scope(#[from] InvalidScope),
}

pub(crate) fn rule(r: &WorkloadRule) -> Result<Rule, BadRule> {
    let grant = |g: &prokura_config::ConfiguredGrant| {
        Ok::<_, InvalidScope>((g.resource.clone(), ScopeSet::parse(&g.scopes.join(" "))?))
    };
    Ok(Rule {
        name: r.name.clone(),
        provider: r.provider.clone(),
        when: r.when.iter().map(|(claim, matcher)| (claim.clone(), expected(matcher))).collect(),
        agent: agent(&r.agent)?,
        grants: r.grants.iter().map(grant).collect::<Result<_, _>>()?,
        needs_key: r.needs_key,
        life: r.life.map(prokura_config::Span::get),
    })
}

/// The id of an agent by the name that the configuration gives it.
pub(crate) fn agent(name: &str) -> Result<AgentId, InvalidId> {
    let prefix = if name.starts_with(AgentId::PREFIX) { "" } else { AgentId::PREFIX };
    AgentId::parse(format!("{prefix}{name}"))
}

fn expected(matcher: &ClaimMatcher) -> Expected {
    let word = |word: &ClaimWord| match word {
        ClaimWord::Flag(flag) => ClaimValue::Flag(*flag),
        ClaimWord::Number(number) => ClaimValue::Number(*number),
        ClaimWord::Text(text) => ClaimValue::Text(text.clone()),
    };
    match matcher {
        ClaimMatcher::Is(one) => Expected::Is(word(one)),
        ClaimMatcher::Table(ClaimTable::OneOf(several)) => {
            Expected::OneOf(several.iter().map(word).collect())
        }
        ClaimMatcher::Table(ClaimTable::Under(start)) => Expected::Under(start.clone()),
        ClaimMatcher::Table(ClaimTable::Has(item)) => Expected::Has(item.clone()),
    }
}
