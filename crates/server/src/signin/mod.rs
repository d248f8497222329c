//! Signing in: by passkey, by password, at another provider, by a one-time link; and setting up the first user.
//!
//! Invariants: a known and an unknown user get the same answer after the same work; a sign-in makes a new
//! session; whatever happened is on record before the browser hears of it.

mod attempt;
mod goal;
mod hash;
mod link;
mod logout;
mod pages;
mod passkeys;
mod provider;
mod second;
mod session;
mod users;

pub(crate) use hash::Hasher;
pub use hash::{HashError, MAX_PASSWORD, MIN_PASSWORD};
pub use logout::LogOut;
pub(crate) use pages::{Guess, approve_sign_in, ask_sign_in, sign_in_path};
pub(crate) use passkeys::Passkeys;
pub(crate) use provider::{NewPerson, basic, email_of, make_user};
pub use provider::{ProviderError, Providers};
pub(crate) use provider::{ProviderFault, connect, connect_links, disconnect, identity_rows};
pub(crate) use session::Way;
pub use users::{AddUserError, NewUser, add, first_user_link, sign_in_link};

use crate::people::People;
use axum::routing::{get, post};
use std::sync::Arc;

pub(crate) fn routes() -> axum::Router<Arc<People>> {
    axum::Router::new()
        .route("/logout/confirm", post(logout::confirm))
        .route("/signin", get(pages::show))
        .route("/signin/password", post(pages::password))
        .route("/signin/passkey", post(pages::passkey))
        .route("/signin/code", post(second::code))
        .route("/signin/enrol", post(second::finish))
        .route("/signin/with/{name}", get(provider::go))
        .route("/signin/from/{name}", get(provider::come_back))
        .route("/setup/{secret}", get(link::show).post(link::take))
}
