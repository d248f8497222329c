//! Who has which relation to what: tuples, and the row of their changes.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;
use std::collections::BTreeMap;

/// A tuple as it is stored; `relations` reads and checks it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelationTuple {
    /// To what: `document:1`.
    pub object: String,
    /// Which relation.
    pub relation: String,
    /// Of whom: `user:anne`, `user:*`, or what stands before the `#` of a userset.
    pub subject: String,
    /// The relation of a userset; empty if it is none.
    pub userset: String,
    /// The name of its condition; empty if it has none.
    pub condition: String,
    /// What is known for the condition, as JSON; empty if there is none.
    pub context: String,
    /// Where it is an identity provider's word: whose, and since when it was not heard again.
    pub said: Option<Vouched>,
}

/// Whose word a tuple is, where it is that of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vouched {
    /// The configured name of the provider.
    pub by: String,
    /// When it last said so.
    pub at: Timestamp,
}

/// The source of what `provider` says of `user`.
fn source_of(provider: &str, user: &str) -> String {
    format!("provider {provider} {user}")
}

impl Vouched {
    fn of(source: &str, at: Option<Timestamp>) -> Option<Self> {
        let (by, _user) = source.strip_prefix("provider ")?.split_once(' ')?;
        // What has no time was never confirmed.
        Some(Self { by: by.to_owned(), at: at.unwrap_or(Timestamp::from_micros(0)) })
    }
}

/// What happens where a tuple that is to be written is there, or one that is to be deleted is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// Nothing is written.
    #[default]
    Refuse,
    /// It stays as it is. One that is there with another condition is refused still.
    Ignore,
}

/// A change of several tuples at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelationWrite {
    /// To be written.
    pub writes: Vec<RelationTuple>,
    /// To be deleted; conditions are not looked at.
    pub deletes: Vec<RelationTuple>,
    /// Where one of `writes` is there.
    pub on_duplicate: OnConflict,
    /// Where one of `deletes` is not there.
    pub on_missing: OnConflict,
}

/// Nothing was written, because of this tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// It is there.
    Duplicate(RelationTuple),
    /// It is not there.
    Missing(RelationTuple),
}

impl RelationTuple {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            object: row.get(0)?,
            relation: row.get(1)?,
            userset: row.get(2)?,
            subject: row.get(3)?,
            condition: row.get(4)?,
            context: row.get(5)?,
            said: Vouched::of(&row.get::<String>(6)?, row.maybe_time(7)?),
        })
    }

    fn confirmed_at(&self) -> Option<Timestamp> {
        self.said.as_ref().map(|said| said.at)
    }

    fn key(&self) -> (&str, &str, &str, &str) {
        (&self.object, &self.relation, &self.userset, &self.subject)
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.condition, &self.context) == (&other.condition, &other.context)
    }
}

pub(super) const COLUMNS: &str =
    "object, relation, userset, subject, condition, context, source, confirmed_at";

/// To everything of a revision, however many changes it has.
pub(super) const WHOLE: u64 = u64::MAX >> 1;

