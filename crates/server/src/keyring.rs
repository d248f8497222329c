//! Signing keys: published before they sign, kept until what they signed has expired.
//!
//! Invariants: a private key leaves this module only sealed; of any number of processes on one store one makes the
//! next key.

use prokura_config::{Config, TokenAlgorithm};
use prokura_core::{Clock, Rng, Timestamp};
use prokura_oauth::jose::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey};
use prokura_oauth::json::{self, JsonError, Limits, Value};
use prokura_oauth::seal::{MasterKey, SealError, SealKey};
use prokura_store::{Key, Store, StoreError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// How long a key is published after what it signed has expired: for clocks that differ.
const MARGIN: Duration = Duration::from_secs(120);

/// What keeps the keys from being used.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be made or read.
    #[error("a signing key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// A public key cannot be read back.
    #[error("a stored public key cannot be read: {0}")]
    Json(#[from] JsonError),
    /// A key could not be sealed.
    #[error("a signing key cannot be sealed: {0}")]
    Seal(#[from] SealError),
    /// A stored key was sealed with another master key.
    #[error(
        "the signing key `{0}` was sealed with another master key: start with the `master_key` of this database"
    )]
    OtherMaster(String),
}

/// A key that may sign from some time on.
struct Signer {
    from: Timestamp,
    key: Arc<SigningKey>,
}

/// The keys of this server.
pub struct KeyRing {
    store: Store,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    seal: SealKey,
    algorithm: Algorithm,
    /// By which events that are sent, and transaction tokens, are signed, where that is another.
    also: Vec<Algorithm>,
    /// By which transaction tokens are signed.
    of_transactions: Algorithm,
    every: Duration,
    ahead: Duration,
    /// How long a token lives at most.
    life: Duration,
    /// In the order in which they begin to sign.
    signers: RwLock<Vec<Signer>>,
    published: watch::Sender<Arc<KeySet>>,
}

