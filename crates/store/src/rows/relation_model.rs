//! The models of relations, each version as it was written.

use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;

/// A version of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationModel {
    /// Its number, from 1.
    pub version: u64,
    /// The text, in the modelling language or JSON.
    pub body: String,
    /// Who wrote it.
    pub written_by: String,
    /// When.
    pub written_at: Timestamp,
}

impl Tx<'_> {
    /// Puts a model into force and answers its version. The text of the newest is not written again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_relation_model(&mut self, body: &str, by: &str, at: Timestamp) -> Result<u64, StoreError> {
        let newest = self.relation_models(None, 1)?.pop();
        if let Some(newest) = newest.as_ref().filter(|m| m.body == body) {
            return Ok(newest.version);
        }
        let version = newest.map_or(1, |m| m.version + 1);
        let sql =
            "INSERT INTO relation_models (version, body, written_by, written_at) VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, params![version, body, by, at])?;
        Ok(version)
    }

    /// The versions before `before`, the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relation_models(
        &mut self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RelationModel>, StoreError> {
        let sql = "SELECT version, body, written_by, written_at FROM relation_models
             WHERE version < ?1 ORDER BY version DESC LIMIT ?2";
        self.rows(sql, params![before.unwrap_or(u64::MAX), limit], |row| {
            Ok(RelationModel {
                version: row.count(0)?,
                body: row.get(1)?,
                written_by: row.get(2)?,
                written_at: row.time(3)?,
            })
        })
    }

    /// The number of the newest version; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn relation_model_version(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT COALESCE(MAX(version), 0) FROM relation_models";
        Ok(self.row(sql, &[], |row| row.count(0))?.unwrap_or(0))
    }
}
