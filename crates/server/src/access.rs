//! Conditional access where tokens are made: [`Minting::token`](crate::grants), and assertions for other servers.
//!
//! What is judged is put together of the grant, the request and what was shown with it. A refusal rolls back whatever was
//! to be spent, so that the same request can be made again when conditions are better; then it is put on record together
//! with what follows from it.

use crate::fault::Fault;
use crate::grants::Minting;
use crate::places::{Place, Places};
use crate::server::ServerError;
use prokura_access::{Guard, Refused, actor};
use prokura_config::Config;
use prokura_core::{AgentId, Details, Grant, ScopeSet, Timestamp, TraceId};
use prokura_oauth::client_metadata::GrantType;
use prokura_policy::access::{Narrowing, Outcome, Situation, Stage, Verdict};
use prokura_store::{Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};

/// What judges, and the names of the resources that it knows.
pub(crate) struct Judge {
    guard: Arc<Guard>,
    places: Vec<Arc<Place>>,
}

/// The verdict on the token that is being made, until its issuance is on record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judged(Arc<Mutex<Option<Verdict>>>);

impl Judged {
    fn keep(&self, verdict: Option<Verdict>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
    }

    /// The verdict, if a policy concerned the token.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What may be issued.
pub(crate) struct Allowed {
    /// The scopes that are left.
    pub(crate) scopes: ScopeSet,
    /// Until when at most.
    pub(crate) until: Option<Timestamp>,
}

impl Judge {
    pub(crate) fn new(guard: Arc<Guard>, places: &Places) -> Self {
        let own = [places.identity(), places.management()].into_iter().chain(places.admin());
        Self { guard, places: places.iter().chain(own).cloned().collect() }
    }

    /// Lets it be remembered that evidence of the agent was shown with another key than at first (attack C2).
    pub(crate) fn note_reused(&self, agent: &AgentId, now: Timestamp) {
        if !self.guard.policies().is_empty() {
            self.guard.sources().note_reused(agent, now);
        }
    }

    /// The guard itself.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Judges a token that `grant` would yield.
    pub(crate) fn token(
        &self,
        minting: &Minting,
        grant: &Grant,
        scopes: ScopeSet,
        details: &Details,
    ) -> Result<Allowed, Fault> {
        minting.judged.keep(None);
        if self.guard.policies().is_empty() {
            return Ok(Allowed { scopes, until: None });
        }
        let place = self.places.iter().find(|p| p.uri == grant.resource);
        let actors = [grant.grantee.clone()];
        let situation = Situation {
            stage: stage(minting.grant_type),
            subject: Some(&grant.subject),
            agent: actor(&actors, &grant.subject),
            client: Some(&minting.client),
            workload: minting.workload.as_ref(),
            resource: place.map_or("", |p| p.name.as_str()),
            action: None,
            scopes: &scopes,
            address: minting.possession.address(),
            sign_in: minting.authentication.as_ref().map(|a| a.sign_in()),
            now: minting.now,
        };
        let (allowed, verdict) = self.weigh(&situation, place.map(AsRef::as_ref), details, &minting.trace)?;
        minting.judged.keep(verdict);
        Ok(allowed)
    }

    /// Judges an assertion for another server. That server's resources have no names here, so policies about named
    /// resources do not concern it; all others do.
    pub(crate) fn assertion(
        &self,
        situation: &Situation<'_>,
        trace: &TraceId,
    ) -> Result<(Allowed, Option<Verdict>), Fault> {
        self.weigh(situation, None, &Details::default(), trace)
    }

    /// Judges a transaction token: an exchange at one of our own resources.
    pub(crate) fn transaction(
        &self,
        situation: &Situation<'_>,
        place: Option<&Place>,
        details: &Details,
        trace: &TraceId,
    ) -> Result<(Allowed, Option<Verdict>), Fault> {
        self.weigh(situation, place, details, trace)
    }

