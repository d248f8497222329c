//! The operator's rules of delegation: who gets which part of whose authority, and what authority at one resource is worth
//! at another.

use crate::places::{InvalidPlace, Places};
use prokura_config::{Config, DelegationRule, TokenView};
use prokura_core::{AgentId, Detail, Details, Duty, Held, Passages, ResourceUri, Scope, ScopeSet};
use prokura_oauth::access_token::View;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    /// Where the authority is that is passed on.
    pub(super) at: ResourceUri,
    /// Whose tokens are exchanged; nobody's in particular if it is empty.
    pub(super) from: BTreeSet<AgentId>,
    pub(super) to: BTreeSet<AgentId>,
    /// Where it is given.
    pub(super) resource: ResourceUri,
    give: Vec<(Scope, ScopeSet)>,
    tools: BTreeMap<String, Vec<String>>,
    /// The most agents of the chain.
    pub(super) depth: usize,
    pub(super) lasts: Option<Duration>,
    pub(super) duty: Option<Duty>,
    pub(super) views: Vec<View>,
}

/// All of them, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Rulebook(Vec<Arc<Rule>>);

impl Rulebook {
    pub(crate) fn new(config: &Config, places: &Places) -> Result<Self, InvalidPlace> {
        let rules = config.delegations.iter().map(|r| Rule::new(r, places).map(|r| r.map(Arc::new)));
        let rules: Vec<Option<Arc<Rule>>> = rules.collect::<Result<_, _>>()?;
        Ok(Self(rules.into_iter().flatten().collect()))
    }

    /// The rules by which `agent` may get something of an authority at `at`, in order.
    pub(super) fn to<'a>(
        &'a self,
        agent: &'a AgentId,
        at: &'a ResourceUri,
    ) -> impl Iterator<Item = &'a Arc<Rule>> {
        self.0.iter().filter(move |r| r.at == *at && r.to.contains(agent))
    }
}

/// What all rules together let an agent have: the bound that holds at every use. Which rule a grant was made by bounded it
/// when it was made.
impl Passages for Rulebook {
    fn pass(&self, from: &ResourceUri, held: &Held, to: &ResourceUri, agent: &AgentId) -> Option<Held> {
        let passed = self.to(agent, from).filter(|r| r.resource == *to).filter_map(|r| r.pass(held));
        passed.reduce(|all, one| Held {
            actions: all.actions.union(&one.actions),
            // More details than can be kept are left out, which gives less.
            details: Details::new(all.details.iter().chain(one.details.iter()).cloned())
                .unwrap_or(all.details),
        })
    }
}

/// One rule alone: what it gives whom.
impl Passages for Rule {
    fn pass(&self, from: &ResourceUri, held: &Held, to: &ResourceUri, agent: &AgentId) -> Option<Held> {
        let fits = self.at == *from && self.resource == *to && self.to.contains(agent);
        if fits { self.pass(held) } else { None }
    }
}

impl Rule {
    fn new(r: &DelegationRule, places: &Places) -> Result<Option<Self>, InvalidPlace> {
        let (Some(at), Some(resource)) = (places.named(&r.at), places.named(r.resource())) else {
            return Ok(None);
        };
        let give = r.give.iter().map(|(scope, worth)| {
            let worth = worth.iter().map(Scope::parse).collect::<Result<ScopeSet, _>>()?;
            Ok::<_, InvalidPlace>((Scope::parse(scope)?, worth))
        });
        Ok(Some(Self {
            name: r.name.clone(),
            at: at.uri.clone(),
            from: r.from_agents().collect(),
            to: r.to_agents().collect(),
            resource: resource.uri.clone(),
            give: give.collect::<Result<_, _>>()?,
            tools: r.tools.clone(),
            depth: usize::from(r.depth),
            lasts: r.lasts.map(prokura_config::Span::get),
            duty: r.sign_in.map(|demand| Duty::SignIn(demand.to_demand())),
            views: r.views.iter().map(|view| view_of(*view)).collect(),
        }))
    }

    /// Whether the authority stays where it is.
    fn stays(&self) -> bool {
        self.at == self.resource
    }

    /// What `held` is worth by this rule; `None` if nothing. Whoever holds less gets no more: an authority that is bounded
    /// by scopes or details is worth nothing rather than something that is not.
    pub(super) fn pass(&self, held: &Held) -> Option<Held> {
        let actions = match self.give.is_empty() {
            true => held.actions.clone(),
            false => {
                let worth = self.give.iter().filter(|(scope, _)| held.actions.contains(scope));
                worth.fold(ScopeSet::default(), |all, (_, worth)| all.union(worth))
            }
        };
        if actions.is_empty() && (!held.actions.is_empty() || held.details.is_empty()) {
            return None;
        }
        let details = if self.stays() { held.details.clone() } else { self.details(&held.details)? };
        Some(Held { actions, details })
    }

