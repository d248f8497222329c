//! Browser sessions of users.

use crate::driver::Row;
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{Acr, Timestamp, UserId};

/// A browser session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of the cookie's secret, by which the session is known.
    pub hash: SecretHash,
    /// Who is signed in.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When the person last proved who they are (`auth_time`).
    pub auth_at: Timestamp,
    /// How (`amr` of RFC 8176), separated by spaces.
    pub amr: String,
    /// How surely (`acr`).
    pub acr: Acr,
    /// The word for the way: `password`, `passkey`, `provider`, …
    pub way: String,
    /// The configured name of the identity provider that vouched, if one did.
    pub provider: Option<String>,
    /// The groups that this provider said, under our names for them; each without white space.
    pub groups: Vec<String>,
    /// The address it was begun from, to show.
    pub address: String,
    /// The browser it was begun in, to show.
    pub user_agent: String,
    /// When it was last used, to within some minutes.
    pub last_used_at: Timestamp,
}

const COLUMNS: &str = "id_hash, user_id, created_at, expires_at, auth_at, amr, address, user_agent, acr, way, provider, \
                       group_names, last_used_at";

impl Tx<'_> {
    /// Begins a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO sessions (id_hash, user_id, created_at, expires_at, auth_at, amr, address, user_agent, acr,
             way, provider, group_names, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                &session.hash.0, session.user.as_str(), session.created_at, session.expires_at,
                session.auth_at, &session.amr, &session.address, &session.user_agent, session.acr.as_str(),
                &session.way, session.provider.as_deref(), &session.groups.join(" "), session.last_used_at
            ],
        )
        .map(drop)
    }

    /// The session with that cookie, if it has not ended and its user is not disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn session(&mut self, secret: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE id_hash = ?1 AND expires_at > ?2
             AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.disabled = 0)"
        );
        self.row(&sql, params![&SecretHash::of(secret).0, now], session)
    }

    /// The sessions of a user that have not ended, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sessions_of(&mut self, user: &UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE user_id = ?1 AND expires_at > ?2
             ORDER BY created_at DESC, id_hash LIMIT 200"
        );
        self.rows(&sql, params![user.as_str(), now], session)
    }

    /// Notes that the person of a session proved again who they are; false if there is no such session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reauthenticate(
        &mut self,
        session: &SecretHash,
        auth_at: Timestamp,
        amr: &str,
        acr: Acr,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET auth_at = ?2, amr = ?3, acr = ?4 WHERE id_hash = ?1";
        Ok(self.execute(sql, params![&session.0, auth_at, amr, acr.as_str()])? == 1)
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn touch_session(&mut self, session: &SecretHash, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET last_used_at = ?2 WHERE id_hash = ?1 AND last_used_at < ?2";
        self.execute(sql, params![&session.0, now]).map(drop)
    }

    /// Ends one session of `user`; false if the user has no such session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_session(&mut self, user: &UserId, session: &SecretHash) -> Result<bool, StoreError> {
        let sql = "DELETE FROM sessions WHERE id_hash = ?1 AND user_id = ?2";
        Ok(self.execute(sql, params![&session.0, user.as_str()])? == 1)
    }

    /// Ends every session of `user`; says how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_sessions_of(&mut self, user: &UserId) -> Result<u64, StoreError> {
        self.execute("DELETE FROM sessions WHERE user_id = ?1", params![user.as_str()])
    }

    /// Ends the sessions of `user` that began at `at` or before; says how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_sessions_until(&mut self, user: &UserId, at: Timestamp) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM sessions WHERE user_id = ?1 AND created_at <= ?2",
            params![user.as_str(), at],
        )
    }

    /// Ends every session of `user` but one; says how many those were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_other_sessions(&mut self, user: &UserId, but: &SecretHash) -> Result<u64, StoreError> {
        let sql = "DELETE FROM sessions WHERE user_id = ?1 AND id_hash <> ?2";
        self.execute(sql, params![user.as_str(), &but.0])
    }
}

fn session(row: &Row<'_>) -> Result<Session, StoreError> {
    let corrupt = |detail| StoreError::Corrupt { column: "sessions.id_hash", detail };
    Ok(Session {
        hash: SecretHash::from_bytes(row.get(0)?).map_err(corrupt)?,
        user: row.parsed(1, "sessions.user_id", UserId::parse)?,
        created_at: row.time(2)?,
        expires_at: row.time(3)?,
        auth_at: row.time(4)?,
        amr: row.get(5)?,
        address: row.get(6)?,
        user_agent: row.get(7)?,
        acr: row.parsed(8, "sessions.acr", |text| Acr::parse(&text).ok_or("no such class"))?,
        way: row.get(9)?,
        provider: row.get(10)?,
        groups: words(&row.get::<String>(11)?),
        last_used_at: row.time(12)?,
    })
}

/// The words of a text, as lists are stored whose elements have no white space.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
