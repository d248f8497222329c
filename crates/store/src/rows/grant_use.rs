//! When grants were used, and which are to end by themselves because nobody used them or their time is over.
//!
//! Whoever calls has a token, and tokens live for minutes, so it is enough to note when one was made.

use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{Grant, GrantId, Timestamp};
use std::time::Duration;

/// How exactly it is noted when a grant is used.
const GRAIN: Duration = Duration::from_secs(60);
/// What was used longer ago than this is told by when the last token was made; what is nearer, by the record.
const NEAR: Duration = Duration::from_secs(24 * 3600);

/// Grants that are to end, and whether there may be more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// The grants.
    pub grants: Vec<Grant>,
    /// Whether to ask again, in another transaction, so that nobody waits long.
    pub more: bool,
}

impl Tx<'_> {
    /// Notes that a token was made under these grants: one, and those above it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn note_use<'g>(
        &mut self,
        grants: impl IntoIterator<Item = &'g GrantId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grants SET used_at = ?2 WHERE id = ?1 AND COALESCE(used_at, 0) <= ?3";
        grants.into_iter().try_for_each(|grant| {
            self.execute(sql, params![grant.as_str(), now, now.before(GRAIN)]).map(drop)
        })
    }

    /// When a token was last made under a grant, as far as that is noted.
    pub(super) fn noted_use(&mut self, grant: &GrantId) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT used_at FROM grants WHERE id = ?1 AND used_at > 0";
        self.row(sql, params![grant.as_str()], |row| row.time(0))
    }

    /// When a grant, or a part of it further down, was last used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn used(&mut self, grant: &GrantId, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        // Tokens of an agent's own authority are on record alone.
        let sql = "SELECT CASE WHEN subject = grantee THEN -1 ELSE COALESCE(used_at, -1) END
                   FROM grants WHERE id = ?1";
        let noted = self.row(sql, params![grant.as_str()], |row| row.time(0))?;
        match noted.map(Timestamp::micros) {
            None | Some(0) => Ok(None),
            Some(..0) => self.last_use(grant),
            Some(at) => {
                let at = Timestamp::from_micros(at);
                let near = if at.after(NEAR) > now { self.last_use(grant)? } else { None };
                Ok(Some(near.map_or(at, |exact| exact.max(at))))
            }
        }
    }

    /// What users allowed, and nobody used since `since`; the longest unused first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unused(&mut self, since: Timestamp, now: Timestamp, limit: u32) -> Result<Over, StoreError> {
        let sql = "SELECT id FROM grants
                   WHERE state <> 'revoked' AND interaction IS NOT NULL
                   AND COALESCE(NULLIF(used_at, 0), not_before) <= ?1 AND expires_at > ?2
                   AND NOT EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id)
                   ORDER BY COALESCE(NULLIF(used_at, 0), not_before), id LIMIT ?3";
        let ids =
            self.rows(sql, params![since, now, limit], |row| row.parsed(0, "grants.id", GrantId::parse))?;
        let more = ids.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let mut grants = Vec::new();
        for id in ids {
            // Of grants that are older than the note, the record knows.
            match self.used(&id, now)? {
                Some(used) if used > since => self.note_use([&id], used)?,
                _ => grants.extend(self.grant(&id)?),
            }
        }
        Ok(Over { grants, more })
    }

    /// What users allowed, and what was passed on, whose time was over at `until`; of a chain only the uppermost, at most
    /// `limit`. What the operator gives is left to those who give it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn expired(&mut self, until: Timestamp, limit: u32) -> Result<Over, StoreError> {
        let sql = "SELECT id FROM grants
                   WHERE state <> 'revoked' AND expires_at <= ?1
                   AND (interaction IS NOT NULL OR EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id))
                   AND NOT EXISTS (SELECT 1 FROM grant_parents p JOIN grants g ON g.id = p.parent
                                   WHERE p.child = grants.id AND g.state <> 'revoked' AND g.expires_at <= ?1
                                   AND (g.interaction IS NOT NULL OR EXISTS
                                        (SELECT 1 FROM grant_parents WHERE child = g.id)))
                   ORDER BY expires_at, id LIMIT ?2";
        let ids = self.rows(sql, params![until, limit], |row| row.parsed(0, "grants.id", GrantId::parse))?;
        let more = ids.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let mut grants = Vec::new();
        for id in ids {
            grants.extend(self.grant(&id)?);
        }
        Ok(Over { grants, more })
    }
}