    /// The tools that those of `held` are worth, each under the constraints of those that it stands for.
    fn details(&self, held: &Details) -> Option<Details> {
        let worth = |detail: &Detail| {
            let tools = detail.tools().filter_map(|tool| self.tools.get(tool)).flatten().cloned();
            Detail::new(tools, detail.constraints().iter().cloned()).ok()
        };
        let details = Details::new(held.iter().filter_map(worth)).ok()?;
        (held.is_empty() || !details.is_empty()).then_some(details)
    }
}

/// The view that the configuration names.
pub(super) fn view_of(view: TokenView) -> View {
    match view {
        TokenView::User => View::User,
        TokenView::Agent => View::Agent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(name: &str) -> ResourceUri {
        ResourceUri::parse(&format!("https://as.example/mcp/{name}")).unwrap()
    }

    fn rule(give: &[(&str, &str)], tools: &[(&str, &str)], resource: &str) -> Rule {
        let scopes = |s: &str| ScopeSet::parse(s).unwrap();
        Rule {
            name: "r".into(),
            at: uri("a"),
            from: BTreeSet::new(),
            to: [AgentId::parse("agt_x").unwrap()].into(),
            resource: uri(resource),
            give: give.iter().map(|(s, w)| (Scope::parse(*s).unwrap(), scopes(w))).collect(),
            tools: tools.iter().map(|(t, w)| ((*t).to_owned(), vec![(*w).to_owned()])).collect(),
            depth: 5,
            lasts: None,
            duty: None,
            views: vec![View::User],
        }
    }

    fn held(scopes: &str, tools: &[&str]) -> Held {
        let detail = |t: &&str| Detail::new([(*t).to_owned()], []).unwrap();
        Held {
            actions: ScopeSet::parse(scopes).unwrap(),
            details: Details::new(tools.iter().map(detail)).unwrap(),
        }
    }

    #[test]
    fn d01_what_was_bounded_stays_bounded_where_it_is_passed_on() {
        let r = rule(&[("read", "list")], &[("get", "find")], "b");
        assert_eq!(r.pass(&held("read write", &[])), Some(held("list", &[])));
        assert_eq!(r.pass(&held("read", &["get", "put"])), Some(held("list", &["find"])));
        assert_eq!(r.pass(&held("", &["get"])), Some(held("", &["find"])), "details alone stay alone");
        for nothing in [held("write", &[]), held("write", &["get"]), held("read", &["put"]), held("", &[])] {
            assert_eq!(r.pass(&nothing), None, "{nothing:?}");
        }
        let stays = rule(&[], &[], "a");
        assert_eq!(stays.pass(&held("read", &["get"])), Some(held("read", &["get"])));
    }

    #[test]
    fn d01_rules_give_only_those_whom_they_name_and_where() {
        let book = Rulebook(vec![
            Arc::new(rule(&[("read", "list")], &[], "b")),
            Arc::new(rule(&[("write", "put")], &[], "b")),
        ]);
        let pass = |from: &str, to: &str, agent: &str| {
            book.pass(&uri(from), &held("read write", &[]), &uri(to), &AgentId::parse(agent).unwrap())
        };
        assert_eq!(pass("a", "b", "agt_x"), Some(held("list put", &[])));
        assert_eq!(
            (pass("b", "a", "agt_x"), pass("a", "c", "agt_x"), pass("a", "b", "agt_y")),
            (None, None, None)
        );
    }

    /// Every authority over three scopes and three tools, and every lesser one.
    #[test]
    fn d01_who_holds_less_is_given_no_more() {
        let r = rule(&[("a", "x"), ("b", "x y"), ("c", "z")], &[("t", "p"), ("u", "q"), ("v", "p")], "b");
        let some = |names: [&'static str; 3], which: usize| {
            (0..3).filter(|i| which >> i & 1 == 1).map(|i| names[i]).collect::<Vec<_>>()
        };
        let make = |s: usize, t: usize| held(&some(["a", "b", "c"], s).join(" "), &some(["t", "u", "v"], t));
        for (s, t, fewer, tools) in (0..4096).map(|n| (n & 7, n >> 3 & 7, n >> 6 & 7, n >> 9 & 7)) {
            // Less: fewer scopes but some, and fewer tools but some, or tools where there was no bound.
            let (less_s, less_t) = (s & fewer, if t == 0 { tools } else { t & tools });
            if (less_s == 0 && s != 0) || (less_t == 0 && t != 0) {
                continue;
            }
            let (more, less) = (r.pass(&make(s, t)), r.pass(&make(less_s, less_t)));
            // Details alone are another sort of authority than scopes.
            if let (Some(less), true) = (less, s != 0) {
                let more = more.unwrap();
                assert!(less.actions.is_within(&more.actions));
                assert!(more.details.is_empty() || less.details.tools().is_subset(&more.details.tools()));
            }
        }
    }
}
