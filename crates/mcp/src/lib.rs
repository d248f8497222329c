//! The wire of the Model Context Protocol in both eras: messages, versions, server-sent events,
//! mirrored headers, the descriptions of tools and the types of their arguments.
//!
//! Invariant: pure. Who reads a message here and writes it out again sends what was checked, never what came in.
#![forbid(unsafe_code)]

pub mod envelope;
pub mod header;
pub mod meta;
pub mod method;
pub mod schema;
pub mod sse;
pub mod tool;
pub mod version;
