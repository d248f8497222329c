//! Who acts: an access token of ours that is the agent's, or evidence of its workload. A subject token in the hands of
//! somebody who authenticates is not enough: who acts with whose authority is said by both of them.

use super::child::Chains;
use crate::fault::{ExchangeFault, Fault};
use crate::grants::in_force;
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use crate::workload::{Presented, Spending, WorkloadFault, seen, was_seen};
use prokura_attest::Door;
use prokura_core::{AgentId, Chain, ClientId, Principal, Timestamp};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::exchange::{Given, TokenType};
use prokura_store::{RevokedView, Tx};
use std::sync::Arc;

/// What says who acts.
#[derive(Clone)]
pub(super) enum Actor {
    /// An access token of the agent.
    Token(Arc<AccessToken>),
    /// Evidence of a workload of the agent.
    Workload(Arc<Presented>, Arc<Spending>),
}

/// Reads the actor token of a request that `agent` makes.
pub(super) async fn actor(
    app: &AppState,
    agent: &AgentId,
    given: &Given,
    possession: &Possession,
    about: &mut About,
) -> Result<Actor, Fault> {
    match given.kind {
        TokenType::Access => of_token(app, agent, &given.token, possession),
        TokenType::Jwt if app.workloads.is_on() => {
            of_evidence(app, agent, &given.token, possession, about).await
        }
        _ => Err(Fault::Exchange(ExchangeFault::ActorType)),
    }
}

fn of_token(app: &AppState, agent: &AgentId, token: &str, shown: &Possession) -> Result<Actor, Fault> {
    let token = app.exchanges.remembered.verified(app, token);
    let token = token.ok_or(Fault::Exchange(ExchangeFault::Actor))?;
    if token.actor() != Some(agent) {
        return Err(Fault::Exchange(ExchangeFault::ActorOther));
    }
    if !shown.covers(&token.cnf) {
        return Err(Fault::Exchange(ExchangeFault::ActorKey));
    }
    Ok(Actor::Token(token))
}

/// What the infrastructure says of the instance that asks: by the same verifiers and rules as where evidence is a grant.
async fn of_evidence(
    app: &AppState,
    agent: &AgentId,
    token: &str,
    shown: &Possession,
    about: &mut About,
) -> Result<Actor, Fault> {
    let evidence = app.workloads.providers.verify_jwt(token, Door::Grant).await;
    let evidence = evidence.map_err(WorkloadFault::from)?;
    let rules = app.workloads.rules(app).await?;
    about.saw(&evidence);
    let presented = Presented::new(app, evidence, Some(&rules))?;
    let is_of = presented.rule.as_ref().is_some_and(|r| r.rule.agent == *agent);
    if !is_of {
        return Err(Fault::Exchange(ExchangeFault::ActorOther));
    }
    presented.check_key(shown.key())?;
    let spending = presented.spending(app, shown.key(), seen(app, &presented, agent))?;
    Ok(Actor::Workload(Arc::new(presented), Arc::new(spending)))
}

impl Actor {
    /// Its workload, if that is what says who acts.
    pub(super) fn workload(&self) -> Option<&Arc<Presented>> {
        match self {
            Self::Token(_) => None,
            Self::Workload(presented, _) => Some(presented),
        }
    }

    /// Its token, if that is what says who acts.
    pub(super) fn token(&self) -> Option<&AccessToken> {
        match self {
            Self::Token(token) => Some(token),
            Self::Workload(..) => None,
        }
    }

    /// For the record: the `jti`, or what sort of evidence it is.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Token(token) => token.id.to_string(),
            Self::Workload(presented, _) => format!("workload:{}", presented.evidence.provider),
        }
    }

    /// Asks anew whether it counts, and whether it belongs to the subject's flow: the agent's own authority says who acts
    /// and nothing else; authority that the agent has of somebody must be of the same roots (chain splicing).
    pub(super) fn check(
        &self,
        tx: &mut Tx<'_>,
        chains: &Chains,
        subject: &Chain,
        view: &RevokedView,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Self::Token(token) = self else { return Ok(()) };
        if token.expires_at <= now || !view.stands(token.grant.standing()) {
            return Err(Fault::GrantOver);
        }
        let chain = chains.of(tx, &token.grant.id)?;
        in_force(view, &chain, client, now)?;
        let own = matches!(&token.subject, Principal::Agent(agent) if token.actor() == Some(agent));
        let roots = |chain: &Chain| chain.roots().map(|g| g.id.clone()).collect::<Vec<_>>();
        let same = chain.leaf().subject == subject.leaf().subject && roots(&chain) == roots(subject);
        if own || same { Ok(()) } else { Err(Fault::Exchange(ExchangeFault::Spliced)) }
    }

    /// Spends what may be shown once.
    pub(super) fn settle(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Fault> {
        match self {
            Self::Token(_) => Ok(()),
            Self::Workload(_, spending) => spending.settle(tx, now),
        }
    }

    /// Notes that its workload was seen, once that is durable.
    pub(super) fn was_seen(&self, app: &AppState) {
        if let Self::Workload(_, spending) = self
            && let Some(row) = spending.row()
        {
            was_seen(app, row);
        }
    }
}
