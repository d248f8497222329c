//! What processes saw of agents: what is usual, and how much there was lately.

use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;
use std::time::Duration;

/// For how long a minute of activity matters to others.
const ACTIVITY: Duration = Duration::from_secs(15 * 60);

/// How much one process saw of one subject in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Of whom.
    pub subject: String,
    /// The process.
    pub point: String,
    /// The minute since the epoch.
    pub minute: i64,
    /// Calls, refused ones among them.
    pub calls: u64,
    /// Calls that were refused.
    pub refused: u64,
}

impl Tx<'_> {
    /// What is usual for `subject`, as it was put last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn baseline(&mut self, subject: &str) -> Result<Option<String>, StoreError> {
        self.row("SELECT body FROM baselines WHERE subject = ?1", params![subject], |row| row.get(0))
    }

    /// What is usual for those who were seen last, at most `limit`: subject and body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn baselines(&mut self, limit: u32) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT subject, body FROM baselines ORDER BY seen_at DESC LIMIT ?1";
        self.rows(sql, params![limit], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Keeps what is usual for `subject`, in place of what was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_baseline(&mut self, subject: &str, body: &str, seen_at: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO baselines (subject, body, seen_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (subject) DO UPDATE SET body = excluded.body, seen_at = excluded.seen_at",
            params![subject, body, seen_at],
        )
        .map(drop)
    }

    /// Keeps how much there was in one minute, as that process counted it so far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_activity(&mut self, seen: &Activity) -> Result<(), StoreError> {
        let until = Timestamp::from_seconds(seen.minute.saturating_mul(60)).after(ACTIVITY);
        self.execute(
            "INSERT INTO activity (subject, point, minute, calls, refused, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (subject, point, minute) DO UPDATE SET calls = excluded.calls,
             refused = excluded.refused",
            params![&seen.subject, &seen.point, seen.minute, seen.calls, seen.refused, until],
        )
        .map(drop)
    }

    /// What other processes than `point` saw since `minute`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn activity_of_others(&mut self, point: &str, minute: i64) -> Result<Vec<Activity>, StoreError> {
        let sql =
            "SELECT subject, point, minute, calls, refused FROM activity WHERE point <> ?1 AND minute >= ?2";
        self.rows(sql, params![point, minute], |row| {
            Ok(Activity {
                subject: row.get(0)?,
                point: row.get(1)?,
                minute: row.get(2)?,
                calls: row.count(3)?,
                refused: row.count(4)?,
            })
        })
    }
}
