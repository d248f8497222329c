//! Remembered consent: per user, client, redirect URI, resource, scope and details, so that what a user agreed to for one
//! of these is never taken for another.

use crate::driver::Row;
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{ClientId, Details, GrantId, ResourceUri, ScopeSet, Timestamp, UserId};
use prokura_oauth::rich;

/// What a user agreed to and need not be asked again for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who agreed.
    pub user: UserId,
    /// For which client.
    pub client: ClientId,
    /// At which redirect URI, to the byte.
    pub redirect: String,
    /// Where.
    pub resource: ResourceUri,
    /// To which scopes.
    pub scope: ScopeSet,
    /// To which details.
    pub details: Details,
    /// The grant that was made.
    pub grant: GrantId,
    /// When.
    pub created_at: Timestamp,
    /// When to ask again.
    pub expires_at: Timestamp,
}

const COLUMNS: &str = "c.user_id, c.client, c.redirect, c.resource, c.scope, c.grant_id, c.created_at, c.expires_at, \
     c.details";

impl Tx<'_> {
    /// Remembers a consent in place of an earlier one to the same.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such user or grant.
    pub fn remember_consent(&mut self, consent: &Consent) -> Result<(), StoreError> {
        let (scope, details) =
            (consent.scope.to_string(), rich::to_text(&consent.details, &consent.resource));
        let place =
            [consent.user.as_str(), consent.client.as_str(), &consent.redirect, consent.resource.as_str()];
        let id = match details.as_str() {
            "" => SecretHash::of_parts(&[place[0], place[1], place[2], place[3], &scope]),
            details => SecretHash::of_parts(&[place[0], place[1], place[2], place[3], &scope, details]),
        };
        self.execute(
            "INSERT INTO consents (id, place, user_id, client, redirect, resource, scope, grant_id, created_at,
             expires_at, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET grant_id = excluded.grant_id, created_at = excluded.created_at,
             expires_at = excluded.expires_at",
            params![
                &id.0, &SecretHash::of_parts(&place).0, place[0], place[1], place[2], place[3], &scope,
                consent.grant.as_str(), consent.created_at, consent.expires_at, &details
            ],
        )
        .map(drop)
    }

    /// A consent that covers all of `scope` with exactly these `details` at exactly this place and whose grant is in
    /// force; the newest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn consent(
        &mut self,
        user: &UserId,
        client: &ClientId,
        redirect: &str,
        resource: &ResourceUri,
        (scope, details): (&ScopeSet, &Details),
        now: Timestamp,
    ) -> Result<Option<Consent>, StoreError> {
        let place = SecretHash::of_parts(&[user.as_str(), client.as_str(), redirect, resource.as_str()]);
        let sql = format!(
            "SELECT {COLUMNS} FROM consents c JOIN grants g ON g.id = c.grant_id
             WHERE c.place = ?1 AND c.expires_at > ?2 AND g.state = 'active' AND g.expires_at > ?2
             ORDER BY c.created_at DESC"
        );
        let all = self.rows(&sql, params![&place.0, now], consent)?;
        Ok(all.into_iter().find(|c| scope.is_within(&c.scope) && c.details == *details))
    }

    /// What a user's consents are, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn consents_of(&mut self, user: &UserId) -> Result<Vec<Consent>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM consents c WHERE c.user_id = ?1 ORDER BY c.created_at DESC LIMIT 1000"
        );
        self.rows(&sql, params![user.as_str()], consent)
    }

    /// Forgets every consent that led to a grant, so that the user is asked again; says how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_consents(&mut self, grant: &GrantId) -> Result<u64, StoreError> {
        self.execute("DELETE FROM consents WHERE grant_id = ?1", params![grant.as_str()])
    }
}

fn consent(row: &Row<'_>) -> Result<Consent, StoreError> {
    let resource = row.parsed(3, "consents.resource", |s| ResourceUri::parse_exact(&s))?;
    Ok(Consent {
        user: row.parsed(0, "consents.user_id", UserId::parse)?,
        client: row.parsed(1, "consents.client", ClientId::parse)?,
        redirect: row.get(2)?,
        details: row.parsed(8, "consents.details", |s| rich::of_text(&s, &resource))?,
        resource,
        scope: row.parsed(4, "consents.scope", |s| ScopeSet::parse(&s))?,
        grant: row.parsed(5, "consents.grant_id", GrantId::parse)?,
        created_at: row.time(6)?,
        expires_at: row.time(7)?,
    })
}
