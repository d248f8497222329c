//! The life of a grant: narrowed, suspended, resumed, revoked with everything below it.

use crate::driver::{Param, Row};
use crate::revoked::Kind;
use crate::rows::Said;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{Grant, GrantId, Timestamp};
use prokura_ledger::Event;
use std::time::Duration;

/// For how long words about a grant matter after it expired: readers of tokens forgive clocks that differ.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// `below` are the grants below `?1`.
const BELOW: &str = "WITH RECURSIVE below (id) AS (
     SELECT child FROM grant_parents WHERE parent = ?1
     UNION SELECT p.child FROM grant_parents p JOIN below b ON p.parent = b.id)";

/// What a revocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The grant.
    pub id: GrantId,
    /// How many below it ended with it.
    pub below: u64,
}

impl Ended {
    /// Says in an entry which grant ended, and how many below it.
    pub fn describe(self, event: &mut Event) {
        if self.below > 0 {
            event.details.insert("below", self.below.into());
        }
        event.grant = Some(self.id);
    }
}

impl Tx<'_> {
    /// Ends a grant and every grant below it, for ever: their artifacts are spent and their consents forgotten. False if
    /// the grant is missing or had ended before (then nothing changes). Once the transaction is committed,
    /// [`RevokedView`](crate::RevokedView) has it.
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
        Ok(self.revoke_tree(id, by, why, now)?.is_some())
    }

    /// As [`revoke_grant`](Self::revoke_grant), and says how many ended, for the record. However many stand below, every
    /// process hears one word: chains name what is above them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_tree(
        &mut self,
        id: &GrantId,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<Option<Ended>, StoreError> {
        let ended = self.row(
            "UPDATE grants SET state = 'revoked', revoked_at = ?2, revoked_by = ?3, revoked_why = ?4,
             revision = revision + 1 WHERE id = ?1 AND state <> 'revoked' RETURNING id, expires_at",
            params![id.as_str(), now, by, why],
            id_and_expiry,
        )?;
        let Some((id, expires_at)) = ended else { return Ok(None) };
        self.revoke_artifacts_by_grant(&id, now)?;
        self.forget_consents(&id)?;
        self.void_tasks_of(&id)?;
        self.overrule((Kind::Grant, id.as_str()), false, now)?;
        let below = self.end_below(&id, by, why, now)?;
        self.say_standing(&id, Word::REVOKED, expires_at, Said { by, why, now })?;
        Ok(Some(Ended { id, below }))
    }

    /// Marks everything below as over, where rows are listed; says how many had not ended.
    fn end_below(&mut self, id: &GrantId, by: &str, why: &str, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT 1 FROM grant_parents WHERE parent = ?1 LIMIT 1";
        if self.row(sql, params![id.as_str()], |_| Ok(()))?.is_none() {
            return Ok(0);
        }
        let mut below = |rest: &str, params: &[Param<'_>]| self.execute(&format!("{BELOW} {rest}"), params);
        below(
            "UPDATE artifacts SET consumed_at = ?2
             WHERE grant_id IN (SELECT id FROM below) AND consumed_at IS NULL",
            params![id.as_str(), now],
        )?;
        below("DELETE FROM consents WHERE grant_id IN (SELECT id FROM below)", params![id.as_str()])?;
        below(
            "DELETE FROM holds WHERE kind = 'grant' AND id IN (SELECT id FROM below)",
            params![id.as_str()],
        )?;
        below(
            "UPDATE approval_tasks SET state = 'void', sealed = ''
             WHERE grant_id IN (SELECT id FROM below) AND state IN ('pending', 'approved')",
            params![id.as_str()],
        )?;
        below(
            "UPDATE grants SET state = 'revoked', revoked_at = ?2, revoked_by = ?3, revoked_why = ?4,
             revision = revision + 1 WHERE id IN (SELECT id FROM below) AND state <> 'revoked'",
            params![id.as_str(), now, by, why],
        )
    }

    /// Takes something away from a grant that has not ended, if its revision still is `narrowed.revision`, which then
    /// grows by one; says whether it was. Tokens of an earlier revision, and of everything below it, count no more, and
    /// whoever had agreed is asked again. What was used of a budget stays used; a bound that is new counts from now on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `narrowed` holds anything more ([`Grant::is_within`]).
    pub fn narrow_grant(&mut self, narrowed: &Grant, said: Said<'_>) -> Result<bool, StoreError> {
        let Some(held) = self.grant(&narrowed.id)? else { return Ok(false) };
        if let Err(wider) = narrowed.is_within(&held) {
            return self.fail(StoreError::Conflict(format!("{} would not be narrowed: {wider}", held.id)));
        }
        if !self.update_grant(narrowed)? {
            return Ok(false);
        }
        self.narrow_budget(narrowed)?;
        self.forget_consents(&held.id)?;
        let (word, until) = (Word::of(&held.state), held.expires_at.after(AFTERWARDS));
        let (kind, id, floor) = (Kind::Grant, held.id.as_str(), held.revision + 1);
        self.say(Word { kind, id, word, at: said.now, by: said.by, why: said.why, until, floor })?;
        Ok(true)
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
            self.say_standing(id, to, *expires_at, Said { by, why, now })?;
        }
        Ok(turned.is_some())
    }

    fn say_standing(
        &mut self,
        id: &GrantId,
        word: &str,
        expires_at: Timestamp,
        Said { by, why, now }: Said<'_>,
    ) -> Result<(), StoreError> {
        let until = expires_at.after(AFTERWARDS);
        self.say(Word { kind: Kind::Grant, id: id.as_str(), word, at: now, by, why, until, floor: 0 })
    }
}

fn id_and_expiry(row: &Row<'_>) -> Result<(GrantId, Timestamp), StoreError> {
    Ok((row.parsed(0, "grants.id", GrantId::parse)?, row.time(1)?))
}
