//! Clients that registered themselves (RFC 7591), and the documents of those that are known by a URL.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{AgentId, ClientId, Timestamp, Voter};

/// A dynamically registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The id.
    pub id: ClientId,
    /// The metadata that was accepted, as JSON text.
    pub metadata: String,
    /// The hash of its secret, in whatever form the server checks it; none for a public client.
    pub secret_hash: Option<String>,
    /// The hash of its registration access token (RFC 7592).
    pub registration_token_hash: Option<SecretHash>,
    /// Whose client it is.
    pub agent: AgentId,
    /// When it registered.
    pub created_at: Timestamp,
    /// When it is forgotten; none if never.
    pub expires_at: Option<Timestamp>,
    /// When it last got a token.
    pub last_used_at: Option<Timestamp>,
    /// Whether it may do nothing for now. Set by [`Tx::disable_client`] only.
    pub disabled: bool,
}

/// The document of a client that is known by its URL (CIMD), as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDocument {
    /// The URL, which is the client's id.
    pub client: ClientId,
    /// The bytes.
    pub document: Vec<u8>,
    /// When they were fetched.
    pub fetched_at: Timestamp,
    /// Until when they may be used without asking again.
    pub expires_at: Timestamp,
    /// Whose client it is.
    pub agent: AgentId,
}

const COLUMNS: &str = "id, metadata, secret_hash, registration_token_hash, agent, created_at, expires_at, \
                       last_used_at, disabled";

