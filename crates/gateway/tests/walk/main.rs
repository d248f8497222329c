//! The walk of a request, in both eras: what works, and that it is recorded before it is released.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../world/mod.rs"]
mod world;

mod access;
mod failures;
mod feed;
mod legacy;
mod limits;
mod metadata;
mod modern;
mod policies;
mod standing;
