//! The attack matrix, rows of section E: one test a row, each named by its row. Every test also looks at what
//! reached the upstream and what stands in the record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../verify/tests/issuer/mod.rs"]
mod issuer;
#[path = "../world/mod.rs"]
mod world;

mod approvals;
mod authority;
mod budgets;
mod details;
mod doors;
mod elicited;
mod foreign;
mod handles;
mod mappings;
mod memories;
mod messages;
mod mirrored;
mod pins;
mod policies;
mod proofs;
mod results;
mod sign_in;
mod smuggled;
mod sockets;
mod streams;
mod transactions;
