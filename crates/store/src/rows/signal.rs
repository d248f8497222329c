//! Shared signals: what others told, by when it happened; and what happened here, until the streams have it.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;

/// Something that happened here and that receivers may want to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Its number.
    pub seq: u64,
    /// What sort of thing it happened to: `grant`, `user`, `agent`, `client`, `workload`, `sessions`, `credential`.
    pub kind: String,
    /// To which.
    pub id: String,
    /// What: `revoked`, `suspended`, `disabled`, `ended`, `password:update`.
    pub word: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Something that happens now.
#[derive(Debug, Clone, Copy)]
pub struct Happens<'a> {
    /// As [`Happening::kind`].
    pub kind: &'a str,
    /// As [`Happening::id`].
    pub id: &'a str,
    /// As [`Happening::word`].
    pub word: &'a str,
    /// By whom.
    pub by: &'a str,
    /// Why.
    pub why: &'a str,
}

impl Tx<'_> {
    /// Notes that a transmitter said of somebody that something happened at `at`; false if it said of the same something
    /// that is newer. Of two that happened at the same time and were told at the same time, one that `restricts` is
    /// believed and one that does not is not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hear(
        &mut self,
        (transmitter, event, subject): (&str, &str, &str),
        (at, told_at): (Timestamp, Timestamp),
        restricts: bool,
    ) -> Result<bool, StoreError> {
        let sql =
            "SELECT at, told_at FROM signals_heard WHERE transmitter = ?1 AND event = ?2 AND subject = ?3";
        let before =
            self.row(sql, params![transmitter, event, subject], |row| Ok((row.time(0)?, row.time(1)?)))?;
        if before.is_some_and(|before| (at, told_at) < before || ((at, told_at) == before && !restricts)) {
            return Ok(false);
        }
        self.execute(
            "INSERT INTO signals_heard (transmitter, event, subject, at, told_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (transmitter, event, subject) DO UPDATE SET at = excluded.at, told_at = excluded.told_at",
            params![transmitter, event, subject, at, told_at],
        )?;
        Ok(true)
    }

    /// Notes that something happens, in the same commit, if anybody may want to hear it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn happens(&mut self, what: Happens<'_>, now: Timestamp) -> Result<(), StoreError> {
        let wanted = "SELECT 1 FROM streams WHERE status <> 'disabled' LIMIT 1";
        if self.row(wanted, &[], |_| Ok(()))?.is_none() {
            return Ok(());
        }
        let seq = self.next_happening()?;
        self.execute(
            "INSERT INTO happenings (seq, kind, id, word, at, by_whom, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![seq, what.kind, what.id, what.word, now, what.by, what.why],
        )
        .map(drop)
    }

    /// The next number of what goes out on streams.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn next_happening(&mut self) -> Result<u64, StoreError> {
        let next = "UPDATE counters SET n = n + 1 WHERE name = 'happenings' RETURNING n";
        self.row(next, &[], |row| row.count(0))?.ok_or_else(|| StoreError::Corrupt {
            column: "counters.n",
            detail: "the counter of happenings is missing".into(),
        })
    }

    /// Whether anything happened that is not in the queues yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn has_happenings(&mut self) -> Result<bool, StoreError> {
        Ok(self.row("SELECT 1 FROM happenings LIMIT 1", &[], |_| Ok(()))?.is_some())
    }

    /// Takes out the oldest of what happened, to be put into the queues in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_happenings(&mut self, most: u32) -> Result<Vec<Happening>, StoreError> {
        let sql = "SELECT seq, kind, id, word, at, by_whom, why FROM happenings ORDER BY seq LIMIT ?1";
        let taken = self.rows(sql, params![most], happening)?;
        if let Some(last) = taken.last() {
            self.execute("DELETE FROM happenings WHERE seq <= ?1", params![last.seq])?;
        }
        Ok(taken)
    }
}

fn happening(row: &Row<'_>) -> Result<Happening, StoreError> {
    Ok(Happening {
        seq: row.count(0)?,
        kind: row.get(1)?,
        id: row.get(2)?,
        word: row.get(3)?,
        at: row.time(4)?,
        by: row.get(5)?,
        why: row.get(6)?,
    })
}
