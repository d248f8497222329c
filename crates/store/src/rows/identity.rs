//! Who somebody is at an identity provider: (issuer, subject), which belongs to one user.

use super::session::words;
use crate::driver::Row;
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{Timestamp, UserId};

/// An account at an identity provider that belongs to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's issuer identifier.
    pub issuer: String,
    /// Whom the provider means (`sub`); unique and never reassigned within the issuer (OpenID Connect Core §2).
    pub subject: String,
    /// Whose it is here.
    pub user: UserId,
    /// The configured name of the provider when it was linked.
    pub provider: String,
    /// What the provider calls the person, to show.
    pub label: String,
    /// The groups that the provider said last, under our names for them; each without white space.
    pub groups: Vec<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Option<Timestamp>,
}

const COLUMNS: &str = "issuer, subject, user_id, provider, label, group_names, created_at, last_used_at";

impl Identity {
    /// By what an account of a provider is known: neither part can run into the other.
    pub fn id(issuer: &str, subject: &str) -> SecretHash {
        SecretHash::of_parts(&["identity", issuer, subject])
    }
}

impl Tx<'_> {
    /// Links an identity; false if it belongs to somebody, this user included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_identity(&mut self, identity: &Identity) -> Result<bool, StoreError> {
        let added = self.execute(
            "INSERT INTO identities (id, issuer, subject, user_id, provider, label, group_names, created_at,
             last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
            params![
                &Identity::id(&identity.issuer, &identity.subject).0,
                &identity.issuer,
                &identity.subject,
                identity.user.as_str(),
                &identity.provider,
                &identity.label,
                &identity.groups.join(" "),
                identity.created_at,
                identity.last_used_at
            ],
        )?;
        if added == 1 && !identity.groups.is_empty() {
            self.say_directory()?;
        }
        Ok(added == 1)
    }

    /// The identity of that subject at that issuer, both to the byte.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn identity(&mut self, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM identities WHERE id = ?1");
        self.row(&sql, params![&Identity::id(issuer, subject).0], identity)
    }

    /// The identities of a user, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn identities_of(&mut self, user: &UserId) -> Result<Vec<Identity>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM identities WHERE user_id = ?1 ORDER BY created_at, id");
        self.rows(&sql, params![user.as_str()], identity)
    }

    /// The identities of which a provider said groups, by user, after `after` if it is given, at most `limit` users' worth
    /// of rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn identities_with_groups(
        &mut self,
        after: Option<(&UserId, &SecretHash)>,
        limit: u32,
    ) -> Result<Vec<Identity>, StoreError> {
        let none: &[u8] = &[];
        let (user, id) = after.map_or(("", none), |(user, id)| (user.as_str(), &id.0[..]));
        let sql = format!(
            "SELECT {COLUMNS} FROM identities WHERE group_names <> '' AND (user_id > ?1 OR (user_id = ?1 AND id > ?2))
             ORDER BY user_id, id LIMIT ?3"
        );
        self.rows(&sql, params![user, id, limit], identity)
    }

    /// Notes a sign-in, and what the provider said of the person at it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn use_identity(&mut self, used: &Identity, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE identities SET label = ?2, group_names = ?3, last_used_at = ?4 WHERE id = ?1";
        let id = Identity::id(&used.issuer, &used.subject);
        let before = self.row("SELECT group_names FROM identities WHERE id = ?1", params![&id.0], |row| {
            row.get::<String>(0)
        })?;
        let groups = used.groups.join(" ");
        self.execute(sql, params![&id.0, &used.label, &groups, now])?;
        // The same groups hold for longer now, so that is a change too.
        if groups.is_empty() && before.is_none_or(|b| b.is_empty()) { Ok(()) } else { self.say_directory() }
    }

    /// Unlinks an identity of `user`; false if the user has no such identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_identity(&mut self, user: &UserId, id: &SecretHash) -> Result<bool, StoreError> {
        let sql = "DELETE FROM identities WHERE id = ?1 AND user_id = ?2";
        let gone = self.execute(sql, params![&id.0, user.as_str()])? == 1;
        if gone {
            self.say_directory()?;
        }
        Ok(gone)
    }
}

fn identity(row: &Row<'_>) -> Result<Identity, StoreError> {
    Ok(Identity {
        issuer: row.get(0)?,
        subject: row.get(1)?,
        user: row.parsed(2, "identities.user_id", UserId::parse)?,
        provider: row.get(3)?,
        label: row.get(4)?,
        groups: words(&row.get::<String>(5)?),
        created_at: row.time(6)?,
        last_used_at: row.maybe_time(7)?,
    })
}
