//! Users who are elsewhere (OpenID Connect Client-Initiated Backchannel Authentication Core 1.0): a client names a user, the
//! user finds the question in their account and answers it there, and the client hears of it by asking or by being told.
//!
//! Invariants: a client that cannot prove who it is asks nobody; the question is an interaction like any other, and only who
//! was named can answer it, once; an agreement by this way is never remembered; what a client asks with gives one token. An
//! approval of a call that waits already is asked about by the same way and decided by its own page, by who must agree to
//! it: what the client says changes nothing about that.

mod begin;
mod fault;
mod pages;
mod waiting;
mod wanted;

pub(crate) use begin::{Begun, begin};
pub use fault::CibaFault;
pub(crate) use pages::waiting_for;
pub use waiting::Called;
pub(crate) use waiting::{Polling, Subject};
pub(crate) use wanted::{Wanted, of_approval, wanted};

use crate::people::People;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;

/// How long a client waits between two questions (§7.3).
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
/// For how long after its end a request is still known, so that the client hears what became of it.
const KNOWN_AFTER: Duration = Duration::from_secs(10 * 60);

/// The pages.
pub(crate) fn routes() -> axum::Router<Arc<People>> {
    axum::Router::new().route("/asks/{id}", get(pages::show))
}
