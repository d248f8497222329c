//! The attack matrix, sections A to C: one test a row, named by it, through the router.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

#[path = "../../../verify/tests/issuer/mod.rs"]
mod issuer;
#[path = "../world/mod.rs"]
mod world;

mod assertions;
mod attester;
mod authorization;
mod burst;
mod certificates;
mod ciba;
mod device;
mod exchange;
mod exchange_life;
mod exchange_people;
mod id_jag;
mod proofs;
mod refresh;
mod registration;
mod signals;
mod signed;
mod svid;
#[path = "../../../spiffe/tests/svid/world.rs"]
mod svid_world;
mod together;
mod tokens;
mod transactions;
mod workloads;
