//! Small worlds by dice, in which everything happens often: few agents, scopes, tools and times.

use prokura_core::{
    Acr, AgentId, Budget, Chain, ChildRequest, Constraint, Decimal, Demand, Detail, Details, Duty, Evidence,
    Grant, GrantId, GrantState, Grantor, Held, MayAct, Member, NarrowingError, Node, Passages, Path,
    Principal, ResourceUri, Revocation, ScopeSet, Terms, Test, Timestamp, UserId, View,
};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A generator that repeats itself from its seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u8) -> u8 {
        u8::try_from(self.next() % u64::from(n)).unwrap()
    }

    pub(crate) fn index(&mut self, n: usize) -> usize {
        usize::from(self.below(u8::try_from(n).unwrap()))
    }

    /// Once in so many times.
    fn once_in(&mut self, n: u8) -> bool {
        self.below(n) == 0
    }
}

pub(crate) const TOOLS: [&str; 3] = ["t1", "t2", "t3"];

static PLACES: LazyLock<[ResourceUri; 2]> = LazyLock::new(|| {
    ["https://as.example/mcp/a", "https://as.example/mcp/b"].map(|uri| ResourceUri::parse(uri).unwrap())
});
static AGENTS: LazyLock<[AgentId; 3]> =
    LazyLock::new(|| ["agt_a", "agt_b", "agt_c"].map(|id| AgentId::parse(id).unwrap()));

pub(crate) fn agents() -> &'static [AgentId; 3] {
    &AGENTS
}

/// Which scope of a resource bundles which tool.
pub(crate) fn bundles(resource: &str, scope: &str, tool: &str) -> bool {
    let tools: &[&str] = match (resource == PLACES[0].as_str(), scope) {
        (true, "read") | (false, "peek") => &["t1", "t2"],
        (true, "write") | (false, "poke") => &["t2", "t3"],
        _ => &[],
    };
    tools.contains(&tool)
}

/// What a scope at the first resource is worth at the second, in these hands.
pub(crate) fn worth(scope: &str, agent: &AgentId) -> Option<&'static str> {
    match scope {
        "read" => Some("peek"),
        "write" if *agent == AGENTS[1] => Some("poke"),
        _ => None,
    }
}

/// The operator's rules: from the first resource to the second, and not back.
pub(crate) struct Doors;

impl Passages for Doors {
    fn pass(&self, from: &ResourceUri, held: &Held, to: &ResourceUri, agent: &AgentId) -> Option<Held> {
        let there = *from == PLACES[0] && *to == PLACES[1];
        let scopes: BTreeSet<_> = held.actions.iter().filter_map(|s| worth(s.as_str(), agent)).collect();
        let opened = held.actions.iter().any(|s| !s.is_of_identity());
        if !there || (scopes.is_empty() && (opened || held.details.is_empty())) {
            return None;
        }
        let actions = ScopeSet::parse(&scopes.into_iter().collect::<Vec<_>>().join(" ")).unwrap();
        Some(Held { actions, details: held.details.clone() })
    }
}

/// Arguments whose member `x` is this number.
pub(crate) struct X(pub(crate) u8);

impl Node for X {
    fn view(&self) -> View<'_> {
        View::Object
    }

    fn member(&self, name: &str) -> Member<'_> {
        static NUMBERS: [Number; 4] = [Number(0), Number(1), Number(2), Number(3)];
        if name == "x" { Member::Value(&NUMBERS[usize::from(self.0)]) } else { Member::Absent }
    }

    fn item(&self, _: usize) -> Option<&dyn Node> {
        None
    }
}

struct Number(u8);

impl Node for Number {
    fn view(&self) -> View<'_> {
        View::Number(Cow::Owned(self.0.to_string()))
    }

    fn member(&self, _: &str) -> Member<'_> {
        Member::Absent
    }

    fn item(&self, _: usize) -> Option<&dyn Node> {
        None
    }
}

fn scopes(first: bool, wide: bool, dice: &mut Dice) -> ScopeSet {
    let all = if first { ["read", "write", "openid"] } else { ["peek", "poke", "openid"] };
    let often = if wide { 5 } else { 2 };
    let some: Vec<_> = all.into_iter().filter(|_| !dice.once_in(often)).collect();
    ScopeSet::parse(&some.join(" ")).unwrap()
}

fn details(dice: &mut Dice) -> Details {
    if dice.below(3) > 0 {
        return Details::default();
    }
    let at_most = |x: u8| Constraint {
        path: Path::parse(".x").unwrap(),
        test: Test::AtMost(Decimal::from(u32::from(x))),
    };
    let one = |dice: &mut Dice| {
        let mut tools: Vec<_> = TOOLS.into_iter().filter(|_| dice.below(3) > 0).map(str::to_owned).collect();
        if tools.is_empty() {
            tools.push("t2".to_owned());
        }
        let bound = (dice.below(2) > 0).then(|| at_most(dice.below(3)));
        Detail::new(tools, bound).unwrap()
    };
    let some: Vec<_> = (0..1 + dice.below(2)).map(|_| one(dice)).collect();
    Details::new(some).unwrap()
}

