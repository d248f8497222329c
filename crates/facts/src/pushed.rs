//! What may be said from outside, and of whom.

use crate::HOST_CLAIMS;
use prokura_core::{AgentId, ClientId, FactName, FactValue, Timestamp, UserId, WorkloadId};
use prokura_oauth::json::Value;
use prokura_store::{FactKind, FactSubject};
use std::time::Duration;

/// The first words of facts that may be said from outside. All others are made here, of what is verified or seen.
pub const PUSHED: [&str; 3] = ["custom", "posture", "risk"];
/// The levels of `risk.level` (CAEP 1.0 §3.8).
pub const RISK_LEVELS: [&str; 3] = ["LOW", "MEDIUM", "HIGH"];
/// For how long a fact may count: what was said longer ago must be said again.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// How far a clock may be ahead of ours.
pub const AHEAD: Duration = Duration::from_secs(10);
/// The longest text of a fact, in bytes.
const TEXT: usize = 256;

/// Why something cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSaid {
    /// There is no such kind.
    #[error("it must be `workload`, `host`, `agent`, `client` or `user`")]
    Kind,
    /// The id is none of that kind.
    #[error("it is no id of that kind; a host is written `PROVIDER/CLAIM:VALUE` with one of the claims {}", HOST_CLAIMS.join(", "))]
    Id,
    /// The name is none, or of a fact that is made here.
    #[error("facts that can be said are named `posture.…`, `risk.…` or `custom.…`, by lower-case words")]
    Name,
    /// The value is of no sort that facts have.
    #[error("it must be a string of 1 to 256 bytes, a whole number, or true or false")]
    Value,
    /// A level that nobody knows.
    #[error("the level of a risk is `LOW`, `MEDIUM` or `HIGH`")]
    Level,
    /// It counts for too long, or for no time.
    #[error("it must be from 1 second to 30 days")]
    MaxAge,
    /// It was observed in the future.
    #[error("it lies in the future: compare the clocks")]
    Future,
    /// It counts no more.
    #[error("the observation is older than it may be to count")]
    Stale,
}

/// Whom or what a fact is about.
///
/// # Errors
/// [`NotSaid::Kind`], [`NotSaid::Id`].
pub fn subject(kind: &str, id: &str) -> Result<FactSubject, NotSaid> {
    let kind = FactKind::parse(kind).ok_or(NotSaid::Kind)?;
    let fits = match kind {
        FactKind::Workload => id.starts_with(WorkloadId::PREFIX) && WorkloadId::parse(id).is_ok(),
        FactKind::Agent => id.starts_with(AgentId::PREFIX) && AgentId::parse(id).is_ok(),
        FactKind::User => id.starts_with(UserId::PREFIX) && UserId::parse(id).is_ok(),
        FactKind::Client => ClientId::parse(id).is_ok(),
        FactKind::Host => is_host(id),
        _ => return Err(NotSaid::Kind),
    };
    if fits { Ok(FactSubject { kind, id: id.to_owned() }) } else { Err(NotSaid::Id) }
}

fn is_host(id: &str) -> bool {
    let plain = id.len() <= 512 && !id.chars().any(|c| c.is_control() || c.is_whitespace());
    let parts = id.split_once('/').and_then(|(provider, rest)| Some((provider, rest.split_once(':')?)));
    plain
        && parts.is_some_and(|(provider, (claim, value))| {
            !provider.is_empty() && HOST_CLAIMS.contains(&claim) && !value.is_empty()
        })
}

/// The name of a fact that may be said from outside.
///
/// # Errors
/// [`NotSaid::Name`].
pub fn name(text: &str) -> Result<FactName, NotSaid> {
    let root = text.split('.').next().unwrap_or_default();
    FactName::parse(text).ok().filter(|_| PUSHED.contains(&root)).ok_or(NotSaid::Name)
}

