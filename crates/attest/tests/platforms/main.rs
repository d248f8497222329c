//! Tokens of platforms, and what strangers, issuers and owners of workloads do with them, by row of the attack matrix.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

#[path = "../../../verify/tests/issuer/mod.rs"]
mod issuer;
mod keys;
mod presets;
mod review;
mod tokens;
mod world;
