//! What a question comes to for one user: what can be allowed at all, what was allowed before, what is different about who
//! asks. It is found out anew when the answer comes, so that a page says nothing that counts.

use super::Asked;
use super::values::Values;
use crate::consent::{self, Wanted, Whom};
use prokura_config::{Config, DelegationRule, ResourceConfig};
use prokura_core::{
    Action, AgentId, Detail, Details, Evidence, Grant, GrantId, Held, MayAct, ResourceUri, Scope, ScopeSet,
    Timestamp, UserId,
};
use prokura_oauth::client_metadata::Difference;
use prokura_store::{StoreError, Tx};
use std::collections::BTreeSet;
use std::time::Duration;

/// An agent that may get a part of what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FurtherAgent {
    pub(super) agent: AgentId,
    pub(super) name: String,
    /// Where, and how many permissions at most, if it is a rule of the operator that lets it.
    pub(super) by_rule: Option<(ResourceUri, usize)>,
}

/// What a question comes to for one user.
#[derive(Debug, Clone)]
pub(super) struct Prospect {
    /// What the user can allow of what is asked for.
    pub(super) offered: Held,
    /// What the organisation does not let the user allow.
    pub(super) withheld: Held,
    /// Agents that the organisation does not let the user name.
    pub(super) withheld_agents: Vec<FurtherAgent>,
    /// Whether an administrator gives all of it: `false` if it was ended, so that it is not given again unasked.
    pub(super) given: Option<bool>,
    /// The grant of an earlier consent of the user's that this one adds to.
    pub(super) held: Option<Grant>,
    /// What of it is asked for again, and is plainly the same software that asks: no need to ask.
    pub(super) settled: ScopeSet,
    /// What is different about the client since it was let in.
    pub(super) changed: Vec<Difference>,
    /// Who may get a part of it besides.
    pub(super) further: Vec<FurtherAgent>,
}

/// For whom and when.
pub(super) struct For<'a> {
    pub(super) user: &'a UserId,
    /// The agent of the client, or who will be if it was never seen before.
    pub(super) agent: &'a AgentId,
    /// An id that no grant has.
    pub(super) id: &'a GrantId,
    pub(super) now: Timestamp,
}

impl Prospect {
    /// Whether there is nothing that the user can allow. Details whose scopes all fell away would allow more alone than with
    /// them, and scopes whose details fell away too.
    pub(super) fn is_nothing(&self, asked: &Asked) -> bool {
        let (scopes, details) = (&self.offered.actions, &self.offered.details);
        scopes.is_empty() != asked.scope.is_empty() || details.is_empty() != asked.details.is_empty()
    }

    /// Whether something of it is withheld.
    pub(super) fn withholds(&self) -> bool {
        !self.withheld.actions.is_empty()
            || !self.withheld.details.is_empty()
            || !self.withheld_agents.is_empty()
    }

    /// Finds it out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn of(
        tx: &mut Tx<'_>,
        config: &Config,
        asked: &Asked,
        who: &For<'_>,
    ) -> Result<Self, StoreError> {
        let whom =
            Whom { user: who.user, client: Some(&asked.client), agent: who.agent, resource: &asked.resource };
        let may = consent::users_may(tx, config, &whom, who.now)?;
        let (offered, withheld) = divide(place(config, asked), asked, may.as_ref());
        let (further, withheld_agents) = further(tx, config, asked, &whom, who.now)?;
        let held = held(tx, asked, who)?;
        let changed = match &held {
            None => Vec::new(),
            Some(held) => consent::differences(tx, &held.id, &asked.client, asked.likeness.as_ref())?,
        };
        let held = held.filter(|held| adds(asked, &offered, held, &changed));
        let settled = match &held {
            Some(held) if changed.is_empty() => settled(tx, asked, &offered, held)?,
            _ => ScopeSet::default(),
        };
        let given = given(tx, config, asked, whom, who)?;
        Ok(Self { offered, withheld, withheld_agents, given, held, settled, changed, further })
    }
}

fn place<'a>(config: &'a Config, asked: &Asked) -> Option<&'a ResourceConfig> {
    config.resources.iter().find(|r| config.resource_uri(r) == asked.resource)
}

