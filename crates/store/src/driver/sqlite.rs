//! SQLite through rusqlite.

use super::{Access, Param, Row};
use crate::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, ffi, params_from_iter};
use std::path::Path;
use std::time::Duration;

/// How long a writer waits for another process (a command of the operator) to finish its transaction.
const BUSY: Duration = Duration::from_secs(5);

/// How often a file is looked at for what others wrote: a look is one read of shared memory.
pub(super) const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Connection {
    conn: rusqlite::Connection,
    /// What `data_version` was when it was last looked at.
    seen: Option<i64>,
}

impl Connection {
    /// Opens the file, or a database in memory.
    pub(crate) fn open(path: Option<&Path>, access: Access) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = match path {
            Some(path) => {
                create_private(path)?;
                rusqlite::Connection::open_with_flags(path, flags)
            }
            None => rusqlite::Connection::open_in_memory(),
        }
        .map_err(|e| from(&e))?;
        conn.busy_timeout(BUSY).map_err(|e| from(&e))?;
        conn.set_prepared_statement_cache_capacity(256);
        // Otherwise SQLite compiles a prepared statement anew whenever a parameter of it changes, in case the
        // new value asks for another plan: it made a third of the cost of a point read.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(|e| from(&e))?;
        // WAL lets readers read while one writes; FULL syncs the log at every commit, so that what was
        // answered survives a loss of power. A NORMAL commit would not.
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;
             PRAGMA wal_autocheckpoint = 4000;",
        )
        .map_err(|e| from(&e))?;
        let conn = Self { conn, seen: None };
        conn.guard(access)?;
        Ok(conn)
    }

    pub(crate) fn guard(&self, access: Access) -> Result<(), StoreError> {
        let sql = match access {
            Access::Write => "PRAGMA query_only = OFF",
            Access::Read => "PRAGMA query_only = ON",
        };
        self.batch(sql)
    }

    pub(crate) fn begin(&self, access: Access) -> Result<(), StoreError> {
        self.cached(match access {
            Access::Write => "BEGIN IMMEDIATE",
            Access::Read => "BEGIN DEFERRED",
        })
    }

    pub(crate) fn begin_migration(&self) -> Result<(), StoreError> {
        self.begin(Access::Write)
    }

    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.cached("COMMIT")
    }

    pub(crate) fn rollback(&self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.cached("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    pub(crate) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.execute_batch(sql).map_err(|e| from(&e))
    }

    /// Whether another connection committed since the last time this was asked (`PRAGMA data_version`).
    pub(crate) fn has_news(&mut self) -> Result<bool, StoreError> {
        let found = self.query("PRAGMA data_version", &[], |row| row.get::<i64>(0))?.into_iter().next();
        Ok(std::mem::replace(&mut self.seen, found) != found || found.is_none())
    }

    pub(crate) fn missed_news(&mut self) {
        self.seen = None;
    }

    fn cached(&self, sql: &str) -> Result<(), StoreError> {
        self.execute(sql, &[]).map(drop)
    }

    pub(crate) fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(|e| from(&e))?;
        let changed = statement.execute(params_from_iter(params)).map_err(|e| from(&e))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    pub(crate) fn query<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(|e| from(&e))?;
        let mut rows = statement.query(params_from_iter(params)).map_err(|e| from(&e))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(|e| from(&e))? {
            all.push(read(&Row::Sqlite(row))?);
        }
        Ok(all)
    }
}

/// Creates the file, if it is missing, for this user alone: sealed keys and hashes are in it. SQLite gives the
/// files beside it the same mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|e| StoreError::Database(e.to_string()))
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Param::Null => ValueRef::Null,
            Param::Int(n) => ValueRef::Integer(*n),
            Param::Text(s) => ValueRef::Text(s.as_bytes()),
            Param::Bytes(b) => ValueRef::Blob(b),
        }))
    }
}

fn from(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return StoreError::Database(text) };
    match (failure.code, failure.extended_code) {
        (
            _,
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_FOREIGNKEY
            | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => StoreError::Conflict(text),
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Busy(text),
        (ErrorCode::ReadOnly, _) => StoreError::ReadOnly,
        (ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt, _) => {
            StoreError::Corrupt { column: "the file", detail: text }
        }
        _ => StoreError::Database(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(conn: &Connection, pragma: &str) -> String {
        let read = |row: &Row<'_>| row.get::<i64>(0).map(|n| n.to_string()).or_else(|_| row.get::<String>(0));
        conn.query(&format!("PRAGMA {pragma}"), &[], read).unwrap().remove(0)
    }

    #[test]
    fn a_commit_is_synced_and_references_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let conn = Connection::open(Some(&dir.path().join("t.db")), Access::Write).unwrap();
        let found = ["journal_mode", "synchronous", "foreign_keys"].map(|p| ask(&conn, p));
        assert_eq!(found, ["wal", "2", "1"]);
    }

    #[test]
    fn news_is_what_another_connection_committed_since() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let writer = Connection::open(Some(&path), Access::Write).unwrap();
        writer.batch("CREATE TABLE t (n INTEGER)").unwrap();
        let mut reader = Connection::open(Some(&path), Access::Read).unwrap();
        assert_eq!([reader.has_news().unwrap(), reader.has_news().unwrap()], [true, false]);
        writer.begin(Access::Write).unwrap();
        writer.execute("INSERT INTO t VALUES (?1)", &[Param::Int(1)]).unwrap();
        assert!(!reader.has_news().unwrap());
        writer.commit().unwrap();
        assert_eq!([reader.has_news().unwrap(), reader.has_news().unwrap()], [true, false]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let conn = Connection::open(Some(&dir.path().join("t.db")), Access::Write).unwrap();
        conn.batch("CREATE TABLE t (n INTEGER)").unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{file:?}");
        }
    }

    #[test]
    fn what_was_not_committed_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let conn = Connection::open(Some(&path), Access::Write).unwrap();
        conn.batch("CREATE TABLE t (n INTEGER)").unwrap();
        conn.begin(Access::Write).unwrap();
        conn.execute("INSERT INTO t VALUES (?1)", &[Param::Int(1)]).unwrap();
        drop(conn);
        let conn = Connection::open(Some(&path), Access::Read).unwrap();
        assert!(conn.query("SELECT n FROM t", &[], |r| r.get::<i64>(0)).unwrap().is_empty());
    }
}
