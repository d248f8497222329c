//! PostgreSQL through the synchronous `postgres` client.

use super::{Access, Param, Row, tls};
use crate::StoreError;
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

/// More texts than the store has, so that a filter of many shapes cannot fill the server's memory.
const STATEMENTS: usize = 256;

/// Any number; it keeps two programs from migrating one database at once.
const MIGRATION_LOCK: i64 = 0x0050_524f_4b55_5241;

/// By this name processes tell each other that there is something to ask for.
const LISTEN: &str = "LISTEN prokura_news";
const NOTIFY: &str = "NOTIFY prokura_news";

pub(crate) struct Connection {
    config: Config,
    tls: Option<tls::Connector>,
    shown: String,
    live: Option<Live>,
    /// Whether it hears what other processes tell.
    listens: bool,
}

struct Live {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Connection {
    /// Connects; `shown` is the address without its password.
    pub(crate) fn open(url: &str, shown: String) -> Result<Self, StoreError> {
        let (mut config, tls) = tls::read(url)?;
        config
            .application_name("prokura")
            .connect_timeout(Duration::from_secs(3))
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(15));
        let mut conn = Self { config, tls, shown, live: None, listens: false };
        conn.live()?;
        Ok(conn)
    }

    /// The connection, made anew if it broke.
    fn live(&mut self) -> Result<&mut Live, StoreError> {
        if self.live.as_ref().is_none_or(|l| l.client.is_closed()) {
            self.live = None;
            self.live = Some(self.connect()?);
        }
        self.live.as_mut().ok_or(StoreError::Closed)
    }

    fn connect(&self) -> Result<Live, StoreError> {
        let client = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        let mut client = client.map_err(|e| self.unreachable(&e))?;
        prepare_session(&mut client).map_err(|e| self.unreachable(&e))?;
        if self.listens {
            client.batch_execute(LISTEN).map_err(|e| self.unreachable(&e))?;
        }
        Ok(Live { client, statements: HashMap::new() })
    }

    fn unreachable(&self, error: &postgres::Error) -> StoreError {
        StoreError::Unreachable { database: self.shown.clone(), detail: full(error) }
    }

    /// A writing transaction takes the row of `writer` first and keeps it until it ends, so that writers of all
    /// processes are one after the other, as in SQLite: no closure sees a half-done neighbour, sequence numbers
    /// are dense in the order of commits, and READ COMMITTED is enough, for every statement after the lock sees
    /// everything that was committed before.
    pub(crate) fn begin(&mut self, access: Access) -> Result<(), StoreError> {
        self.start(match access {
            Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT id FROM writer FOR UPDATE",
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
    }

    pub(crate) fn begin_migration(&mut self) -> Result<(), StoreError> {
        self.start(&format!("BEGIN; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    }

    /// A connection that broke while idle shows it here first, where trying again does no harm.
    fn start(&mut self, sql: &str) -> Result<(), StoreError> {
        let idle = self.live.is_some();
        let mut started = self.batch(sql);
        if idle && matches!(started, Err(StoreError::Unreachable { .. })) {
            started = self.batch(sql);
        }
        if started.is_err() {
            // BEGIN may have succeeded and only the lock failed.
            self.rollback();
        }
        started
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.batch("COMMIT").map_err(|e| match e {
            StoreError::Unreachable { detail, .. } => StoreError::OutcomeUnknown(detail),
            e => e,
        })
    }

    pub(crate) fn rollback(&mut self) {
        if let Some(live) = &mut self.live
            && live.client.batch_execute("ROLLBACK").is_err()
        {
            self.live = None;
        }
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let result = self.live()?.client.batch_execute(sql);
        result.map_err(|e| self.from(&e))
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let live = self.live()?;
        let result = live.prepare(sql).and_then(|s| live.client.execute(&s, &refs(params)));
        result.map_err(|e| self.from(&e))
    }

    pub(crate) fn query<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let live = self.live()?;
        let result = live.prepare(sql).and_then(|s| live.client.query(&s, &refs(params)));
        let rows = result.map_err(|e| self.from(&e))?;
        rows.iter().map(|row| read(&Row::Postgres(row))).collect()
    }

    /// Tells, at the commit, whoever listens. The server drops a second word of one transaction.
    pub(crate) fn tell(&mut self) -> Result<(), StoreError> {
        self.batch(NOTIFY)
    }

    /// Waits until another process tells something, at most so long. Through a pooler that gives each transaction another
    /// connection nothing is heard; then this is a rest.
    pub(crate) fn wait(&mut self, most: Duration) -> Result<(), StoreError> {
        if !self.listens {
            self.batch(LISTEN)?;
            // What was said before the first ear is asked for now.
            self.listens = true;
            return Ok(());
        }
        let client = &mut self.live()?.client;
        let heard = client.notifications().timeout_iter(most).next();
        // The rest of what waits is about the same question.
        let rest = heard.and_then(|_| client.notifications().iter().count());
        rest.map(drop).map_err(|e| self.from(&e))
    }

    fn from(&self, error: &postgres::Error) -> StoreError {
        let Some(state) = error.code() else {
            return self.unreachable(error);
        };
        let text = full(error);
        match *state {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
                StoreError::Contended(text)
            }
            SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy(text),
            SqlState::UNIQUE_VIOLATION | SqlState::FOREIGN_KEY_VIOLATION => StoreError::Conflict(text),
            SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::ReadOnly,
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
                self.unreachable(error)
            }
            _ => StoreError::Database(text),
        }
    }
}

impl Live {
    fn prepare(&mut self, sql: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        let statement = self.client.prepare(&sql.replace('?', "$"))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A process that hangs must not hold the writers' lock for long, and a server that is set to answer before it
/// is durable must not do so here.
fn prepare_session(client: &mut Client) -> Result<(), postgres::Error> {
    client.batch_execute(
        "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '5s';
         SET statement_timeout = '30s'; SET client_min_messages = warning;",
    )?;
    let durable: String = client.query_one("SHOW synchronous_commit", &[])?.get(0);
    if durable == "off" {
        client.batch_execute("SET synchronous_commit = on")?;
    }
    Ok(())
}

fn full(error: &postgres::Error) -> String {
    let cause = error.source().map(|c| format!(": {c}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn refs<'a>(params: &'a [Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|p| p as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(n) => n.to_sql(ty, out),
            Param::Text(s) => s.to_sql(ty, out),
            Param::Bytes(b) => b.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::VARCHAR | Type::BYTEA)
    }

    to_sql_checked!();
}

/// The common DDL in PostgreSQL's words. Texts are compared by their bytes, as in SQLite.
pub(super) fn translate(ddl: &str) -> String {
    [
        (" STRICT, WITHOUT ROWID", ""),
        (" STRICT", ""),
        ("INTEGER", "BIGINT"),
        ("TEXT", "TEXT COLLATE \"C\""),
        ("BLOB", "BYTEA"),
    ]
    .iter()
    .fold(ddl.to_owned(), |ddl, (from, to)| ddl.replace(from, to))
}