/// What the fact of that name says.
///
/// # Errors
/// [`NotSaid::Value`], [`NotSaid::Level`].
pub fn value(name: &FactName, value: &Value) -> Result<FactValue, NotSaid> {
    let value = match value {
        Value::Bool(flag) => FactValue::Flag(*flag),
        Value::Number(number) => FactValue::Number(number.as_i64().ok_or(NotSaid::Value)?),
        Value::String(s) if (1..=TEXT).contains(&s.len()) && !s.chars().any(char::is_control) => {
            FactValue::Text(s.as_str().into())
        }
        _ => return Err(NotSaid::Value),
    };
    let known = |text: &str| RISK_LEVELS.contains(&text);
    match (&value, name.as_str()) {
        (FactValue::Text(text), "risk.level") if known(text) => Ok(value),
        (_, "risk.level") => Err(NotSaid::Level),
        _ => Ok(value),
    }
}

/// Whether an observation counts now, and not for too long.
///
/// # Errors
/// [`NotSaid::MaxAge`], [`NotSaid::Future`], [`NotSaid::Stale`].
pub fn timing(observed_at: Timestamp, max_age: Duration, now: Timestamp) -> Result<(), NotSaid> {
    if max_age < Duration::from_secs(1) || max_age > LONGEST {
        return Err(NotSaid::MaxAge);
    }
    if observed_at > now.after(AHEAD) {
        return Err(NotSaid::Future);
    }
    if now.since(observed_at) > max_age { Err(NotSaid::Stale) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_what_its_kind_says() {
        for (kind, id) in [
            ("workload", "wl_1"),
            ("agent", "agt_1"),
            ("user", "usr_1"),
            ("client", "https://a.example/c"),
            ("host", "prod/node:ip-10-0-1-7.internal"),
            ("host", "prod/instance_id:i-0:1"),
        ] {
            assert_eq!(subject(kind, id).unwrap().id, id);
        }
        for (kind, id) in [
            ("workload", "agt_1"),
            ("agent", "usr_1"),
            ("host", "node:a"),
            ("host", "prod/pod:a"),
            ("host", "/node:a"),
            ("host", "prod/node:"),
            ("host", "prod/node:a b"),
            ("client", ""),
        ] {
            assert_eq!(subject(kind, id), Err(NotSaid::Id), "{kind} {id}");
        }
        for kind in ["approval", "Host", ""] {
            assert_eq!(subject(kind, "prod/node:a"), Err(NotSaid::Kind), "{kind}");
        }
    }

    #[test]
    fn nobody_says_what_is_verified_or_seen_here() {
        for good in ["posture.compliant", "risk.level", "custom.team"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in [
            "workload.namespace",
            "network.country",
            "behaviour.refused",
            "approval.x",
            "sign_in.acr",
            "posture",
            "x",
        ] {
            assert_eq!(name(bad), Err(NotSaid::Name), "{bad}");
        }
    }

    #[test]
    fn a_value_is_of_three_sorts_and_a_risk_of_three_levels() {
        let (any, risk) = (name("custom.x").unwrap(), name("risk.level").unwrap());
        assert!(value(&any, &true.into()).is_ok() && value(&any, &(-1_i64).into()).is_ok());
        for bad in [Value::Null, "".into(), "a\nb".into(), "x".repeat(257).into(), Value::Array(vec![])] {
            assert_eq!(value(&any, &bad), Err(NotSaid::Value));
        }
        assert!(value(&risk, &"HIGH".into()).is_ok());
        for bad in [Value::from("high"), "CRITICAL".into(), 3_i64.into()] {
            assert_eq!(value(&risk, &bad), Err(NotSaid::Level));
        }
    }

    #[test]
    fn an_observation_is_of_now_or_before() {
        let (at, minute) = (Timestamp::from_seconds, Duration::from_secs(60));
        assert_eq!(timing(at(1_010), minute, at(1_000)), Ok(()));
        assert_eq!(timing(at(1_011), minute, at(1_000)), Err(NotSaid::Future));
        assert_eq!(timing(at(940), minute, at(1_000)), Ok(()));
        assert_eq!(timing(at(939), minute, at(1_000)), Err(NotSaid::Stale));
        assert_eq!(timing(at(1_000), Duration::ZERO, at(1_000)), Err(NotSaid::MaxAge));
        assert_eq!(timing(at(1_000), LONGEST + minute, at(1_000)), Err(NotSaid::MaxAge));
    }
}
