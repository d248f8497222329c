//! The keys of an issuer: fetched when they are needed, again when one is unknown or they are no longer fresh, each no
//! more often than twice a minute, and not used for ever if they cannot be confirmed.

use crate::Unavailable;
use crate::metadata::{Line, Metadata};
use aws_lc_rs::digest::{SHA256, digest};
use prokura_core::Timestamp;
use prokura_egress::{CacheControl, FetchUrl};
use prokura_oauth::jose::{Algorithm, KeySet, VerifyingKey};
use prokura_oauth::json::Object;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// Keys are fresh for what `Cache-Control` says, within these bounds.
const FRESH_LEAST: Duration = Duration::from_secs(60);
const FRESH_MOST: Duration = Duration::from_secs(15 * 60);
/// An unknown `kid`, or keys that are no longer fresh, lead to a fetch this seldom, whoever makes them up.
const RETRY: Duration = Duration::from_secs(30);
/// With no keys at all, it is tried again this soon.
const RETRY_WITHOUT: Duration = Duration::from_secs(2);

/// What is known of an issuer's keys.
#[derive(Default)]
struct Held {
    keys: Option<Known>,
    /// When it was last tried to fetch them, with or without success.
    tried_at: Option<Timestamp>,
    /// When they were last fetched for the sake of a `kid` that was unknown.
    missed_at: Option<Timestamp>,
    failure: Option<Unavailable>,
}

struct Known {
    set: Arc<KeySet>,
    /// Of the bytes, so that the same keys stay the same value and no remembered token is verified anew.
    hash: Vec<u8>,
    fresh_until: Timestamp,
    usable_until: Timestamp,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone)]
pub enum KeyPlace {
    /// Where its metadata say.
    Metadata,
    /// At this address.
    At(FetchUrl),
    /// In this file, a JWK set, which is read again as keys are fetched again.
    File(PathBuf),
    /// Here: a JWK set as text.
    Given(String),
}

/// The keys of one issuer.
pub(crate) struct Keys {
    line: Line,
    place: KeyPlace,
    algorithms: Vec<Algorithm>,
    max_age: Duration,
    held: RwLock<Held>,
    flight: Mutex<()>,
}

impl Keys {
    /// Keys at `place`.
    pub(crate) fn new(line: Line, place: KeyPlace, algorithms: Vec<Algorithm>, max_age: Duration) -> Self {
        Self { line, place, algorithms, max_age, held: RwLock::default(), flight: Mutex::default() }
    }

