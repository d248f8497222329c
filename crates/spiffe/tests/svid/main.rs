//! SVIDs and bundles, with what must not be taken for one (attack rows D6, D7 and D8).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod bundle;
mod workload_api;
mod world;
mod x509;