fn may_act(dice: &mut Dice) -> MayAct {
    if dice.below(3) > 0 {
        return MayAct::ByRule;
    }
    MayAct::Only(AGENTS.iter().filter(|_| !dice.once_in(3)).cloned().collect())
}

fn terms(dice: &mut Dice) -> Terms {
    let duty = |max_age| Duty::SignIn(Demand { acr: Some(Acr::Mfa), max_age });
    let duties = [duty(None), duty(Some(60))].into_iter().filter(|_| dice.once_in(4)).collect();
    let budget = dice.once_in(4).then(|| Budget::new(Some(3), vec![]).unwrap());
    Terms { may_act: may_act(dice), duties, budget }
}

fn id(place: usize) -> GrantId {
    GrantId::parse(format!("g_{place}")).unwrap()
}

fn subject(dice: &mut Dice) -> Principal {
    let user = if dice.once_in(40) { "usr_bob" } else { "usr_alice" };
    Principal::User(UserId::parse(user).unwrap())
}

/// Whatever a store might say, also what no making would allow: the invariants hold at use.
fn any_grant(place: usize, before: &[Grant], dice: &mut Dice) -> Grant {
    let parents: BTreeSet<usize> = match place {
        0 => BTreeSet::new(),
        _ => (0..1 + dice.below(2)).map(|_| dice.index(place)).collect(),
    };
    let under_second = parents.iter().any(|p| before[*p].resource == PLACES[1]);
    let first = !under_second && dice.below(4) > 0;
    let state = match dice.below(30) {
        0 => GrantState::Suspended,
        1 => GrantState::Revoked(Revocation {
            at: Timestamp::from_seconds(0),
            by: "operator".into(),
            why: "test".into(),
        }),
        _ => GrantState::Active,
    };
    Grant {
        id: id(place),
        parents: parents.into_iter().map(id).collect(),
        subject: subject(dice),
        grantor: Grantor::Operator,
        grantee: AGENTS[dice.index(3)].clone(),
        resource: PLACES[usize::from(!first)].clone(),
        actions: scopes(first, true, dice),
        details: details(dice),
        not_before: Timestamp::from_seconds(i64::from(dice.below(2))),
        expires_at: Timestamp::from_seconds(i64::from(4 + dice.below(4))),
        depth_left: dice.below(6),
        terms: terms(dice),
        evidence: Evidence::Configuration,
        state,
        revision: 0,
    }
}

/// One to five grants, each under one or two of those before it; the last may be made by the rules.
pub(crate) fn graph(dice: &mut Dice) -> Vec<Grant> {
    let mut all: Vec<Grant> = Vec::new();
    for place in 0..1 + usize::from(dice.below(5)) {
        let made = (place > 0 && dice.below(2) > 0).then(|| {
            let parent = chain(&all, dice.index(place));
            let asked = request(place, dice);
            Chain::child(&[&parent], asked, Timestamp::from_seconds(1), &Doors).ok()
        });
        all.push(made.flatten().unwrap_or_else(|| any_grant(place, &all, dice)));
    }
    // Something is taken away above what was made.
    if dice.once_in(3) {
        let at = dice.index(all.len());
        let other = details(dice);
        let grant = &mut all[at];
        if let Ok(narrower) = grant.held().narrow(&Held { actions: grant.actions.clone(), details: other }) {
            grant.details = narrower.details;
        }
        grant.terms.may_act = grant.terms.may_act.meet(&may_act(dice));
        grant.depth_left = grant.depth_left.min(dice.below(6));
    }
    all
}

pub(crate) fn request(place: usize, dice: &mut Dice) -> ChildRequest {
    let first = dice.below(3) > 0;
    ChildRequest {
        id: id(place),
        grantee: AGENTS[dice.index(3)].clone(),
        resource: PLACES[usize::from(!first)].clone(),
        actions: scopes(first, false, dice),
        details: details(dice),
        not_before: Timestamp::from_seconds(i64::from(dice.below(3))),
        expires_at: Timestamp::from_seconds(i64::from(2 + dice.below(7))),
        terms: if dice.below(3) > 0 { Terms::default() } else { terms(dice) },
        evidence: Evidence::Exchange { by: "test".to_owned() },
    }
}

/// The chain of the grant at a place.
pub(crate) fn chain(graph: &[Grant], at: usize) -> Chain {
    let mut above: BTreeSet<usize> = BTreeSet::new();
    let mut open = vec![at];
    while let Some(place) = open.pop() {
        for parent in &graph[place].parents {
            let parent = graph.iter().position(|g| g.id == *parent).unwrap();
            above.insert(parent);
            open.push(parent);
        }
    }
    Chain::new(above.into_iter().map(|place| graph[place].clone()).collect(), graph[at].clone()).unwrap()
}

/// One more child of the last, to see how often one is made.
pub(crate) fn again(graph: &[Grant], seed: u64) -> Result<Grant, NarrowingError> {
    let parent = chain(graph, graph.len() - 1);
    let asked = request(graph.len(), &mut Dice::new(seed ^ 1));
    Chain::child(&[&parent], asked, Timestamp::from_seconds(3), &Doors)
}
