//! What stands behind an MCP server: who acts for whom, learned from the tokens that come along.
//!
//! An API behind an MCP server gets the token of a user and the token of the agent that acts for them. [`Verifier`] takes
//! both with one call, by the issuer's keys ([`delegated`](Verifier::delegated)) or by asking it
//! ([`introspected`](Verifier::introspected)), and answers with one typed [`Delegated`]. An MCP server behind a gateway, or
//! an API behind that, gets a transaction token instead: [`transaction`](Verifier::transaction).
//!
//! ```no_run
//! use prokura_sdk::delegated::{Presented, Verifier};
//!
//! # async fn example(user: &str, actor: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Verifier::of("https://as.example")
//!     .resource("https://as.example/mcp/orders")
//!     .build()?;
//! let delegated = verifier.delegated(user, Presented::Bearer(actor)).await?;
//! if delegated.has_scope("orders:read") {
//!     println!("{} for {}", delegated.agent, delegated.user);
//! }
//! # Ok(()) }
//! ```
//!
//! **What fails, fails closed**: tokens of different flows (chain splicing), a claim that is not understood, a duty that is
//! not met, a key that is not proved, a budget that nobody here counts.
//!
//! The issuer is a Prokura: the claims `grant` and `on_behalf_of` are of no standard. Tokens of others are for
//! [`resource`](crate::resource).

mod build;
mod told;
mod transaction;
mod verifier;

pub use build::{Builder, InvalidVerifier};
pub use prokura_oauth::access_token::View;
pub use told::Delegated;
pub use transaction::Transaction;
pub use verifier::{Presented, Refused, Verifier};