impl KeyRing {
    /// Reads the keys, or makes the first.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub async fn open(
        config: &Config,
        store: Store,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        master: &MasterKey,
    ) -> Result<Self, KeyRingError> {
        let ring = Self {
            store,
            clock,
            rng,
            seal: master.seal_key("signing keys")?,
            algorithm: algorithm(config.tokens.algorithm),
            also: also(config),
            of_transactions: algorithm(config.transaction_tokens.algorithm),
            every: config.keys.rotate_every.get(),
            ahead: config.keys.publish_before.get(),
            life: config.access_life(),
            signers: RwLock::default(),
            published: watch::Sender::new(Arc::new(KeySet::default())),
        };
        ring.maintain().await?;
        Ok(ring)
    }

    /// Makes the next key if it is time, retires old ones, and takes in what other processes made. To be called
    /// every minute.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub async fn maintain(&self) -> Result<(), KeyRingError> {
        let now = self.clock.now();
        let mut keys = self.store.read(move |tx| tx.keys(now)).await?;
        for algorithm in self.algorithms() {
            if let Some(begins) = self.next_begins(&keys, algorithm, now) {
                keys = self.add(algorithm, begins, now).await?;
            }
        }
        let retire = self.to_retire(&keys, now);
        if !retire.is_empty() {
            self.store
                .transact(move |tx| retire.iter().try_for_each(|(kid, at)| tx.retire_key(kid, *at).map(drop)))
                .await?;
        }
        self.load(&keys)
    }

    /// Makes the next key before its time: it signs at once, or when every verifier has had `publish_before` to
    /// learn of it. Says when. The servers on this store take it in within a minute.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub async fn rotate(&self, at_once: bool) -> Result<Timestamp, KeyRingError> {
        let now = self.clock.now();
        let begins = if at_once { now } else { now.after(self.ahead) };
        let fresh = self.algorithms().map(|a| self.sealed(a, begins, now)).collect::<Result<Vec<_>, _>>()?;
        self.store
            .transact::<_, StoreError>(move |tx| {
                for key in &fresh {
                    tx.insert_key(key)?;
                    tx.record(made(key, now));
                }
                Ok(())
            })
            .await?;
        self.maintain().await?;
        Ok(begins)
    }

    /// The key that signs at `now`.
    pub(crate) fn signer(&self, now: Timestamp) -> Option<Arc<SigningKey>> {
        self.signer_of(self.algorithm, now)
    }

    /// The key that signs by this algorithm at `now`: the one of tokens, or the one of events that are sent.
    pub(crate) fn signer_of(&self, algorithm: Algorithm, now: Timestamp) -> Option<Arc<SigningKey>> {
        let signers = self.signers.read().unwrap_or_else(PoisonError::into_inner);
        let of_it = || signers.iter().filter(|s| s.key.algorithm() == algorithm);
        let begun = of_it().rev().find(|s| s.from <= now);
        begun.or(of_it().next()).map(|s| Arc::clone(&s.key))
    }

    /// The key that signs transaction tokens at `now`.
    pub(crate) fn transactions(&self, now: Timestamp) -> Option<Arc<SigningKey>> {
        self.signer_of(self.of_transactions, now)
    }

    fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        [self.algorithm].into_iter().chain(self.also.iter().copied())
    }

    /// The published keys, and whoever waits hears of changes.
    pub fn watch(&self) -> watch::Receiver<Arc<KeySet>> {
        self.published.subscribe()
    }

    /// The published keys.
    pub(crate) fn published(&self) -> Arc<KeySet> {
        Arc::clone(&self.published.borrow())
    }

    /// When a key that is to be made now begins to sign; `None` if none is to be made.
    fn next_begins(&self, keys: &[Key], algorithm: Algorithm, now: Timestamp) -> Option<Timestamp> {
        next_begins(keys, algorithm.as_str(), self.every, self.ahead, now)
    }

    /// Stores a new key, unless another process was quicker; all keys then.
    async fn add(
        &self,
        algorithm: Algorithm,
        begins: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Key>, KeyRingError> {
        let fresh = self.sealed(algorithm, begins, now)?;
        let (alg, every, ahead) = (algorithm.as_str(), self.every, self.ahead);
        let keys = self
            .store
            .transact(move |tx| {
                if next_begins(&tx.keys(now)?, alg, every, ahead, now) == Some(begins) {
                    tx.insert_key(&fresh)?;
                    tx.record(made(&fresh, now));
                }
                tx.keys(now)
            })
            .await?;
        Ok(keys)
    }

    fn sealed(&self, algorithm: Algorithm, begins: Timestamp, now: Timestamp) -> Result<Key, KeyRingError> {
        let key = SigningKey::generate(algorithm)?;
        let sealed = self.seal.seal(&key.to_pkcs8()?, key.kid().as_bytes(), &*self.rng)?;
        Ok(Key {
            kid: key.kid().to_owned(),
            alg: algorithm.as_str().to_owned(),
            sealed: sealed.into_bytes(),
            public_jwk: Value::Object(key.public().to_jwk()).to_string(),
            not_before: begins,
            retire_at: None,
            created_at: now,
        })
    }

    /// The keys whose successor signs: they go when the last token they signed has expired.
    fn to_retire(&self, keys: &[Key], now: Timestamp) -> Vec<(String, Timestamp)> {
        let begun: Vec<_> = keys.iter().filter(|k| k.not_before <= now).collect();
        let newest_of = |algorithm: Algorithm| begun.iter().rfind(|k| k.alg == algorithm.as_str());
        let Some(of_tokens) = newest_of(self.algorithm) else { return Vec::new() };
        let others: Vec<_> = self.also.iter().filter_map(|a| newest_of(*a)).collect();
        // The successor of a key signs by the same algorithm, or by that of tokens if its own is no longer used.
        let successor =
            |k: &Key| others.iter().find(|newest| newest.alg == k.alg).copied().unwrap_or(of_tokens);
        let old = begun.iter().filter(|k| successor(k).kid != k.kid && k.retire_at.is_none());
        let least = now.after(self.life).after(MARGIN);
        old.map(|k| (k.kid.clone(), successor(k).not_before.after(self.life).after(MARGIN).max(least)))
            .collect()
    }

    fn load(&self, keys: &[Key]) -> Result<(), KeyRingError> {
        let mut signers = Vec::new();
        let mut public = Vec::new();
        for key in keys {
            public.push(public_key(key)?);
            let algorithm = self.algorithms().find(|a| a.as_str() == key.alg);
            if let Some(algorithm) = algorithm {
                signers.push(Signer { from: key.not_before, key: Arc::new(self.open_key(key, algorithm)?) });
            }
        }
        *self.signers.write().unwrap_or_else(PoisonError::into_inner) = signers;
        let set = KeySet::of(public)?;
        self.published.send_if_modified(|known| {
            let changed = known.to_jwks() != set.to_jwks();
            if changed {
                *known = Arc::new(set);
            }
            changed
        });
        Ok(())
    }

    fn open_key(&self, key: &Key, algorithm: Algorithm) -> Result<SigningKey, KeyRingError> {
        let other = || KeyRingError::OtherMaster(key.kid.clone());
        let sealed = std::str::from_utf8(&key.sealed).map_err(|_| other())?;
        let der = self.seal.open(sealed, key.kid.as_bytes()).ok_or_else(other)?;
        Ok(SigningKey::from_pkcs8(algorithm, &key.kid, &der)?)
    }
}

