//! An event in its place in the record.

use crate::{Event, EventKind, Outcome};
use aws_lc_rs::digest::{Context, SHA256};
use prokura_core::{AgentId, ClientId, GrantId, PointId, Principal, ResourceUri, Timestamp, TraceId};
use prokura_oauth::json::{self, Canonical, Limits, Object, Value};

/// Where an entry stands: which enforcement point wrote it, and its two gapless counters. A missing number
/// shows that an entry was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// The enforcement point that wrote it.
    pub point: PointId,
    /// Counts this point's entries from 1, without gaps.
    pub counter: u64,
    /// Counts this point's entries of one (subject, current actor) pair from 1, without gaps; absent where
    /// the entry names no subject.
    pub pair: Option<u64>,
}

/// An event in its place in the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub counters: Counters,
    /// What happened.
    pub event: Event,
}

/// Bytes that are no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a ledger entry: {0}")]
pub struct EntryError(String);

/// The version that stands in every entry as `v`.
const VERSION: u64 = 1;

impl Entry {
    /// The canonical bytes (RFC 8785), which never change.
    pub fn to_bytes(&self) -> Vec<u8> {
        Self::bytes(&self.counters, &self.event)
    }

    /// The canonical bytes of an entry that is not put together: what a writer of many entries needs.
    pub fn bytes(counters: &Counters, e: &Event) -> Vec<u8> {
        let mut o = Canonical::default();
        if !e.actors.is_empty() {
            o.texts("act", e.actors.iter().map(AgentId::as_str));
        }
        o.text("action", &e.action);
        o.integer("at", e.at.micros());
        if let Some(client) = &e.client {
            o.text("client", client.as_str());
        }
        if !e.details.is_empty() {
            o.object("details", &e.details);
        }
        if let Some(grant) = &e.grant {
            o.text("grant", grant.as_str());
        }
        o.text("kind", e.kind.as_str());
        o.count("n", counters.counter);
        o.text("outcome", e.outcome.as_str());
        if let Some(pair) = counters.pair {
            o.count("pair", pair);
        }
        o.text("point", counters.point.as_str());
        if !e.reasons.is_empty() {
            o.texts("reasons", e.reasons.iter().map(String::as_str));
        }
        if let Some(resource) = &e.resource {
            o.text("resource", resource.as_str());
        }
        if let Some(subject) = &e.subject {
            o.text("sub", subject.as_str());
        }
        o.text("trace", e.trace.as_str());
        o.count("v", VERSION);
        o.finish()
    }

    /// Reads canonical bytes back.
    ///
    /// # Errors
    /// [`EntryError`] names the first member that is missing or mistyped.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        let value = json::parse(bytes, &Limits::MESSAGE).map_err(|e| EntryError(e.to_string()))?;
        let o = value.as_object().ok_or_else(|| EntryError("not an object".into()))?;
        if number(o, "v")? != VERSION {
            return Err(EntryError("of a version that this program does not know".into()));
        }
        let counters = Counters {
            point: required(o, "point", |s| PointId::parse(s).ok())?,
            counter: number(o, "n")?,
            pair: if o.contains_key("pair") { Some(number(o, "pair")?) } else { None },
        };
        let event = Event {
            kind: required(o, "kind", EventKind::parse)?,
            at: Timestamp::from_micros(
                o.get("at").and_then(Value::as_i64).ok_or_else(|| EntryError("`at` is no time".into()))?,
            ),
            trace: required(o, "trace", |s| TraceId::parse(s).ok())?,
            subject: optional(o, "sub", |s| Principal::parse(s).ok())?,
            actors: texts(o, "act")?
                .into_iter()
                .map(|s| AgentId::parse(s).map_err(|_| EntryError("`act` holds no agent".into())))
                .collect::<Result<_, _>>()?,
            client: optional(o, "client", |s| ClientId::parse(s).ok())?,
            grant: optional(o, "grant", |s| GrantId::parse(s).ok())?,
            resource: optional(o, "resource", |s| ResourceUri::parse_exact(s).ok())?,
            action: required(o, "action", |s| Some(s.to_owned()))?,
            outcome: required(o, "outcome", Outcome::parse)?,
            reasons: texts(o, "reasons")?,
            details: o.get("details").and_then(Value::as_object).cloned().unwrap_or_default(),
        };
        Ok(Self { counters, event })
    }

    /// The leaf hash of canonical bytes: SHA-256 over a zero byte and the bytes (RFC 6962 §2.1).
    pub fn leaf_hash(bytes: &[u8]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&[0]);
        context.update(bytes);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

