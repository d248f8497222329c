//! What strangers and issuers do to whoever believes several issuers, by row of the attack matrix.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

#[path = "../issuer/mod.rs"]
mod issuer;
mod keys;
mod opaque;
mod world;
