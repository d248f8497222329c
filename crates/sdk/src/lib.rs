//! Authorization for both ends of the Model Context Protocol.
//!
//! - [`client`] (feature `client`, on by default) is for whoever calls an MCP server;
//! - [`workload`] (feature `client`) is for what runs where its infrastructure says who it is;
//! - [`resource`] (feature `resource`, on by default) is for whoever is called;
//! - [`delegated`] (feature `resource`) is for what stands behind that, and wants to know who acts for whom.
//!
//! None but the last needs a Prokura on the other side: they speak to any authorization server that keeps to RFC 8414, RFC 9728
//! and MCP authorization.
//!
//! Invariant: every connection goes out through `prokura_egress`. The address that a person named is trusted as it is
//! named; an address that a server named is checked.
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "resource")]
pub mod delegated;
#[cfg(any(feature = "client", feature = "resource"))]
pub mod discovery;
#[cfg(feature = "resource")]
pub mod resource;
#[cfg(any(feature = "client", feature = "resource"))]
mod web;
#[cfg(feature = "client")]
pub mod workload;
