//! What keeps a token from being judged at all. Never an answer about the token.

use prokura_egress::{EgressError, InvalidUrl};
use prokura_oauth::discovery::MetadataError;
use prokura_oauth::jose::KeyError;
use prokura_oauth::json::JsonError;
use std::path::PathBuf;
use std::sync::Arc;

/// The issuer cannot be asked, so nothing can be said about its tokens: the caller answers with 503 and the operator
/// reads why in the log. Cheap to clone: all who wait for one fetch share its failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unavailable {
    /// What it serves cannot be fetched.
    #[error("{what} of `{issuer}` cannot be fetched: {error}")]
    Fetch {
        /// The issuer.
        issuer: String,
        /// What was asked for.
        what: &'static str,
        /// Why not.
        error: Arc<EgressError>,
    },
    /// The bundle of a SPIFFE trust domain cannot be had.
    #[error("the bundle of the trust domain `{domain}` cannot be had: {cause}")]
    Bundle {
        /// The trust domain.
        domain: String,
        /// Why not.
        cause: Arc<str>,
    },
    /// A file of the operator cannot be read.
    #[error("{what} of `{issuer}` cannot be read from `{path}`: {cause}", path = path.display())]
    File {
        /// The issuer.
        issuer: String,
        /// What was to be read.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: Arc<str>,
    },
    /// An address in its metadata cannot be asked.
    #[error("{what} of `{issuer}`: {error}")]
    Address {
        /// The issuer.
        issuer: String,
        /// What was asked for.
        what: &'static str,
        /// Why not.
        error: InvalidUrl,
    },
    /// What it serves is not JSON that can be read in one way only.
    #[error("{what} of `{issuer}` is not valid JSON: {error}")]
    Json {
        /// The issuer.
        issuer: String,
        /// What was asked for.
        what: &'static str,
        /// Why not.
        error: JsonError,
    },
    /// What it serves is no JSON object.
    #[error("{what} of `{issuer}` is not a JSON object")]
    NotObject {
        /// The issuer.
        issuer: String,
        /// What was asked for.
        what: &'static str,
    },
    /// Its metadata are not believed.
    #[error("the metadata of `{issuer}` are refused: {error}")]
    Metadata {
        /// The issuer.
        issuer: String,
        /// Why.
        error: MetadataError,
    },
    /// Its metadata name no address for this.
    #[error("the metadata of `{issuer}` name no `{member}`; set it in the configuration")]
    Missing {
        /// The issuer.
        issuer: String,
        /// What is missing.
        member: &'static str,
    },
    /// Its keys are no key set.
    #[error("the keys of `{issuer}` are refused: {error}")]
    Keys {
        /// The issuer.
        issuer: String,
        /// Why.
        error: KeyError,
    },
    /// It answered an introspection with something else.
    #[error("the introspection of `{issuer}` answers with status {status}; check the client and its secret")]
    Status {
        /// The issuer.
        issuer: String,
        /// The status.
        status: u16,
    },
    /// Too many introspections are under way.
    #[error("too many tokens wait for the introspection of `{issuer}`")]
    Busy {
        /// The issuer.
        issuer: String,
    },
}
