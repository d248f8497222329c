//! The keys of an issuer alone, for whoever reads its tokens by rules of their own.

use crate::Unavailable;
use crate::keys::{KeyPlace, Keys};
use crate::metadata::{Line, Metadata};
use prokura_core::Clock;
use prokura_egress::{BoxFuture, Egress, FetchUrl};
use prokura_oauth::jose::{Algorithm, KeySet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Keys by which tokens of one issuer are verified.
pub trait KeySource: Send + Sync + 'static {
    /// The keys for a token with this `kid`: those that are held, or fetched anew if that may help. The caller still has
    /// to find the key among them.
    fn keys<'a>(&'a self, kid: Option<&'a str>) -> BoxFuture<'a, Result<Arc<KeySet>, Unavailable>>;
}

/// What is known of an issuer's keys from the start.
#[derive(Debug, Clone)]
pub struct KeyOptions {
    /// The issuer, to the byte: its metadata have to name it.
    pub issuer: String,
    /// What its tokens may be signed with; its keys are read for nothing else.
    pub algorithms: Vec<Algorithm>,
    /// Where its metadata are.
    pub metadata: FetchUrl,
    /// Where its keys are.
    pub keys: KeyPlace,
    /// For how long keys are used that cannot be confirmed.
    pub max_age: Duration,
    /// A file with a token that is shown to who serves metadata and keys at addresses of the configuration, and to
    /// nobody that a document names. It is read again for each request.
    pub token: Option<PathBuf>,
}

/// The keys of one issuer: fetched once for all who wait, kept, and fetched anew within bounds.
pub struct IssuerKeys {
    keys: Keys,
    metadata: Metadata,
}

impl IssuerKeys {
    /// The keys of an issuer; nothing is fetched before the first token.
    pub fn new(options: KeyOptions, egress: Egress, clock: Arc<dyn Clock>) -> Self {
        let line = Line { issuer: options.issuer, egress, clock, token: options.token };
        Self {
            metadata: Metadata::new(line.clone(), Some(options.metadata)),
            keys: Keys::new(line, options.keys, options.algorithms, options.max_age),
        }
    }
}

impl KeySource for IssuerKeys {
    fn keys<'a>(&'a self, kid: Option<&'a str>) -> BoxFuture<'a, Result<Arc<KeySet>, Unavailable>> {
        Box::pin(self.keys.find(kid, &self.metadata))
    }
}