    fn weigh(
        &self,
        situation: &Situation<'_>,
        place: Option<&Place>,
        details: &Details,
        trace: &TraceId,
    ) -> Result<(Allowed, Option<Verdict>), Fault> {
        let Some(mut verdict) = self.guard.weigh(situation) else {
            return Ok((Allowed { scopes: situation.scopes.clone(), until: None }, None));
        };
        let left = self.left(&mut verdict, place, situation.scopes, details);
        let until = ends(&verdict, situation.now);
        if !verdict.outcome.permits() || until.is_some_and(|u| u.seconds() <= situation.now.seconds()) {
            if verdict.outcome.permits() {
                verdict.outcome = Outcome::Deny;
            }
            return Err(Fault::Access(Box::new(Refused::new(verdict, situation, trace))));
        }
        Ok((Allowed { scopes: left, until }, Some(verdict)))
    }

    /// What a narrowing leaves; if that is nothing, it is a denial.
    fn left(
        &self,
        verdict: &mut Verdict,
        place: Option<&Place>,
        scopes: &ScopeSet,
        details: &Details,
    ) -> ScopeSet {
        let Outcome::Narrowed(narrowing) = &verdict.outcome else { return scopes.clone() };
        match narrowing.of(scopes).ok().filter(|left| fits(narrowing, place, left, details)) {
            Some(left) => left,
            None => {
                verdict.outcome = Outcome::Deny;
                ScopeSet::default()
            }
        }
    }
}

/// Details that stand alone are the whole authority: each of their tools must be in a scope that is left.
fn fits(narrowing: &Narrowing, place: Option<&Place>, left: &ScopeSet, details: &Details) -> bool {
    let alone = !details.is_empty() && !left.iter().any(|scope| !scope.is_of_identity());
    if narrowing.without.is_empty() || !alone {
        return true;
    }
    place.is_some_and(|place| {
        let others = place.scopes.difference(&narrowing.without);
        details.tools().into_iter().all(|tool| place.bundles(&others, tool))
    })
}

/// Until when a token may live: as long as the verdict holds, and no longer than it says.
fn ends(verdict: &Verdict, now: Timestamp) -> Option<Timestamp> {
    let life = match &verdict.outcome {
        Outcome::Narrowed(narrowing) => narrowing.life.map(|life| now.after(life)),
        _ => None,
    };
    match (verdict.until, life) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn stage(grant_type: GrantType) -> Stage {
    match grant_type {
        GrantType::RefreshToken => Stage::Refresh,
        GrantType::TokenExchange => Stage::Exchange,
        GrantType::AuthorizationCode
        | GrantType::ClientCredentials
        | GrantType::DeviceCode
        | GrantType::Ciba
        | GrantType::JwtBearer => Stage::Issuance,
    }
}

/// Refuses rules of delegation that name agents nobody knows: a name that is mistyped must not wait for who takes it.
pub(crate) async fn check_delegations(config: &Config, store: &Store) -> Result<(), ServerError> {
    let known = config.agents();
    for rule in &config.delegations {
        for agent in rule.from_agents().chain(rule.to_agents()).filter(|a| !known.contains(a)) {
            let asked = agent.clone();
            if store.read::<_, StoreError>(move |tx| tx.agent(&asked)).await?.is_none() {
                let key = format!("delegation {}", rule.name);
                return Err(ServerError::UnknownAgent { key, agent: agent.to_string() });
            }
        }
    }
    Ok(())
}

/// Refuses policies about agents that nobody knows: they would never match.
pub(crate) async fn check_agents(config: &Config, guard: &Guard, store: &Store) -> Result<(), ServerError> {
    let by_rule = |agent: &AgentId| {
        let name = agent.as_str().trim_start_matches(AgentId::PREFIX);
        config.workload.rules.iter().any(|r| r.agent.trim_start_matches(AgentId::PREFIX) == name)
    };
    for policy in guard.policies().iter() {
        for agent in policy.applies.agents.iter().filter(|a| !by_rule(a)) {
            let asked = agent.clone();
            if store.read::<_, StoreError>(move |tx| tx.agent(&asked)).await?.is_none() {
                let key = format!("access_policy {}.applies.agents", policy.name);
                return Err(ServerError::UnknownAgent { key, agent: agent.to_string() });
            }
        }
    }
    Ok(())
}
