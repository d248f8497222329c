//! The account: what its owner allowed, and the ways into it.
//!
//! Invariants: nobody sees or changes what is not theirs, and what is not theirs looks like what is not there;
//! what is revoked is on record and in force everywhere when the page says so.

mod allowed;
mod change;
mod drawn;
mod happened;
mod history;
mod one;
mod password;
mod second;
mod security;

pub(crate) use allowed::permissions;

use crate::people::{PageFault, People, Posted, SignedIn, Visit, see_other};
use crate::signin::{connect, disconnect, sign_in_path};
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use prokura_ui::SignedOut;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn routes() -> axum::Router<Arc<People>> {
    axum::Router::new()
        .route("/account", get(allowed::show))
        .route("/account/history", get(history::show))
        .route("/account/grants/{id}", get(one::show))
        .route("/account/grants/{id}/narrow", post(change::narrow))
        .route("/account/grants/{id}/suspend", post(change::suspend))
        .route("/account/grants/{id}/resume", post(change::resume))
        .route("/account/grants/{id}/revoke", post(allowed::revoke))
        .route("/account/revoke-all", post(allowed::revoke_all))
        .route("/account/security", get(security::show))
        .route("/account/passkeys", post(security::add_passkey))
        .route("/account/passkeys/{id}/remove", post(security::remove_passkey))
        .route("/account/sessions/{id}/end", post(security::end_session))
        .route("/account/end-others", post(security::end_others))
        .route("/account/password", get(password::show).post(password::change))
        .route("/account/totp", get(second::show).post(second::add))
        .route("/account/totp/codes", post(second::codes))
        .route("/account/totp/remove", post(second::remove))
        .route("/account/identities/{name}/connect", get(connect))
        .route("/account/identities/{id}/remove", post(disconnect))
        .route("/account/sign-out", post(sign_out))
        .route("/signed-out", get(signed_out))
}

/// The way to sign in, for who is not.
pub(crate) fn sign_in_first(people: &People) -> Response {
    see_other(&people.path(&sign_in_path(None)))
}

/// For so long after a sign-in the ways into an account may be changed without another.
const FRESH: Duration = Duration::from_secs(10 * 60);

impl People {
    /// Whether somebody proved who they are recently enough to change the ways into the account.
    pub(crate) fn is_fresh(&self, owner: &SignedIn) -> bool {
        owner.session.auth_at.after(FRESH) > self.now()
    }

    /// The way to prove it again, from which one comes back to the page that asked for it.
    pub(crate) fn again(&self) -> Response {
        see_other(&self.path("/signin?again"))
    }
}

/// Whose account a form is about. A form that belongs to no session has no mark, so this never fails in practice.
pub(crate) fn poster(posted: &Posted) -> Result<SignedIn, PageFault> {
    posted.visit.signed_in.clone().ok_or(PageFault::Crossed)
}

async fn sign_out(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = people.sign_out(&posted.visit).await.map(|()| {
        let mut response = see_other(&people.path("/signed-out"));
        people.forget(&mut response);
        response
    });
    people.answer(&posted.visit, result)
}

async fn signed_out(State(people): State<Arc<People>>, visit: Visit) -> Response {
    let result = people.show(&visit, StatusCode::OK, &SignedOut { frame: people.frame(&visit) });
    people.answer(&visit, result)
}
