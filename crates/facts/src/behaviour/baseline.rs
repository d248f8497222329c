//! What is usual for one agent.

use prokura_config::Behaviour as Config;
use prokura_core::Timestamp;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// At most so many of a sort are kept; the one that was not seen for longest goes.
const MOST: usize = 256;
/// When something is seen again within so many seconds, that is not written down again.
const NOTED: i64 = 300;
/// For so many seconds it counts that evidence was shown with another key.
pub(super) const REUSED: i64 = 24 * 3600;

/// What is usual: each thing with the second at which it was seen last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Baseline {
    pub(super) first: Option<i64>,
    pub(super) calls: u64,
    pub(super) tools: Seen,
    pub(super) resources: Seen,
    pub(super) networks: Seen,
    pub(super) hours: Seen,
    pub(super) reused: Option<i64>,
}

type Seen = BTreeMap<String, i64>;

impl Baseline {
    /// Whether enough was seen to say what is unusual.
    pub(super) fn is_learned(&self, config: &Config, now: Timestamp) -> bool {
        let long = i64::try_from(config.learn_for.get().as_secs()).unwrap_or(i64::MAX);
        let since = self.first.map_or(0, |first| now.seconds().saturating_sub(first));
        since >= long && self.calls >= u64::from(config.learn_calls)
    }

    /// Whether something was seen, and not too long ago.
    pub(super) fn knows(seen: &Seen, key: &str, config: &Config, now: Timestamp) -> bool {
        let forget = i64::try_from(config.forget_after.get().as_secs()).unwrap_or(i64::MAX);
        seen.get(key).is_some_and(|at| now.seconds().saturating_sub(*at) <= forget)
    }

    /// Notes one call; true if something is new enough to be kept.
    pub(super) fn learn(&mut self, learned: &Learned<'_>, now: Timestamp) -> bool {
        let at = now.seconds();
        self.first.get_or_insert(at);
        self.calls = self.calls.saturating_add(1);
        let mut new = note(&mut self.resources, learned.resource, at);
        if let Some(tool) = learned.tool {
            new |= note(&mut self.tools, tool, at);
        }
        for network in learned.networks {
            new |= note(&mut self.networks, network, at);
        }
        new | note(&mut self.hours, &hour(now), at)
    }

    /// What both saw. `calls` are added: each counts what it saw itself since the last time.
    pub(super) fn with(mut self, other: &Self) -> Self {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.calls = self.calls.saturating_add(other.calls);
        self.reused = self.reused.max(other.reused);
        let pairs = [
            (&mut self.tools, &other.tools),
            (&mut self.resources, &other.resources),
            (&mut self.networks, &other.networks),
            (&mut self.hours, &other.hours),
        ];
        for (own, others) in pairs {
            for (key, at) in others {
                let newest = own.get(key).copied().unwrap_or(i64::MIN).max(*at);
                own.insert(key.clone(), newest);
            }
            bound(own);
        }
        self
    }

    /// To be stored.
    pub(super) fn to_text(&self) -> String {
        let seen = |seen: &Seen| -> Value {
            Value::Object(seen.iter().map(|(k, at)| (k.clone(), Value::from(*at))).collect::<Object>())
        };
        let mut o = obj([
            ("calls", self.calls.into()),
            ("tools", seen(&self.tools)),
            ("resources", seen(&self.resources)),
            ("networks", seen(&self.networks)),
            ("hours", seen(&self.hours)),
        ]);
        for (name, at) in [("first", self.first), ("reused", self.reused)] {
            if let Some(at) = at {
                o.insert(name, at.into());
            }
        }
        String::from_utf8(o.to_vec()).unwrap_or_default()
    }

    /// As it was stored; nothing is known of what cannot be read.
    pub(super) fn read(text: &str) -> Self {
        let parsed = json::parse(text.as_bytes(), &Limits::MESSAGE).ok().and_then(Value::into_object);
        let Some(o) = parsed else { return Self::default() };
        let seen = |name: &str| -> Seen {
            let all = o.get(name).and_then(Value::as_object);
            let pair = |(k, v): (&str, &Value)| Some((k.to_owned(), v.as_i64()?));
            all.map(|all| all.iter().filter_map(pair).collect()).unwrap_or_default()
        };
        Self {
            first: o.get("first").and_then(Value::as_i64),
            calls: o.get("calls").and_then(Value::as_u64).unwrap_or(0),
            tools: seen("tools"),
            resources: seen("resources"),
            networks: seen("networks"),
            hours: seen("hours"),
            reused: o.get("reused").and_then(Value::as_i64),
        }
    }
}

/// What a call shows.
pub(super) struct Learned<'a> {
    pub(super) resource: &'a str,
    pub(super) tool: Option<&'a str>,
    pub(super) networks: &'a [String],
}

fn note(seen: &mut Seen, key: &str, at: i64) -> bool {
    match seen.get_mut(key) {
        Some(last) if at.saturating_sub(*last) < NOTED => false,
        Some(last) => {
            *last = at;
            true
        }
        None => {
            seen.insert(key.to_owned(), at);
            bound(seen);
            true
        }
    }
}

fn bound(seen: &mut Seen) {
    while seen.len() > MOST {
        let oldest = seen.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
        match oldest {
            Some(key) => seen.remove(&key),
            None => return,
        };
    }
}

/// The hour of the day, in UTC.
pub(super) fn hour(now: Timestamp) -> String {
    (now.seconds().div_euclid(3600).rem_euclid(24)).to_string()
}

/// The network of an address: the 256 of an IPv4 address, the site of an IPv6 address.
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back_and_two_become_one() {
        let at = Timestamp::from_seconds;
        let (mut one, mut two) = (Baseline::default(), Baseline::default());
        let call = |tool| Learned { resource: "sales", tool: Some(tool), networks: &[] };
        assert!(one.learn(&call("tool:a"), at(1_000)));
        assert!(!one.learn(&call("tool:a"), at(1_001)), "nothing new");
        assert!(two.learn(&call("tool:b"), at(500)));
        two.reused = Some(9);
        assert_eq!(Baseline::read(&one.to_text()), one);
        let both = one.with(&two);
        assert_eq!((both.first, both.calls, both.reused, both.tools.len()), (Some(500), 3, Some(9), 2));
        assert_eq!(both.resources["sales"], 1_000);
        assert_eq!(Baseline::read("nonsense"), Baseline::default());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes() {
        let mut one = Baseline::default();
        for n in 0..1_000 {
            let tool = format!("tool:{n}");
            one.learn(
                &Learned { resource: "r", tool: Some(&tool), networks: &[] },
                Timestamp::from_seconds(n),
            );
        }
        assert_eq!(one.tools.len(), MOST);
        assert!(one.tools.contains_key("tool:999") && !one.tools.contains_key("tool:0"));
    }

    #[test]
    fn a_network_is_what_one_site_has() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:7::1"), of("2001:db8:7:9::2"));
    }
}
