//! What can go wrong, in words: what it was, whose doing, and how to mend it.

use super::auth::InvalidKey;
use super::code::AuthorizationError;
use super::device::AuthorizationOrToken;
use super::registration::RegistrationError;
use super::server::InvalidServer;
use super::store::StoreError;
use super::token::{TokenError, printable};
use super::visit::VisitError;
use crate::discovery::DiscoveryError;
use prokura_core::ScopeSet;

/// Why a client has no token, or a request no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address that a person named cannot be used.
    #[error(transparent)]
    Server(#[from] InvalidServer),
    /// It is not known who grants access.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The client is not known there.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// A person could not agree, or did not.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// There was no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Credentials cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client's key cannot be used.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// A person would have to sign in, and this client was told not to ask one.
    #[error("no working credentials are kept for `{0}`: a person has to sign in first")]
    SignInNeeded(String),
    /// The source of somebody else's token gave none.
    #[error("the token that stands for {what} is not to be had: {cause}")]
    Source {
        /// Whom it stands for.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// What the platform gave is not for this authorization server, and so it is not shown to it.
    #[error(
        "the evidence of this workload is for {}, and not for the authorization server `{issuer}` alone, so it is not shown \
         to it: have it made for that audience; or, if that server expects another, name both (`audience=…`, `issuer=…`)",
        quoted(audiences)
    )]
    Audience {
        /// The authorization server.
        issuer: String,
        /// `aud` of the evidence.
        audiences: Vec<String>,
    },
    /// What the platform gave is for nobody in particular, and nobody was named.
    #[error(
        "what this platform says of the workload is good at any server that takes it, so it is shown only to one that is \
         named: `issuer={issuer}`, if that is the one that you mean"
    )]
    Unbound {
        /// The authorization server that was discovered.
        issuer: String,
    },
    /// Another authorization server grants access than the one that a person named.
    #[error(
        "access is granted by `{issuer}`, but the evidence of this workload is to be shown to `{only}` only: it was not \
         shown to anybody"
    )]
    OtherIssuer {
        /// Whom a person named.
        only: String,
        /// Who grants access.
        issuer: String,
    },
    /// A token that the agent was handed concerns another authorization server, and so it is not shown to this one.
    #[error(
        "access is granted by `{issuer}`, and the token that stands for {what} is {}: it is not shown to it. If it is the one \
         that you mean, name it as the only one that may see the token (`--issuer`)",
        of_whom(of)
    )]
    Handed {
        /// Whom it stands for.
        what: &'static str,
        /// Whose it is, as far as can be read.
        of: Vec<String>,
        /// Who grants access.
        issuer: String,
    },
    /// The authorization server does not serve this grant.
    #[error(
        "the authorization server `{issuer}` does not serve the grant `{grant}`: its `grant_types_supported` lacks it"
    )]
    NotServed {
        /// The issuer.
        issuer: String,
        /// The grant type.
        grant: &'static str,
    },
    /// Tokens have to be bound, and this server does not bind them.
    #[error("tokens must be bound to a key, but `{0}` does not know ES256 proofs (RFC 9449 section 5.1)")]
    DpopNotServed(String),
    /// The server takes only bound tokens, and the client was told not to bind any.
    #[error("the MCP server `{0}` takes only tokens that are bound to a key, which was switched off here")]
    DpopNeeded(String),
    /// What came from the identity provider is not what was asked for.
    #[error("the identity provider gave `{0}` where an identity assertion (ID-JAG) was asked for")]
    NoAssertion(String),
    /// A token that was just given is refused.
    #[error(
        "the MCP server `{server}` refuses a token that its authorization server just gave{}: the two do not agree",
        if said.is_empty() { String::new() } else { format!(" ({said})") }
    )]
    StillRefused {
        /// The server.
        server: String,
        /// What it says about it.
        said: String,
    },
    /// Scopes that were asked for already are asked for again.
    #[error("the MCP server wants the scopes `{wanted}`, {} ", if wanted.is_within(granted) {
        "which the token has already: its operator must mend that".to_owned()
    } else {
        format!("but only `{granted}` was granted: whoever grants access has to allow the rest")
    })]
    ScopeRefused {
        /// What is wanted.
        wanted: ScopeSet,
        /// What was granted.
        granted: ScopeSet,
    },
    /// The token is for another server.
    #[error("`{url}` is not at `{server}`, so it is not shown the token for that server")]
    OtherOrigin {
        /// What was to be asked.
        url: String,
        /// Whose token it is.
        server: String,
    },
    /// The MCP server gave no answer.
    #[error("the MCP server `{server}` cannot be asked: {cause}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        cause: String,
    },
    /// The request cannot be written.
    #[error("the request cannot be written: a header or the method is malformed")]
    Unwritable,
    /// The program is ending.
    #[error("the work was interrupted because the program is ending")]
    Interrupted,
}

