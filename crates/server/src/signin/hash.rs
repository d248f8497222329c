//! Passwords: Argon2id, a bounded number at once, a bounded number waiting.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use prokura_core::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// The longest password, in characters: longer ones are refused before they cost anything.
pub const MAX_PASSWORD: usize = 128;
/// The shortest password that is taken for a new one, in characters.
pub const MIN_PASSWORD: usize = 12;

/// Verified where there is no user or no password, so that their absence takes as long. No password is known that
/// has this hash. It stands here, for making one at every start would take 19 MiB that nobody gives back.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCAxNg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and verifies passwords. Each takes 19 MiB and some 20 ms, so few run at once and few wait.
pub(crate) struct Hasher {
    argon: Argon2<'static>,
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    checked: AtomicU64,
}

/// Why a password was not looked at.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many are waiting.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// The hash could not be made or read.
    #[error("a password could not be hashed: {0}")]
    Failed(String),
}

impl From<argon2::password_hash::Error> for HashError {
    fn from(error: argon2::password_hash::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Hasher {
    const MAX_WAITING: usize = 64;

    /// At most `workers` at once.
    pub(crate) fn new(workers: u8) -> Result<Self, HashError> {
        let params = Params::new(19 * 1024, 2, 1, None).map_err(|e| HashError::Failed(e.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self {
            argon,
            permits: Arc::new(Semaphore::new(usize::from(workers.max(1)))),
            waiting: Arc::default(),
            checked: AtomicU64::new(0),
        })
    }

    /// The hash of a new password, in PHC form.
    pub(crate) async fn hash(&self, password: String, rng: &dyn Rng) -> Result<String, HashError> {
        let argon = self.argon.clone();
        let salt = salt(rng);
        self.run(move || Ok(argon.hash_password_with_salt(password.as_bytes(), &salt)?.to_string())).await
    }

    /// Whether `password` is the one of `hash`; without a hash it takes as long and is not.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, HashError> {
        let (argon, known) = (self.argon.clone(), hash.is_some());
        let hash = hash.unwrap_or_else(|| DECOY.to_owned());
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(|e| HashError::Failed(e.to_string()))?;
            Ok(argon.verify_password(password.as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    /// How many passwords were checked.
    pub(crate) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let _place = Place::take(&self.waiting, Self::MAX_WAITING).ok_or(HashError::Busy)?;
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| HashError::Busy)?;
        // The permit goes along: a caller who goes away does not free the processor.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await.map_err(|e| HashError::Failed(e.to_string()))?
    }
}

fn salt(rng: &dyn Rng) -> [u8; 16] {
    let mut salt = [0; 16];
    rng.fill(&mut salt);
    salt
}

/// The hash of a new password, for a command that runs alone.
///
/// # Errors
/// [`HashError::Failed`].
pub(crate) fn hash_now(password: &str, rng: &dyn Rng) -> Result<String, HashError> {
    let hasher = Hasher::new(1)?;
    Ok(hasher.argon.hash_password_with_salt(password.as_bytes(), &salt(rng))?.to_string())
}

/// A place among those who wait; given back when dropped, also when the visitor has gone.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(waiting));
        (place.0.fetch_add(1, Ordering::SeqCst) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::SeededRng;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let hasher = Hasher::new(2).unwrap();
        let hash = hasher.hash("correct horse".into(), &SeededRng::new(1)).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("Correct horse".into(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn the_decoy_lets_nobody_in() {
        let hasher = Hasher::new(2).unwrap();
        assert!(!hasher.verify("nobody's password".into(), None).await.unwrap());
        let real = hasher.hash("a password".into(), &SeededRng::new(1)).await.unwrap();
        let (real, decoy) = (PasswordHash::new(&real).unwrap(), PasswordHash::new(DECOY).unwrap());
        assert_eq!(
            (&real.algorithm, real.version, &real.params),
            (&decoy.algorithm, decoy.version, &decoy.params)
        );
        let length = |h: &PasswordHash| h.hash.as_ref().map(|h| h.as_bytes().len());
        assert_eq!(length(&real), length(&decoy), "it costs what a real one costs");
    }

    #[tokio::test]
    async fn a32_few_run_and_few_wait() {
        let hasher = Hasher::new(1).unwrap();
        let all = futures_util::future::join_all((0..200).map(|_| hasher.verify("x".into(), None))).await;
        let busy = all.iter().filter(|r| matches!(r, Err(HashError::Busy))).count();
        assert_eq!(busy, 200 - Hasher::MAX_WAITING);
        assert_eq!(hasher.waiting.load(Ordering::SeqCst), 0);
        assert!(hasher.verify("x".into(), None).await.is_ok());
    }
}
