//! The wire of the Model Context Protocol in both eras: messages, versions, server-sent events, mirrored headers.
//!
//! Invariant: pure. Who reads a message here and writes it out again sends what was checked, never what came in.
#![forbid(unsafe_code)]

pub mod envelope;
pub mod header;
pub mod meta;
pub mod method;
pub mod sse;
pub mod version;
