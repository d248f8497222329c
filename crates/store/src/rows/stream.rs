//! Streams of events for receivers, and what waits on them.

use crate::driver::Row;
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{ClientId, Timestamp};

/// A stream on which a receiver gets events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its id.
    pub id: String,
    /// The receiver.
    pub client: ClientId,
    /// Where events are posted; if nowhere, they are fetched.
    pub endpoint: Option<String>,
    /// What comes with each delivery, sealed.
    pub sealed: Option<String>,
    /// The events that were asked for, by their addresses; all if nothing was said.
    pub events: Option<Vec<String>>,
    /// What the receiver calls it.
    pub description: Option<String>,
    /// `enabled`, `paused` or `disabled`.
    pub status: String,
    /// Why it is so.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last asked to show that it works.
    pub verified_at: Timestamp,
    /// How often in a row a delivery failed.
    pub failures: u32,
    /// Why the last delivery failed.
    pub last_error: Option<String>,
    /// When it is tried again.
    pub next_at: Timestamp,
}

/// An event that waits on a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its number: events leave in this order.
    pub seq: u64,
    /// Its `jti`.
    pub jti: String,
    /// What happened, as its owner put it.
    pub event: String,
    /// When it was put here.
    pub at: Timestamp,
    /// Whether it leaves although the stream is paused.
    pub urgent: bool,
}

const COLUMNS: &str = "id, client, endpoint, sealed, events, description, status, reason, created_at, verified_at, \
                       failures, last_error, next_at";

