//! Whom another issuer knows: there is no row of them here but the word that they may not act.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{ClientId, Timestamp, UserId, WorkloadId};

/// Somebody who is known to another issuer, or that issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreigner {
    /// A person.
    User(UserId),
    /// A client.
    Client(ClientId),
    /// Everybody whom the issuer knows.
    Issuer(String),
    /// A running instance that its infrastructure vouches for.
    Workload(WorkloadId),
}

/// A word that somebody may not act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// `user`, `agent`, `client`, `issuer` or `workload`.
    pub kind: String,
    /// Who.
    pub id: String,
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Foreigner {
    /// Every workload that the provider of that name vouches for.
    pub fn provider(name: &str) -> Self {
        Self::Issuer(provider_id(name))
    }

    fn named(&self) -> (Kind, &str) {
        match self {
            Self::User(id) => (Kind::User, id.as_str()),
            Self::Client(id) => (Kind::Client, id.as_str()),
            Self::Issuer(issuer) => (Kind::Issuer, issuer),
            Self::Workload(id) => (Kind::Workload, id.as_str()),
        }
    }
}

/// A provider of workloads among the issuers: no issuer's address begins so.
pub(crate) fn provider_id(name: &str) -> String {
    format!("workload:{name}")
}

impl Tx<'_> {
    /// Disables or enables somebody whom another issuer knows, at the next call everywhere; false if nothing changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disable_foreigner(
        &mut self,
        who: &Foreigner,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (kind, id) = who.named();
        let overruled = self.overrule((kind, id), disabled, now)?;
        let sql = "SELECT word FROM revocations WHERE kind = ?1 AND id = ?2";
        let word: Option<String> = self.row(sql, params![kind.as_str(), id], |row| row.get(0))?;
        if (word.as_deref() == Some(Word::DISABLED)) == disabled {
            return Ok(overruled);
        }
        self.say_disabled(kind, id, disabled, by, why, now)?;
        Ok(true)
    }

    /// Everybody who is disabled, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disabled(&mut self) -> Result<Vec<Disabled>, StoreError> {
        let sql = "SELECT kind, id, at, by_whom, why FROM revocations WHERE word = ?1 ORDER BY seq DESC";
        self.rows(sql, params![Word::DISABLED], disabled)
    }
}

fn disabled(row: &Row<'_>) -> Result<Disabled, StoreError> {
    Ok(Disabled { kind: row.get(0)?, id: row.get(1)?, at: row.time(2)?, by: row.get(3)?, why: row.get(4)? })
}
