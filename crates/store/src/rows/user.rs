//! Users: people known to the register.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{Timestamp, UserId};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name to sign in with; unique without regard to case and surrounding space.
    pub name: String,
    /// The name to show.
    pub display_name: String,
    /// The password's Argon2 hash in PHC form; none if the person signs in by passkey alone.
    pub password_hash: Option<String>,
    /// The e-mail address that the operator or an identity provider vouches for, in lower case; unique.
    pub email: Option<String>,
    /// Whether the person may do nothing for now. Set by [`Tx::disable_user`] only.
    pub disabled: bool,
    /// When the row was made.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, name, display_name, password_hash, disabled, created_at, email";

/// The form of a name that is compared: no surrounding space, lower case.
pub fn fold_name(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Tx<'_> {
    /// Adds a user; false if the name or the e-mail address is taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_user(&mut self, user: &User) -> Result<bool, StoreError> {
        let added = self.execute(
            "INSERT INTO users (id, login, name, display_name, password_hash, disabled, created_at, email)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                user.id.as_str(),
                &fold_name(&user.name),
                &user.name,
                &user.display_name,
                user.password_hash.as_deref(),
                user.disabled,
                user.created_at,
                user.email.as_deref().map(fold_name).as_deref()
            ],
        )?;
        if added == 1 {
            self.say_directory()?;
        }
        Ok(added == 1)
    }

    /// The user with that id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn user(&mut self, id: &UserId) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = ?1");
        self.row(&sql, params![id.as_str()], user)
    }

    /// The user with that name, in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn user_by_name(&mut self, name: &str) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE login = ?1");
        self.row(&sql, params![&fold_name(name)], user)
    }

    /// The user with that e-mail address, in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn user_by_email(&mut self, email: &str) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE email = ?1");
        self.row(&sql, params![&fold_name(email)], user)
    }

    /// Gives a user an e-mail address, or takes it away; false if it is another's, or there is no such user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_email(&mut self, id: &UserId, email: Option<&str>) -> Result<bool, StoreError> {
        let email = email.map(fold_name);
        if let Some(email) = &email
            && self.user_by_email(email)?.is_some_and(|other| other.id != *id)
        {
            return Ok(false);
        }
        let sql = "UPDATE users SET email = ?2 WHERE id = ?1";
        let set = self.execute(sql, params![id.as_str(), email.as_deref()])? == 1;
        if set {
            self.say_directory()?;
        }
        Ok(set)
    }

    /// At most `limit` users by name, after `after` if it is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn users(&mut self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE login > ?1 ORDER BY login LIMIT ?2");
        self.rows(&sql, params![&fold_name(after.unwrap_or_default()), limit], user)
    }

    /// Replaces display name and password hash; false if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn update_user(&mut self, user: &User) -> Result<bool, StoreError> {
        let updated = self.execute(
            "UPDATE users SET display_name = ?2, password_hash = ?3 WHERE id = ?1",
            params![user.id.as_str(), &user.display_name, user.password_hash.as_deref()],
        )?;
        if updated == 1 {
            self.say_directory()?;
        }
        Ok(updated == 1)
    }

    /// Disables or enables a user, at the next call everywhere; false if nothing changed. Sessions end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disable_user(
        &mut self,
        id: &UserId,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let overruled = self.overrule((Kind::User, id.as_str()), disabled, now)?;
        Ok(self.turn_user(id, disabled, by, why, now)? || overruled)
    }

    pub(super) fn turn_user(
        &mut self,
        id: &UserId,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE users SET disabled = ?2 WHERE id = ?1 AND disabled <> ?2",
            params![id.as_str(), disabled],
        )?;
        if changed == 0 {
            return Ok(false);
        }
        if disabled {
            self.end_sessions_of(id)?;
            self.withdraw_votes(id.as_str(), now)?;
        }
        self.say_disabled(Kind::User, id.as_str(), disabled, by, why, now)?;
        self.say_directory()?;
        Ok(true)
    }

    /// Tells every process that something is disabled, or is no longer.
    pub(crate) fn say_disabled(
        &mut self,
        kind: Kind,
        id: &str,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let word = if disabled { Word::DISABLED } else { Word::ACTIVE };
        self.say(Word { kind, id, word, at: now, by, why, until: Word::ALWAYS, floor: 0 })
    }
}

fn user(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: row.parsed(0, "users.id", UserId::parse)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        password_hash: row.get(3)?,
        disabled: row.flag(4)?,
        created_at: row.time(5)?,
        email: row.get(6)?,
    })
}
