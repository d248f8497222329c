//! Sign-in attempts: counted before the secret is checked, so that a thousand simultaneous guesses are a
//! thousand and not one.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;
use std::time::Duration;

/// What is known of the attempts under one name (an account, an address).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The attempt may go on; so many before it failed or are under way.
    Allowed {
        /// How many.
        failures: u32,
    },
    /// The attempt must be refused, unchecked.
    Blocked {
        /// Until when.
        until: Timestamp,
    },
}

impl Tx<'_> {
    /// Begins an attempt under every one of `names`, or, if one of them is blocked, under none. Each counts as
    /// failed until [`clear_attempts`](Self::clear_attempts); `delay` says how long the name is blocked after
    /// so many failures.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin_attempt(
        &mut self,
        names: &[&str],
        now: Timestamp,
        delay: impl Fn(u32) -> Duration,
    ) -> Result<Attempt, StoreError> {
        let mut most = 0;
        for name in names {
            let (failures, until) = self.failures(name)?;
            if until > now {
                return Ok(Attempt::Blocked { until });
            }
            most = most.max(failures);
        }
        for name in names {
            let (failures, _) = self.failures(name)?;
            let failures = failures.saturating_add(1);
            self.put_failures(name, failures, now, now.after(delay(failures)))?;
        }
        Ok(Attempt::Allowed { failures: most })
    }

    /// Forgets the attempts under `name`: one succeeded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn clear_attempts(&mut self, name: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM attempts WHERE name = ?1", params![name]).map(drop)
    }

    fn failures(&mut self, name: &str) -> Result<(u32, Timestamp), StoreError> {
        let sql = "SELECT failures, blocked_until FROM attempts WHERE name = ?1";
        let read = |row: &Row<'_>| Ok((u32::try_from(row.count(0)?).unwrap_or(u32::MAX), row.time(1)?));
        Ok(self.row(sql, params![name], read)?.unwrap_or((0, Timestamp::from_micros(i64::MIN))))
    }

    fn put_failures(
        &mut self,
        name: &str,
        failures: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO attempts (name, failures, last_at, blocked_until) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at,
             blocked_until = excluded.blocked_until",
            params![name, failures, now, until],
        )
        .map(drop)
    }
}