impl Tx<'_> {
    /// Adds a client. Its agent must exist: see [`agent_for_client`](Self::agent_for_client).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the id is taken or there is no such agent.
    pub fn insert_client(&mut self, client: &Client) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO clients (id, metadata, secret_hash, registration_token_hash, agent, created_at,
             expires_at, last_used_at, disabled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                client.id.as_str(),
                &client.metadata,
                client.secret_hash.as_deref(),
                client.registration_token_hash.as_ref().map(|h| &h.0),
                client.agent.as_str(),
                client.created_at,
                client.expires_at,
                client.last_used_at,
                client.disabled
            ],
        )
        .map(drop)
    }

    /// The client with that id, disabled or not, expired or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn client(&mut self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM clients WHERE id = ?1");
        self.row(&sql, params![id.as_str()], client)
    }

    /// At most `limit` clients by id, after `after` if it is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn clients(&mut self, after: Option<&ClientId>, limit: u32) -> Result<Vec<Client>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM clients WHERE id > ?1 ORDER BY id LIMIT ?2");
        self.rows(&sql, params![after.map_or("", ClientId::as_str), limit], client)
    }

    /// How many clients there are that have not expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_clients(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM clients WHERE expires_at IS NULL OR expires_at > ?1";
        Ok(self.row(sql, params![now], |row| row.count(0))?.unwrap_or(0))
    }

    /// Replaces metadata, secret, registration token and expiry of a client that is not disabled; false if
    /// there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn update_client(&mut self, client: &Client) -> Result<bool, StoreError> {
        let updated = self.execute(
            "UPDATE clients SET metadata = ?2, secret_hash = ?3, registration_token_hash = ?4, expires_at = ?5
             WHERE id = ?1 AND disabled = 0",
            params![
                client.id.as_str(), &client.metadata, client.secret_hash.as_deref(),
                client.registration_token_hash.as_ref().map(|h| &h.0), client.expires_at
            ],
        )?;
        Ok(updated == 1)
    }

    /// Notes that a client got a token, and lets it live until `expires_at` at least.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn touch_client(
        &mut self,
        id: &ClientId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE clients SET last_used_at = ?2,
             expires_at = CASE WHEN expires_at < ?3 THEN ?3 ELSE expires_at END WHERE id = ?1",
            params![id.as_str(), now, expires_at],
        )
        .map(drop)
    }

    /// Removes a client (RFC 7592 §2.3); false if there is none. Its agent goes too, unless it was ever granted
    /// anything, is disabled or has another client: what the record and the account name stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_client(&mut self, id: &ClientId) -> Result<bool, StoreError> {
        self.execute("DELETE FROM client_documents WHERE client = ?1", params![id.as_str()])?;
        let sql = "DELETE FROM clients WHERE id = ?1 RETURNING agent";
        let Some(agent) = self.row(sql, params![id.as_str()], |row| row.get::<String>(0))? else {
            return Ok(false);
        };
        self.forget_agent(id.as_str(), &agent)?;
        Ok(true)
    }

    /// Removes at most `limit` registered clients that expired by `now`; says how many.
    pub(crate) fn delete_expired_clients(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let gone = self.rows(
            "DELETE FROM clients WHERE id IN (SELECT id FROM clients WHERE expires_at <= ?1 LIMIT ?2)
             RETURNING id, agent",
            params![now, limit],
            |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)),
        )?;
        for (client, agent) in &gone {
            self.forget_agent(client, agent)?;
        }
        Ok(gone.len() as u64)
    }

    fn forget_agent(&mut self, client: &str, agent: &str) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM client_agents WHERE client = ?1
             AND NOT EXISTS (SELECT 1 FROM grants WHERE grantee = ?2)",
            params![client, agent],
        )?;
        self.execute(
            "DELETE FROM agents WHERE id = ?1 AND disabled = 0
             AND NOT EXISTS (SELECT 1 FROM grants WHERE grantee = ?1)
             AND NOT EXISTS (SELECT 1 FROM client_agents WHERE agent = ?1)
             AND NOT EXISTS (SELECT 1 FROM clients WHERE agent = ?1)
             AND NOT EXISTS (SELECT 1 FROM client_documents WHERE agent = ?1)",
            params![agent],
        )?;
        Ok(())
    }

    /// Disables or enables any client (registered, configured or known by its URL), at the next call
    /// everywhere.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disable_client(
        &mut self,
        id: &ClientId,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.overrule((Kind::Client, id.as_str()), disabled, now)?;
        self.turn_client(id, disabled, by, why, now)
    }

    pub(super) fn turn_client(
        &mut self,
        id: &ClientId,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE clients SET disabled = ?2 WHERE id = ?1";
        self.execute(sql, params![id.as_str(), disabled])?;
        if disabled {
            self.withdraw_votes(&Voter::Operator(Some(id.clone())).to_string(), now)?;
        }
        self.say_disabled(Kind::Client, id.as_str(), disabled, by, why, now)
    }

    /// Keeps a client's document in place of what was kept before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such agent.
    pub fn put_client_document(&mut self, document: &ClientDocument) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO client_documents (client, document, fetched_at, expires_at, agent)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (client) DO UPDATE SET document = excluded.document,
             fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, agent = excluded.agent",
            params![
                document.client.as_str(),
                &document.document,
                document.fetched_at,
                document.expires_at,
                document.agent.as_str()
            ],
        )
        .map(drop)
    }

    /// The document of a client, fresh or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn client_document(&mut self, client: &ClientId) -> Result<Option<ClientDocument>, StoreError> {
        let sql = "SELECT client, document, fetched_at, expires_at, agent FROM client_documents
                   WHERE client = ?1";
        self.row(sql, params![client.as_str()], document)
    }
}

fn client(row: &Row<'_>) -> Result<Client, StoreError> {
    let corrupt = |detail| StoreError::Corrupt { column: "clients.registration_token_hash", detail };
    let token: Option<Vec<u8>> = row.get(3)?;
    Ok(Client {
        id: row.parsed(0, "clients.id", ClientId::parse)?,
        metadata: row.get(1)?,
        secret_hash: row.get(2)?,
        registration_token_hash: token.map(SecretHash::from_bytes).transpose().map_err(corrupt)?,
        agent: row.parsed(4, "clients.agent", AgentId::parse)?,
        created_at: row.time(5)?,
        expires_at: row.maybe_time(6)?,
        last_used_at: row.maybe_time(7)?,
        disabled: row.flag(8)?,
    })
}

fn document(row: &Row<'_>) -> Result<ClientDocument, StoreError> {
    Ok(ClientDocument {
        client: row.parsed(0, "client_documents.client", ClientId::parse)?,
        document: row.get(1)?,
        fetched_at: row.time(2)?,
        expires_at: row.time(3)?,
        agent: row.parsed(4, "client_documents.agent", AgentId::parse)?,
    })
}
