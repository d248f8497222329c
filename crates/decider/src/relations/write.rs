//! Changing tuples and models.

use super::rows::{row, row_of_key, tuple};
use super::{Relations, RelationsFault, Revision, read_model};
use prokura_core::Timestamp;
use prokura_ledger::Event;
use prokura_oauth::json::{Value, obj};
use prokura_relations::{Key, Tuple};
use prokura_store::{OnConflict, RelationTuple, RelationWrite, Tx, Unwritten};
use std::collections::BTreeSet;

/// So many tuples may be changed at once.
const AT_ONCE: usize = 1000;

/// A change of several tuples, all or none.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// To be written.
    pub writes: Vec<Tuple>,
    /// To be deleted.
    pub deletes: Vec<Key>,
    /// Where one of `writes` is there.
    pub on_duplicate: OnConflict,
    /// Where one of `deletes` is not there.
    pub on_missing: OnConflict,
}

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// From which revision on it holds.
    pub revision: Revision,
}

impl Relations {
    /// Changes tuples; `event` is recorded with what was changed in it, in the same transaction. The view of this process
    /// knows it when this returns.
    ///
    /// # Errors
    /// [`RelationsFault`]: then nothing was changed.
    pub async fn write(&self, change: Change, event: Event) -> Result<Written, RelationsFault> {
        let this = self.clone();
        let at = self.now();
        let written = self.store.transact(move |tx| this.write_in(tx, &change, &event, at)).await?;
        self.heed().await;
        Ok(written)
    }

    fn write_in(
        &self,
        tx: &mut Tx<'_>,
        change: &Change,
        event: &Event,
        at: Timestamp,
    ) -> Result<Written, RelationsFault> {
        let count = change.writes.len() + change.deletes.len();
        if count == 0 || count > AT_ONCE {
            return Err(RelationsFault::Size(AT_ONCE));
        }
        let mut seen = BTreeSet::new();
        let keys = change.writes.iter().map(|t| &t.key).chain(&change.deletes);
        if let Some(twice) = keys.clone().find(|k| !seen.insert(*k)) {
            return Err(RelationsFault::Twice(twice.clone()));
        }
        if !change.writes.is_empty() {
            let version = self.version(tx)?;
            change.writes.iter().try_for_each(|t| version.model.allows(t))?;
        }
        let write = RelationWrite {
            writes: change.writes.iter().map(row).collect(),
            deletes: change.deletes.iter().map(row_of_key).collect(),
            on_duplicate: change.on_duplicate,
            on_missing: change.on_missing,
        };
        let before = tx.relation_revision()?;
        let revision = tx.write_relations(&write, "", at)?.map_err(|e| unwritten(&e))?;
        if revision != before {
            record(tx, event, (&change.writes, &change.deletes), revision);
        }
        Ok(Written { revision: Revision(revision) })
    }

    /// Puts a model into force; the version that it has from now on.
    ///
    /// # Errors
    /// [`RelationsFault::Model`] if it is not valid: then the one before stays in force.
    pub async fn put_model(&self, text: String, by: String, event: Event) -> Result<u64, RelationsFault> {
        read_model(&text)?;
        let at = self.now();
        let put = self.store.transact::<_, RelationsFault>(move |tx| {
            let (before, version) = (tx.relation_model_version()?, tx.put_relation_model(&text, &by, at)?);
            if version != before {
                let mut event = event.clone();
                event.details.insert("version", version.into());
                tx.record(event);
            }
            Ok(version)
        });
        let version = put.await?;
        self.heed().await;
        Ok(version)
    }
}

/// What was changed stands in the entry: names, and no contexts of conditions.
fn record(tx: &mut Tx<'_>, like: &Event, (writes, deletes): (&[Tuple], &[Key]), revision: u64) {
    let texts = |all: Vec<String>| Value::Array(all.into_iter().map(Value::from).collect());
    let mut event = like.clone();
    let written = writes.iter().map(|t| t.key.to_string()).collect();
    let deleted = deletes.iter().map(ToString::to_string).collect();
    let more = obj([
        ("written", texts(written)),
        ("deleted", texts(deleted)),
        ("revision", Revision(revision).to_string().into()),
    ]);
    for (name, value) in more.iter() {
        event.details.insert(name, value.clone());
    }
    tx.record(event);
}

fn unwritten(why: &Unwritten) -> RelationsFault {
    let key = |row: &RelationTuple| tuple(row).map(|t| t.key).map_err(RelationsFault::from);
    match why {
        Unwritten::Duplicate(row) => key(row).map_or_else(|e| e, RelationsFault::Duplicate),
        Unwritten::Missing(row) => key(row).map_or_else(|e| e, RelationsFault::Missing),
    }
}
