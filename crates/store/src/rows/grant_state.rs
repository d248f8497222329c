//! The life of a grant: suspended, resumed, revoked with everything below it.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{GrantId, Timestamp};

impl Tx<'_> {
    /// Ends a grant and every grant below it, for ever, each exactly once: their artifacts are spent, their
    /// consents forgotten, and every process hears of each. False if the grant is missing or had ended before
    /// (then nothing changes). Once the transaction is committed, [`RevokedView`](crate::RevokedView) has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_grant(
        &mut self,
        id: &GrantId,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let ended = self.revoke_tree(id, by, why, now)?;
        Ok(ended.iter().any(|ended| ended == id))
    }

    /// As [`revoke_grant`](Self::revoke_grant), and says which grants ended, the asked one among them, for the
    /// record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_tree(
        &mut self,
        id: &GrantId,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<Vec<GrantId>, StoreError> {
        let below = self.rows(
            "WITH RECURSIVE below (id) AS (
                 SELECT id FROM grants WHERE id = ?1
                 UNION SELECT p.child FROM grant_parents p JOIN below b ON p.parent = b.id
             ) SELECT g.id, g.expires_at FROM below b JOIN grants g ON g.id = b.id
             WHERE g.state <> 'revoked' ORDER BY g.id",
            params![id.as_str()],
            id_and_expiry,
        )?;
        for (id, expires_at) in &below {
            self.end(id, *expires_at, by, why, now)?;
        }
        Ok(below.into_iter().map(|(id, _)| id).collect())
    }

    fn end(
        &mut self,
        id: &GrantId,
        expires_at: Timestamp,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE grants SET state = 'revoked', revoked_at = ?2, revoked_by = ?3, revoked_why = ?4,
             revision = revision + 1 WHERE id = ?1 AND state <> 'revoked'",
            params![id.as_str(), now, by, why],
        )?;
        self.revoke_artifacts_by_grant(id, now)?;
        self.forget_consents(id)?;
        self.overrule((Kind::Grant, id.as_str()), false, now)?;
        self.say_standing(id, Word::REVOKED, expires_at, by, why, now)
    }

    /// Pauses an active grant, and so everything below it, for tokens name their ancestors; false if it is not
    /// active.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn suspend_grant(
        &mut self,
        id: &GrantId,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let overruled = self.overrule((Kind::Grant, id.as_str()), true, now)?;
        Ok(self.turn_grant(id, true, by, why, now)? || overruled)
    }

    /// Puts a suspended grant in force again; false if it is not suspended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn resume_grant(
        &mut self,
        id: &GrantId,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let overruled = self.overrule((Kind::Grant, id.as_str()), false, now)?;
        Ok(self.turn_grant(id, false, by, why, now)? || overruled)
    }

    pub(super) fn turn_grant(
        &mut self,
        id: &GrantId,
        suspend: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (from, to) =
            if suspend { (Word::ACTIVE, Word::SUSPENDED) } else { (Word::SUSPENDED, Word::ACTIVE) };
        self.turn(id, from, to, by, why, now)
    }

    fn turn(
        &mut self,
        id: &GrantId,
        from: &str,
        to: &str,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let turned = self.row(
            "UPDATE grants SET state = ?3, revision = revision + 1 WHERE id = ?1 AND state = ?2
             RETURNING id, expires_at",
            params![id.as_str(), from, to],
            id_and_expiry,
        )?;
        if let Some((id, expires_at)) = &turned {
            self.say_standing(id, to, *expires_at, by, why, now)?;
        }
        Ok(turned.is_some())
    }

    fn say_standing(
        &mut self,
        id: &GrantId,
        word: &str,
        until: Timestamp,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.say(Word { kind: Kind::Grant, id: id.as_str(), word, at: now, by, why, until })
    }
}

fn id_and_expiry(row: &Row<'_>) -> Result<(GrantId, Timestamp), StoreError> {
    Ok((row.parsed(0, "grants.id", GrantId::parse)?, row.time(1)?))
}