/// What the user may allow of it, and the rest. Who somebody is they may always tell.
fn divide(place: Option<&ResourceConfig>, asked: &Asked, may: Option<&ScopeSet>) -> (Held, Held) {
    let all = Held { actions: asked.scope.clone(), details: asked.details.clone() };
    let nothing = Held { actions: ScopeSet::default(), details: Details::default() };
    let Some(may) = may else { return (all, nothing) };
    let open: ScopeSet =
        asked.scope.iter().filter(|s| may.contains(s) || s.is_of_identity()).cloned().collect();
    let bundling = if asked.scope.is_empty() { may } else { &open };
    let allowed = |d: &Detail| d.tools().all(|tool| bundles(place, bundling, tool));
    let (kept, left): (Vec<_>, Vec<_>) = asked.details.iter().enumerate().partition(|(_, d)| allowed(d));
    let only = |some: Vec<(usize, &Detail)>| asked.details.only(&some.into_iter().map(|(i, _)| i).collect());
    let withheld = Held { actions: asked.scope.difference(&open), details: only(left) };
    (Held { actions: open, details: only(kept) }, withheld)
}

fn bundles(place: Option<&ResourceConfig>, scopes: &ScopeSet, tool: &str) -> bool {
    let action = Action::tool(tool);
    let matches = |scope: &Scope| {
        place
            .and_then(|p| p.scopes.get(scope.as_str()))
            .is_some_and(|s| s.actions.iter().any(|p| p.matches(&action)))
    };
    scopes.iter().any(matches)
}

/// The agents besides, and those whom the organisation does not let the user name.
fn further(
    tx: &mut Tx<'_>,
    config: &Config,
    asked: &Asked,
    whom: &Whom<'_>,
    now: Timestamp,
) -> Result<(Vec<FurtherAgent>, Vec<FurtherAgent>), StoreError> {
    let nameable = consent::users_may_name(tx, config, whom, now)?;
    let (mut open, mut withheld) = (Vec::new(), Vec::new());
    for agent in asked.through.iter().filter(|a| *a != whom.agent) {
        let Some(known) = tx.agent(agent)?.filter(|a| !a.disabled) else { continue };
        let further = FurtherAgent { agent: agent.clone(), name: known.name, by_rule: None };
        match nameable.as_ref().is_none_or(|all| all.contains(agent)) {
            true => open.push(further),
            false => withheld.push(further),
        }
    }
    for (agent, at, most) in ruled(config, asked, whom.agent) {
        let known = tx.agent(&agent)?.filter(|a| !a.disabled);
        let new = agent != *whom.agent && !open.iter().any(|f: &FurtherAgent| f.agent == agent);
        if let Some(known) = known.filter(|_| new) {
            open.push(FurtherAgent { agent, name: known.name, by_rule: Some((at, most)) });
        }
    }
    Ok((open, withheld))
}

/// Whom the operator's rules let have a part, where, and how many permissions there at most.
fn ruled(config: &Config, asked: &Asked, agent: &AgentId) -> Vec<(AgentId, ResourceUri, usize)> {
    let Some(here) = place(config, asked) else { return Vec::new() };
    let holds = |r: &&DelegationRule| {
        r.at == here.name && (r.from.is_empty() || r.from_agents().any(|a| a == *agent))
    };
    let part = |r: &DelegationRule| {
        let at = config.resource(r.resource()).map(|there| config.resource_uri(there))?;
        let worth = |scopes: &Vec<String>| {
            scopes.iter().all(|s| Scope::parse(s).is_ok_and(|s| asked.scope.contains(&s)))
        };
        let all = r.give.is_empty() && r.stays();
        let most = if all { asked.scope.len() } else { r.give.values().filter(|s| worth(s)).count() };
        Some(r.to_agents().map(move |a| (a, at.clone(), most)).collect::<Vec<_>>())
    };
    config
        .delegations
        .iter()
        .filter(holds)
        .filter_map(part)
        .flatten()
        .filter(|(.., most)| *most > 0)
        .collect()
}

/// The newest grant of the user's own consent for this software at this resource. One that a client knows by a name is
/// changed by that name only; a device keeps its own, so that it can be ended by itself.
fn held(tx: &mut Tx<'_>, asked: &Asked, who: &For<'_>) -> Result<Option<Grant>, StoreError> {
    if asked.management.is_some() || asked.is_waited_for() || asked.budget.is_some() {
        return Ok(None);
    }
    let all = tx.consented_grants(who.user, who.agent, &asked.resource)?;
    let fits = |g: &Grant| g.usable_at(who.now).is_ok() && g.terms.budget.is_none();
    Ok(all.into_iter().find(fits).filter(|g| matches!(g.evidence, Evidence::Consent { .. })))
}

