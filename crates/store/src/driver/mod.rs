//! The seam: the only place where a driver is named. Above it there is one SQL text for both databases, with
//! numbered placeholders (`?1`), TEXT, BIGINT and bytes.

mod pg;
mod sqlite;
mod tls;

use crate::StoreError;
use crate::url::{DatabaseUrl, Place};
use prokura_core::Timestamp;
use std::time::Duration;

/// One connection to the database.
pub(crate) enum Connection {
    Sqlite(sqlite::Connection),
    Postgres(Box<pg::Connection>),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Param<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A row of an answer.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

/// A type that a column can be read as, with either driver.
pub(crate) trait Column: rusqlite::types::FromSql + for<'a> postgres::types::FromSql<'a> {}
impl<T: rusqlite::types::FromSql + for<'a> postgres::types::FromSql<'a>> Column for T {}

macro_rules! on {
    ($self:expr, $conn:ident => $what:expr) => {
        match $self {
            Connection::Sqlite($conn) => $what,
            Connection::Postgres($conn) => $what,
        }
    };
}

impl Connection {
    /// Opens the database. A SQLite file is created if it is missing.
    pub(crate) fn open(url: &DatabaseUrl, access: Access) -> Result<Self, StoreError> {
        let unreachable = |e: StoreError| match e {
            StoreError::Database(detail) => StoreError::Unreachable { database: url.to_string(), detail },
            e => e,
        };
        match &url.0 {
            Place::Memory => sqlite::Connection::open(None, access).map(Self::Sqlite),
            Place::File(path) => sqlite::Connection::open(Some(path), access).map(Self::Sqlite),
            Place::Postgres(text) => {
                pg::Connection::open(text, url.to_string()).map(|c| Self::Postgres(Box::new(c)))
            }
        }
        .map_err(unreachable)
    }

    /// Begins a transaction. A writing one is alone in the whole database until it ends.
    pub(crate) fn begin(&mut self, access: Access) -> Result<(), StoreError> {
        on!(self, c => c.begin(access))
    }

    /// Begins the transaction of a migration: alone, and before any table exists.
    pub(crate) fn begin_migration(&mut self) -> Result<(), StoreError> {
        on!(self, c => c.begin_migration())
    }

    /// Makes durable what was written.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        on!(self, c => c.commit())
    }

    /// Undoes the transaction; a connection that cannot even do that is replaced at the next begin.
    pub(crate) fn rollback(&mut self) {
        on!(self, c => c.rollback());
    }

    /// Runs statements that have no parameters.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        on!(self, c => c.batch(sql))
    }

    /// Refuses or allows writing, where several modes share one connection.
    pub(crate) fn guard(&mut self, access: Access) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(c) => c.guard(access),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Runs one statement; says how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        refuse_nul(params)?;
        on!(self, c => c.execute(sql, params))
    }

    /// Runs one query; reads each row with `read`.
    pub(crate) fn query<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        refuse_nul(params)?;
        on!(self, c => c.query(sql, params, read))
    }

    /// Tells the other processes, at the commit, that there is something to ask for. Those on a file see it by themselves.
    pub(crate) fn tell(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(c) => c.tell(),
        }
    }

    /// Whether it is worth asking what others wrote. A file is looked at and answers at once; from PostgreSQL word is
    /// waited for until `most` is over, and then it is asked in any case, since word may be lost.
    pub(crate) fn has_news(&mut self, most: Duration) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(c) => c.has_news(),
            Self::Postgres(c) => c.wait(most).map(|()| true),
        }
    }

    /// What there was news of could not be asked for: it still is news.
    pub(crate) fn missed_news(&mut self) {
        if let Self::Sqlite(c) = self {
            c.missed_news();
        }
    }

    /// How long to rest between two looks.
    pub(crate) fn rest(&self) -> Duration {
        match self {
            Self::Sqlite(_) => sqlite::LOOK,
            Self::Postgres(_) => Duration::ZERO,
        }
    }

    /// The DDL of this driver out of the common one.
    pub(crate) fn ddl(&self, common: &str, sqlite: &str, postgres: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("{common}\n{sqlite}"),
            Self::Postgres(_) => format!("{}\n{postgres}", pg::translate(common)),
        }
    }
}

/// PostgreSQL cannot store NUL in a text, so SQLite must not either.
fn refuse_nul(params: &[Param<'_>]) -> Result<(), StoreError> {
    let nul = |p: &Param<'_>| matches!(p, Param::Text(s) if s.as_bytes().contains(&0));
    if params.iter().any(nul) { Err(StoreError::Nul) } else { Ok(()) }
}

impl Row<'_> {
    /// Column `i`.
    pub(crate) fn get<T: Column>(&self, i: usize) -> Result<T, StoreError> {
        let corrupt = |detail| StoreError::Corrupt { column: "a column of an answer", detail };
        match self {
            Self::Sqlite(row) => row.get(i).map_err(|e| corrupt(e.to_string())),
            Self::Postgres(row) => row.try_get(i).map_err(|e| corrupt(e.to_string())),
        }
    }

    /// Column `i` as a count.
    pub(crate) fn count(&self, i: usize) -> Result<u64, StoreError> {
        let n: i64 = self.get(i)?;
        u64::try_from(n).map_err(|e| StoreError::Corrupt { column: "a count", detail: e.to_string() })
    }

    /// Column `i` as a flag.
    pub(crate) fn flag(&self, i: usize) -> Result<bool, StoreError> {
        Ok(self.get::<i64>(i)? != 0)
    }

    /// Column `i` as a time.
    pub(crate) fn time(&self, i: usize) -> Result<Timestamp, StoreError> {
        self.get(i).map(Timestamp::from_micros)
    }

    /// Column `i` as a time, if there is one.
    pub(crate) fn maybe_time(&self, i: usize) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(i)?.map(Timestamp::from_micros))
    }

    /// Column `i` read into a type that cannot be wrong.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        i: usize,
        column: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(self.get(i)?).map_err(|e| StoreError::Corrupt { column, detail: e.to_string() })
    }
}

macro_rules! params {
    ($($from:ty, $v:ident => $to:expr;)*) => {$(
        impl<'a> From<$from> for Param<'a> {
            fn from($v: $from) -> Self {
                $to
            }
        }
    )*};
}

params! {
    &'a str, v => Param::Text(v);
    &'a String, v => Param::Text(v);
    &'a [u8], v => Param::Bytes(v);
    &'a Vec<u8>, v => Param::Bytes(v);
    &'a [u8; 32], v => Param::Bytes(v);
    i64, v => Param::Int(v);
    u64, v => Param::Int(i64::try_from(v).unwrap_or(i64::MAX));
    u32, v => Param::Int(i64::from(v));
    bool, v => Param::Int(i64::from(v));
    Timestamp, v => Param::Int(v.micros());
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Param::Null, Into::into)
    }
}
