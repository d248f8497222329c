//! The layer for resource servers, before an axum server and with a fake authorization server: what MCP clients are
//! told, what gets through, and what does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod delegated;
#[path = "../../examples/api_behind_mcp.rs"]
mod example;
#[path = "../../../verify/tests/issuer/mod.rs"]
mod issuer;
mod messages;
mod possession;
mod tokens;
mod world;
