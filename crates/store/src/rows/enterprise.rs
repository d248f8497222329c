//! What administrators allow for groups of users, and what clients looked like when somebody allowed them something.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AgentId, ClientId, Grant, GrantId, Principal, ResourceUri, Timestamp, UserId};

use super::grant::{ADMINISTRATOR, COLUMNS};

/// An enterprise consent that an administrator stored, beside those of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConsent {
    /// Its name.
    pub name: String,
    /// The consent, as JSON text.
    pub consent: String,
    /// When it was stored.
    pub at: Timestamp,
    /// Who stored it.
    pub by: String,
}

/// A client as it was when a grant was made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantClient {
    /// The grant.
    pub grant: GrantId,
    /// The client.
    pub client: ClientId,
    /// What it looked like, as JSON text; empty where the operator answers for it.
    pub likeness: String,
    /// Where the answer went, to the byte; empty for a device.
    pub redirect: String,
    /// When.
    pub at: Timestamp,
}

impl Tx<'_> {
    /// The stored enterprise consents by name, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn enterprise_consents(&mut self) -> Result<Vec<StoredConsent>, StoreError> {
        let sql = "SELECT name, consent, at, by_whom FROM enterprise_consents ORDER BY name LIMIT 1000";
        self.rows(sql, &[], stored)
    }

    /// Stores an enterprise consent, in the place of the one with the same name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_enterprise_consent(&mut self, consent: &StoredConsent) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO enterprise_consents (name, consent, at, by_whom) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET consent = excluded.consent, at = excluded.at,
             by_whom = excluded.by_whom",
            params![&consent.name, &consent.consent, consent.at, &consent.by],
        )
        .map(drop)
    }

    /// Removes a stored enterprise consent; false if there is none of that name. The grants that rest on it are the
    /// caller's to end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_enterprise_consent(&mut self, name: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM enterprise_consents WHERE name = ?1";
        Ok(self.execute(sql, params![name])? == 1)
    }

    /// The newest root grant of a user's authority that rests on the enterprise consent of that name, whatever its state:
    /// what somebody ended must not be made anew unasked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find_administrator_grant(
        &mut self,
        user: &UserId,
        grantee: &AgentId,
        resource: &ResourceUri,
        consent: &str,
    ) -> Result<Option<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?1 AND resource = ?2 AND subject = ?3
             AND evidence = ?4 AND evidence_id = ?5 ORDER BY not_before DESC, id LIMIT 1"
        );
        let subject = Principal::User(user.clone());
        let found = self.grants(
            &sql,
            params![grantee.as_str(), resource.as_str(), subject.as_str(), ADMINISTRATOR, consent],
        )?;
        Ok(found.into_iter().next())
    }

    /// The grants that rest on enterprise consents and have not ended, oldest first by id: of one user if it is given, of
    /// one consent if its name is given, after `after` if it is given, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn administrator_grants(
        &mut self,
        user: Option<&UserId>,
        consent: Option<&str>,
        after: Option<&GrantId>,
        limit: u32,
    ) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE evidence = ?1 AND state <> 'revoked'
             AND (subject = ?2 OR ?2 = '') AND (evidence_id = ?3 OR ?3 = '') AND id > ?4 ORDER BY id LIMIT ?5"
        );
        self.grants(
            &sql,
            params![
                ADMINISTRATOR,
                user.map_or("", UserId::as_str),
                consent.unwrap_or_default(),
                after.map_or("", GrantId::as_str),
                limit
            ],
        )
    }

    /// The active root grants of a user's own consent to an agent at a resource that no client knows by a name, newest
    /// first, at most 20.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn consented_grants(
        &mut self,
        user: &UserId,
        grantee: &AgentId,
        resource: &ResourceUri,
    ) -> Result<Vec<Grant>, StoreError> {
        let rest = "WHERE subject = ?1 AND grantee = ?2 AND resource = ?3 AND evidence IS NULL
             AND interaction IS NOT NULL AND state = 'active'
             AND NOT EXISTS (SELECT 1 FROM grant_names n WHERE n.grant_id = grants.id)
             AND NOT EXISTS (SELECT 1 FROM grant_parents p WHERE p.child = grants.id)
             ORDER BY not_before DESC, id LIMIT 20";
        let subject = Principal::User(user.clone());
        self.grants_by(rest, params![subject.as_str(), grantee.as_str(), resource.as_str()])
    }

    /// Notes what a client looks like to whoever lets it have a grant, in place of what it looked like before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such grant.
    pub fn note_grant_client(&mut self, seen: &GrantClient) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO grant_clients (grant_id, client, likeness, redirect, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (grant_id, client) DO UPDATE SET likeness = excluded.likeness,
             redirect = excluded.redirect, at = excluded.at",
            params![seen.grant.as_str(), seen.client.as_str(), &seen.likeness, &seen.redirect, seen.at],
        )
        .map(drop)
    }

    /// The clients that a grant was made for, as they were then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grant_clients(&mut self, grant: &GrantId) -> Result<Vec<GrantClient>, StoreError> {
        let sql = "SELECT grant_id, client, likeness, redirect, at FROM grant_clients WHERE grant_id = ?1
                   ORDER BY at, client";
        self.rows(sql, params![grant.as_str()], |row| {
            Ok(GrantClient {
                grant: row.parsed(0, "grant_clients.grant_id", GrantId::parse)?,
                client: row.parsed(1, "grant_clients.client", ClientId::parse)?,
                likeness: row.get(2)?,
                redirect: row.get(3)?,
                at: row.time(4)?,
            })
        })
    }
}

fn stored(row: &Row<'_>) -> Result<StoredConsent, StoreError> {
    Ok(StoredConsent { name: row.get(0)?, consent: row.get(1)?, at: row.time(2)?, by: row.get(3)? })
}