impl Tx<'_> {
    /// Adds a stream.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_stream(&mut self, s: &Stream) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO streams (id, client, endpoint, sealed, events, description, status, reason, created_at,
             verified_at, failures, last_error, next_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                &s.id,
                s.client.as_str(),
                s.endpoint.as_deref(),
                s.sealed.as_deref(),
                lines(s).as_deref(),
                s.description.as_deref(),
                &s.status,
                s.reason.as_deref(),
                s.created_at,
                s.verified_at,
                s.failures,
                s.last_error.as_deref(),
                s.next_at
            ],
        )
        .map(drop)
    }

    /// Replaces everything of a stream but its id, its receiver and when it was made; false if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn update_stream(&mut self, s: &Stream) -> Result<bool, StoreError> {
        let updated = self.execute(
            "UPDATE streams SET endpoint = ?2, sealed = ?3, events = ?4, description = ?5, status = ?6, reason = ?7,
             verified_at = ?8, failures = ?9, last_error = ?10, next_at = ?11 WHERE id = ?1",
            params![
                &s.id,
                s.endpoint.as_deref(),
                s.sealed.as_deref(),
                lines(s).as_deref(),
                s.description.as_deref(),
                &s.status,
                s.reason.as_deref(),
                s.verified_at,
                s.failures,
                s.last_error.as_deref(),
                s.next_at
            ],
        )?;
        Ok(updated == 1)
    }

    /// The stream with that id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stream(&mut self, id: &str) -> Result<Option<Stream>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM streams WHERE id = ?1");
        self.row(&sql, params![id], stream)
    }

    /// The streams of a receiver, or all, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn streams(&mut self, client: Option<&ClientId>) -> Result<Vec<Stream>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM streams WHERE ?1 = '' OR client = ?1 ORDER BY created_at, id LIMIT 10000"
        );
        self.rows(&sql, params![client.map_or("", ClientId::as_str)], stream)
    }

    /// Removes a stream and what waits on it; false if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_stream(&mut self, id: &str) -> Result<bool, StoreError> {
        self.empty_queue(id)?;
        self.execute("DELETE FROM stream_exceptions WHERE stream = ?1", params![id])?;
        Ok(self.execute("DELETE FROM streams WHERE id = ?1", params![id])? == 1)
    }

    /// The streams to which something is to be posted now, and takes them until `until`, so that of several servers
    /// one posts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lease_streams(&mut self, now: Timestamp, until: Timestamp) -> Result<Vec<Stream>, StoreError> {
        let sql = format!(
            "UPDATE streams SET next_at = ?2 WHERE endpoint IS NOT NULL AND next_at <= ?1 AND EXISTS (
                 SELECT 1 FROM stream_queue q WHERE q.stream = streams.id
                 AND (streams.status = 'enabled' OR (streams.status = 'paused' AND q.urgent = 1)))
             RETURNING {COLUMNS}"
        );
        self.rows(&sql, params![now, until], stream)
    }

    /// Notes how posting to a stream came out and when it is tried again, without touching what its receiver may have
    /// changed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_lease(
        &mut self,
        id: &str,
        failures: u32,
        error: Option<&str>,
        next_at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE streams SET failures = ?2, last_error = ?3, next_at = ?4 WHERE id = ?1";
        self.execute(sql, params![id, failures, error, next_at]).map(drop)
    }

    /// Whom the receiver of a stream wants to hear nothing of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn exceptions(&mut self, stream: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT subject FROM stream_exceptions WHERE stream = ?1 ORDER BY hash LIMIT 10000";
        self.rows(sql, params![stream], |row| row.get(0))
    }

    /// Adds an exception, or takes it away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn except(&mut self, stream: &str, subject: &str, excepted: bool) -> Result<(), StoreError> {
        let hash = SecretHash::of(subject).0;
        if !excepted {
            let sql = "DELETE FROM stream_exceptions WHERE stream = ?1 AND hash = ?2";
            return self.execute(sql, params![stream, &hash]).map(drop);
        }
        let sql = "INSERT INTO stream_exceptions (stream, hash, subject) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.execute(sql, params![stream, &hash, subject]).map(drop)
    }

    /// Puts an event at the end of a queue.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn enqueue(&mut self, stream: &str, queued: &Queued) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO stream_queue (stream, seq, jti, event, at, urgent) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![stream, queued.seq, &queued.jti, &queued.event, queued.at, queued.urgent],
        )
        .map(drop)
    }

    /// The oldest events on a queue, at most `most`; only the urgent ones if the stream is paused.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn queued(&mut self, stream: &str, urgent_only: bool, most: u32) -> Result<Vec<Queued>, StoreError> {
        let sql = "SELECT seq, jti, event, at, urgent FROM stream_queue WHERE stream = ?1 AND urgent >= ?2
                   ORDER BY seq LIMIT ?3";
        self.rows(sql, params![stream, urgent_only, most], queued)
    }

    /// How many events wait on a queue.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_queued(&mut self, stream: &str) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM stream_queue WHERE stream = ?1";
        Ok(self.row(sql, params![stream], |row| row.count(0))?.unwrap_or(0))
    }

    /// Takes an event off a queue because its receiver has it, or will not take it; false if it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn dequeue(&mut self, stream: &str, jti: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM stream_queue WHERE stream = ?1 AND jti = ?2";
        Ok(self.execute(sql, params![stream, jti])? == 1)
    }

    /// Drops everything that waits on a stream.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn empty_queue(&mut self, stream: &str) -> Result<u64, StoreError> {
        self.execute("DELETE FROM stream_queue WHERE stream = ?1", params![stream])
    }
}

fn lines(s: &Stream) -> Option<String> {
    s.events.as_ref().map(|events| events.join("\n"))
}

fn stream(row: &Row<'_>) -> Result<Stream, StoreError> {
    let events: Option<String> = row.get(4)?;
    let corrupt = |detail: String| StoreError::Corrupt { column: "streams.failures", detail };
    Ok(Stream {
        id: row.get(0)?,
        client: row.parsed(1, "streams.client", ClientId::parse)?,
        endpoint: row.get(2)?,
        sealed: row.get(3)?,
        events: events.map(|all| all.lines().map(str::to_owned).collect()),
        description: row.get(5)?,
        status: row.get(6)?,
        reason: row.get(7)?,
        created_at: row.time(8)?,
        verified_at: row.time(9)?,
        failures: u32::try_from(row.count(10)?).map_err(|e| corrupt(e.to_string()))?,
        last_error: row.get(11)?,
        next_at: row.time(12)?,
    })
}

fn queued(row: &Row<'_>) -> Result<Queued, StoreError> {
    Ok(Queued {
        seq: row.count(0)?,
        jti: row.get(1)?,
        event: row.get(2)?,
        at: row.time(3)?,
        urgent: row.flag(4)?,
    })
}
