//! Users: added by a command, by the first one-time link, or by development mode.

use super::hash::{HashError, MAX_PASSWORD, MIN_PASSWORD, hash_now};
use prokura_core::{Clock, Principal, Rng, Timestamp, TraceId, UserId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{ArtifactKind, Store, StoreError, Tx, User};
use prokura_ui::{ENGLISH, FirstProblems, Shown};
use std::time::Duration;

/// Why a user was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddUserError {
    /// The user name is not one.
    #[error("`{0}` is no user name: use 1 to 64 lower-case letters, digits, dots, dashes or underscores")]
    Login(String),
    /// The name to show is empty or too long.
    #[error("the name to show has 1 to 80 characters")]
    Name,
    /// The password is too short or too long.
    #[error("the password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")]
    Password,
    /// There is such a user.
    #[error("the user name `{0}` is taken")]
    Taken(String),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A user to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name to sign in with.
    pub login: String,
    /// The name to show.
    pub name: String,
    /// The password; without one the user signs in by a one-time link and adds a passkey.
    pub password: Option<String>,
}

/// How long a one-time link is good for.
const LINK_LIFE: Duration = Duration::from_secs(60 * 60);

impl NewUser {
    /// What is wrong with it, field by field.
    pub(crate) fn problems(&self) -> FirstProblems {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let login = (1..=64).contains(&self.login.len()) && self.login.bytes().all(fine);
        let shown = Shown::name(&self.name);
        let name =
            !shown.is_empty() && self.name.chars().count() <= 80 && !self.name.contains(char::is_control);
        let long = self.password.as_ref().map(|p| p.chars().count());
        let password = long.is_none_or(|n| (MIN_PASSWORD..=MAX_PASSWORD).contains(&n));
        FirstProblems {
            login: (!login).then_some(ENGLISH.bad_login),
            name: (!name).then_some(ENGLISH.bad_name),
            password: (!password).then_some(ENGLISH.bad_password),
        }
    }

    fn check(&self) -> Result<(), AddUserError> {
        let problems = self.problems();
        match (problems.login, problems.name, problems.password) {
            (Some(_), _, _) => Err(AddUserError::Login(Shown::name(&self.login).to_string())),
            (_, Some(_), _) => Err(AddUserError::Name),
            (_, _, Some(_)) => Err(AddUserError::Password),
            _ => Ok(()),
        }
    }

    /// As a row.
    pub(crate) fn row(&self, id: UserId, password_hash: Option<String>, now: Timestamp) -> User {
        User {
            id,
            name: self.login.clone(),
            display_name: self.name.trim().to_owned(),
            password_hash,
            email: None,
            disabled: false,
            created_at: now,
        }
    }
}

/// Adds a user, on record; for `prokura user add`.
///
/// # Errors
/// [`AddUserError`] says what to mend.
pub async fn add(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
    new: &NewUser,
) -> Result<UserId, AddUserError> {
    new.check()?;
    let hash = new.password.as_deref().map(|p| hash_now(p, rng)).transpose()?;
    let row = new.row(UserId::random(rng), hash, clock.now());
    let (id, trace) = (row.id.clone(), TraceId::random(rng));
    let added = store
        .transact(move |tx| {
            let added = tx.insert_user(&row)?;
            if added {
                tx.record(added_event(&row, &trace));
            }
            Ok::<_, StoreError>(added)
        })
        .await?;
    if added { Ok(id) } else { Err(AddUserError::Taken(new.login.clone())) }
}

pub(crate) fn added_event(user: &User, trace: &TraceId) -> Event {
    let kind = EventKind::Administration;
    let mut event = Event::new(kind, "user:add", Outcome::Permit, user.created_at, trace.clone());
    event.subject = Some(Principal::User(user.id.clone()));
    event
}

/// What a one-time link is for, as it stands in its artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkFor {
    /// Whoever opens it makes the first user.
    FirstUser,
    /// It signs this user in.
    User(UserId),
}

impl LinkFor {
    fn payload(&self) -> String {
        match self {
            Self::FirstUser => "first".to_owned(),
            Self::User(id) => id.to_string(),
        }
    }

    /// Reads what [`payload`](Self::payload) wrote.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        match std::str::from_utf8(payload).ok()? {
            "first" => Some(Self::FirstUser),
            id => UserId::parse(id).ok().map(Self::User),
        }
    }

    async fn path(self, store: &Store, clock: &dyn Clock, rng: &dyn Rng) -> Result<String, StoreError> {
        let (secret, until) = (random_id("l_", rng), clock.now().after(LINK_LIFE));
        let path = format!("/setup/{secret}");
        let payload = self.payload();
        store
            .transact(move |tx| {
                tx.put_artifact(ArtifactKind::SignInLink, &secret, None, payload.as_bytes(), until)
            })
            .await
            .map(|()| path)
    }
}

/// The path, below the issuer, of a one-time link that makes the first user; none if there is a user. To be
/// printed at start; good for an hour.
///
/// # Errors
/// [`StoreError`].
pub async fn first_user_link(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Option<String>, StoreError> {
    if store.read(has_users).await? {
        return Ok(None);
    }
    LinkFor::FirstUser.path(store, clock, rng).await.map(Some)
}

/// The path, below the issuer, of a one-time link that signs `user` in; good for an hour.
///
/// # Errors
/// [`StoreError`].
pub async fn sign_in_link(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
    user: &UserId,
) -> Result<String, StoreError> {
    LinkFor::User(user.clone()).path(store, clock, rng).await
}

pub(crate) fn has_users(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    Ok(!tx.users(None, 1)?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(login: &str, name: &str, password: Option<&str>) -> NewUser {
        NewUser { login: login.into(), name: name.into(), password: password.map(Into::into) }
    }

    #[test]
    fn what_is_no_user_says_why() {
        assert!(new("alice.b-c_1", "Alice", Some("correct horse battery")).check().is_ok());
        assert!(new("alice", "Alice", None).check().is_ok());
        for login in ["", "Alice", "a b", "älice", "a\u{200b}", &"a".repeat(65)] {
            assert!(matches!(new(login, "A", None).check(), Err(AddUserError::Login(_))), "{login:?}");
        }
        for name in ["", "  ", "\u{202e}", "A\0", "A\nB", &"x".repeat(81)] {
            assert!(matches!(new("a", name, None).check(), Err(AddUserError::Name)), "{name:?}");
        }
        for password in ["", "elevenchars", &"x".repeat(129)] {
            assert!(matches!(new("a", "A", Some(password)).check(), Err(AddUserError::Password)));
        }
    }

    #[test]
    fn a_link_says_what_it_is_for() {
        for link in [LinkFor::FirstUser, LinkFor::User(UserId::parse("usr_a").unwrap())] {
            assert_eq!(LinkFor::read(link.payload().as_bytes()), Some(link));
        }
    }
}
