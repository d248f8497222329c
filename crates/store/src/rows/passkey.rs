//! Passkeys (WebAuthn credentials) of users.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{Timestamp, UserId};

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// The credential id, as the authenticator chose it.
    pub id: Vec<u8>,
    /// Whose it is.
    pub user: UserId,
    /// What the user calls it.
    pub label: String,
    /// The verifier's state (public key, sign counter) as JSON text.
    pub data: String,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, user_id, label, data, created_at, last_used_at";

impl Tx<'_> {
    /// Adds a passkey; false if the credential id is taken, by anybody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_passkey(&mut self, passkey: &Passkey) -> Result<bool, StoreError> {
        let added = self.execute(
            "INSERT INTO passkeys (id, user_id, label, data, created_at, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING",
            params![
                &passkey.id,
                passkey.user.as_str(),
                &passkey.label,
                &passkey.data,
                passkey.created_at,
                passkey.last_used_at
            ],
        )?;
        Ok(added == 1)
    }

    /// The passkey with that credential id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn passkey(&mut self, id: &[u8]) -> Result<Option<Passkey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM passkeys WHERE id = ?1");
        self.row(&sql, params![id], passkey)
    }

    /// The passkeys of a user, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn passkeys_of(&mut self, user: &UserId) -> Result<Vec<Passkey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM passkeys WHERE user_id = ?1 ORDER BY created_at, id");
        self.rows(&sql, params![user.as_str()], passkey)
    }

    /// Notes a use: replaces the verifier's state if it still is `expected`, so that of two uses with one sign
    /// counter one fails; says whether it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn use_passkey(
        &mut self,
        id: &[u8],
        expected: &str,
        data: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let updated = self.execute(
            "UPDATE passkeys SET data = ?3, last_used_at = ?4 WHERE id = ?1 AND data = ?2",
            params![id, expected, data, now],
        )?;
        Ok(updated == 1)
    }

    /// Renames a passkey of `user`; false if the user has no such passkey.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rename_passkey(&mut self, user: &UserId, id: &[u8], label: &str) -> Result<bool, StoreError> {
        let renamed = self.execute(
            "UPDATE passkeys SET label = ?3 WHERE id = ?1 AND user_id = ?2",
            params![id, user.as_str(), label],
        )?;
        Ok(renamed == 1)
    }

    /// Removes a passkey of `user`; false if the user has no such passkey.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_passkey(&mut self, user: &UserId, id: &[u8]) -> Result<bool, StoreError> {
        let sql = "DELETE FROM passkeys WHERE id = ?1 AND user_id = ?2";
        Ok(self.execute(sql, params![id, user.as_str()])? == 1)
    }
}

fn passkey(row: &Row<'_>) -> Result<Passkey, StoreError> {
    Ok(Passkey {
        id: row.get(0)?,
        user: row.parsed(1, "passkeys.user_id", UserId::parse)?,
        label: row.get(2)?,
        data: row.get(3)?,
        created_at: row.time(4)?,
        last_used_at: row.maybe_time(5)?,
    })
}
