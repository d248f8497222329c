//! The policy decision point: a pure function of a request and a snapshot. Default deny; a deny carries its
//! reason.
//!
//! Invariant: no I/O, no clock. What is unknown is denied.
#![forbid(unsafe_code)]

pub mod access;
pub mod authzen;
mod decide;
pub mod pdp;
mod resource;

pub use decide::{Authority, Request, decide, visible};
pub use resource::ResourcePolicy;
