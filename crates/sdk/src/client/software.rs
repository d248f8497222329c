//! Who the agent is, in the ways in which authorization servers can know it.

use super::auth::{ClientAuth, ClientKey};
use super::secret::Secret;
use url::Url;

/// A client that somebody registered by hand.
#[derive(Debug, Clone)]
pub struct KnownClient {
    /// At which issuer, to the byte. `None` stands for the one that the MCP server names when it is used first; it stays
    /// with that one.
    pub issuer: Option<String>,
    /// `client_id`.
    pub id: String,
    /// How it proves itself.
    pub auth: ClientAuth,
}

/// The software, as it is told to authorization servers. Registration is tried in the order of MCP authorization: what
/// somebody registered by hand, then the metadata document, then registering itself.
#[derive(Debug, Clone)]
pub struct Software {
    pub(crate) name: String,
    pub(crate) uri: Option<Url>,
    pub(crate) document: Option<(String, ClientAuth)>,
    pub(crate) known: Vec<KnownClient>,
    pub(crate) registers: bool,
}

impl Software {
    /// Software of this name, which registers itself where it may.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), uri: None, document: None, known: Vec::new(), registers: true }
    }

    /// Its web page.
    #[must_use]
    pub fn uri(self, uri: Url) -> Self {
        Self { uri: Some(uri), ..self }
    }

    /// Its client metadata document (CIMD): the address is its `client_id` everywhere. The document must list the
    /// redirect URI: for [`Loopback`](super::Loopback) `http://127.0.0.1/callback`.
    #[must_use]
    pub fn document(self, address: impl Into<String>) -> Self {
        Self { document: Some((address.into(), ClientAuth::None)), ..self }
    }

    /// As [`document`](Self::document), for a document that publishes the public half of this key.
    #[must_use]
    pub fn document_with_key(self, address: impl Into<String>, key: ClientKey) -> Self {
        Self { document: Some((address.into(), ClientAuth::Key(key))), ..self }
    }

    /// A client that somebody registered by hand, with a secret if it has one.
    #[must_use]
    pub fn known(self, id: impl Into<String>, secret: Option<Secret>) -> Self {
        let auth = secret.map_or(ClientAuth::None, ClientAuth::Secret);
        self.known_client(KnownClient { issuer: None, id: id.into(), auth })
    }

    /// A client that somebody registered by hand.
    #[must_use]
    pub fn known_client(mut self, client: KnownClient) -> Self {
        self.known.push(client);
        self
    }

    /// Never registers itself (RFC 7591).
    #[must_use]
    pub fn without_registration(self) -> Self {
        Self { registers: false, ..self }
    }

    /// What tells this software's tokens from another's in one store.
    pub(crate) fn identity(&self) -> String {
        let known: Vec<_> = self.known.iter().map(|k| k.id.as_str()).collect();
        let document = self.document.as_ref().map_or("", |(address, _)| address.as_str());
        format!("{}\n{document}\n{}", self.name, known.join("\n"))
    }
}