/// When a key that is to be made now begins to sign: at once if none of this algorithm is to stay, or when the
/// newest has signed for its time; `None` if that is still far.
fn next_begins(
    keys: &[Key],
    alg: &str,
    every: Duration,
    ahead: Duration,
    now: Timestamp,
) -> Option<Timestamp> {
    let Some(newest) = keys.iter().rfind(|k| k.alg == alg && k.retire_at.is_none()) else { return Some(now) };
    let begins = newest.not_before.after(every);
    (now.after(ahead) >= begins).then(|| begins.max(now.after(ahead)))
}

fn public_key(key: &Key) -> Result<VerifyingKey, KeyRingError> {
    let jwk = json::parse(key.public_jwk.as_bytes(), &Limits::DOCUMENT)?;
    let algorithm = Algorithm::parse(&key.alg).ok_or(KeyError::Algorithm)?;
    Ok(VerifyingKey::from_jwk(jwk.as_object().ok_or(KeyError::Set)?, &[algorithm])?)
}

fn made(key: &Key, now: Timestamp) -> prokura_ledger::Event {
    use prokura_ledger::{Event, EventKind, Outcome};
    // The trace of what the system does by itself is the thing it does it to.
    let trace = prokura_core::TraceId::parse(format!("tr_key_{}", key.kid))
        .unwrap_or_else(|_| prokura_core::TraceId::random(&prokura_core::SystemRng));
    let mut event = Event::new(EventKind::System, "key:make", Outcome::Permit, now, trace);
    event.details.insert("kid", key.kid.as_str().into());
    event.details.insert("begins", key.not_before.seconds().into());
    event
}

/// The algorithms of events that are sent and of transaction tokens, where they are not the one of tokens.
fn also(config: &Config) -> Vec<Algorithm> {
    let (send, transactions) = (&config.signals.send, &config.transaction_tokens);
    let events = send.enabled.then(|| algorithm(send.algorithm));
    let transactions = transactions.trust_domain.as_ref().map(|_| algorithm(transactions.algorithm));
    let mut also: Vec<_> = events.into_iter().chain(transactions).collect();
    also.dedup();
    also.retain(|a| *a != algorithm(config.tokens.algorithm));
    also
}

pub(crate) fn algorithm(configured: TokenAlgorithm) -> Algorithm {
    match configured {
        TokenAlgorithm::ES256 => Algorithm::Es256,
        TokenAlgorithm::EdDSA => Algorithm::EdDsa,
        TokenAlgorithm::RS256 => Algorithm::Rs256,
    }
}
