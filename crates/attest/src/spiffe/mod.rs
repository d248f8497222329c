//! SPIFFE trust domains: the bundle of each, from where the operator says, and SVIDs verified by it.
//!
//! A bundle is kept for as long as it says itself (`spiffe_refresh_hint`) and asked for anew when an SVID comes that it
//! does not know, so that no rotation of keys refuses anybody; what it no longer has verifies nothing any more. Strangers
//! who make up keys exhaust a small budget of such fetches, and nobody else's.

mod certificate;
mod held;
mod place;
mod server;

pub use held::TrustBundle;
pub use place::{BundlePlace, InvalidBundle};