fn number(o: &Object, key: &str) -> Result<u64, EntryError> {
    let n = o.get(key).and_then(Value::as_i64).and_then(|n| u64::try_from(n).ok());
    n.ok_or_else(|| EntryError(format!("`{key}` is no count")))
}

fn required<T>(o: &Object, key: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, EntryError> {
    optional(o, key, read)?.ok_or_else(|| EntryError(format!("`{key}` is missing")))
}

fn optional<T>(o: &Object, key: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, EntryError> {
    let Some(value) = o.get(key) else { return Ok(None) };
    let text = value.as_str().and_then(read);
    text.map(Some).ok_or_else(|| EntryError(format!("`{key}` cannot be read")))
}

fn texts(o: &Object, key: &str) -> Result<Vec<String>, EntryError> {
    let Some(value) = o.get(key) else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| EntryError(format!("`{key}` is no list")))?;
    list.iter()
        .map(|v| v.as_str().map(str::to_owned).ok_or_else(|| EntryError(format!("`{key}` holds no text"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::UserId;

    fn entry() -> Entry {
        let mut event = Event::new(
            EventKind::Decision,
            "tool:read_report",
            Outcome::Permit,
            Timestamp::from_micros(1_700_000_000_000_001),
            TraceId::parse("tr_1").unwrap(),
        )
        .because("scope_allows");
        event.subject = Some(Principal::User(UserId::parse("usr_alice").unwrap()));
        event.actors = vec![AgentId::parse("agt_reporter").unwrap()];
        event.details.insert("status", 200_u64.into());
        Entry {
            counters: Counters { point: PointId::parse("pep_1").unwrap(), counter: 7, pair: Some(2) },
            event,
        }
    }

    #[test]
    fn the_bytes_are_canonical_and_come_back() {
        let bytes = entry().to_bytes();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            r#"{"act":["agt_reporter"],"action":"tool:read_report","at":1700000000000001,"details":{"status":200},"kind":"decision","n":7,"outcome":"permit","pair":2,"point":"pep_1","reasons":["scope_allows"],"sub":"usr_alice","trace":"tr_1","v":1}"#
        );
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry());
    }

    #[test]
    fn the_bytes_of_a_full_and_of_a_bare_entry_are_canonical() {
        let mut full = entry();
        full.event.client = ClientId::parse("cli_1").ok();
        full.event.grant = GrantId::parse("g_1").ok();
        full.event.resource = ResourceUri::parse_exact("https://a.example/mcp/x").ok();
        full.event.details.insert("a", 1_u64.into());
        let bare = Entry {
            counters: Counters { pair: None, ..full.counters.clone() },
            event: Event::new(
                EventKind::System,
                "start \"\u{1}",
                Outcome::Error,
                Timestamp::from_micros(-1),
                TraceId::parse("tr_2").unwrap(),
            ),
        };
        for entry in [full, bare] {
            let bytes = entry.to_bytes();
            assert_eq!(json::parse(&bytes, &Limits::MESSAGE).unwrap().to_jcs(), bytes);
            assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
        }
    }

    #[test]
    fn the_leaf_hash_is_told_apart_from_a_plain_hash() {
        let plain = aws_lc_rs::digest::digest(&SHA256, b"x");
        assert_ne!(Entry::leaf_hash(b"x").as_slice(), plain.as_ref());
    }
}
