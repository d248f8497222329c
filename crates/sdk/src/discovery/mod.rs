//! Who grants access to a resource, and how: protected resource metadata (RFC 9728) and authorization server metadata
//! (RFC 8414, OpenID Connect Discovery), in the order of MCP authorization, "Authorization Server Discovery".
//!
//! What is read here was named by servers, so it is fetched by `prokura_egress`, which checks the address, and it is
//! believed only for what it may say: a resource speaks for its own origin, an issuer for itself.

mod issuer;
mod resource;

#[cfg(feature = "client")]
pub(crate) use issuer::legacy_issuer;
pub use issuer::{Issuer, issuer_metadata};
pub use resource::ProtectedResource;
#[cfg(feature = "client")]
pub(crate) use resource::protected_resource;

use prokura_egress::FetchUrl;
use std::fmt;
use url::Url;

/// An address that was asked in vain, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The address.
    pub url: String,
    /// What came of it.
    pub why: String,
    /// Whether it said that nothing is there, as opposed to failing.
    pub absent: bool,
}

/// Why it is not known who grants access.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The server's metadata could not be had.
    #[error(
        "the MCP server `{server}` does not say who grants access to it (RFC 9728 section 3): {}",
        list(tried)
    )]
    NoResourceMetadata {
        /// The server.
        server: String,
        /// What was asked.
        tried: Vec<Tried>,
    },
    /// The metadata are another resource's.
    #[error(
        "the metadata at `{at}` are of the resource `{found}`, not of `{expected}` (RFC 9728 section 3.3): the operator \
         of the MCP server must make `resource` equal the address that clients use"
    )]
    Resource {
        /// Where they are.
        at: String,
        /// The server that was asked.
        expected: String,
        /// What `resource` says.
        found: String,
    },
    /// A member is missing or malformed.
    #[error("the metadata at `{at}` have no valid `{member}`: its operator must mend that")]
    Member {
        /// Where they are.
        at: String,
        /// The member.
        member: &'static str,
    },
    /// The authorization server's metadata could not be had.
    #[error(
        "the authorization server `{issuer}` does not publish its metadata (RFC 8414 section 3): {}",
        list(tried)
    )]
    NoIssuerMetadata {
        /// The issuer.
        issuer: String,
        /// What was asked.
        tried: Vec<Tried>,
    },
    /// The metadata are another issuer's: an attack or a mistake, so nothing in them is used.
    #[error(
        "the metadata at `{at}` say that their issuer is `{found}`, not `{expected}` (RFC 8414 section 3.3): the \
         operator of the authorization server must make both equal to the byte"
    )]
    Issuer {
        /// Where they are.
        at: String,
        /// The issuer that was asked.
        expected: String,
        /// What `issuer` says.
        found: String,
    },
    /// The issuer is no URL that can be asked.
    #[error("the MCP server names `{0}` as its authorization server, which is no address that can be asked")]
    BadIssuer(String),
}

fn list(tried: &[Tried]) -> String {
    let each: Vec<_> = tried.iter().map(Tried::to_string).collect();
    each.join("; ")
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.url, self.why)
    }
}

/// `url` with a well-known path between its host and its path (RFC 8615, RFC 8414 §3.1, RFC 9728 §3.1).
fn inserted(url: &Url, well_known: &str) -> Option<FetchUrl> {
    let mut url = url.clone();
    let path = if url.path() == "/" { String::new() } else { url.path().to_owned() };
    url.set_path(&format!("/.well-known/{well_known}{path}"));
    url.set_fragment(None);
    FetchUrl::try_from(url).ok()
}
