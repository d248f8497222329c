//! One transaction.

use crate::StoreError;
use crate::driver::{Access, Connection, Param, Row};
use crate::facts::FactChange;
use crate::revoked::{Change, Kind};
use crate::rows::Happens;
use crate::terms::indexed_blocks;
use prokura_core::{GrantState, Timestamp};
use prokura_ledger::Event;

/// One transaction, lent to the closure of [`Store::transact`](crate::Store::transact) or
/// [`Store::read`](crate::Store::read).
///
/// Writing transactions of all processes are one after the other, so what a closure reads stays true until it
/// ends. An error from any method dooms the transaction: it is rolled back even if the closure goes on and
/// returns `Ok`, on both drivers alike.
pub struct Tx<'a> {
    conn: &'a mut Connection,
    access: Access,
    left: Left,
}

/// What a transaction leaves behind for its commit.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) events: Vec<Event>,
    pub(crate) changes: Vec<Change>,
    pub(crate) facts: Vec<FactChange>,
    pub(crate) failure: Option<StoreError>,
}

/// Numbered parameters.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::driver::Param::from($value)),*] };
}
pub(crate) use params;

impl<'a> Tx<'a> {
    pub(crate) fn new(conn: &'a mut Connection, access: Access) -> Self {
        Self { conn, access, left: Left::default() }
    }

    pub(crate) fn finish(self) -> Left {
        self.left
    }

    pub(crate) fn failure(&self) -> Option<&StoreError> {
        self.left.failure.as_ref()
    }

    /// Records `event` in the same commit as everything else here; its counters are given at the commit.
    pub fn record(&mut self, event: Event) {
        if self.access == Access::Read {
            self.left.failure.get_or_insert(StoreError::ReadOnly);
        }
        self.left.events.push(event);
    }

    /// Runs one statement; says how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let result = self.conn.execute(sql, params);
        self.noted(result)
    }

    /// All rows of a query.
    pub(crate) fn rows<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let result = self.conn.query(sql, params, read);
        self.noted(result)
    }

    /// The first row of a query.
    pub(crate) fn row<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, params, read)?.into_iter().next())
    }

    /// How many blocks of the record are indexed.
    pub(crate) fn indexed_blocks(&mut self) -> Result<u64, StoreError> {
        let result = indexed_blocks(self.conn);
        self.noted(result)
    }

    /// Writes the newest word on the standing of `id`, for the views of all processes.
    pub(crate) fn say(&mut self, word: Word<'_>) -> Result<(), StoreError> {
        let next = "UPDATE counters SET n = n + 1 WHERE name = 'revocations' RETURNING n";
        let seq = self.row(next, &[], |row| row.count(0))?.ok_or_else(|| StoreError::Corrupt {
            column: "counters.n",
            detail: "the counter of revocations is missing".into(),
        })?;
        let (until, floor) = self.write_word(&word, seq)?;
        let happens =
            Happens { kind: word.kind.as_str(), id: word.id, word: word.word, by: word.by, why: word.why };
        if !word.kind.is_notice() {
            self.happens(happens, word.at)?;
        }
        self.left.changes.push(Change {
            seq,
            kind: word.kind,
            id: word.id.to_owned(),
            active: word.word == Word::ACTIVE,
            until,
            floor,
        });
        Ok(())
    }

    /// A later word neither lowers the floor nor matters for a shorter time than an earlier one: a token from before both
    /// would count again.
    fn write_word(&mut self, word: &Word<'_>, seq: u64) -> Result<(Timestamp, u64), StoreError> {
        let written = self.row(
            "INSERT INTO revocations (kind, id, seq, word, at, by_whom, why, until, floor)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (kind, id) DO UPDATE SET seq = excluded.seq, word = excluded.word, at = excluded.at,
             by_whom = excluded.by_whom, why = excluded.why,
             until = CASE WHEN excluded.until > revocations.until THEN excluded.until ELSE revocations.until END,
             floor = CASE WHEN excluded.floor > revocations.floor THEN excluded.floor ELSE revocations.floor END
             RETURNING until, floor",
            params![
                word.kind.as_str(),
                word.id,
                seq,
                word.word,
                word.at,
                word.by,
                word.why,
                word.until,
                word.floor
            ],
            |row| Ok((row.time(0)?, row.count(1)?)),
        )?;
        Ok(written.unwrap_or((word.until, word.floor)))
    }

    /// Notes a fact for the view of this process.
    pub(crate) fn left_fact(&mut self, change: FactChange) {
        self.left.facts.push(change);
    }

    /// Dooms the transaction for a reason that the database did not notice.
    pub(crate) fn fail<T>(&mut self, error: StoreError) -> Result<T, StoreError> {
        self.noted(Err(error))
    }

    fn noted<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.left.failure.get_or_insert_with(|| error.clone());
        }
        result
    }
}

/// A word on the standing of something.
#[derive(Clone, Copy)]
pub(crate) struct Word<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: &'a str,
    pub(crate) word: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) by: &'a str,
    pub(crate) why: &'a str,
    pub(crate) until: Timestamp,
    /// Of a grant that was narrowed: the revision from which on tokens count.
    pub(crate) floor: u64,
}

impl Word<'_> {
    pub(crate) const ACTIVE: &'static str = "active";
    pub(crate) const SUSPENDED: &'static str = "suspended";
    pub(crate) const REVOKED: &'static str = "revoked";
    pub(crate) const DISABLED: &'static str = "disabled";
    /// A word that matters until another is said.
    pub(crate) const ALWAYS: Timestamp = Timestamp::from_micros(i64::MAX);

    /// The word for a state.
    pub(crate) fn of(state: &GrantState) -> &'static str {
        match state {
            GrantState::Active => Self::ACTIVE,
            GrantState::Suspended => Self::SUSPENDED,
            GrantState::Revoked(_) => Self::REVOKED,
        }
    }
}
