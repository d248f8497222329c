//! The demo: a real MCP server over a small sales-and-staff data set, an agent that has never heard of
//! Prokura, and the narrator who tells what passes between them.
//!
//! Invariant: nothing of the product depends on this crate but the `demo` command.
#![forbid(unsafe_code)]

mod agent;
mod browser;
mod cluster;
mod data;
mod http;
mod manager;
mod narrator;
mod passing;
mod pods;
mod staff;
mod story;
mod upstream;
mod watch;

pub use agent::{AgentKey, Software};
pub use cluster::Cluster;
pub use data::{DataError, Employee, SalesData};
pub use http::Broken;
pub use narrator::{Boxed, Narrator, Record, Recorded, Telling};
pub use staff::{POLICIES, entities};
pub use story::{Stage, play};
pub use upstream::{Sales, service};
pub use watch::Credentials;
