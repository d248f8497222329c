//! Rego and Polar as engines, and the example that stands in all three languages.
#![cfg(all(feature = "rego", feature = "polar"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod asked;
mod callers;
mod examples;
mod import;
mod memory;
mod polar;
mod rego;
