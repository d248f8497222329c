//! The demo: a real MCP server over a small sales-and-staff data set, an agent that has never heard of
//! Prokura, and the narrator who tells what passes between them.
//!
//! Invariant: nothing of the product depends on this crate but the `demo` command.
#![forbid(unsafe_code)]

mod data;
mod upstream;

pub use data::{DataError, Employee, SalesData};
pub use upstream::{Sales, service};
