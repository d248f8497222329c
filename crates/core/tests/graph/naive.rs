//! The evaluator that is too simple to be wrong: it computes nothing that is left, and asks every grant above, by every way
//! that leads to it, whether it would let this one thing.

use crate::random::{TOOLS, X, bundles, worth};
use prokura_core::{AgentId, ChildRequest, Duty, Grant, GrantState, MayAct, Timestamp};
use std::collections::BTreeSet;

/// Every scope of both resources.
const SCOPES: [&str; 5] = ["read", "write", "peek", "poke", "openid"];

pub(crate) struct Naive<'a>(&'a [Grant]);

impl<'a> Naive<'a> {
    pub(crate) fn new(graph: &'a [Grant]) -> Self {
        Self(graph)
    }

    fn parents(&self, at: usize) -> Vec<usize> {
        self.0[at].parents.iter().map(|id| self.0.iter().position(|g| g.id == *id).unwrap()).collect()
    }

    /// The grant and all above it.
    fn line(&self, at: usize) -> BTreeSet<usize> {
        let above = self.parents(at).into_iter().flat_map(|p| self.line(p));
        above.chain([at]).collect()
    }

    pub(crate) fn ends(&self, at: usize) -> Timestamp {
        self.line(at).into_iter().map(|g| self.0[g].expires_at).min().unwrap()
    }

    pub(crate) fn begins(&self, at: usize) -> Timestamp {
        self.line(at).into_iter().map(|g| self.0[g].not_before).max().unwrap()
    }

    pub(crate) fn duties(&self, at: usize) -> BTreeSet<Duty> {
        self.line(at).into_iter().flat_map(|g| self.0[g].terms.duties.clone()).collect()
    }

    pub(crate) fn lets(&self, at: usize, agent: &AgentId) -> bool {
        let lets = |grant: &Grant| match &grant.terms.may_act {
            MayAct::ByRule => true,
            MayAct::Only(agents) => agents.contains(agent),
        };
        self.line(at).into_iter().all(|g| lets(&self.0[g]))
    }

    /// How many hops there are down from each grant above, by the longest way; some are left below.
    fn hops(&self, at: usize) -> Vec<(u8, u8)> {
        let mut all = vec![(0, self.0[at].depth_left)];
        for parent in self.parents(at) {
            all.extend(self.hops(parent).into_iter().map(|(hops, left)| (hops + 1, left)));
        }
        all
    }

    pub(crate) fn depth_left(&self, at: usize) -> u8 {
        self.hops(at).into_iter().map(|(hops, left)| left - hops).min().unwrap()
    }

    /// Whether everybody on every way was let be there.
    fn is_lawful(&self, at: usize) -> bool {
        self.hops(at).into_iter().all(|(hops, left)| hops <= left)
            && self.parents(at).into_iter().all(|p| self.lets_be(p, &self.0[at]) && self.is_lawful(p))
    }

    fn lets_be(&self, parent: usize, child: &Grant) -> bool {
        let same = self.0[parent].grantee == child.grantee;
        self.0[parent].subject == child.subject && (same || self.lets(parent, &child.grantee))
    }

    fn is_in_force(&self, at: usize, now: Timestamp) -> bool {
        let fine = |g: &Grant| g.state == GrantState::Active && g.not_before <= now && now < g.expires_at;
        self.line(at).into_iter().all(|g| fine(&self.0[g]))
    }

    /// Whether the scope is there, and above by every way.
    fn has(&self, at: usize, scope: &str) -> bool {
        let own = self.0[at].actions.iter().any(|s| s.as_str() == scope);
        own && self.parents(at).into_iter().all(|p| self.hands_down(p, &self.0[at], scope))
    }

    fn hands_down(&self, parent: usize, to: &Grant, scope: &str) -> bool {
        if self.0[parent].resource == to.resource {
            return self.has(parent, scope);
        }
        let leads = *self.0[parent].resource.as_str() < *to.resource.as_str();
        leads && SCOPES.iter().any(|s| worth(s, &to.grantee) == Some(scope) && self.has(parent, s))
    }

    fn opens(&self, at: usize) -> bool {
        SCOPES.iter().any(|s| *s != "openid" && self.has(at, s))
    }

    /// Whether nothing that was bounded by scopes lost the last of them, here or above; and every way leads here.
    fn is_sound(&self, at: usize) -> bool {
        let grant = &self.0[at];
        let above = self.parents(at);
        let handed = |p: usize| SCOPES.iter().any(|s| self.hands_down(p, grant, s));
        let had = !grant.actions.is_empty() || above.iter().any(|p| handed(*p));
        let has = SCOPES.iter().any(|s| self.has(at, s));
        let leads = |p: usize| {
            let elsewhere = self.0[p].resource != grant.resource;
            let forth = self.0[p].resource.as_str() < grant.resource.as_str();
            !elsewhere || (forth && (handed(p) || self.stands_by_details(p)))
        };
        (!had || has) && above.iter().all(|p| leads(*p) && self.is_sound(*p))
    }

