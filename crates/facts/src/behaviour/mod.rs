//! What agents do, counted and remembered: how much lately, and what is usual for each.
//!
//! Counts are of the last ten minutes. What is usual is learned of permitted calls alone; until enough of it is known, what
//! is unusual is unknown. Each fact's source says what it was made of. Memory is bounded: of whom there is no room for,
//! nothing is known.

mod baseline;
mod minutes;
mod share;

pub use share::SHARE_EVERY;

use baseline::{Baseline, Learned, REUSED, hour, network};
use minutes::{BACK, Minutes, per_minute};
use prokura_config::Behaviour as Config;
use prokura_core::{AgentId, Fact, FactValue, PointId, Timestamp};
use prokura_policy::access::{Situation, Stage};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// At most so many agents and workloads are told apart.
const MOST: usize = 50_000;

/// What was seen of agents, by this process and lately by others.
pub struct Behaviour {
    config: Config,
    on: bool,
    point: String,
    all: Mutex<HashMap<String, Subject>>,
}

/// What was seen of one of them.
#[derive(Default)]
struct Subject {
    /// Calls that this process saw.
    own: Minutes,
    /// Calls that others saw.
    others: Minutes,
    /// Tokens that were asked for at this process.
    tokens: Minutes,
    usual: Baseline,
    /// What was learned since it was shared last.
    fresh: Baseline,
    /// Whether something of it should be shared soon.
    new: bool,
    /// Whether there were calls since the last time.
    moved: bool,
    /// The second at which the baseline was shared last.
    shared: i64,
}

impl Behaviour {
    /// Counts and learns if `on`; else it knows nothing and costs nothing. `point` tells this process from others.
    pub fn new(config: Config, on: bool, point: &PointId) -> Self {
        Self { config, on, point: point.to_string(), all: Mutex::default() }
    }

    /// Knows nothing.
    pub fn off() -> Self {
        Self { config: Config::default(), on: false, point: String::new(), all: Mutex::default() }
    }

    /// Notes what was decided: a call, or a token that was asked for. What is permitted is learned as usual.
    pub fn note(&self, situation: &Situation<'_>, permitted: bool, asn: impl Fn() -> Option<i64>) {
        if !self.on {
            return;
        }
        let now = situation.now;
        if situation.stage != Stage::Call {
            return self.with(situation.agent.map(AgentId::as_str), now, |s| s.tokens.add(now, !permitted));
        }
        self.with(situation.workload.map(|w| w.workload.as_str()), now, |s| s.count(now, !permitted));
        let Some(agent) = situation.agent else { return };
        let networks = if permitted { self.networks(agent, situation, asn) } else { Vec::new() };
        let tool = situation.action.map(|a| format!("{} {a}", situation.resource));
        self.with(Some(agent.as_str()), now, |s| {
            s.count(now, !permitted);
            if permitted {
                let learned =
                    Learned { resource: situation.resource, tool: tool.as_deref(), networks: &networks };
                s.usual.learn(&learned, now);
                s.new |= s.fresh.learn(&learned, now);
            }
        });
    }

    /// Notes a call that was refused before conditions were looked at.
    pub fn note_refused(&self, agent: &AgentId, now: Timestamp) {
        if self.on {
            self.with(Some(agent.as_str()), now, |s| s.count(now, true));
        }
    }

    /// Notes that evidence of the agent's workload was shown again with another key than at first.
    pub fn note_reused(&self, agent: &AgentId, now: Timestamp) {
        if self.on {
            self.with(Some(agent.as_str()), now, |s| {
                (s.usual.reused, s.fresh.reused) = (Some(now.seconds()), Some(now.seconds()));
                s.new = true;
            });
        }
    }

    /// What is known under `behaviour.`.
    pub(crate) fn fact(
        &self,
        what: &str,
        situation: &Situation<'_>,
        asn: impl Fn() -> Option<i64>,
    ) -> Option<Arc<Fact>> {
        if !self.on {
            return None;
        }
        let now = situation.now;
        let said = match what {
            "workload_calls_per_minute" => {
                self.of(&situation.workload?.workload.to_string(), |s| Some(s.rate(now)))
            }
            _ => {
                let agent = situation.agent?.as_str();
                let networks = || networks(situation, &asn);
                self.of(agent, |s| s.say(what, situation, &self.config, networks))
            }
        };
        let (value, source) = said?;
        Some(Arc::new(Fact { value, source: source.into(), observed_at: now, max_age: None }))
    }

