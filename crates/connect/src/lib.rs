//! The bridge of `prokura connect`: an MCP server on standard input and output, which is a protected server somewhere
//! else.
//!
//! Host and server may each be of either era of the protocol: until 2025-11-25 (`initialize`, sessions, requests of the
//! server) and since 2026-07-28 (every request says everything, input is asked for in results). In the same era messages
//! go through; between eras they are translated, by the tables in `translate`; what cannot be said in the other era is
//! refused in words.
//!
//! | Host | Server | Where |
//! |-|-|-|
//! | any | any | `bridge`: who is spoken to how; `opening`: which era the server is of |
//! | the same | the same | `same` |
//! | legacy | modern | `up`, `subscription`, `translate::up` |
//! | modern | legacy | `down`, `line`, `translate::down` |
//!
//! Beside the bridge: `authority` puts the client of the SDK behind the wire, `access` makes it from what a person
//! chose, `acting` exchanges a token that was handed over, `person` shows and opens pages.
//!
//! Invariants:
//! - what goes out is what was read, written out again; nothing is read but by the strict reader, within bounds;
//! - the host is asked only what it declared that it can be asked;
//! - a call is sent twice only where the server refused it before it acted;
//! - how requests get their authority is behind [`Wire`]; nothing of it reaches the host.
#![forbid(unsafe_code)]

mod access;
mod acting;
mod authority;
mod bridge;
mod choose;
mod down;
mod exchange;
mod fault;
mod flights;
mod holder;
mod host;
mod line;
mod mirror;
mod modern;
mod opening;
mod person;
mod reading;
mod remote;
mod same;
mod session;
mod subscription;
mod translate;
mod up;
mod wire;

pub use access::{Access, AccessError, Asks, Identity, is_headless, usual_store};
pub use acting::{Acting, Actor};
pub use authority::{Authority, token};
pub use bridge::{Bridge, bridge};
pub use choose::{Circumstances, speaks_for_itself};
pub use fault::{Fault, REFUSED, SIGN_IN, UNREACHABLE};
pub use person::{Browser, Say, Shown, Terminal};
pub use wire::{Boxed, Flow, Wire, WireError};