    /// Whether it and everything above stands by its details.
    fn stands_by_details(&self, at: usize) -> bool {
        let own = |g: &Grant| !g.details.is_empty() && g.actions.iter().all(|s| s.as_str() == "openid");
        self.line(at).into_iter().all(|g| own(&self.0[g]))
    }

    fn has_details(&self, at: usize) -> bool {
        self.line(at).into_iter().any(|g| !self.0[g].details.is_empty())
    }

    fn names(&self, at: usize, tool: &str) -> bool {
        let fine = |g: &Grant| g.details.is_empty() || g.details.tools().contains(tool);
        self.line(at).into_iter().all(|g| fine(&self.0[g]))
    }

    /// Whether each grant above would let the call by its details.
    fn bears(&self, at: usize, tool: &str, x: u8) -> bool {
        let fine = |g: &Grant| g.details.is_empty() || g.details.check(tool, Some(&X(x))).is_ok();
        self.line(at).into_iter().all(|g| fine(&self.0[g]))
    }

    /// Whether something is left of it at all.
    fn is_there(&self, at: usize, now: Timestamp) -> bool {
        let alone = |g: usize| !self.has_details(g) || self.opens(g) || self.stands_by_details(g);
        let shared = |g: usize| !self.has_details(g) || TOOLS.iter().any(|t| self.names(g, t));
        self.is_in_force(at, now)
            && self.is_lawful(at)
            && self.is_sound(at)
            && self.line(at).into_iter().all(|g| alone(g) && shared(g))
    }

    pub(crate) fn permits(&self, at: usize, tool: &str, x: u8, now: Timestamp) -> bool {
        if !self.is_there(at, now) || !self.bears(at, tool, x) {
            return false;
        }
        let place = self.0[at].resource.as_str();
        if self.opens(at) || !self.has_details(at) {
            return SCOPES.iter().any(|s| self.has(at, s) && bundles(place, s, tool));
        }
        self.stands_by_details(at)
    }

    /// Whether everything that is asked for is there, in each of the parents.
    pub(crate) fn may_make(&self, parents: &[usize], asked: &ChildRequest, now: Timestamp) -> bool {
        let mut graph = self.0.to_vec();
        let child = Grant {
            id: asked.id.clone(),
            parents: parents.iter().map(|p| self.0[*p].id.clone()).collect(),
            grantee: asked.grantee.clone(),
            resource: asked.resource.clone(),
            actions: asked.actions.clone(),
            details: asked.details.clone(),
            not_before: asked.not_before,
            expires_at: asked.expires_at,
            depth_left: u8::MAX,
            terms: asked.terms.clone(),
            state: GrantState::Active,
            ..self.0[parents[0]].clone()
        };
        graph.push(child.clone());
        let (with, at) = (Naive::new(&graph), graph.len() - 1);
        let scopes = child.actions.iter().all(|s| with.has(at, s.as_str()));
        let handed = SCOPES.iter().any(|s| parents.iter().all(|p| self.hands_down(*p, &child, s)));
        let tools = child.details.is_empty()
            || child.details.tools().into_iter().all(|t| parents.iter().all(|p| self.names(*p, t)));
        let agents = match &child.terms.may_act {
            MayAct::ByRule => true,
            MayAct::Only(agents) => agents.iter().all(|a| parents.iter().all(|p| self.lets(*p, a))),
        };
        let details = child.actions.iter().all(|s| s.as_str() == "openid") && with.has_details(at);
        let alone = !details || parents.iter().all(|p| self.stands_by_details(*p));
        let (begins, ends) = (with.begins(at), with.ends(at));
        parents.iter().all(|p| self.is_there(*p, now) && self.lets_be(*p, &child))
            && with.is_lawful(at)
            && with.is_meeting(at)
            && scopes
            && (!child.actions.is_empty() || !handed)
            && tools
            && agents
            && alone
            && begins < ends
            && now < ends
    }

    /// Whether what the parents hand down meets: some scopes in common if any has some, and some tool.
    fn is_meeting(&self, at: usize) -> bool {
        let grant = &self.0[at];
        let above = self.parents(at);
        let any = |p: &usize| SCOPES.iter().any(|s| self.hands_down(*p, grant, s));
        let common = SCOPES.iter().any(|s| above.iter().all(|p| self.hands_down(*p, grant, s)));
        let opens =
            SCOPES.iter().any(|s| *s != "openid" && above.iter().all(|p| self.hands_down(*p, grant, s)));
        let bounded = above.iter().any(|p| self.has_details(*p));
        let tool = TOOLS.iter().any(|t| above.iter().all(|p| self.names(*p, t)));
        let leads = above.iter().all(|p| {
            let here = self.0[*p].resource == grant.resource;
            here || (self.0[*p].resource.as_str() < grant.resource.as_str()
                && (any(p) || self.stands_by_details(*p)))
        });
        let alone = opens || !bounded || above.iter().all(|p| self.stands_by_details(*p));
        leads && (common || !above.iter().any(any)) && (tool || !bounded) && alone
    }
}
