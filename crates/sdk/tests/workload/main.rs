//! The workload's side: metadata services that refuse what the real ones refuse, and authorization servers that are not
//! the one that evidence is for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "each test file uses its part of the world")]

mod attacks;
mod attester;
mod detection;
mod doubles;
mod metadata;
mod tokens;
#[path = "../world/mod.rs"]
mod world;
