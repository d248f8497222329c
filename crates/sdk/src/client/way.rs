//! The ways in which an agent comes to a token.

use super::auth::{ASSERTION_TYPE, ClientAuth};
use super::device::DeviceScreen;
use super::visit::UserAgent;
use crate::workload::Workload;
use async_trait::async_trait;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The type of an access token (RFC 8693 §3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How tokens are got when none is held that works.
#[derive(Clone)]
pub enum Way {
    /// A person agrees in a browser (RFC 6749 §4.1).
    Browser(Arc<dyn UserAgent>),
    /// A person agrees on another device (RFC 8628).
    Device(Arc<dyn DeviceScreen>),
    /// The client's own authority (RFC 6749 §4.4); it must be known to the server, by a secret or a key.
    Own,
    /// The workload's own token, traded for one of the authorization server: nothing is stored. It is a grant (RFC 7523
    /// §2.1), for which nobody has to be registered; where the client was registered by hand and has no other way to
    /// prove itself, it authenticates that client (RFC 7523 §2.2), which acts by its own authority.
    Workload(Arc<dyn TokenSource>),
    /// A workload whose platform gives no token: the authorization server attests what it says, bound to a key of this
    /// process (draft-ietf-oauth-attestation-based-client-auth-10). Only the key of an instance whose evidence binds none is
    /// stored: see [`Workload::keys`].
    Attested(Arc<Workload>),
    /// The enterprise's identity provider vouches for the person (MCP enterprise-managed authorization).
    Enterprise(Enterprise),
    /// A token that the agent was handed, exchanged for a narrower one (RFC 8693).
    Exchange(Exchange),
    /// None: only what is in the store is used and refreshed. For what runs without a person.
    Stored,
}

impl Way {
    /// The word for it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Browser(_) | Self::Device(_) | Self::Stored => "person",
            Self::Own => "own",
            Self::Workload(_) => "workload",
            Self::Attested(_) => "attested",
            Self::Enterprise(_) => "enterprise",
            Self::Exchange(_) => "exchange",
        }
    }

    /// Whether a new token is to be had at any time, without a person.
    pub(crate) fn is_alone(&self) -> bool {
        !self.refreshes()
    }

    /// Whether a refresh token is worth asking for: where no person is needed, a new token costs nothing.
    pub(crate) fn refreshes(&self) -> bool {
        matches!(self, Self::Browser(_) | Self::Device(_) | Self::Stored)
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Where the token of somebody else comes from, each time one is needed.
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// A token for `audience`: the issuer of the authorization server that it will be shown to.
    ///
    /// # Errors
    /// Why there is none, in a few words.
    async fn token(&self, audience: &str) -> Result<String, String>;

    /// The only authorization server that may be shown it, whatever audience it names, if a person named one. Without
    /// one, it is shown only to the server that is its one audience.
    fn only_issuer(&self) -> Option<&str> {
        None
    }

    /// What the token is called where it authenticates a client that is registered (RFC 7521 §4.2).
    fn assertion_type(&self) -> &'static str {
        ASSERTION_TYPE
    }
}

/// A file that somebody else keeps fresh, as Kubernetes does with projected service account tokens. It is read anew each
/// time.
#[derive(Debug, Clone)]
pub struct TokenFile(pub PathBuf);

#[async_trait]
impl TokenSource for TokenFile {
    async fn token(&self, _audience: &str) -> Result<String, String> {
        let read = tokio::fs::read_to_string(&self.0).await;
        let text = read.map_err(|e| format!("{} cannot be read: {e}", self.0.display()))?;
        Ok(text.trim().to_owned())
    }
}

#[async_trait]
impl<F: Fn(&str) -> Result<String, String> + Send + Sync + 'static> TokenSource for F {
    async fn token(&self, audience: &str) -> Result<String, String> {
        self(audience)
    }
}

/// The enterprise's identity provider: it exchanges what it knows of the person for an identity assertion (ID-JAG),
/// which the authorization server of the MCP server takes.
#[derive(Clone)]
pub struct Enterprise {
    /// The provider.
    pub provider: Provider,
    /// The client's id at the provider.
    pub client_id: String,
    /// How the client proves itself to the provider.
    pub auth: ClientAuth,
    /// The person's token of the provider.
    pub subject: Arc<dyn TokenSource>,
    /// What that is (RFC 8693 §3): most often `urn:ietf:params:oauth:token-type:id_token`.
    pub subject_type: String,
}

/// Where the identity provider is asked. A person named it, so it is trusted as it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// By its issuer, whose metadata say where.
    Issuer(String),
    /// By its token endpoint.
    TokenEndpoint(String),
}

/// A token exchange (RFC 8693): authority that the agent was handed, for what it is to be used for. The tokens are shown only
/// to the authorization server that issued them or that they are for; [`OnlyTo`](super::OnlyTo) names another.
#[derive(Clone)]
pub struct Exchange {
    /// Whose authority it is.
    pub subject: Arc<dyn TokenSource>,
    /// What that is; most often `urn:ietf:params:oauth:token-type:access_token`.
    pub subject_type: String,
    /// Who acts, and what that is. Without it the holder of the subject token makes it narrower.
    pub actor: Option<(Arc<dyn TokenSource>, String)>,
    /// `audience`, where a server wants one besides the resource.
    pub audience: Option<String>,
    /// `requested_actor`, of Prokura: the agent that the token is prepared for, which may exchange it then.
    pub requested_actor: Option<String>,
    /// `token_view`, of Prokura: `user`, `agent` or `impersonation`; as the resource has it if nothing is said.
    pub token_view: Option<String>,
}

impl Exchange {
    /// An exchange of an access token.
    pub fn of(subject: Arc<dyn TokenSource>) -> Self {
        Self {
            subject,
            subject_type: ACCESS_TOKEN.to_owned(),
            actor: None,
            audience: None,
            requested_actor: None,
            token_view: None,
        }
    }
}
