//! A rule as the configuration writes it, as the type that evidence is held against.

use crate::evidence::ClaimValue;
use crate::rule::{Expected, Rule};
use prokura_config::{ClaimMatcher, ClaimTable, ClaimWord, ConfiguredGrant, Span, WorkloadRule};
use prokura_core::{AgentId, InvalidId, InvalidScope, ScopeSet};

/// A rule that cannot be used; one that the configuration checked can.
#[derive(Debug, thiserror::Error)]
pub enum BadRule {
    /// The agent's name.
    #[error(transparent)]
    Agent(#[from] InvalidId),
    /// A scope.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
}

impl Rule {
    /// The rule that was configured.
    ///
    /// # Errors
    /// [`BadRule`] of one that was not checked.
    pub fn configured(r: &WorkloadRule) -> Result<Self, BadRule> {
        let grant = |g: &ConfiguredGrant| {
            Ok::<_, InvalidScope>((g.resource.clone(), ScopeSet::parse(&g.scopes.join(" "))?))
        };
        Ok(Self {
            name: r.name.clone(),
            provider: r.provider.clone(),
            when: r.when.iter().map(|(claim, matcher)| (claim.clone(), expected(matcher))).collect(),
            agent: agent_named(&r.agent)?,
            grants: r.grants.iter().map(grant).collect::<Result<_, _>>()?,
            needs_key: r.needs_key,
            life: r.life.map(Span::get),
        })
    }
}

/// The id of an agent by the name that the configuration gives it.
///
/// # Errors
/// [`InvalidId`] if it is no name.
pub fn agent_named(name: &str) -> Result<AgentId, InvalidId> {
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
