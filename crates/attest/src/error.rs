//! Why evidence is not believed: expected against received, for administrators.

use prokura_oauth::jose::JoseError;
use prokura_spiffe::X509SvidError;
use prokura_verify::Unavailable;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Evidence that is not believed. What it says is for the log and the record; whoever showed the evidence learns only
/// that it is not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AttestError {
    /// It is no compact signed token.
    #[error("it is no signed token")]
    NoToken,
    /// No provider has that issuer.
    #[error("`iss` is {}, and no provider has that issuer", quoted(.received.as_deref()))]
    UnknownIssuer {
        /// What the token says, unverified.
        received: Option<String>,
    },
    /// A certificate is no X.509-SVID.
    #[error("the certificate names no SPIFFE ID: exactly one URI among its alternative names is expected")]
    NoSvid,
    /// No provider has that trust domain.
    #[error("its trust domain is `{received}`, and no provider has that trust domain")]
    UnknownTrustDomain {
        /// What the certificate says, unverified.
        received: String,
    },
    /// A provider's evidence is refused.
    #[error("provider `{provider}`: {why}")]
    Refused {
        /// The name of the provider.
        provider: Arc<str>,
        /// Why.
        why: Refused,
    },
    /// The provider cannot be asked, so nothing can be said about its evidence.
    #[error("provider `{provider}` cannot be asked: {error}")]
    Unavailable {
        /// The name of the provider.
        provider: Arc<str>,
        /// Why not.
        error: Unavailable,
    },
}

/// Why the evidence of a provider is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Signature, algorithm, type, issuer or time does not hold.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// It is for somebody else, or for others too.
    #[error("`aud` is {}, expected {}", List(.received), Choice(.expected))]
    Audience {
        /// What would be right: one of these, alone.
        expected: Vec<String>,
        /// What it names.
        received: Vec<String>,
    },
    /// It lives longer than is accepted of the platform.
    #[error("it lives {} s (`exp` - `iat`), at most {} s are expected", .received.as_secs(), .expected.as_secs())]
    TooLong {
        /// What is accepted.
        expected: Duration,
        /// How long it lives.
        received: Duration,
    },
    /// A claim is missing or is not as the platform makes it.
    #[error("`{claim}` is {}, expected {expected}", quoted(.received.as_deref()))]
    Claim {
        /// The claim, as it stands in the token.
        claim: String,
        /// What it should be.
        expected: String,
        /// What it is; `None` if it is missing.
        received: Option<String>,
    },
    /// It is bound to a key in a way that cannot be checked.
    #[error("`cnf` binds it in a way that cannot be checked here")]
    Confirmation,
    /// It is no X.509-SVID of its trust domain.
    #[error(transparent)]
    Svid(#[from] X509SvidError),
    /// The API server that was asked about it says no.
    #[error("the review says no: {0}")]
    Review(String),
    /// The API server that has to be asked about it gave no answer.
    #[error("it cannot be reviewed: {0}")]
    NotReviewed(String),
}

impl AttestError {
    /// Whether the evidence may be good and could not be judged.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Refused { why: Refused::NotReviewed(_), .. })
    }

    /// The provider whose evidence it was, if that is known.
    pub fn provider(&self) -> Option<&str> {
        match self {
            Self::Refused { provider, .. } | Self::Unavailable { provider, .. } => Some(provider),
            Self::NoToken | Self::NoSvid | Self::UnknownIssuer { .. } | Self::UnknownTrustDomain { .. } => {
                None
            }
        }
    }
}

/// The longest text of a stranger that is repeated.
const MAX_QUOTED: usize = 256;

pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_QUOTED).collect()
}

fn quoted(text: Option<&str>) -> String {
    text.map_or_else(|| "missing".to_owned(), |t| format!("`{}`", shortened(t)))
}

struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("missing"),
            all => f.write_str(&all.iter().map(|a| quoted(Some(a))).collect::<Vec<_>>().join(" and ")),
        }
    }
}

struct Choice<'a>(&'a [String]);

impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|a| quoted(Some(a))).collect::<Vec<_>>().join(" or "))?;
        f.write_str(" alone")
    }
}
