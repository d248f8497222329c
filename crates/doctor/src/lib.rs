//! Replays discovery and authorization against an MCP server, whoever wrote it, and says what is wrong, which section of
//! which document says so, and how to mend it.
//!
//! Every check stands in one table ([`Check`]). A check is made from outside, by what a client could send. What is sent
//! is little, is bounded, and changes nothing: no tool is called that could exist, no client is registered and no token
//! spent unless that was asked for ([`Options`]).
//!
//! Invariants:
//! - a token goes to the address that the person named and nowhere else; a client's secret to the issuer that the person
//!   named and nowhere else;
//! - what a server says is never followed blindly: addresses go through `prokura_egress`, and texts are escaped before
//!   they are shown;
//! - a check that could not be made is told as such. Nothing counts as right because it was not seen.
#![forbid(unsafe_code)]

mod exam;
mod forge;
mod group;
mod net;
mod report;
mod seen;
mod table;
mod walk;
mod words;

pub use group::{Group, Level};
pub use report::{Finding, Protection, Report, Trouble};
pub use table::{Check, Row};
pub use words::text;

use prokura_core::{Clock, Rng};
use prokura_egress::{BoxFuture, FetchUrl, InvalidUrl, Resolver, SystemResolver, Trust};
use std::fmt;
use std::sync::Arc;

/// What the person allows and gives.
#[derive(Clone)]
pub struct Options {
    /// Hosts (with a port) and networks that may be asked although they are not public. The host of the server that is
    /// examined always may be.
    pub allow: Vec<String>,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Where addresses come from.
    pub resolver: Arc<dyn Resolver>,
    /// An access token for the server.
    pub token: Option<String>,
    /// An access token of the same issuer for another resource, which the server has to refuse.
    pub foreign_token: Option<String>,
    /// A client that is registered already.
    pub client: Option<KnownClient>,
    /// Whether a client may be registered. It is deleted afterwards if the server lets it be (RFC 7592).
    pub register: bool,
    /// Whether codes and refresh tokens may be used again on purpose. That ends the login which was made for it.
    pub invasive: bool,
    /// Who signs in, if somebody does.
    pub person: Option<Arc<dyn Person>>,
}

/// A client that is registered already.
#[derive(Clone)]
pub struct KnownClient {
    /// Its id; for a metadata document, its address.
    pub id: String,
    /// Its redirect URI, if nobody signs in: where refused requests would lead.
    pub redirect_uri: String,
    /// Its secret, and the issuer to whom it may be sent.
    pub secret: Option<(String, String)>,
}

/// Somebody who signs in.
pub trait Person: Send + Sync {
    /// Where the browser comes back: a loopback address at which this waits.
    fn redirect_uri(&self) -> String;

    /// Signs in at `address` and answers with the address that the browser came back to.
    ///
    /// # Errors
    /// A sentence that says why it did not come to that.
    fn sign_in<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<String, String>>;
}

/// Hears what is looked at, for a line of progress.
pub trait Watch: Send + Sync {
    /// `what` is looked at now.
    fn looks_at(&self, what: &str);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn looks_at(&self, _what: &str) {}
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            trust: Trust::default(),
            resolver: Arc::new(SystemResolver::default()),
            token: None,
            foreign_token: None,
            client: None,
            register: false,
            invasive: false,
            person: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("allow", &self.allow)
            .field("register", &self.register)
            .finish_non_exhaustive()
    }
}

/// Examines the MCP server at `url`.
///
/// # Errors
/// [`InvalidUrl`] if `url` is no address that could be asked. Everything else stands in the report.
pub async fn examine(
    url: &str,
    options: &Options,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    watch: &dyn Watch,
) -> Result<Report, InvalidUrl> {
    let url = FetchUrl::parse(url)?;
    Ok(Box::pin(walk::walk(exam::Exam::new(url, options, clock, rng, watch))).await)
}
