//! Clients that are identified by the address of their metadata document
//! (draft-ietf-oauth-client-id-metadata-document-02; attacks B10–B13).
//!
//! A document is looked for in memory, then in the store, then at its address. What a stranger makes us fetch stays
//! in memory, which is bounded; it is stored only when a user lets the client in ([`Documents::keep`]), so asking
//! for authorization with a million addresses leaves no row behind.

use super::flight::Flight;
use moka::sync::Cache;
use prokura_core::{AgentId, ClientId, Clock, Timestamp};
use prokura_egress::{Egress, EgressError, FetchLimits, FetchUrl, InvalidUrl};
use prokura_oauth::client_metadata::{ClientMetadata, MetadataError};
use prokura_oauth::json::{self, JsonError, Limits, Value};
use prokura_store::{ClientDocument, Store, StoreError, Tx};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// A document is kept at least so long, so that no client can have itself fetched at every request (§5.2).
const KEEP_LEAST: Duration = Duration::from_secs(5 * 60);
/// And at most so long, so that a change of keys or redirect URIs is noticed whatever the client says (B13).
const KEEP_MOST: Duration = Duration::from_secs(24 * 3600);
/// How many bytes of documents are kept in memory.
const MEMORY: u64 = 16 * 1024 * 1024;

/// The document of a client, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The client: its id is the address of the document.
    pub client: ClientId,
    /// The host of the address; the only thing in it that is proved.
    pub host: String,
    /// What the client says of itself.
    pub metadata: ClientMetadata,
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// From when on it must be fetched again.
    pub expires_at: Timestamp,
    bytes: Vec<u8>,
}

/// Which documents are accepted, from the configuration.
#[derive(Debug, Clone, Default)]
pub struct DocumentPolicy {
    /// Whether clients may be identified by a document at all.
    pub enabled: bool,
    /// If not empty, only documents from these hosts are accepted.
    pub trusted_hosts: HashSet<String>,
}