    /// The keys that may be used now, if any are known, and whether they should be fetched again.
    pub(crate) fn current(&self, now: Timestamp) -> Option<(Arc<KeySet>, bool)> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let known = held.keys.as_ref().filter(|known| now < known.usable_until)?;
        let old = now >= known.fresh_until && !tried_within(&held, RETRY, now);
        Some((Arc::clone(&known.set), old))
    }

    /// Keys for a token with this `kid`. The caller still has to find the key in the set.
    pub(crate) async fn find(
        &self,
        kid: Option<&str>,
        metadata: &Metadata,
    ) -> Result<Arc<KeySet>, Unavailable> {
        if let Some(known) = self.enough(kid, self.line.clock.now()) {
            return known;
        }
        let _seat = self.flight.lock().await;
        let now = self.line.clock.now();
        if let Some(known) = self.enough(kid, now) {
            return known;
        }
        if self.is_fresh(now) {
            self.held.write().unwrap_or_else(PoisonError::into_inner).missed_at = Some(now);
        }
        self.refresh(metadata, now).await;
        match self.current(now) {
            Some((set, _)) => Ok(set),
            None => Err(self.failure()),
        }
    }

    /// What can be said without asking: keys that will do, or a failure that is too recent to try again.
    fn enough(&self, kid: Option<&str>, now: Timestamp) -> Option<Result<Arc<KeySet>, Unavailable>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = held.keys.as_ref().filter(|known| now < known.usable_until) else {
            let recent = tried_within(&held, RETRY_WITHOUT, now);
            return held.failure.clone().filter(|_| recent).map(Err);
        };
        let fresh = now < known.fresh_until;
        let enough = match (fresh, kid.is_none_or(|kid| has(&known.set, kid))) {
            (true, true) => true,
            // A key that was made just after they were fetched is found at once; made-up ones lead to few fetches.
            (true, false) => tried_within(&held, RETRY_WITHOUT, now) || within(held.missed_at, RETRY, now),
            (false, _) => tried_within(&held, RETRY, now),
        };
        enough.then(|| Ok(Arc::clone(&known.set)))
    }

    /// Whether keys are there and fresh, so that only an unknown `kid` can be the reason to fetch them.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.keys.as_ref().is_some_and(|known| now < known.fresh_until)
    }

    fn failure(&self) -> Unavailable {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let missing = || Unavailable::Missing { issuer: self.line.issuer.clone(), member: "jwks_uri" };
        held.failure.clone().unwrap_or_else(missing)
    }

    /// Fetches the keys and notes the outcome.
    pub(crate) async fn refresh(&self, metadata: &Metadata, now: Timestamp) {
        self.held.write().unwrap_or_else(PoisonError::into_inner).tried_at = Some(now);
        let fetched = self.fetch(metadata, now).await;
        if let Err(error) = &fetched {
            tracing::warn!(%error, "keys that verify tokens are not known anew");
            // The address may have changed.
            metadata.forget().await;
        }
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(mut fetched) => {
                if let Some(before) = held.keys.as_ref().filter(|before| before.hash == fetched.hash) {
                    fetched.set = Arc::clone(&before.set);
                }
                held.keys = Some(fetched);
                held.failure = None;
            }
            Err(error) => held.failure = Some(error),
        }
    }

    /// Fetches once for all who find at the same time that the keys are old.
    pub(crate) async fn renew(&self, metadata: &Metadata) {
        let Ok(_seat) = self.flight.try_lock() else { return };
        let now = self.line.clock.now();
        if self.current(now).is_none_or(|(_, old)| old) {
            self.refresh(metadata, now).await;
        }
    }

    async fn fetch(&self, metadata: &Metadata, now: Timestamp) -> Result<Known, Unavailable> {
        let (jwks, bytes, cache) = self.document(metadata).await?;
        let refused = |error| Unavailable::Keys { issuer: self.line.issuer.clone(), error };
        let set = Arc::new(KeySet::from_jwks(&jwks, &self.algorithms).map_err(refused)?);
        Ok(Known {
            set,
            hash: digest(&SHA256, &bytes).as_ref().to_vec(),
            fresh_until: now.after(cache.keep_for(FRESH_LEAST, FRESH_MOST)),
            usable_until: now.after(self.max_age),
        })
    }

    async fn document(&self, metadata: &Metadata) -> Result<(Object, Vec<u8>, CacheControl), Unavailable> {
        let what = "the key set";
        let local = |bytes: Vec<u8>| Ok((self.line.object(what, &bytes)?, bytes, CacheControl::default()));
        match &self.place {
            KeyPlace::At(url) => self.line.get(what, url, true).await,
            KeyPlace::File(path) => local(self.line.read(what, path).await?),
            KeyPlace::Given(text) => local(text.clone().into_bytes()),
            KeyPlace::Metadata => {
                let missing = Unavailable::Missing { issuer: self.line.issuer.clone(), member: "jwks_uri" };
                let named = metadata.find().await?.jwks_uri.clone().ok_or(missing)?;
                let url = self.line.address(what, &named)?;
                // A document does not lead the token that is ours to anybody but who served the document.
                let same_place = metadata.is_at_origin_of(&url);
                self.line.get(what, &url, same_place).await
            }
        }
    }
}

fn tried_within(held: &Held, span: Duration, now: Timestamp) -> bool {
    within(held.tried_at, span, now)
}

fn within(at: Option<Timestamp>, span: Duration, now: Timestamp) -> bool {
    at.is_some_and(|at| now.since(at) < span)
}

fn has(keys: &KeySet, kid: &str) -> bool {
    keys.iter().filter_map(VerifyingKey::kid).any(|known| known == kid)
}
