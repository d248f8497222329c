//! Development mode: the named user is signed in and agrees by itself. It exists on a loopback issuer only; the
//! configuration refuses it elsewhere.

use crate::people::{PageFault, People, SignedIn, Visit};
use crate::signin::{NewUser, Way};
use prokura_core::UserId;
use prokura_store::{StoreError, User};

impl People {
    /// The user that agrees by itself, made at first sight, with a session of its own.
    pub(super) async fn auto_user(&self, visit: &Visit) -> Result<Option<SignedIn>, PageFault> {
        let login = self.config.dev.as_ref().and_then(|d| d.auto_approve_user.clone());
        let Some(login) = login else { return Ok(None) };
        let id = UserId::parse(format!("usr_{login}")).map_err(|e| PageFault::Ours(e.into()))?;
        let fresh = NewUser { name: capital(&login), login, password: None }.row(id, None, self.now());
        let user = self.store.transact(move |tx| known(tx, &fresh)).await?;
        let session = self.new_session(visit, &user.id, Way::Dev);
        let begun = session.clone();
        self.store.transact(move |tx| begun.begin(tx)).await?;
        Ok(Some(SignedIn { secret: session.secret, session: session.session, user }))
    }
}

fn known(tx: &mut prokura_store::Tx<'_>, fresh: &User) -> Result<User, StoreError> {
    if let Some(user) = tx.user_by_name(&fresh.name)? {
        return Ok(user);
    }
    tx.insert_user(fresh)?;
    Ok(fresh.clone())
}

fn capital(login: &str) -> String {
    let mut letters = login.chars();
    letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