    /// The networks of a call, if they are to be noted: those that were noted lately are not asked for again.
    fn networks(
        &self,
        agent: &AgentId,
        situation: &Situation<'_>,
        asn: impl Fn() -> Option<i64>,
    ) -> Vec<String> {
        let Some(address) = situation.address else { return Vec::new() };
        let (near, now) = (network(address), situation.now.seconds());
        let known = self.lock().get(agent.as_str()).and_then(|s| s.usual.networks.get(&near).copied());
        match known {
            Some(at) if now.saturating_sub(at) < 3600 => Vec::new(),
            _ => networks(situation, &asn),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Subject>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of<T>(&self, id: &str, say: impl FnOnce(&Subject) -> Option<T>) -> Option<T> {
        let all = self.lock();
        match all.get(id) {
            Some(subject) => say(subject),
            None if all.len() < MOST => say(&Subject::default()),
            None => None,
        }
    }

    fn with(&self, id: Option<&str>, now: Timestamp, change: impl FnOnce(&mut Subject)) {
        let Some(id) = id else { return };
        let mut all = self.lock();
        if let Some(subject) = all.get_mut(id) {
            return change(subject);
        }
        if all.len() >= MOST {
            all.retain(|_, s| !s.is_idle(now));
        }
        if all.len() < MOST {
            change(all.entry(id.to_owned()).or_default());
        }
    }
}

fn networks(situation: &Situation<'_>, asn: &impl Fn() -> Option<i64>) -> Vec<String> {
    let near = situation.address.map(network);
    let wide = near.as_ref().and_then(|_| asn()).map(|asn| format!("AS{asn}"));
    near.into_iter().chain(wide).collect()
}

type Said = (FactValue, String);

fn number(n: u64) -> FactValue {
    FactValue::Number(i64::try_from(n).unwrap_or(i64::MAX))
}

impl Subject {
    fn count(&mut self, now: Timestamp, refused: bool) {
        self.own.add(now, refused);
        self.moved = true;
    }

    fn is_idle(&mut self, now: Timestamp) -> bool {
        for minutes in [&mut self.own, &mut self.others, &mut self.tokens] {
            minutes.forget(now);
        }
        let quiet = self.own.is_empty() && self.others.is_empty() && self.tokens.is_empty();
        quiet && self.fresh == Baseline::default()
    }

    fn say(
        &self,
        what: &str,
        situation: &Situation<'_>,
        config: &Config,
        networks: impl Fn() -> Vec<String>,
    ) -> Option<Said> {
        let now = situation.now;
        let known = |seen, key: &str| Baseline::knows(seen, key, config, now);
        let unusual = |new: bool, of: usize, things: &str| {
            let days = self.usual.first.map_or(0, |f| now.seconds().saturating_sub(f) / 86_400);
            let said = if new { "not among" } else { "among" };
            let source = format!("{said} {of} {things}, {} calls in {days} days", self.usual.calls);
            Some((FactValue::Flag(new), source))
        };
        match what {
            "calls_per_minute" => return Some(self.rate(now)),
            "tokens_per_minute" => return Some(self.tokens_rate(now)),
            "refused" => return Some(self.refused(now)),
            "assertion_reused" => return Some(self.reused(now)),
            _ if !self.usual.is_learned(config, now) => return None,
            _ => {}
        }
        match what {
            "unfamiliar_tool" => {
                let tool = format!("{} {}", situation.resource, situation.action?);
                unusual(!known(&self.usual.tools, &tool), self.usual.tools.len(), "tools")
            }
            "unfamiliar_resource" => {
                let new = !known(&self.usual.resources, situation.resource);
                unusual(new, self.usual.resources.len(), "resources")
            }
            "unusual_hour" => {
                let near = [-3600, 0, 3600]
                    .map(|shift| hour(Timestamp::from_seconds(now.seconds().saturating_add(shift))));
                let new = !near.iter().any(|hour| known(&self.usual.hours, hour));
                unusual(new, self.usual.hours.len(), "hours of the day")
            }
            "new_network" => {
                let networks = networks();
                let new = !networks.iter().any(|network| known(&self.usual.networks, network));
                unusual(new, self.usual.networks.len(), "networks").filter(|_| !networks.is_empty())
            }
            _ => None,
        }
    }

    fn rate(&self, now: Timestamp) -> Said {
        let (own, others) = (self.own.last_two(now), self.others.last_two(now));
        let (this, before) = (own.0.saturating_add(others.0), own.1.saturating_add(others.1));
        let source = format!("{this} calls this minute, {before} in the one before");
        (number(per_minute((this, before), now)), source)
    }

    fn tokens_rate(&self, now: Timestamp) -> Said {
        let (this, before) = self.tokens.last_two(now);
        let source = format!("{this} tokens asked for this minute, {before} in the one before");
        (number(per_minute((this, before), now)), source)
    }

    fn refused(&self, now: Timestamp) -> Said {
        let (own, others) = (self.own.sum(now), self.others.sum(now));
        let refused = own.refused.saturating_add(others.refused);
        let calls = own.calls.saturating_add(others.calls);
        (number(refused), format!("{refused} of {calls} calls refused in {BACK} min"))
    }

    fn reused(&self, now: Timestamp) -> Said {
        let ago = self.usual.reused.map(|at| now.seconds().saturating_sub(at)).filter(|ago| *ago <= REUSED);
        match ago {
            Some(ago) => (FactValue::Flag(true), format!("shown with another key {} min ago", ago / 60)),
            None => (FactValue::Flag(false), "no evidence was shown with another key in 24 h".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
