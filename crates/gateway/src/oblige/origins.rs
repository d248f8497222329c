//! Where values came from: what was approved and what trusted tools said, as keyed hashes in bounded memory. What is not
//! remembered was named by nobody; forgetting too early asks once more.

use crate::caller::Caller;
use aws_lc_rs::hmac;
use prokura_core::{Source, Timestamp};
use prokura_oauth::json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a value may be used after somebody named it.
const LIFE: Duration = Duration::from_secs(60 * 60);
const SHARDS: usize = 16;
/// Values remembered in one shard: 65,536 in all, about 3 MiB.
const SHARD_SIZE: usize = 4096;
/// The most values that are remembered of one result.
pub(super) const OF_ONE: usize = 2048;

type Mark = [u8; 16];

/// Who named it: a value counts only for the same user, the same agent and what came of the same consent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whose<'a> {
    subject: &'a str,
    actor: &'a str,
    root: &'a str,
}

impl<'a> Whose<'a> {
    /// Of this caller; nobody names anything without a token.
    pub(crate) fn of(caller: &'a Caller) -> Option<Self> {
        let token = caller.token()?;
        let root = token.grant.ancestors.first().unwrap_or(&token.grant.id);
        let actor = token.actor().map_or("", |a| a.as_str());
        Some(Self { subject: token.subject.as_str(), actor, root: root.as_str() })
    }
}

/// What is remembered.
pub(crate) struct Origins {
    key: hmac::Key,
    shards: Vec<Mutex<HashMap<Mark, i64>>>,
}

impl Origins {
    /// Remembers under this key.
    pub(crate) fn new(secret: &[u8]) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), shards }
    }

    /// Remembers that these values were named by that source.
    pub(crate) fn remember(&self, whose: Whose<'_>, source: Source, values: &[Value], now: Timestamp) {
        let until = now.after(LIFE).micros();
        for value in values {
            let mark = self.mark(whose, source, value);
            let mut shard = self.shard(mark).lock().unwrap_or_else(PoisonError::into_inner);
            if shard.len() >= SHARD_SIZE && !shard.contains_key(&mark) {
                make_room(&mut shard);
            }
            shard.insert(mark, until);
        }
    }

    /// Whether that source named this value.
    pub(crate) fn knows(&self, whose: Whose<'_>, source: Source, value: &Value, now: Timestamp) -> bool {
        let mark = self.mark(whose, source, value);
        let shard = self.shard(mark).lock().unwrap_or_else(PoisonError::into_inner);
        shard.get(&mark).is_some_and(|until| now.micros() < *until)
    }

    fn shard(&self, mark: Mark) -> &Mutex<HashMap<Mark, i64>> {
        &self.shards[usize::from(mark[0]) % SHARDS]
    }

    fn mark(&self, whose: Whose<'_>, source: Source, value: &Value) -> Mark {
        let mut tag = hmac::Context::with_key(&self.key);
        for part in [whose.subject, whose.actor, whose.root, source.as_str()] {
            tag.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            tag.update(part.as_bytes());
        }
        tag.update(&value.to_jcs());
        let mut mark = Mark::default();
        mark.copy_from_slice(&tag.sign().as_ref()[..16]);
        mark
    }
}

impl std::fmt::Debug for Origins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Origins(…)")
    }
}

/// Forgets one of a few: the one that would be forgotten soonest anyway.
fn make_room(shard: &mut HashMap<Mark, i64>) {
    const FEW: usize = 16;
    let soonest = shard.iter().take(FEW).min_by_key(|(_, until)| **until).map(|(mark, _)| *mark);
    if let Some(soonest) = soonest {
        shard.remove(&soonest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Whose<'static> = Whose { subject: "usr_ann", actor: "agt_a", root: "g_1" };
    const NOW: Timestamp = Timestamp::from_seconds(1000);

    fn json(text: &str) -> Value {
        prokura_oauth::json::parse(text.as_bytes(), &prokura_oauth::json::Limits::MESSAGE).unwrap()
    }

    #[test]
    fn a_value_counts_for_whom_it_was_named_and_in_its_canonical_form() {
        let origins = Origins::new(b"key");
        let named = [json("\"a@x\""), json("100")];
        origins.remember(ANN, Source::Results, &named, NOW);
        for (value, known) in [
            ("\"a@x\"", true),
            ("100.0", true),
            ("1e2", true),
            ("\"100\"", false),
            ("\"A@x\"", false),
            ("\"a@x,b@x\"", false),
            ("\"a@\"", false),
            ("\"a@x\\u200b\"", false),
            ("\"\\u0430@x\"", false),
        ] {
            assert_eq!(origins.knows(ANN, Source::Results, &json(value), NOW), known, "{value}");
        }
        let value = json("100");
        for other in [
            Whose { subject: "usr_bob", ..ANN },
            Whose { actor: "agt_b", ..ANN },
            Whose { root: "g_2", ..ANN },
            Whose { subject: "usr_annagt_a", actor: "", ..ANN },
        ] {
            assert!(!origins.knows(other, Source::Results, &value, NOW), "{other:?}");
        }
        assert!(!origins.knows(ANN, Source::Approval, &value, NOW));
        assert!(!origins.knows(ANN, Source::Results, &value, NOW.after(LIFE)));
    }

    #[test]
    fn a_flood_of_values_stays_within_its_bound() {
        let origins = Origins::new(b"key");
        for n in 0..100_000_u32 {
            origins.remember(ANN, Source::Results, &[Value::from(n)], NOW);
        }
        let held: usize = origins.shards.iter().map(|s| s.lock().unwrap().len()).sum();
        assert!(held <= SHARDS * SHARD_SIZE, "{held}");
    }
}
