//! Tasks as they are looked at: lists, how often people agree, and how long they take.

use super::task::{COLUMNS, StoredTask, stored};
use crate::driver::Param;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{Principal, TaskState, Timestamp};
use std::time::Duration;

/// Which tasks are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// In which state.
    pub state: Option<TaskState>,
    /// Of whose authority.
    pub subject: Option<Principal>,
    /// At most so many; 200 if it is 0, and never more than 1,000.
    pub limit: u32,
}

/// How often people agree, and how long they take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskStats {
    /// So many calls were asked for.
    pub asked: u64,
    /// So many of them were approved, used since or not.
    pub approved: u64,
    /// So many were refused.
    pub refused: u64,
    /// On so many nobody decided in time.
    pub undecided: u64,
    /// So many wait.
    pub pending: u64,
    /// Half of what was decided was decided within so long; none if nothing was.
    pub median: Option<Duration>,
}

impl TaskStats {
    /// The share of what was decided that was approved, in percent; none if nothing was decided. Where nobody ever refuses,
    /// nobody looks.
    pub fn approval_rate(&self) -> Option<u64> {
        (self.approved * 100).checked_div(self.approved + self.refused)
    }
}

impl Tx<'_> {
    /// Tasks, the newest first, with their votes. Those that were not decided or used in time are among those of the state
    /// they were left in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tasks(&mut self, filter: &TaskFilter) -> Result<Vec<StoredTask>, StoreError> {
        let limit = if filter.limit == 0 { 200 } else { filter.limit.min(1000) };
        let sql = format!(
            "SELECT {COLUMNS} FROM approval_tasks WHERE (?1 = '' OR state = ?1) AND (?2 = '' OR subject = ?2)
             ORDER BY asked_at DESC, id LIMIT ?3"
        );
        let subject = filter.subject.as_ref().map_or("", Principal::as_str);
        let state = filter.state.map_or("", TaskState::as_str);
        let mut found = self.rows(&sql, params![state, subject, limit], stored)?;
        for task in &mut found {
            task.task.votes = self.votes(&task.task.id)?;
        }
        Ok(found)
    }

    /// The newest approved or used tasks that are alike: the same but for the arguments; at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn agreed_alike(&mut self, similar: &str, most: u32) -> Result<Vec<StoredTask>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approval_tasks WHERE alike = ?1 AND state IN ('approved', 'used')
             ORDER BY decided_at DESC, id LIMIT ?2"
        );
        self.rows(&sql, params![similar, most], stored)
    }

    /// How people decided on what was asked since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn task_stats(&mut self, since: Timestamp, now: Timestamp) -> Result<TaskStats, StoreError> {
        // Expired and void ones were approved if they became a grant.
        let counts: [(&str, &[Param<'_>]); 5] = [
            ("1 = 1", params![since]),
            ("child <> ''", params![since]),
            ("state = 'refused'", params![since]),
            (
                "child = '' AND (state = 'expired' OR (state = 'pending' AND until <= ?2))",
                params![since, now],
            ),
            ("state = 'pending' AND until > ?2", params![since, now]),
        ];
        let mut found = [0; 5];
        for (place, (which, with)) in found.iter_mut().zip(counts) {
            let sql = format!("SELECT count(*) FROM approval_tasks WHERE asked_at >= ?1 AND {which}");
            *place = self.row(&sql, with, |row| row.count(0))?.unwrap_or_default();
        }
        let [asked, approved, refused, undecided, pending] = found;
        let sql = "SELECT decided_at - asked_at FROM approval_tasks WHERE asked_at >= ?1 AND decided_at > 0
                   ORDER BY 1 LIMIT 1 OFFSET ?2";
        let decided = approved + refused;
        let median = match decided.checked_sub(1) {
            None => None,
            Some(last) => self.row(sql, params![since, last / 2], |row| row.count(0))?,
        };
        Ok(TaskStats {
            asked,
            approved,
            refused,
            undecided,
            pending,
            median: median.map(Duration::from_micros),
        })
    }
}
