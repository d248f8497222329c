//! What others are to be told: written with what it is about, and kept until it was heard or its time is over.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{TaskId, Timestamp};
use std::time::Duration;

/// Whom something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// A client that asked a user, or about an approval (OpenID Connect CIBA Core §10.2).
    Ping,
    /// The operator's webhook.
    Webhook,
}

impl NoticeKind {
    const ALL: [Self; 2] = [Self::Ping, Self::Webhook];

    fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Webhook => "webhook",
        }
    }
}

/// Something that others are to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id: of two that are the same, the one who is told keeps one.
    pub id: String,
    /// Whom.
    pub kind: NoticeKind,
    /// What happened, in a word.
    pub event: String,
    /// What it is about: the id of an approval, or of what a user is asked.
    pub about: String,
    /// What is needed to tell it, sealed; may be empty.
    pub sealed: String,
    /// Whether it is told only when what it is about was decided.
    pub held: bool,
    /// When it came about.
    pub made_at: Timestamp,
    /// How often it failed.
    pub failures: u32,
    /// Nobody is told from then on.
    pub until: Timestamp,
}

const COLUMNS: &str = "id, kind, event, about, sealed, held, made_at, failures, until";
/// What is told of an approval once it was decided, and was. What ends an approval is many things: a vote, a grant that
/// ends, a call that was changed, time; so it is looked at when it is to be told.
const DECIDED: &str =
    "held = 1 AND about IN (SELECT id FROM approval_tasks WHERE state <> 'pending' OR until <= ?1)";
/// So long it is kept for the webhook that something waits: longer than anything can.
const WAITED: Duration = Duration::from_secs(60 * 24 * 3600);
/// So long it is tried to tell the webhook.
const TRIED: Duration = Duration::from_secs(3 * 24 * 3600);

impl Tx<'_> {
    /// Keeps something to be told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_notice(&mut self, n: &Notice) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO notices (id, kind, event, about, sealed, held, made_at, next_at, failures, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)",
            params![
                &n.id,
                n.kind.as_str(),
                &n.event,
                &n.about,
                &n.sealed,
                n.held,
                n.made_at,
                n.failures,
                n.until
            ],
        )
        .map(drop)
    }

    /// Has the webhook told of a call that is asked for, and later of what was decided.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tell_of_task(&mut self, task: &TaskId, now: Timestamp) -> Result<(), StoreError> {
        for (event, word, held) in [("approval.asked", "asked", false), ("approval.decided", "decided", true)]
        {
            self.put_notice(&Notice {
                id: format!("msg_{task}_{word}"),
                kind: NoticeKind::Webhook,
                event: event.to_owned(),
                about: task.to_string(),
                sealed: String::new(),
                held,
                made_at: now,
                failures: 0,
                until: now.after(if held { WAITED } else { TRIED }),
            })?;
        }
        Ok(())
    }

    /// What a user was asked was answered: who waited for that is told from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn release_notices(&mut self, about: &str, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE notices SET held = 0, made_at = ?2, next_at = ?2,
             until = CASE WHEN kind = 'webhook' THEN ?3 ELSE until END WHERE about = ?1 AND held = 1",
            params![about, now, now.after(TRIED)],
        )
        .map(drop)
    }

    /// What is to be told now, the oldest first, at most so much, and takes it until `lease`, so that of several processes
    /// one tells it. If that one dies, it is told again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lease_notices(
        &mut self,
        now: Timestamp,
        lease: Timestamp,
        most: u32,
    ) -> Result<Vec<Notice>, StoreError> {
        let decided = format!(
            "UPDATE notices SET held = 0, made_at = ?1, next_at = ?1,
             until = CASE WHEN kind = 'webhook' THEN ?2 ELSE until END WHERE {DECIDED}"
        );
        self.execute(&decided, params![now, now.after(TRIED)])?;
        let sql = format!(
            "UPDATE notices SET next_at = ?2 WHERE id IN (
                 SELECT id FROM notices WHERE held = 0 AND next_at <= ?1 AND until > ?1 ORDER BY next_at, id LIMIT ?3)
             RETURNING {COLUMNS}"
        );
        self.rows(&sql, params![now, lease, most], notice)
    }

    /// Whether there is anything to be told now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn has_notices(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT 1 FROM notices WHERE (held = 0 AND next_at <= ?1 AND until > ?1) OR ({DECIDED}) LIMIT 1"
        );
        Ok(self.row(&sql, params![now], |_| Ok(()))?.is_some())
    }

    /// It was heard, or never will be; false if that is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_notice(&mut self, id: &str) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM notices WHERE id = ?1", params![id])? == 1)
    }

    /// It was not heard, and is told again then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn retry_notice(&mut self, id: &str, failures: u32, next_at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE notices SET failures = ?2, next_at = ?3 WHERE id = ?1";
        self.execute(sql, params![id, failures, next_at]).map(drop)
    }

    /// How much is to be told and was not heard yet; held or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_notices(&mut self, kind: NoticeKind) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM notices WHERE kind = ?1";
        Ok(self.row(sql, params![kind.as_str()], |row| row.count(0))?.unwrap_or_default())
    }
}

fn notice(row: &Row<'_>) -> Result<Notice, StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt { column: "notices.failures", detail };
    let kind = |word: String| NoticeKind::ALL.into_iter().find(|k| k.as_str() == word).ok_or(word);
    Ok(Notice {
        id: row.get(0)?,
        kind: row.parsed(1, "notices.kind", kind)?,
        event: row.get(2)?,
        about: row.get(3)?,
        sealed: row.get(4)?,
        held: row.flag(5)?,
        made_at: row.time(6)?,
        failures: u32::try_from(row.count(7)?).map_err(|e| corrupt(e.to_string()))?,
        until: row.time(8)?,
    })
}
