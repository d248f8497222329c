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
    /// failed until [`clear_attempts`](Self::clear_attempts) or [`take_back_attempt`](Self::take_back_attempt);
    /// one is forgotten for each `calm` that passes. `delay` says how long the name is blocked after so many
    /// failures.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin_attempt(
        &mut self,
        names: &[&str],
        now: Timestamp,
        calm: Duration,
        delay: impl Fn(u32) -> Duration,
    ) -> Result<Attempt, StoreError> {
        let mut most = 0;
        for name in names {
            let known = self.known(name, now, calm)?;
            if known.until > now {
                return Ok(Attempt::Blocked { until: known.until });
            }
            most = most.max(known.failures);
        }
        for name in names {
            let known = self.known(name, now, calm)?;
            let failures = known.failures.saturating_add(1);
            self.put_failures(name, &Known { failures, until: now.after(delay(failures)), ..known })?;
        }
        Ok(Attempt::Allowed { failures: most })
    }

    /// Takes back one attempt under `name`, and the pause that came with it: it succeeded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_back_attempt(&mut self, name: &str, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE attempts SET failures = failures - 1, blocked_until = ?2 WHERE name = ?1 AND failures > 0",
            params![name, now],
        )
        .map(drop)
    }

    /// Forgets the attempts under `name`: one succeeded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn clear_attempts(&mut self, name: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM attempts WHERE name = ?1", params![name]).map(drop)
    }

    /// What is known under `name`, less what was forgotten since.
    fn known(&mut self, name: &str, now: Timestamp, calm: Duration) -> Result<Known, StoreError> {
        let sql = "SELECT failures, last_at, blocked_until FROM attempts WHERE name = ?1";
        let read = |row: &Row<'_>| {
            let failures = u32::try_from(row.count(0)?).unwrap_or(u32::MAX);
            Ok(Known { failures, since: row.time(1)?, until: row.time(2)? })
        };
        let none = Known { failures: 0, since: now, until: Timestamp::from_micros(i64::MIN) };
        Ok(self.row(sql, params![name], read)?.map_or(none, |known| known.less(now, calm)))
    }

    fn put_failures(&mut self, name: &str, known: &Known) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO attempts (name, failures, last_at, blocked_until) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at,
             blocked_until = excluded.blocked_until",
            params![name, known.failures, known.since, known.until],
        )
        .map(drop)
    }
}

/// A row.
struct Known {
    failures: u32,
    /// From when on the next of them is being forgotten.
    since: Timestamp,
    until: Timestamp,
}

impl Known {
    fn less(self, now: Timestamp, calm: Duration) -> Self {
        let passed = now.since(self.since).as_micros() / calm.as_micros().max(1);
        let forgotten = u32::try_from(passed).unwrap_or(u32::MAX);
        match self.failures.saturating_sub(forgotten) {
            0 => Self { failures: 0, since: now, ..self },
            failures => Self { failures, since: self.since.after(calm.saturating_mul(forgotten)), ..self },
        }
    }
}