impl Tx<'_> {
    /// The revision of the tuples as this transaction sees them; 0 before the first change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relation_revision(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT n FROM counters WHERE name = 'relations'";
        Ok(self.row(sql, &[], |row| row.count(0))?.unwrap_or(0))
    }

    fn next_relation_revision(&mut self) -> Result<u64, StoreError> {
        let sql = "UPDATE counters SET n = n + 1 WHERE name = 'relations' RETURNING n";
        let next = self.row(sql, &[], |row| row.count(0))?;
        let missing = StoreError::Corrupt { column: "counters.n", detail: "of relations".into() };
        next.map_or_else(|| self.fail(missing), Ok)
    }

    /// Changes tuples of `source`, all or none. Answers the revision from which on it holds: a new one if anything changed.
    ///
    /// # Errors
    /// [`StoreError`]; within, [`Unwritten`], and then nothing was changed.
    pub fn write_relations(
        &mut self,
        write: &RelationWrite,
        source: &str,
        at: Timestamp,
    ) -> Result<Result<u64, Unwritten>, StoreError> {
        let (mut writes, mut deletes) = (Vec::new(), Vec::new());
        for tuple in &write.deletes {
            match (self.relation_tuple(tuple)?, write.on_missing) {
                (Some(_), _) => deletes.push(tuple),
                (None, OnConflict::Ignore) => {}
                (None, OnConflict::Refuse) => return Ok(Err(Unwritten::Missing(tuple.clone()))),
            }
        }
        for tuple in &write.writes {
            match (self.relation_tuple(tuple)?, write.on_duplicate) {
                (None, _) => writes.push(tuple),
                // Whoever writes what a provider says has said it from now on, also when the provider says it no more.
                (Some(known), _) if known.said.is_some() && !source.starts_with("provider ") => {
                    writes.push(tuple)
                }
                (Some(known), OnConflict::Ignore) if known.is_same(tuple) => {}
                (Some(_), _) => return Ok(Err(Unwritten::Duplicate(tuple.clone()))),
            }
        }
        if writes.is_empty() && deletes.is_empty() {
            return self.relation_revision().map(Ok);
        }
        let changes = deletes.into_iter().map(|t| (t, true)).chain(writes.into_iter().map(|t| (t, false)));
        self.change_relations(changes, source, at).map(Ok)
    }

    fn change_relations<'a>(
        &mut self,
        changes: impl Iterator<Item = (&'a RelationTuple, bool)>,
        source: &str,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let revision = self.next_relation_revision()?;
        let mut n = 0;
        for (tuple, gone) in changes {
            n += 1;
            if gone {
                self.delete_relation(tuple)?
            } else {
                self.put_relation(tuple, source, revision)?
            }
            self.note_relation(tuple, gone, source, (revision, n), at)?;
        }
        Ok(revision)
    }

    /// Makes `wanted` the tuples of `source`: what else was its goes, and what others wrote stays and is theirs. Answers the
    /// revision from which on it holds, and how many tuples changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn replace_relations(
        &mut self,
        source: &str,
        wanted: &[RelationTuple],
        at: Timestamp,
    ) -> Result<(u64, u64), StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM relation_tuples WHERE source = ?1 ORDER BY object");
        let known = self.rows(&sql, params![source], RelationTuple::read)?;
        let known: BTreeMap<_, _> = known.iter().map(|t| (t.key(), t)).collect();
        let wanted: BTreeMap<_, _> = wanted.iter().map(|t| (t.key(), t)).collect();
        let mut changes: Vec<_> =
            known.iter().filter(|(k, _)| !wanted.contains_key(*k)).map(|(_, t)| (*t, true)).collect();
        let mut confirmed = 0;
        for (key, tuple) in &wanted {
            match known.get(key) {
                Some(known) if known.is_same(tuple) && known.said == tuple.said => {}
                Some(known) if known.is_same(tuple) => {
                    confirmed += 1;
                    changes.push((tuple, false));
                }
                Some(known) => changes.extend([(*known, true), (*tuple, false)]),
                // One that is somebody else's stays theirs, but what providers say is anybody's who says it later.
                None if self.relation_tuple(tuple)?.is_none_or(|t| t.said.is_some()) => {
                    changes.push((tuple, false))
                }
                None => {}
            }
        }
        if changes.is_empty() {
            return Ok((self.relation_revision()?, 0));
        }
        let count = changes.len() as u64 - confirmed;
        Ok((self.change_relations(changes.into_iter(), source, at)?, count))
    }

    /// Makes `wanted` what `provider` says of `user`, as [`replace_relations`](Self::replace_relations) does: each is its word
    /// of `at`. What it says again counts as said now, and not as a change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn say_relations(
        &mut self,
        (provider, user): (&str, &str),
        wanted: Vec<RelationTuple>,
        at: Timestamp,
    ) -> Result<(u64, u64), StoreError> {
        let said = Some(Vouched { by: provider.to_owned(), at });
        let wanted: Vec<_> = wanted.into_iter().map(|t| RelationTuple { said: said.clone(), ..t }).collect();
        self.replace_relations(&source_of(provider, user), &wanted, at)
    }

    /// Takes away at most `limit` tuples that `provider` last said before `old` or then. Answers the revision from which on
    /// that holds, and how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn expire_relations(
        &mut self,
        provider: &str,
        old: Timestamp,
        at: Timestamp,
        limit: u32,
    ) -> Result<(u64, u64), StoreError> {
        // `!` comes after the space, so between the two are all users.
        let (low, high) = (format!("provider {provider} "), format!("provider {provider}!"));
        let sql = format!(
            "SELECT {COLUMNS} FROM relation_tuples WHERE source >= ?1 AND source < ?2 AND confirmed_at <= ?3 LIMIT ?4"
        );
        let over = self.rows(&sql, params![&low, &high, old, limit], RelationTuple::read)?;
        if over.is_empty() {
            return Ok((self.relation_revision()?, 0));
        }
        let revision = self.change_relations(over.iter().map(|t| (t, true)), "", at)?;
        Ok((revision, over.len() as u64))
    }

    fn put_relation(&mut self, tuple: &RelationTuple, source: &str, revision: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO relation_tuples
             (object, relation, userset, subject, condition, context, source, revision, confirmed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (object, relation, userset, subject) DO UPDATE SET condition = excluded.condition,
             context = excluded.context, source = excluded.source, revision = excluded.revision,
             confirmed_at = excluded.confirmed_at";
        let confirmed = tuple.confirmed_at();
        let RelationTuple { object, relation, userset, subject, condition, context, .. } = tuple;
        let values =
            params![object, relation, userset, subject, condition, context, source, revision, confirmed];
        self.execute(sql, values).map(drop)
    }

    fn delete_relation(&mut self, tuple: &RelationTuple) -> Result<(), StoreError> {
        let sql = "DELETE FROM relation_tuples WHERE object = ?1 AND relation = ?2 AND userset = ?3 AND subject = ?4";
        self.execute(sql, params![&tuple.object, &tuple.relation, &tuple.userset, &tuple.subject]).map(drop)
    }

    fn note_relation(
        &mut self,
        tuple: &RelationTuple,
        gone: bool,
        source: &str,
        (revision, n): (u64, u64),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO relation_changes
             (revision, n, object, relation, userset, subject, condition, context, gone, at, source, confirmed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let confirmed = tuple.confirmed_at();
        let RelationTuple { object, relation, userset, subject, condition, context, .. } = tuple;
        let values = params![
            revision, n, object, relation, userset, subject, condition, context, gone, at, source, confirmed
        ];
        self.execute(sql, values).map(drop)
    }

    /// The tuple of the same key, with its condition.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relation_tuple(&mut self, key: &RelationTuple) -> Result<Option<RelationTuple>, StoreError> {
        self.relation_at(&key.object, &key.relation, &key.subject, &key.userset)
    }

    /// The tuple of this key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relation_at(
        &mut self,
        object: &str,
        relation: &str,
        subject: &str,
        userset: &str,
    ) -> Result<Option<RelationTuple>, StoreError> {
        let sql = "SELECT object, relation, userset, subject, condition, context, source, confirmed_at
             FROM relation_tuples WHERE object = ?1 AND relation = ?2 AND userset = ?3 AND subject = ?4";
        self.row(sql, params![object, relation, userset, subject], RelationTuple::read)
    }

    /// The tuples of a relation to an object: all, only usersets, or only single ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relations_to(
        &mut self,
        object: &str,
        relation: &str,
        usersets: Option<bool>,
    ) -> Result<Vec<RelationTuple>, StoreError> {
        let sql = match usersets {
            None => {
                "SELECT object, relation, userset, subject, condition, context, source, confirmed_at
                 FROM relation_tuples WHERE object = ?1 AND relation = ?2"
            }
            Some(true) => {
                "SELECT object, relation, userset, subject, condition, context, source, confirmed_at
                 FROM relation_tuples WHERE object = ?1 AND relation = ?2 AND userset > ''"
            }
            Some(false) => {
                "SELECT object, relation, userset, subject, condition, context, source, confirmed_at
                 FROM relation_tuples WHERE object = ?1 AND relation = ?2 AND userset = ''"
            }
        };
        self.rows(sql, params![object, relation], RelationTuple::read)
    }

    /// The objects of a type to which a subject has a relation by a tuple, each with whether more is to be known of it:
    /// it has a condition, or is a provider's word.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn related_objects(
        &mut self,
        subject: &str,
        userset: &str,
        relation: &str,
        kind: &str,
    ) -> Result<Vec<(String, bool)>, StoreError> {
        // `;` comes after `:`, so between the two are all ids.
        let (low, high) = (format!("{kind}:"), format!("{kind};"));
        let sql = "SELECT object, condition, confirmed_at FROM relation_tuples
             WHERE subject = ?1 AND userset = ?2 AND relation = ?3 AND object >= ?4 AND object < ?5";
        self.rows(sql, params![subject, userset, relation, &low, &high], |row| {
            Ok((row.get(0)?, !row.get::<String>(1)?.is_empty() || row.maybe_time(2)?.is_some()))
        })
    }

    /// All tuples, or those of an object or a subject (empty for any), in the order of their keys; at most `limit`, and only
    /// those that come after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relation_tuples(
        &mut self,
        (object, relation, subject, userset): (&str, &str, &str, &str),
        after: Option<&RelationTuple>,
        limit: u32,
    ) -> Result<Vec<RelationTuple>, StoreError> {
        let after = after.map_or(("", "", "", ""), |a| (&a.object, &a.relation, &a.userset, &a.subject));
        let by = match (object.is_empty(), subject.is_empty()) {
            (false, _) => "object = ?1 AND (?3 = '' OR subject = ?3)",
            (true, false) => "subject = ?3 AND ?1 = ''",
            (true, true) => "?1 = '' AND ?3 = ''",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM relation_tuples WHERE {by} AND (?2 = '' OR relation = ?2)
             AND (?3 = '' OR userset = ?4) AND (object, relation, userset, subject) > (?5, ?6, ?7, ?8)
             ORDER BY object, relation, userset, subject LIMIT ?9"
        );
        let asked = params![object, relation, subject, userset, after.0, after.1, after.2, after.3, limit];
        self.rows(&sql, asked, RelationTuple::read)
    }
}
