//! Evidence as an authorization grant (RFC 7523 §2.1; MCP workload identity federation, SEP-1933): the assertion is all
//! that a workload shows. Nobody is registered and nobody else is asked; whose word counts, for whom and for what, stands
//! in the configuration.
//!
//! What a rule gives an agent at a resource is one root grant, kept in memory, so that a token costs one verification, one
//! signature and one entry. There is no refresh token: whoever wants more shows evidence again, so that the platform stays
//! the one who decides whether the workload is still there.

use super::presented::Spending;
use super::{Presented, WorkloadFault};
use crate::attester::AttesterFault;
use crate::clients::Client;
use crate::fault::Fault;
use crate::grants::{Issued, Minting, Root, TRIES, in_force, root};
use crate::places::{Place, without_offline};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_attest::Door;
use prokura_core::{AgentId, Chain, ClientId, Details, Evidence, ScopeSet, TraceId};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::form::Form;
use prokura_oauth::id_jag;
use prokura_store::Tx;
use std::sync::Arc;

/// What comes with evidence at the grant.
pub(crate) struct Asked {
    pub(crate) assertion: String,
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) resource: Option<String>,
}

/// Whether a request at the token endpoint shows evidence as a grant. An ID-JAG says by its `typ` that it is one, and no
/// evidence has that `typ`; so each assertion has exactly one verifier, whatever else it says.
pub(crate) fn is_for(app: &AppState, form: &Form) -> bool {
    let jwt_bearer = form.value("grant_type") == Some(GrantType::JwtBearer.as_str());
    let is_id_jag = |a: &str| id_jag::peek(a).is_some_and(|peeked| peeked.is_id_jag);
    app.workloads.is_on() && jwt_bearer && form.value("assertion").is_some_and(|a| !is_id_jag(a))
}

/// Takes evidence. A `client` is who authenticated besides, if somebody did (RFC 7521 §4.1).
pub(crate) async fn accept(
    app: &AppState,
    client: Option<&Client>,
    asked: Asked,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    let evidence = app.workloads.providers.verify_jwt(&asked.assertion, Door::Grant).await;
    let evidence = evidence.map_err(WorkloadFault::from)?;
    let asked = Wanted {
        scope: asked.scope,
        resource: asked.resource,
        by: GrantType::JwtBearer,
        only: None,
        certificate: None,
    };
    give(app, client, evidence, asked, possession, trace, about).await
}

/// What is wanted by evidence that verified, and by which grant type.
pub(crate) struct Wanted {
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) resource: Option<String>,
    pub(crate) by: GrantType,
    /// The agent that it has to be the workload of, where somebody said so before.
    pub(crate) only: Option<AgentId>,
    /// The certificate of the connection, where that is the evidence.
    pub(crate) certificate: Option<Thumbprint>,
}

/// Gives what a rule gives to the workload of this evidence.
pub(crate) async fn give(
    app: &AppState,
    client: Option<&Client>,
    evidence: prokura_attest::Evidence,
    asked: Wanted,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    let rules = app.workloads.rules(app).await?;
    about.saw(&evidence);
    let shown = Presented { certificate: asked.certificate, ..Presented::new(app, evidence, Some(&rules))? };
    let rule = shown.rule.clone().ok_or_else(|| Fault::Broken("evidence has no rule".to_owned()))?;
    about.matched(&rule.rule);
    let agent = rule.rule.agent.clone();
    if asked.only.is_some_and(|only| only != agent) {
        return Err(AttesterFault::Stale.into());
    }
    if client.is_some_and(|c| c.agent.as_ref() != Some(&agent)) {
        return Err(WorkloadFault::OtherAgent.into());
    }
    let key = possession.key().or(shown.certificate);
    shown.check_key(key)?;
    let (place, given) = place(app, &rule.rule.grants, asked.resource.as_deref())?;
    about.resource = Some(place.uri.clone());
    let scopes = scopes(asked.scope.as_ref(), given, &place)?;
    let id = match client {
        Some(client) => client.id.clone(),
        None => name_of(&agent)?,
    };
    let row = app.workloads.register.due(&shown, &agent, app.clock.now());
    let spending = shown.spending(app, key, row)?;
    let mut minting = Minting::new(app, &id, possession.of_workload(Some(Arc::new(shown))), asked.by, trace);
    if minting.life.is_zero() {
        return Err(WorkloadFault::Over.into());
    }
    for _ in 0..TRIES {
        let wanted = Root {
            actions: rules.given_to(&agent, &place.name),
            agent: agent.clone(),
            place: &place,
            evidence: Evidence::Policy,
            now: minting.now,
        };
        let grant = root(app, &app.workloads.grants, wanted, trace).await?;
        // A grant that was made just now does not count before it.
        minting.now = app.clock.now();
        about.grant = Some(grant.leaf().id.clone());
        in_force(app.store.revoked(), &grant, &id, minting.now)?;
        let token = minting.token(&grant, &scopes, &Details::default())?;
        if settled(app, &minting, &spending, &grant, &token).await? {
            return Ok(Issued { token, refresh_token: None, id_token: None, grant_name: None });
        }
        app.workloads.grants.drop(&grant);
    }
    Err(Fault::GrantOver)
}

/// Puts the token on record and spends what was shown; false if its grant is not what it was.
async fn settled(
    app: &AppState,
    minting: &Minting,
    spending: &Spending,
    grant: &Arc<Chain>,
    token: &AccessToken,
) -> Result<bool, Fault> {
    if !spending.is_due() && !minting.possession.is_to_be_spent() {
        return Ok(app.store.record_under(grant, vec![minting.event(token)]).await?);
    }
    let spent = spending.clone();
    let more = move |tx: &mut Tx<'_>, now| spent.settle(tx, now);
    let settled = minting.clone().settle_under(&app.store, grant, token, more).await?;
    if let Some(row) = spending.row().filter(|_| settled) {
        app.workloads.register.written(row);
    }
    Ok(settled)
}

/// The `client_id` of a token that no client asked for: the agent's name.
fn name_of(agent: &AgentId) -> Result<ClientId, Fault> {
    ClientId::parse(agent.as_str()).map_err(|_| Fault::Broken("an agent's id names no client".to_owned()))
}

/// The resource that is meant, and what the rule gives there. A rule that gives something at one resource only means it.
fn place<'a>(
    app: &AppState,
    grants: &'a [(String, ScopeSet)],
    asked: Option<&str>,
) -> Result<(Arc<Place>, &'a ScopeSet), Fault> {
    let named = |name: &str| app.places.named(name).cloned();
    let place = match (asked, grants) {
        (None, [(only, _)]) => named(only).ok_or(Fault::ResourceUnknown)?,
        _ => app.places.asked(asked)?,
    };
    let given = grants.iter().find(|(name, _)| *name == place.name);
    given.map(|(_, scopes)| (place, scopes)).ok_or_else(|| WorkloadFault::NotHere.into())
}

/// What is asked for, all of which the rule must give; or all that it gives.
fn scopes(asked: Option<&ScopeSet>, given: &ScopeSet, place: &Place) -> Result<ScopeSet, Fault> {
    let given = given.intersection(&place.scopes);
    match asked.map(without_offline).filter(|s| !s.is_empty()) {
        None if given.is_empty() => Err(WorkloadFault::NotHere.into()),
        None => Ok(given),
        Some(asked) if asked.is_within(&given) => Ok(asked),
        Some(asked) => Err(Fault::ScopeTooWide(asked.difference(&given))),
    }
}
