//! By which way an agent may have a part of an authority that another holds: the user or the holder named it, or a rule of
//! the operator leads to it.

use super::rules::{Rule, Rulebook};
use crate::clients::Client;
use crate::fault::{ExchangeFault, Fault};
use prokura_core::{AgentId, Chain, Held, ResourceUri};
use prokura_oauth::access_token::{AccessToken, View};
use std::sync::Arc;

/// The most agents of a chain, where the user named whoever gets it.
const DEPTH: usize = prokura_config::MAX_DEPTH as usize;

/// One way, and what it gives.
pub(super) struct Way {
    /// For the record: the rule, or `consent`.
    pub(super) by: String,
    pub(super) rule: Option<Arc<Rule>>,
    pub(super) held: Held,
}

impl Way {
    /// The most agents of the chain.
    pub(super) fn depth(&self) -> usize {
        self.rule.as_ref().map_or(DEPTH, |r| r.depth)
    }

    /// The view that a token has which comes of it: the one that is asked for, or the usual one of the resource.
    pub(super) fn view(&self, asked: Option<View>, usual: View) -> Result<View, Fault> {
        let Some(rule) = &self.rule else { return Ok(asked.unwrap_or(usual)) };
        match asked {
            Some(view) if rule.views.contains(&view) => Ok(view),
            Some(_) => Err(Fault::Exchange(ExchangeFault::View)),
            None if rule.views.contains(&usual) => Ok(usual),
            None => Ok(rule.views.first().copied().unwrap_or(usual)),
        }
    }
}

/// Who asks for a part of what.
pub(super) struct Claim<'a> {
    pub(super) rules: &'a Rulebook,
    pub(super) client: &'a Client,
    pub(super) agent: &'a AgentId,
    pub(super) token: &'a AccessToken,
    pub(super) chain: &'a Chain,
    pub(super) target: &'a ResourceUri,
    /// Whether what the subject token is bound to was shown.
    pub(super) shown: bool,
}

impl Claim<'_> {
    /// Every way, those first that stand first in the file, each with what it gives of `held`.
    pub(super) fn ways(&self, held: &Held) -> Result<Vec<Way>, Fault> {
        let handed = match &self.token.may_act {
            Some(agent) if agent != self.agent => return Err(Fault::Exchange(ExchangeFault::NotYours)),
            other => other.is_some(),
        };
        let let_in = self.chain.grants().all(|g| g.terms.may_act.lets(self.agent));
        let named = self.chain.names(self.agent);
        let rules: Vec<_> = self
            .rules
            .to(self.agent, &self.token.audience)
            .filter(|r| let_in && self.applies(r, handed, named))
            .collect();
        if !named && rules.is_empty() {
            return Err(Fault::Exchange(ExchangeFault::NotYours));
        }
        // Whoever is the resource's own server cannot have the key of its callers; whoever is named in the token need not.
        if !self.shown && !handed && !self.serves() {
            return Err(Fault::Exchange(ExchangeFault::SubjectKey));
        }
        let consent = (named && *self.target == self.token.audience).then(|| Way {
            by: "consent".to_owned(),
            rule: None,
            held: held.clone(),
        });
        let by_rule = rules
            .into_iter()
            .filter(|r| r.resource == *self.target)
            .filter_map(|r| Some(Way { by: r.name.clone(), held: r.pass(held)?, rule: Some(Arc::clone(r)) }));
        let ways: Vec<_> = consent.into_iter().chain(by_rule).collect();
        if ways.is_empty() { Err(Fault::Exchange(ExchangeFault::Target)) } else { Ok(ways) }
    }

    /// Whether a rule that leads to the agent applies: to tokens of whoever holds it, in the hands of whoever brings it.
    fn applies(&self, rule: &Rule, handed: bool, named: bool) -> bool {
        let of_holder = self.token.actor().is_some_and(|holder| rule.from.contains(holder));
        named || of_holder || (rule.from.is_empty() && (handed || self.serves()))
    }

    fn serves(&self) -> bool {
        self.client.introspects.contains(&self.token.audience)
    }
}

/// Whether `other` may get a part of what `holder` holds at the end of `chain`, so that a token can be prepared for it.
pub(super) fn may_be_prepared(rules: &Rulebook, chain: &Chain, holder: &AgentId, other: &AgentId) -> bool {
    let let_in = chain.grants().all(|g| g.terms.may_act.lets(other));
    let by_rule = |r: &Arc<Rule>| r.from.is_empty() || r.from.contains(holder);
    let may = chain.names(other) || rules.to(other, &chain.leaf().resource).any(by_rule);
    let_in && may && !chain.actors().contains(other) && chain.leaf().depth_left > 0
}
