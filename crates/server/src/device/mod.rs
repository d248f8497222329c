//! Devices without a browser (RFC 8628): a device asks, a person carries its code to a page in a browser elsewhere,
//! signs in and agrees there, and the device hears of it.
//!
//! Invariants: entering a code begins an interaction like any other, so nothing is agreed to without the question;
//! of all who enter a code one answers it, once; an agreement by this way is never remembered; guesses at codes are
//! counted before they are looked at, and a right one takes back only itself.

mod begin;
mod fault;
mod guess;
mod pages;
mod waiting;

pub(crate) use begin::{Codes, begin};
pub use fault::DeviceFault;
pub use waiting::DeviceAsk;
pub(crate) use waiting::{Outcome, Polling};

use crate::people::People;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;

/// How long a device waits between two questions (RFC 8628 §3.2).
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
/// For how long after its end a code is still known, so that the device hears what became of it.
const KNOWN_AFTER: Duration = Duration::from_secs(10 * 60);

/// The pages, if any client may ask from a device.
pub(crate) fn routes() -> axum::Router<Arc<People>> {
    axum::Router::new()
        .route("/device", get(pages::show).post(pages::enter))
        .route("/device/allowed", get(pages::allowed))
        .route("/device/refused", get(pages::refused))
}
