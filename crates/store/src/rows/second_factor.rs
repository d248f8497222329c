//! The second factor of a user: one-time codes (RFC 6238), and the recovery codes that stand in for them.

use super::{ArtifactKind, Consumed};
use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{Timestamp, UserId};

/// An authenticator application that a user has enrolled. A user has at most one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose it is.
    pub user: UserId,
    /// Names the enrolment: codes of an earlier one are worth nothing.
    pub enrolment: String,
    /// The secret, sealed for its user and enrolment.
    pub sealed: String,
    /// How many recovery codes were not used yet.
    pub codes_left: u32,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// Recovery codes wait for as long as their enrolment lasts.
const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);

impl Tx<'_> {
    /// Enrols a second factor with its recovery codes; false if the user has one. Of the codes only hashes are kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_second_factor(
        &mut self,
        factor: &SecondFactor,
        codes: &[String],
    ) -> Result<bool, StoreError> {
        let added = self.execute(
            "INSERT INTO second_factors (user_id, enrolment, sealed, codes_left, created_at, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (user_id) DO NOTHING",
            params![
                factor.user.as_str(),
                &factor.enrolment,
                &factor.sealed,
                factor.codes_left,
                factor.created_at,
                factor.last_used_at
            ],
        )?;
        if added == 1 {
            self.put_recovery_codes(factor, codes)?;
        }
        Ok(added == 1)
    }

    /// The second factor of a user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn second_factor(&mut self, user: &UserId) -> Result<Option<SecondFactor>, StoreError> {
        let sql =
            "SELECT user_id, enrolment, sealed, codes_left, created_at, last_used_at FROM second_factors
                   WHERE user_id = ?1";
        self.row(sql, params![user.as_str()], second_factor)
    }

    /// Notes that a second factor was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn use_second_factor(&mut self, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE second_factors SET last_used_at = ?2 WHERE user_id = ?1";
        self.execute(sql, params![user.as_str(), now]).map(drop)
    }

    /// Spends a recovery code; false if it is none of this enrolment's, or was spent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn use_recovery_code(
        &mut self,
        factor: &SecondFactor,
        code: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let spent = self.consume(ArtifactKind::RecoveryCode, &named(factor, code), now)?;
        if !matches!(spent, Consumed::Won(_)) {
            return Ok(false);
        }
        let sql = "UPDATE second_factors SET codes_left = codes_left - 1, last_used_at = ?3
                   WHERE user_id = ?1 AND enrolment = ?2 AND codes_left > 0";
        Ok(self.execute(sql, params![factor.user.as_str(), &factor.enrolment, now])? == 1)
    }

    /// Puts new recovery codes in the place of those of before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn replace_recovery_codes(
        &mut self,
        factor: &SecondFactor,
        codes: &[String],
    ) -> Result<(), StoreError> {
        self.delete_recovery_codes(&factor.user)?;
        self.put_recovery_codes(factor, codes)?;
        let sql = "UPDATE second_factors SET codes_left = ?2 WHERE user_id = ?1";
        let left = u32::try_from(codes.len()).unwrap_or(u32::MAX);
        self.execute(sql, params![factor.user.as_str(), left]).map(drop)
    }

    /// Removes the second factor of a user and its recovery codes; false if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_second_factor(&mut self, user: &UserId) -> Result<bool, StoreError> {
        self.delete_recovery_codes(user)?;
        Ok(self.execute("DELETE FROM second_factors WHERE user_id = ?1", params![user.as_str()])? == 1)
    }

    fn put_recovery_codes(&mut self, factor: &SecondFactor, codes: &[String]) -> Result<(), StoreError> {
        let owner = factor.user.as_str().as_bytes();
        codes.iter().try_for_each(|code| {
            self.put_artifact(ArtifactKind::RecoveryCode, &named(factor, code), None, owner, FOR_EVER)
        })
    }

    fn delete_recovery_codes(&mut self, user: &UserId) -> Result<(), StoreError> {
        let sql = "DELETE FROM artifacts WHERE kind = ?1 AND payload = ?2";
        self.execute(sql, params![ArtifactKind::RecoveryCode.as_str(), user.as_str().as_bytes()]).map(drop)
    }
}

/// A recovery code together with its enrolment, which salts its hash.
fn named(factor: &SecondFactor, code: &str) -> String {
    format!("{} {code}", factor.enrolment)
}

fn second_factor(row: &Row<'_>) -> Result<SecondFactor, StoreError> {
    Ok(SecondFactor {
        user: row.parsed(0, "second_factors.user_id", UserId::parse)?,
        enrolment: row.get(1)?,
        sealed: row.get(2)?,
        codes_left: u32::try_from(row.count(3)?).unwrap_or(u32::MAX),
        created_at: row.time(4)?,
        last_used_at: row.maybe_time(5)?,
    })
}
