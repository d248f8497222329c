//! Everything that is known of a request, looked up when it is asked for.

use crate::behaviour::Behaviour;
use crate::places::{Databases, Place};
use prokura_core::{AgentId, Attested, Fact, FactName, FactValue, Timestamp};
use prokura_policy::access::{Facts, OwnFacts, Situation, Sources};
use prokura_store::{FactKind, FactsView};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The claims of a workload that name what it runs on. A posture of `PROVIDER/CLAIM:VALUE` counts for all that run there.
pub const HOST_CLAIMS: [&str; 5] = ["node", "node_uid", "instance_id", "vm_id", "host"];

/// How a fact that claims to be of the future is still fresh: as decisions judge it.
const LEEWAY: Duration = Duration::from_secs(10);

/// Where facts come from, for every request of this process.
pub struct Gathering {
    pushed: Arc<FactsView>,
    places: Arc<Databases>,
    behaviour: Arc<Behaviour>,
}

impl Gathering {
    /// Facts that were pushed, databases of places, and what was seen of agents.
    pub fn new(pushed: Arc<FactsView>, places: Arc<Databases>, behaviour: Arc<Behaviour>) -> Self {
        Self { pushed, places, behaviour }
    }

    /// What was seen of agents.
    pub fn behaviour(&self) -> &Arc<Behaviour> {
        &self.behaviour
    }
}

impl Sources for Gathering {
    fn facts<'a>(&'a self, situation: &'a Situation<'a>) -> Box<dyn Facts + 'a> {
        Box::new(Gathered { all: self, situation, place: OnceLock::new() })
    }

    fn note(&self, situation: &Situation<'_>, permitted: bool) {
        let gathered = Gathered { all: self, situation, place: OnceLock::new() };
        self.behaviour.note(situation, permitted, gathered.asn());
    }

    fn note_refused(&self, agent: &AgentId, now: Timestamp) {
        self.behaviour.note_refused(agent, now);
    }

    fn note_reused(&self, agent: &AgentId, now: Timestamp) {
        self.behaviour.note_reused(agent, now);
    }
}

/// What is known of one situation.
struct Gathered<'a> {
    all: &'a Gathering,
    situation: &'a Situation<'a>,
    place: OnceLock<Place>,
}

impl Facts for Gathered<'_> {
    fn fact(&self, name: &FactName) -> Option<Arc<Fact>> {
        let (root, rest) = name.as_str().split_once('.')?;
        match root {
            "workload" if is_chosen_by_the_caller(rest) => None,
            "network" if rest != "address" => self.of_place(rest),
            "workload" | "network" | "sign_in" => OwnFacts(self.situation).fact(name),
            "behaviour" => self.all.behaviour.fact(rest, self.situation, self.asn()),
            "risk" if rest == "level" => self.worst(name),
            "posture" if rest == "compliant" => self.least(name),
            "posture" | "risk" | "custom" => self.nearest(name),
            _ => None,
        }
    }
}

/// Tags of a request are of the caller's own choice: they say nothing about it (AWS STS `request_tags`).
fn is_chosen_by_the_caller(claim: &str) -> bool {
    claim.split('.').any(|word| word == "request_tags" || word == "request_tag")
}

impl Gathered<'_> {
    fn place(&self) -> &Place {
        let look = || self.situation.address.map(|a| self.all.places.place(a)).unwrap_or_default();
        self.place.get_or_init(look)
    }

    fn of_place(&self, what: &str) -> Option<Arc<Fact>> {
        let place = self.place();
        match what {
            "country" => place.country.clone(),
            "subdivision" => place.subdivision.clone(),
            "asn" => place.asn.clone(),
            "anonymous" => place.anonymous.clone(),
            _ => None,
        }
    }

    /// Asked for only by what needs it.
    fn asn(&self) -> impl Fn() -> Option<i64> + '_ {
        || match self.place().asn.as_deref()?.value {
            FactValue::Number(asn) => Some(asn),
            _ => None,
        }
    }

    /// What is pushed of that name, about the workload, its hosts, the agent, the client and the user, in this order.
    fn pushed(&self, name: &FactName) -> impl Iterator<Item = Arc<Fact>> {
        let Situation { workload, agent, client, subject, .. } = self.situation;
        let view = &self.all.pushed;
        let of = |kind: FactKind, id: &str| view.fact(kind, id, name);
        let mut found = Vec::new();
        if let Some(attested) = workload {
            found.extend(of(FactKind::Workload, attested.workload.as_str()));
            found.extend(hosts(attested).filter_map(|host| of(FactKind::Host, &host)));
        }
        found.extend(agent.and_then(|a| of(FactKind::Agent, a.as_str())));
        found.extend(client.and_then(|c| of(FactKind::Client, c.as_str())));
        found.extend(subject.and_then(|s| match s {
            prokura_core::Principal::User(user) => of(FactKind::User, user.as_str()),
            prokura_core::Principal::Agent(agent) => of(FactKind::Agent, agent.as_str()),
        }));
        found.into_iter()
    }

    /// The nearest that counts; if none counts, the nearest, so that it can be said how stale it is.
    fn nearest(&self, name: &FactName) -> Option<Arc<Fact>> {
        let mut stale = None;
        for fact in self.pushed(name) {
            if fact.is_fresh(self.situation.now, LEEWAY) {
                return Some(fact);
            }
            stale.get_or_insert(fact);
        }
        stale
    }

    /// Whether all comply: a workload is in no better order than the machine that it runs on.
    fn least(&self, name: &FactName) -> Option<Arc<Fact>> {
        let fresh = |f: &Arc<Fact>| f.is_fresh(self.situation.now, LEEWAY);
        let complies = |f: &Arc<Fact>| f.value == FactValue::Flag(true);
        let not = self.pushed(name).filter(fresh).find(|f| !complies(f));
        not.or_else(|| self.nearest(name))
    }

    /// The highest level of all who are concerned: an agent is no safer than the user it acts for.
    fn worst(&self, name: &FactName) -> Option<Arc<Fact>> {
        let fresh = |f: &Arc<Fact>| f.is_fresh(self.situation.now, LEEWAY);
        let worst = self.pushed(name).filter(fresh).max_by_key(|f| level(&f.value));
        worst.or_else(|| self.nearest(name))
    }
}

/// `LOW`, `MEDIUM` and `HIGH` in this order (CAEP 1.0 §3.8); a word that nobody knows is above them all.
fn level(value: &FactValue) -> u8 {
    match value {
        FactValue::Text(text) => match &**text {
            "LOW" => 0,
            "MEDIUM" => 1,
            "HIGH" => 2,
            _ => 3,
        },
        FactValue::Number(_) | FactValue::Flag(_) => 3,
    }
}

/// What a workload runs on, by the words of its provider: two providers may call two machines the same.
fn hosts(attested: &Attested) -> impl Iterator<Item = String> {
    let named =
        |claim: &&str| attested.claims.get(*claim).map(|v| format!("{}/{claim}:{v}", attested.provider));
    HOST_CLAIMS.iter().filter_map(named).collect::<Vec<_>>().into_iter()
}
