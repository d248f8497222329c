//! MCP enforcement, both protocol eras on one address for each resource:
//! route → authenticate → parse → decide → oblige → record → inject → forward → redact → record. Begin at `walk`.
//!
//! Invariants:
//! - what is forwarded is the parsed message written out again, never the bytes that came in;
//! - forwarding consumes permits, and only a decision makes one; it is recorded durably before;
//! - an upstream never sees anything of a request but its message; a client never sees an upstream's session,
//!   event, task, cursor or state but sealed to itself;
//! - every address that is given out is from the configuration.
#![forbid(unsafe_code)]

mod access;
mod answer;
mod binding;
mod body;
mod budget;
mod caller;
mod cors;
mod decide;
mod elicited;
mod ending;
mod exchange;
mod fault;
mod feed;
mod foreign;
mod forward;
mod gateway;
mod handle;
mod limit;
mod mapping;
mod metadata;
mod mirror;
mod oblige;
mod opening;
mod possession;
mod question;
mod results;
mod route;
mod ruling;
mod scene;
mod standing;
mod stream;
mod tools;
mod transaction;
mod walk;

pub use feed::{Follower, FollowerOptions};
pub use foreign::{ForeignServer, foreign_client, foreign_user};
pub use gateway::{Gateway, GatewayOptions};
use prokura_mcp::{envelope, method, sse, version};
pub use route::GatewayError;
pub use transaction::{SigningKeys, Transactions};

/// What strangers can send, as pure functions: for property tests and fuzzing.
pub mod wire {
    pub use crate::envelope::{Call, Id, Malformed, Message};
    pub use crate::mapping::{MEMBER, Mapped, Mapping, MappingError, Outline};
    pub use crate::method::{BadCall, List, Touch, of_notification, of_request};
    pub use crate::mirror::{BadHeaders, check};
    pub use crate::sse::{Decoder, Event, SseError};
    pub use crate::version::{ASSUMED, Era, SUPPORTED, Version};
    pub use prokura_mcp::header::{decode, encode};
}