/// Whether the consent that is asked for adds to an earlier one: it asks for more, or the software has changed, or it is
/// plainly the same. Another program that listens in its place and asks for the same gets a grant of its own.
fn adds(asked: &Asked, offered: &Held, held: &Grant, changed: &[Difference]) -> bool {
    let before = Held { actions: held.actions.clone(), details: held.details.clone() };
    let shares =
        !before.actions.intersection(&offered.actions).is_empty() || before.details == offered.details;
    let new = !offered.actions.is_within(&before.actions) || offered.details != before.details;
    !changed.is_empty() || asked.may_be_remembered() || (new && shares)
}

/// What needs no question: allowed before, at this very redirect URI, to software that nobody can pretend to be, while
/// something else is new.
fn settled(tx: &mut Tx<'_>, asked: &Asked, offered: &Held, held: &Grant) -> Result<ScopeSet, StoreError> {
    let plain = held.details.is_empty() && offered.details.is_empty();
    let before = held.actions.intersection(&offered.actions);
    let new = before.len() < offered.actions.len();
    if !asked.may_be_remembered() || !plain || !new {
        return Ok(ScopeSet::default());
    }
    let here =
        tx.grant_clients(&held.id)?.iter().any(|c| c.client == asked.client && c.redirect == asked.redirect);
    Ok(if here { before } else { ScopeSet::default() })
}

/// What administrators give. Whom a client names besides, a budget, and a grant that it wants to know by a name, are a user's to say.
fn given(
    tx: &mut Tx<'_>,
    config: &Config,
    asked: &Asked,
    whom: Whom<'_>,
    who: &For<'_>,
) -> Result<Option<bool>, StoreError> {
    if asked.management.is_some() || !asked.through.is_empty() || asked.budget.is_some() {
        return Ok(None);
    }
    let wanted = Wanted {
        whom,
        id: who.id,
        scopes: &asked.scope,
        details: &asked.details,
        again: false,
        now: who.now,
        trace: &asked.trace,
    };
    consent::would_give(tx, config, &wanted)
}

/// What the user posted, not weighed yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Pick {
    pub(super) scopes: ScopeSet,
    /// Places among the details that were asked for.
    pub(super) details: BTreeSet<usize>,
    pub(super) through: BTreeSet<AgentId>,
    /// Whether every agent that is offered is left, as in development mode.
    pub(super) everyone: bool,
    /// What is left of the values in details.
    pub(super) values: Values,
    pub(super) lasts: Duration,
}

/// Why what was posted is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Of scopes or details nothing is left although some was asked for.
    Nothing,
    /// Of an argument nothing is left, or more than was asked for.
    Values,
}

/// What the user chose: no more than was offered.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) scope: ScopeSet,
    pub(super) details: Details,
    pub(super) may_act: MayAct,
    pub(super) lasts: Duration,
}

impl Prospect {
    /// What of a posted answer counts: what was offered, and what needed no question.
    ///
    /// # Errors
    /// [`Unfit`]. Of scopes and details some must be left of each that was asked for: without details the scopes would allow
    /// more than with them, and without scopes the details.
    pub(super) fn choice(&self, asked: &Asked, pick: &Pick) -> Result<Choice, Unfit> {
        let scope = self.offered.actions.intersection(&pick.scopes).union(&self.settled);
        let offered = |d: &Detail| self.offered.details.iter().any(|o| o == d);
        let picked =
            asked.details.iter().enumerate().filter(|(at, d)| pick.details.contains(at) && offered(d));
        let left = picked.map(|(at, detail)| pick.values.left_of(&asked.details, at, detail));
        let details = Details::new(left.collect::<Result<Vec<_>, _>>()?).map_err(|_| Unfit::Values)?;
        let nothing_left = scope.is_empty() != asked.scope.is_empty()
            || details.is_empty() != asked.details.is_empty()
            || (scope.is_empty() && details.is_empty());
        let named = self.named(pick);
        // Whom rules let and the user left stays with the rules: being left gives nobody more than being listed.
        let by_rule = self.further.iter().all(|f| f.by_rule.is_some() && named.contains(&f.agent));
        let may_act = if by_rule { MayAct::ByRule } else { MayAct::Only(named) };
        if nothing_left {
            Err(Unfit::Nothing)
        } else {
            Ok(Choice { scope, details, may_act, lasts: pick.lasts })
        }
    }

    /// The agents that were offered and left.
    fn named(&self, pick: &Pick) -> BTreeSet<AgentId> {
        let offered = self.further.iter().map(|f| &f.agent);
        offered.filter(|a| pick.everyone || pick.through.contains(*a)).cloned().collect()
    }
}
