//! Calls that wait for somebody to agree: the pages on which people decide, and one way to decide for pages, commands and
//! the administration API.
//!
//! Invariants: nobody sees a call that does not concern them, and what does not concern them looks like what is not there;
//! whatever is decided is on record in the same transaction; what is offered for a while is what was shown, or nothing.

mod decide;
mod list;
mod offer;
mod page;
mod shown;
mod told;

pub use decide::{decide, end_rule};
pub(crate) use told::told;

use crate::people::People;
use axum::routing::{get, post};
use std::sync::Arc;

pub(crate) fn routes() -> axum::Router<Arc<People>> {
    axum::Router::new()
        .route("/approve/{id}", get(page::show).post(page::answer))
        .route("/approve/{id}/state", get(page::state))
        .route("/account/approvals", get(list::show))
        .route("/account/approvals/state", get(list::state))
        .route("/account/approvals/rules/{id}/end", post(list::end))
}
