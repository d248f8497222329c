//! What changed of the tuples, in its order, as long as it is kept.

use super::relation::{COLUMNS, RelationTuple, WHOLE};
use crate::tx::params;
use crate::{Pruned, StoreError, Tx};
use prokura_core::Timestamp;

/// One change of the tuples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationChange {
    /// The revision from which on it holds.
    pub revision: u64,
    /// Its place among the changes of that revision.
    pub n: u64,
    /// Which tuple.
    pub tuple: RelationTuple,
    /// Whether it was taken away.
    pub gone: bool,
    /// When.
    pub at: Timestamp,
}

impl RelationChange {
    /// After everything of a revision.
    pub fn after(revision: u64) -> (u64, u64) {
        (revision, WHOLE)
    }
}

impl Tx<'_> {
    /// The changes after `n` of the revision `revision`, in their order, at most `limit`; `None` if some of them were
    /// forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relation_changes(
        &mut self,
        after: (u64, u64),
        limit: u32,
    ) -> Result<Option<Vec<RelationChange>>, StoreError> {
        let forgotten = self.relations_forgotten()?;
        if forgotten > 0 && after < RelationChange::after(forgotten) {
            return Ok(None);
        }
        let sql = format!(
            "SELECT {COLUMNS}, revision, n, gone, at FROM relation_changes
             WHERE (revision, n) > (?1, ?2) ORDER BY revision, n LIMIT ?3"
        );
        let found = self.rows(&sql, params![after.0, after.1, limit], |row| {
            let tuple = RelationTuple::read(row)?;
            Ok(RelationChange {
                tuple,
                revision: row.count(8)?,
                n: row.count(9)?,
                gone: row.flag(10)?,
                at: row.time(11)?,
            })
        });
        found.map(Some)
    }

    /// Up to which revision changes were forgotten; 0 if none was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relations_forgotten(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT n FROM counters WHERE name = 'relations_forgotten'";
        Ok(self.row(sql, &[], |row| row.count(0))?.unwrap_or(0))
    }

    /// Forgets the oldest changes, at most `limit` of those of `old` or before. The tuples stay as they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_relation_changes(&mut self, old: Timestamp, limit: u32) -> Result<Pruned, StoreError> {
        let sql = "SELECT revision, n, at FROM relation_changes ORDER BY revision, n LIMIT ?1";
        let first = self.rows(sql, params![limit], |row| Ok((row.count(0)?, row.count(1)?, row.time(2)?)))?;
        let over = first.iter().take_while(|(_, _, at)| *at <= old).count();
        let Some((revision, n, _)) = over.checked_sub(1).and_then(|last| first.get(last)) else {
            return Ok(Pruned { rows: 0, more: false });
        };
        let sql = "DELETE FROM relation_changes WHERE (revision, n) <= (?1, ?2)";
        let rows = self.execute(sql, params![*revision, *n])?;
        let sql = "UPDATE counters SET n = ?1 WHERE name = 'relations_forgotten'";
        self.execute(sql, params![*revision])?;
        Ok(Pruned { rows, more: over == limit as usize })
    }
}
