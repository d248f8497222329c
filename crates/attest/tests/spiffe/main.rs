//! SPIFFE trust domains: where bundles come from, how long they count, and what they verify.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod bundle;
mod endpoint;
mod jwt;
#[path = "../../../spiffe/tests/svid/world.rs"]
mod svid;
mod world;
mod x509;
