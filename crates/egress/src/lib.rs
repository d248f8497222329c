//! The only way out: an HTTP client that connects to no address it has not checked.
//!
//! [`Egress`] fetches documents from addresses that a stranger named: client metadata, key sets, metadata of
//! authorization servers; asked with [`Egress::ask`] it shows the whole answer, for who has to judge it. [`Upstream`]
//! speaks to the servers that the operator configured, wherever they are.
//!
//! Invariants:
//! - a name is resolved once per request, every address of the answer is checked, and the connection goes to one
//!   of exactly those addresses. One address that is not public refuses the whole answer: a name that mixes both
//!   is an attack or a mistake, and choosing among them would make the outcome depend on the order;
//! - nothing is followed: no redirect, no proxy from the environment, no alternative service, no cookie;
//! - size and time are bounded from the first packet to the last byte.
#![forbid(unsafe_code)]

mod address;
mod allow;
mod ask;
mod error;
mod fetch;
mod fetched;
mod gate;
mod network;
mod tls;
mod upstream;
mod url;

pub use address::{AddressClass, special};
pub use allow::{AllowList, InvalidAllow};
pub use ask::{Answer, Ask, Reading};
pub use error::EgressError;
pub use fetch::{Accept, Egress, EgressConfig, FetchLimits};
pub use fetched::{CacheControl, Fetched};
pub use network::{BoxFuture, Resolver, SystemResolver};
pub use tls::{InvalidRoots, Trust};
pub use upstream::{Upstream, UpstreamBody, UpstreamConfig, UpstreamError};
pub use url::{FetchUrl, InvalidUrl};
