//! Signing keys, sealed.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;

/// A signing key. Its private part is sealed before it comes here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key's id.
    pub kid: String,
    /// The algorithm it is for, as in JOSE.
    pub alg: String,
    /// The private key in DER, encrypted and authenticated.
    pub sealed: Vec<u8>,
    /// The public key as JSON text.
    pub public_jwk: String,
    /// Signs nothing before; is published from the start.
    pub not_before: Timestamp,
    /// Is no longer published from then on; none while it is in use.
    pub retire_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "kid, alg, sealed, public_jwk, not_before, retire_at, created_at";

impl Tx<'_> {
    /// Stores a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the id is taken.
    pub fn insert_key(&mut self, key: &Key) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO keys (kid, alg, sealed, public_jwk, not_before, retire_at, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                &key.kid,
                &key.alg,
                &key.sealed,
                &key.public_jwk,
                key.not_before,
                key.retire_at,
                key.created_at
            ],
        )
        .map(drop)
    }

    /// The keys that are not retired by `now`, oldest first; of one moment those first that are to retire.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keys(&mut self, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM keys WHERE retire_at IS NULL OR retire_at > ?1 \
             ORDER BY not_before, retire_at IS NULL, kid"
        );
        self.rows(&sql, params![now], key)
    }

    /// Lets a key be published until `at` and no longer; false if there is none, or it is to retire earlier.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn retire_key(&mut self, kid: &str, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE keys SET retire_at = ?2 WHERE kid = ?1 AND (retire_at IS NULL OR retire_at > ?2)";
        Ok(self.execute(sql, params![kid, at])? == 1)
    }
}

fn key(row: &Row<'_>) -> Result<Key, StoreError> {
    Ok(Key {
        kid: row.get(0)?,
        alg: row.get(1)?,
        sealed: row.get(2)?,
        public_jwk: row.get(3)?,
        not_before: row.time(4)?,
        retire_at: row.maybe_time(5)?,
        created_at: row.time(6)?,
    })
}
