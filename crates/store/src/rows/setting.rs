//! Small things that the program remembers.

use crate::tx::params;
use crate::{StoreError, Tx};

impl Tx<'_> {
    /// What is remembered under `name`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn setting(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        self.row("SELECT value FROM settings WHERE name = ?1", params![name], |row| row.get(0))
    }

    /// Remembers `value` in place of what was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_setting(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO settings (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
        .map(drop)
    }

    /// Remembers `value` if nothing is there; gives what is there then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn setting_or(&mut self, name: &str, value: &str) -> Result<String, StoreError> {
        self.execute(
            "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
            params![name, value],
        )?;
        Ok(self.setting(name)?.unwrap_or_else(|| value.to_owned()))
    }
}
