//! Decision points elsewhere, played on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod authzen;
mod opa;
mod point;
