//! The way to the server: requests that carry authority, and why there is no answer.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use std::future::Future;
use std::pin::Pin;

/// A future that is on the heap.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Content that comes in pieces. Dropping it closes its connection, which tells a modern server to stop.
pub type Flow = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Sends requests with authority: puts the token on them, answers challenges, refreshes, asks for more scope.
///
/// A request is sent again only where the server refused it before it acted.
pub trait Wire: Send + Sync + 'static {
    /// Sends a request whose URI is absolute. Returns when the head of the answer is there. A status of 401 or 403
    /// comes back only if no authority can be had that would change it.
    fn send(&self, request: Request<Bytes>) -> Boxed<'_, Result<Response<Flow>, WireError>>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A person has yet to sign in. It goes on meanwhile; the same request later finds out.
    #[error("{sentence}")]
    SignIn {
        /// The page to open, if there is one: `https`, or `http` on this machine.
        address: Option<String>,
        /// What to do, for a person.
        sentence: String,
    },
    /// No authority can be had.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be reached.
    #[error("{sentence}")]
    Unreachable {
        /// Why, for a person.
        sentence: String,
        /// Whether the server may have acted on the request.
        sent: bool,
    },
}
