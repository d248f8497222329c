//! A client, however it is known.

use super::Document;
use prokura_config::DeviceClients;
use prokura_core::{AgentId, ClientId, ResourceUri, ScopeSet};
use prokura_oauth::client_metadata::{AuthMethod, ClientMetadata, GrantType};
use prokura_oauth::jose::KeySet;
use prokura_oauth::secret::{constant_time_eq, sha256_base64url};
use prokura_ui::Standing;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// How a client is known.
#[derive(Debug, Clone)]
pub enum ClientKind {
    /// The operator wrote it into the configuration.
    Configured,
    /// By its metadata document, from the host that its id names.
    Published(Arc<Document>),
    /// It registered itself: everything it says is its own word.
    Registered,
}

/// Where the keys are that verify a client's assertions.
#[derive(Debug, Clone)]
pub enum VerifyWith {
    /// Nowhere: it has none.
    Nothing,
    /// Here.
    Keys(Arc<KeySet>),
    /// At its `jwks_uri`.
    At(Url),
}

/// The hash of a secret that a machine made, so that hashing once is enough.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretDigest(String);

impl SecretDigest {
    /// The digest of `secret`.
    pub fn of(secret: &str) -> Self {
        Self(sha256_base64url(secret.as_bytes()))
    }

    /// A digest that was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// To be stored.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the digest of `secret`, in constant time.
    pub fn is_of(&self, secret: &str) -> bool {
        constant_time_eq(Self::of(secret).0.as_bytes(), self.0.as_bytes())
    }
}

impl std::fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

/// By which evidence a client authenticates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientWorkload {
    /// By what the rule of that name matches.
    Rule(String),
    /// By evidence of exactly this subject.
    Subject {
        /// The name of the provider.
        provider: String,
        /// The subject in the provider's own words.
        subject: String,
    },
}

/// A client, however it is known.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// How it is known.
    pub kind: ClientKind,
    /// What it may do and where it is answered.
    pub metadata: ClientMetadata,
    /// Its secret, hashed.
    pub secret: Option<SecretDigest>,
    /// What verifies its assertions.
    pub keys: VerifyWith,
    /// The agent it belongs to, where that is known without asking the store.
    pub agent: Option<AgentId>,
    /// The workload that it authenticates as, if it authenticates so.
    pub workload: Option<ClientWorkload>,
    /// Authority of its own, by the configuration.
    pub own: BTreeMap<ResourceUri, ScopeSet>,
    /// Resources whose tokens it may introspect.
    pub introspects: Vec<ResourceUri>,
}

impl Client {
    /// How far it is known, for the pages.
    pub fn standing(&self) -> Standing {
        match self.kind {
            ClientKind::Configured => Standing::Configured,
            ClientKind::Published(_) => Standing::Published,
            ClientKind::Registered => Standing::Unverified,
        }
    }

    /// What it calls itself; its id if it has no name.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or(self.id.as_str())
    }

    /// The host that vouches for it, if one does.
    pub fn verified_host(&self) -> Option<&str> {
        match &self.kind {
            ClientKind::Published(document) => Some(&document.host),
            ClientKind::Configured | ClientKind::Registered => None,
        }
    }

    /// Whether all its answers go to programs on the user's own machine.
    pub fn only_loopback(&self) -> bool {
        self.metadata.only_loopback()
    }

    /// Whether it may use this grant type.
    pub fn may(&self, grant_type: GrantType) -> bool {
        self.metadata.may(grant_type)
    }

    /// Whether it may ask from a device without a browser: it names the grant type, and the operator lets clients in
    /// that are known as it is.
    pub fn may_use_devices(&self, allowed: DeviceClients) -> bool {
        self.may(GrantType::DeviceCode) && allowed >= self.least()
    }

    /// What the operator must let in at least, for this one to be in.
    fn least(&self) -> DeviceClients {
        match self.kind {
            ClientKind::Configured => DeviceClients::Configured,
            ClientKind::Published(_) => DeviceClients::Published,
            ClientKind::Registered => DeviceClients::Any,
        }
    }

    /// Whether it may ask users who are elsewhere: it names the grant type, proves who it is, and the operator lets clients
    /// in that are known as it is.
    pub fn may_ask_elsewhere(&self, allowed: DeviceClients) -> bool {
        let public = self.metadata.auth_method == AuthMethod::None;
        self.may(GrantType::Ciba) && !public && allowed >= self.least()
    }

    /// The registered redirect URI that a request means: the one it names, to the byte but for the port of
    /// loopback, or the only one there is.
    pub fn redirect(&self, asked: Option<&str>) -> Option<String> {
        match (asked, self.metadata.redirect_uris.as_slice()) {
            (Some(asked), uris) => uris.iter().any(|u| u.matches(asked)).then(|| asked.to_owned()),
            (None, [only]) => Some(only.as_str().to_owned()),
            (None, _) => None,
        }
    }
}