/// Why a client is not known by its document. Only [`DocumentError::Store`] is our own fault.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Documents are switched off.
    #[error("clients cannot be identified by a metadata document here")]
    Disabled,
    /// The client id cannot be the address of a document (§3).
    #[error("the client id is no address of a metadata document: {0}")]
    Url(#[from] InvalidUrl),
    /// The address has no path (§3).
    #[error("the client id must have a path, like `https://client.example/client.json`")]
    NoPath,
    /// The host is not one of those that the operator trusts.
    #[error("documents from `{0}` are not accepted: it is not in `client_metadata.trusted_hosts`")]
    Host(String),
    /// It cannot be fetched.
    #[error("the metadata document cannot be fetched: {0}")]
    Fetch(#[from] EgressError),
    /// It is not JSON that can be read in one way only.
    #[error("the metadata document is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// It is JSON, but no object.
    #[error("the metadata document is not a JSON object")]
    NotObject,
    /// What it says is refused.
    #[error("the metadata document is refused: {0}")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DocumentError {
    /// The sentence for whoever asked; `None` if it is our fault.
    pub fn public(&self) -> Option<String> {
        match self {
            Self::Fetch(error) => {
                Some(format!("the metadata document cannot be fetched: {}", error.public()))
            }
            Self::Host(_) => Some("metadata documents from this host are not accepted here".to_owned()),
            Self::Store(_) => None,
            other => Some(other.to_string()),
        }
    }
}

type Outcome = Result<Arc<Document>, Arc<DocumentError>>;

/// The documents of clients.
pub struct Documents {
    egress: Egress,
    store: Store,
    clock: Arc<dyn Clock>,
    policy: DocumentPolicy,
    pins: HashMap<String, Vec<u8>>,
    memory: Cache<String, Arc<Document>>,
    flight: Flight<Outcome>,
}

impl Documents {
    /// Documents under a policy; none is known yet.
    pub fn new(egress: Egress, store: Store, clock: Arc<dyn Clock>, policy: DocumentPolicy) -> Self {
        let weight = |key: &String, document: &Arc<Document>| {
            u32::try_from(2 * (key.len() + document.bytes.len()) + 512).unwrap_or(u32::MAX)
        };
        let memory = Cache::builder().weigher(weight).max_capacity(MEMORY).time_to_live(KEEP_MOST).build();
        Self { egress, store, clock, policy, pins: HashMap::new(), memory, flight: Flight::default() }
    }

    /// Uses `bytes` instead of what is at `address`, which need not exist (`[dev.client_metadata]`). The document
    /// must be valid all the same.
    ///
    /// # Errors
    /// [`DocumentError`] says what is wrong with it.
    pub fn pin(&mut self, address: &str, bytes: Vec<u8>) -> Result<(), DocumentError> {
        let url = address_of(address)?;
        let client = ClientId::parse(address).map_err(|_| InvalidUrl::Malformed)?;
        let now = self.clock.now();
        read(&client, &url, bytes.clone(), now, now)?;
        self.pins.insert(address.to_owned(), bytes);
        Ok(())
    }

    /// Whether a client id claims to be the address of a document. No other client has such an id.
    pub fn is_address(client: &str) -> bool {
        client.starts_with("https://") || client.starts_with("http://")
    }

    /// The document of a client, fresh. What cannot be fetched or is not valid is forgotten at once; an old
    /// document is never used in its place.
    ///
    /// # Errors
    /// [`DocumentError`]; all who ask for the same document at the same time share it.
    pub async fn find(&self, client: &ClientId) -> Outcome {
        if !self.policy.enabled {
            return Err(Arc::new(DocumentError::Disabled));
        }
        let now = self.clock.now();
        if let Some(known) = self.memory.get(client.as_str())
            && now < known.expires_at
        {
            return Ok(known);
        }
        let look = || async { self.look(client).await.map(Arc::new).map_err(Arc::new) };
        let outcome = self.flight.join(client.as_str(), || Box::pin(look())).await;
        match &outcome {
            Ok(document) => self.memory.insert(client.as_str().to_owned(), document.clone()),
            Err(_) => self.memory.invalidate(client.as_str()),
        }
        outcome
    }

    /// Stores a document with the client's agent, when a user has let the client in. Every process on the store
    /// then uses it until it expires.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such agent.
    pub fn keep(tx: &mut Tx<'_>, document: &Document, agent: &AgentId) -> Result<(), StoreError> {
        tx.put_client_document(&ClientDocument {
            client: document.client.clone(),
            document: document.bytes.clone(),
            fetched_at: document.fetched_at,
            expires_at: document.expires_at,
            agent: agent.clone(),
        })
    }

    async fn look(&self, client: &ClientId) -> Result<Document, DocumentError> {
        let now = self.clock.now();
        let url = address_of(client.as_str())?;
        if let Some(bytes) = self.pins.get(client.as_str()) {
            return read(client, &url, bytes.clone(), now, now.after(KEEP_MOST));
        }
        self.permitted(&url)?;
        if let Some(stored) = self.stored(client).await?
            && now < stored.expires_at
            && let Ok(document) = read(client, &url, stored.document, stored.fetched_at, stored.expires_at)
        {
            return Ok(document);
        }
        let fetched = self.egress.get(&url, &FetchLimits::CLIENT_METADATA).await?;
        // The clock is read again: the fetch may have taken seconds.
        let now = self.clock.now();
        let expires_at = now.after(fetched.cache.keep_for(KEEP_LEAST, KEEP_MOST));
        read(client, &url, fetched.body.to_vec(), now, expires_at)
    }

    fn permitted(&self, url: &FetchUrl) -> Result<(), DocumentError> {
        let trusted = &self.policy.trusted_hosts;
        if !trusted.is_empty() && !trusted.contains(url.host()) {
            return Err(DocumentError::Host(url.host().to_owned()));
        }
        Ok(self.egress.check(url)?)
    }

    async fn stored(&self, client: &ClientId) -> Result<Option<ClientDocument>, StoreError> {
        let client = client.clone();
        self.store.read(move |tx| tx.client_document(&client)).await
    }
}

/// The address that a client id is (§3): canonical to the byte, with a path.
fn address_of(client: &str) -> Result<FetchUrl, DocumentError> {
    let url = FetchUrl::parse(client)?;
    if url.as_url().path() == "/" { Err(DocumentError::NoPath) } else { Ok(url) }
}

fn read(
    client: &ClientId,
    url: &FetchUrl,
    bytes: Vec<u8>,
    fetched_at: Timestamp,
    expires_at: Timestamp,
) -> Result<Document, DocumentError> {
    let Value::Object(object) = json::parse(&bytes, &Limits::DOCUMENT)? else {
        return Err(DocumentError::NotObject);
    };
    let metadata = ClientMetadata::from_document(client.as_str(), &object)?;
    Ok(Document {
        client: client.clone(),
        host: url.host().to_owned(),
        metadata,
        fetched_at,
        expires_at,
        bytes,
    })
}
