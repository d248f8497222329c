//! The bridge as a host and a server see it, in all four pairs of eras.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod across_down;
mod across_up;
mod attacks;
mod same_legacy;
mod same_modern;
mod world;
