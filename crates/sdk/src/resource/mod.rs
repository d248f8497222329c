//! The resource server's half: a [`tower::Layer`] that lets a request through only with an access token for this
//! resource, by any authorization server that keeps to RFC 8414.
//!
//! It serves the protected resource metadata (RFC 9728), answers with the challenges that MCP clients understand (401
//! with `resource_metadata` and `scope`; 403 with every scope of the operation), verifies signed tokens by the issuer's
//! keys and asks it about opaque ones, verifies proofs of possession (RFC 9449), and decides which scope a tool call
//! needs by the message itself: never by a header, and what goes on is the message that was read, written out again.
//!
//! ```
//! use prokura_sdk::resource::{Profile, Resource, Trust};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let guard = Resource::at("https://tools.example/mcp")?
//!     .trust(Trust::new("https://sso.example/realms/tools", Profile::Keycloak).audience("tools-api"))
//!     .scope("report:read", &["tool:read_report", "resource:report/*"])
//!     .scope("report:write", &["tool:write_report"])
//!     .build()?;
//! // Wraps everything, also what is not found: `Router::new().nest_service("/mcp", server).layer(guard)`.
//! # let _ = guard; Ok(()) }
//! ```
//!
//! **Everything that the layer wraps is closed**, but for the metadata and what [`Resource::open`] names. Put a layer
//! for CORS outside of it: a preflight carries no token.

mod body;
mod build;
mod caller;
mod decide;
mod details;
mod guard;
pub(crate) mod proof;
mod refusal;
mod service;

pub use build::{BuildError, Resource, Trust};
pub use caller::{Caller, Kind};
pub use guard::Guard;
pub use prokura_oauth::foreign::{ClaimPath, Profile};
pub use service::Guarded;
