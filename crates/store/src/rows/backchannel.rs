//! What software asks of users who are elsewhere, by user: so that each sees what waits, and nobody is asked without end.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AskId, ClientId, Timestamp, UserId};

/// Something that is asked of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackchannelAsk {
    /// Its id, as in its address.
    pub id: AskId,
    /// Who is asked.
    pub user: UserId,
    /// Who asks.
    pub client: ClientId,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Tx<'_> {
    /// Puts something before a user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_ask(&mut self, ask: &BackchannelAsk) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO backchannel_asks (id, user_id, client, at, until) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![ask.id.as_str(), ask.user.as_str(), ask.client.as_str(), ask.at, ask.until],
        )
        .map(drop)
    }

    /// What waits for a user, the newest first; at most 100.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn asks_of(&mut self, user: &UserId, now: Timestamp) -> Result<Vec<BackchannelAsk>, StoreError> {
        let sql =
            "SELECT id, user_id, client, at, until FROM backchannel_asks WHERE user_id = ?1 AND until > ?2
                   ORDER BY at DESC, id LIMIT 100";
        self.rows(sql, params![user.as_str(), now], ask)
    }

    /// Something that waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ask_by_id(&mut self, id: &AskId) -> Result<Option<BackchannelAsk>, StoreError> {
        let sql = "SELECT id, user_id, client, at, until FROM backchannel_asks WHERE id = ?1";
        self.row(sql, params![id.as_str()], ask)
    }

    /// Takes away what was answered; false if it does not wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_ask(&mut self, id: &AskId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM backchannel_asks WHERE id = ?1", params![id.as_str()])? == 1)
    }
}

fn ask(row: &Row<'_>) -> Result<BackchannelAsk, StoreError> {
    Ok(BackchannelAsk {
        id: row.parsed(0, "backchannel_asks.id", AskId::parse)?,
        user: row.parsed(1, "backchannel_asks.user_id", UserId::parse)?,
        client: row.parsed(2, "backchannel_asks.client", ClientId::parse)?,
        at: row.time(3)?,
        until: row.time(4)?,
    })
}
