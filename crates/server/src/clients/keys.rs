//! Keys of clients that publish them at an address (`jwks_uri`, RFC 7591 §2).

use super::flight::Flight;
use moka::sync::Cache;
use prokura_core::{Clock, Timestamp};
use prokura_egress::{Egress, EgressError, FetchLimits, FetchUrl, InvalidUrl};
use prokura_oauth::jose::{Algorithm, KeyError, KeySet, VerifyingKey};
use prokura_oauth::json::{self, JsonError, Limits, Value};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Keys are kept at least so long, and at most so long: a key that a client withdraws is refused after an hour.
const KEEP_LEAST: Duration = Duration::from_secs(5 * 60);
const KEEP_MOST: Duration = Duration::from_secs(3600);
/// Keys that nobody knows lead to a fetch this seldom, whoever makes them up.
const RETRY_UNKNOWN: Duration = Duration::from_secs(30);
/// How many clients' keys are kept.
const CLIENTS: u64 = 4096;

/// Why the keys of a client are not known.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The address cannot be asked.
    #[error("`jwks_uri` is refused: {0}")]
    Url(#[from] InvalidUrl),
    /// They cannot be fetched.
    #[error("the keys at `jwks_uri` cannot be fetched: {0}")]
    Fetch(#[from] EgressError),
    /// What was fetched is not JSON that can be read in one way only.
    #[error("what is at `jwks_uri` is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// What was fetched is no object.
    #[error("what is at `jwks_uri` is not a JSON object")]
    NotObject,
    /// What was fetched is no key set.
    #[error("what is at `jwks_uri` is no key set: {0}")]
    Set(#[from] KeyError),
}

struct Held {
    keys: Arc<KeySet>,
    expires_at: Timestamp,
    /// When it was last tried to fetch them, with or without success.
    tried_at: Timestamp,
}

type Outcome = Result<Arc<Held>, Arc<KeysError>>;

/// Key sets by address, fetched when they are needed.
pub struct ClientKeySets {
    egress: Egress,
    clock: Arc<dyn Clock>,
    held: Cache<Url, Arc<Held>>,
    flight: Flight<Outcome>,
}

impl KeysError {
    /// The sentence for whoever asked.
    pub fn public(&self) -> String {
        match self {
            Self::Fetch(error) => format!("the keys at `jwks_uri` cannot be fetched: {}", error.public()),
            other => other.to_string(),
        }
    }
}

impl ClientKeySets {
    /// Key sets; none is known yet.
    pub fn new(egress: Egress, clock: Arc<dyn Clock>) -> Self {
        let held = Cache::builder().max_capacity(CLIENTS).time_to_live(KEEP_MOST).build();
        Self { egress, clock, held, flight: Flight::default() }
    }

    /// The keys at `address`. If `kid` is given and not among those that are held, the client may have changed its
    /// keys: they are fetched again, at most twice a minute. The caller still has to find the key in the set.
    ///
    /// # Errors
    /// [`KeysError`], if no keys are held that are fresh enough.
    pub async fn find(&self, address: &Url, kid: Option<&str>) -> Result<Arc<KeySet>, Arc<KeysError>> {
        let now = self.clock.now();
        let held = self.held.get(address).filter(|held| now < held.expires_at);
        if let Some(held) = &held
            && (kid.is_none_or(|kid| has(&held.keys, kid)) || now.since(held.tried_at) < RETRY_UNKNOWN)
        {
            return Ok(held.keys.clone());
        }
        let outcome = self.flight.join(address.as_str(), || Box::pin(self.fetch(address))).await;
        match (outcome, held) {
            (Ok(fetched), _) => {
                self.held.insert(address.clone(), fetched.clone());
                Ok(fetched.keys.clone())
            }
            (Err(_), Some(held)) => {
                let tried = Held { keys: held.keys.clone(), expires_at: held.expires_at, tried_at: now };
                self.held.insert(address.clone(), Arc::new(tried));
                Ok(held.keys.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn fetch(&self, address: &Url) -> Outcome {
        self.try_fetch(address).await.map(Arc::new).map_err(Arc::new)
    }

    async fn try_fetch(&self, address: &Url) -> Result<Held, KeysError> {
        let url = FetchUrl::try_from(address.clone())?;
        let fetched = self.egress.get(&url, &FetchLimits::DOCUMENT).await?;
        let Value::Object(jwks) = json::parse(&fetched.body, &Limits::DOCUMENT)? else {
            return Err(KeysError::NotObject);
        };
        let keys = Arc::new(KeySet::from_jwks(&jwks, &Algorithm::PUBLIC)?);
        let now = self.clock.now();
        let expires_at = now.after(fetched.cache.keep_for(KEEP_LEAST, KEEP_MOST));
        Ok(Held { keys, expires_at, tried_at: now })
    }
}

fn has(keys: &KeySet, kid: &str) -> bool {
    keys.iter().filter_map(VerifyingKey::kid).any(|known| known == kid)
}
