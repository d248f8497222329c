//! Why there is no evidence, in words for whoever runs the workload.

use prokura_core::Platform;

/// Why a platform gave no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// What leads to the evidence is not there.
    #[error("{missing} is not there; {remedy}")]
    Absent {
        /// What is looked for.
        missing: String,
        /// What to do about it.
        remedy: String,
    },
    /// A file cannot be read.
    #[error("`{file}` cannot be read: {cause}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        cause: String,
    },
    /// Something in the environment is no address that evidence or credentials may be asked of.
    #[error(
        "`{address}` is not asked, since what is said there could be heard on the way: it must be https, on this machine, \
         or a metadata service at a link-local address"
    )]
    Address {
        /// What was named.
        address: String,
    },
    /// The platform cannot be asked.
    #[error("{place} cannot be asked: {cause}")]
    Unreachable {
        /// Who was asked.
        place: String,
        /// Why.
        cause: String,
    },
    /// The platform refuses.
    #[error("{place} refuses with {status}{}; {remedy}", if said.is_empty() { String::new() } else { format!(" ({said})") })]
    Refused {
        /// Who was asked.
        place: String,
        /// The status.
        status: u16,
        /// What it says about it.
        said: String,
        /// What to do about it.
        remedy: String,
    },
    /// What came is no evidence.
    #[error("what {place} gives is no {wanted}")]
    Malformed {
        /// Who was asked.
        place: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The platform gives no token; what it gives is turned into one by an attester.
    #[error("{0} gives no token that could be shown by itself: its evidence goes through an attester")]
    NotToken(Platform),
    /// The platform gives tokens; nothing has to be attested.
    #[error("{0} gives a token: there is nothing to attest")]
    Token(Platform),
    /// An option that is none, or a value that cannot be.
    #[error("{0}")]
    Option(String),
}
