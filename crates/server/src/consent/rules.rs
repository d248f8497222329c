//! The enterprise consents in force, and for whom they are.

use super::groups_of;
use prokura_config::{Config, ConsentMode, EnterpriseConsent};
use prokura_core::{
    AgentId, ClientId, Details, MayAct, ResourceUri, Scope, ScopeSet, Terms, Timestamp, UserId,
};
use prokura_oauth::rich;
use prokura_store::{StoreError, StoredConsent, Tx};
use std::collections::BTreeSet;
use std::time::Duration;

/// For whom something is to be done, by which software, and where.
#[derive(Debug, Clone)]
pub(crate) struct Whom<'a> {
    pub(crate) user: &'a UserId,
    /// Where it is known.
    pub(crate) client: Option<&'a ClientId>,
    pub(crate) agent: &'a AgentId,
    pub(crate) resource: &'a ResourceUri,
}

/// A rule that gives something at a resource, read.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) scopes: ScopeSet,
    pub(super) details: Details,
    pub(super) terms: Terms,
    pub(super) lasts: Duration,
}

/// Every enterprise consent: those of the file, then those that were stored. A stored one with a name of the file, or that
/// does not fit the configuration any more, counts for nothing.
pub(crate) fn all(tx: &mut Tx<'_>, config: &Config) -> Result<Vec<EnterpriseConsent>, StoreError> {
    let of_file = &config.enterprise_consents;
    let stored = tx.enterprise_consents()?;
    let new = |s: &&StoredConsent| !of_file.iter().any(|c| c.name == s.name);
    let stored = stored.iter().filter(new).filter_map(|s| readable(config, s));
    Ok(of_file.iter().cloned().chain(stored).collect())
}

/// A stored enterprise consent that still fits the configuration.
pub(crate) fn readable(config: &Config, stored: &StoredConsent) -> Option<EnterpriseConsent> {
    let read = EnterpriseConsent::from_json(&stored.consent).and_then(|consent| {
        config.check_enterprise_consent(&consent)?;
        Ok(consent)
    });
    read.inspect_err(|error| tracing::warn!(consent = %stored.name, %error, "a stored consent is left out"))
        .ok()
}

/// The enterprise consents for a user with that software at that resource.
fn those_for(
    tx: &mut Tx<'_>,
    config: &Config,
    whom: &Whom<'_>,
    now: Timestamp,
) -> Result<Vec<EnterpriseConsent>, StoreError> {
    let here = |c: &EnterpriseConsent| resource_of(config, c).as_ref() == Some(whom.resource);
    let mut all: Vec<_> =
        all(tx, config)?.into_iter().filter(|c| here(c) && c.is_for(whom.client, whom.agent)).collect();
    if all.iter().all(|c| c.groups.is_empty()) {
        return Ok(all);
    }
    let groups = groups_of(tx, config, whom.user, now)?;
    all.retain(|c| c.groups.is_empty() || c.groups.iter().any(|g| groups.contains(g)));
    Ok(all)
}

/// What administrators give a user with that software at that resource, without a question.
pub(super) fn given(
    tx: &mut Tx<'_>,
    config: &Config,
    whom: &Whom<'_>,
    now: Timestamp,
) -> Result<Vec<Rule>, StoreError> {
    let all = those_for(tx, config, whom, now)?;
    Ok(all.iter().filter(|c| c.gives()).filter_map(|c| rule(config, c, whom.resource)).collect())
}

/// What a user can allow that software at that resource; `None` if it is for the user alone to say.
pub(crate) fn users_may(
    tx: &mut Tx<'_>,
    config: &Config,
    whom: &Whom<'_>,
    now: Timestamp,
) -> Result<Option<ScopeSet>, StoreError> {
    if config.consent.mode == ConsentMode::Consumer {
        return Ok(None);
    }
    let all = those_for(tx, config, whom, now)?;
    let names = all.iter().flat_map(|c| c.scopes.iter().chain(&c.users_may_allow));
    Ok(Some(names.filter_map(|s| Scope::parse(s).ok()).collect()))
}

/// The agents that a user can let have a part of what that software may do there; `None` if it is for the user alone to say.
pub(crate) fn users_may_name(
    tx: &mut Tx<'_>,
    config: &Config,
    whom: &Whom<'_>,
    now: Timestamp,
) -> Result<Option<BTreeSet<AgentId>>, StoreError> {
    if config.consent.mode == ConsentMode::Consumer {
        return Ok(None);
    }
    let all = those_for(tx, config, whom, now)?;
    Ok(Some(all.iter().filter_map(EnterpriseConsent::may_act).flatten().collect()))
}

/// The address of the resource that an enterprise consent is about.
fn resource_of(config: &Config, c: &EnterpriseConsent) -> Option<ResourceUri> {
    config.resource(&c.resource).map(|r| config.resource_uri(r))
}

/// A rule, read; `None` if its details cannot be read: then it gives nothing, for they are a limit.
fn rule(config: &Config, c: &EnterpriseConsent, resource: &ResourceUri) -> Option<Rule> {
    let scopes = c.scopes.iter().map(Scope::parse).collect::<Result<ScopeSet, _>>().ok()?;
    let details = match &c.details {
        None => Details::default(),
        Some(text) => rich::parse(text, resource).ok()?,
    };
    let may_act = match c.may_act() {
        None => MayAct::ByRule,
        Some(agents) => MayAct::Only(agents.collect::<BTreeSet<_>>()),
    };
    Some(Rule {
        name: c.name.clone(),
        scopes,
        details,
        terms: Terms { may_act, ..Terms::default() },
        lasts: c.lasts.unwrap_or(config.tokens.grant).get(),
    })
}

/// That an enterprise consent says something of its details that cannot be read. The configuration knows no OAuth.
pub(crate) fn check_details(config: &Config, c: &EnterpriseConsent) -> Result<(), String> {
    let (Some(text), Some(resource)) = (&c.details, resource_of(config, c)) else { return Ok(()) };
    rich::parse(text, &resource)
        .map(drop)
        .map_err(|e| format!("`enterprise_consent {}.details`: {e}", c.name))
}