fn quoted(audiences: &[String]) -> String {
    let all: Vec<_> = audiences.iter().map(|audience| format!("`{}`", printable(audience))).collect();
    if all.is_empty() { "nobody, as far as can be read".to_owned() } else { all.join(" and ") }
}

fn of_whom(issuers: &[String]) -> String {
    issuers.first().map_or("of nobody, as far as can be read".to_owned(), |one| format!("for `{one}`"))
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Whoever runs this client: its configuration, its machine, its network.
    Client,
    /// The person who was asked.
    Person,
    /// The operator of the MCP server.
    McpServer,
    /// The operator of the authorization server.
    AuthorizationServer,
}

impl ClientError {
    /// Who can mend it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Discovery(e) => discovery(e),
            Self::Registration(e) => registration(e),
            Self::Authorization(e) => authorization(e),
            Self::Token(TokenError::Refused { .. } | TokenError::Answer { .. } | TokenError::NotBound)
            | Self::NotServed { .. }
            | Self::DpopNotServed(_)
            | Self::NoAssertion(_) => Blame::AuthorizationServer,
            Self::StillRefused { .. } => Blame::McpServer,
            Self::ScopeRefused { wanted, granted } if wanted.is_within(granted) => Blame::McpServer,
            Self::ScopeRefused { .. } | Self::SignInNeeded(_) => Blame::Person,
            Self::Server(_)
            | Self::Token(_)
            | Self::Store(_)
            | Self::Key(_)
            | Self::Source { .. }
            | Self::Audience { .. }
            | Self::OtherIssuer { .. }
            | Self::Handed { .. }
            | Self::Unbound { .. }
            | Self::DpopNeeded(_)
            | Self::OtherOrigin { .. }
            | Self::Unreachable { .. }
            | Self::Unwritable
            | Self::Interrupted => Blame::Client,
        }
    }
}

fn discovery(error: &DiscoveryError) -> Blame {
    match error {
        DiscoveryError::NoResourceMetadata { .. }
        | DiscoveryError::Resource { .. }
        | DiscoveryError::BadIssuer(_) => Blame::McpServer,
        DiscoveryError::Member { member: "resource" | "authorization_servers", .. } => Blame::McpServer,
        DiscoveryError::Member { .. }
        | DiscoveryError::NoIssuerMetadata { .. }
        | DiscoveryError::Issuer { .. } => Blame::AuthorizationServer,
    }
}

fn registration(error: &RegistrationError) -> Blame {
    match error {
        RegistrationError::Refused(_) | RegistrationError::Answer(_) => Blame::AuthorizationServer,
        RegistrationError::NoWay { .. }
        | RegistrationError::OtherIssuer { .. }
        | RegistrationError::Unreachable(_)
        | RegistrationError::Store(_) => Blame::Client,
    }
}

fn authorization(error: &AuthorizationError) -> Blame {
    match error {
        AuthorizationError::Refused { .. }
        | AuthorizationError::Device(
            super::device::DeviceError::Denied | super::device::DeviceError::Expired,
        )
        | AuthorizationError::Visit(VisitError::TimedOut(_))
        | AuthorizationError::State
        | AuthorizationError::Malformed => Blame::Person,
        AuthorizationError::Visit(_) => Blame::Client,
        AuthorizationError::NoEndpoint { .. }
        | AuthorizationError::NoPkce(_)
        | AuthorizationError::Unsafe(_)
        | AuthorizationError::IssuerMissing(_)
        | AuthorizationError::Issuer(_)
        | AuthorizationError::NoCode
        | AuthorizationError::Device(_)
        | AuthorizationError::Pushed(_) => Blame::AuthorizationServer,
    }
}

impl From<AuthorizationOrToken> for ClientError {
    fn from(error: AuthorizationOrToken) -> Self {
        match error {
            AuthorizationOrToken::Authorization(e) => Self::Authorization(e),
            AuthorizationOrToken::Token(e) => Self::Token(e),
        }
    }
}

impl From<VisitError> for ClientError {
    fn from(error: VisitError) -> Self {
        Self::Authorization(AuthorizationError::Visit(error))
    }
}
