//! Interactions: an authorization request that waits for its user to sign in and to agree.
//!
//! `/authorize` checks a request, makes it an [`Asked`] and hands it to [`People::begin`]; the pages end it with
//! one redirect, by way of [`Codes`]. An interaction is an artifact: it is bound to the browser that began it, is
//! answered at most once, and lives ten minutes.

mod asked;
mod decide;
mod dev;
mod manage;
mod pages;
mod prospect;
mod question;
mod values;

pub use asked::{Asked, Prompt};
pub(crate) use values::{Values, permission};

use crate::people::People;
use axum::routing::{get, post};
use prokura_core::{Acr, Details, GrantId, GrantName, ScopeSet, Timestamp};
use prokura_store::{StoreError, Tx, User};
use std::sync::Arc;

/// What a user agreed to, for the one who makes the code.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The grant that the code leads to.
    pub grant: GrantId,
    /// The scopes that were agreed to; within the grant's.
    pub scope: ScopeSet,
    /// The details that were agreed to; the grant's.
    pub details: Details,
    /// Who agreed.
    pub user: User,
    /// When the user last proved who they are (`auth_time`).
    pub auth_at: Timestamp,
    /// How (`amr`, RFC 8176), separated by spaces.
    pub amr: String,
    /// How surely (`acr`).
    pub acr: Acr,
    /// What the client calls the grant, if it asked for a name.
    pub name: Option<GrantName>,
}

/// Makes authorization codes. The pages call it in the transaction that ends the interaction and makes the grant,
/// so that there is all of it or nothing.
pub trait Codes: Send + Sync + 'static {
    /// Stores a code for what was granted and says it.
    ///
    /// # Errors
    /// [`StoreError`] rolls everything back.
    fn issue(&self, tx: &mut Tx<'_>, asked: &Asked, granted: &Granted) -> Result<String, StoreError>;
}

pub(crate) fn routes() -> axum::Router<Arc<People>> {
    axum::Router::new()
        .route("/interaction/{id}", get(pages::show).post(pages::answer))
        .route("/interaction/{id}/switch", post(pages::switch))
}
