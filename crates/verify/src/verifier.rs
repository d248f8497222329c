//! From the text of a token to what it says at one resource.

use crate::{TrustedIssuer, Unavailable};
use aws_lc_rs::digest::{SHA256, digest};
use moka::sync::Cache;
use prokura_core::{Clock, Timestamp};
use prokura_oauth::foreign::{ForeignError, ForeignToken, claimed};
use prokura_oauth::jose::KeySet;
use std::sync::Arc;
use std::time::Duration;

/// How many tokens are remembered, and how many that the issuer called inactive.
const REMEMBERED: u64 = 65_536;
const REFUSED: u64 = 16_384;
/// For how long an inactive token is not asked about again, at most.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// An issuer, and for whom its tokens must be.
pub struct Source {
    /// The issuer.
    pub issuer: Arc<TrustedIssuer>,
    /// The audiences that are accepted of it, to the byte; none are accepted if there are none.
    pub audiences: Vec<String>,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// It is no access token for this resource: 401.
    #[error(transparent)]
    Invalid(#[from] ForeignError),
    /// It is from no issuer that this resource believes, or opaque where no issuer is asked: 401.
    #[error("the token is from no issuer that is believed here")]
    UnknownIssuer,
    /// It cannot be judged now: 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A token that was verified.
#[derive(Debug)]
pub struct Verified<T> {
    /// What was made of it.
    pub value: T,
    /// Which of the sources it is from.
    pub source: usize,
    basis: Basis,
    until: Timestamp,
}

#[derive(Debug)]
enum Basis {
    Keys(Arc<KeySet>),
    Answer { again: Timestamp },
}

/// What a resource makes of a token of the source of that number.
pub type Read<T> = Box<dyn Fn(usize, ForeignToken) -> Result<T, ForeignError> + Send + Sync>;

/// Verifies the tokens of one resource.
pub struct Verifier<T> {
    sources: Vec<Source>,
    read: Read<T>,
    clock: Arc<dyn Clock>,
    remembered: Cache<[u8; 32], Arc<Verified<T>>>,
    refused: Cache<[u8; 32], Timestamp>,
}

impl<T: Send + Sync + 'static> Verifier<T> {
    /// A verifier that believes these issuers, and remembers what `read` makes of their tokens.
    pub fn new(sources: Vec<Source>, clock: Arc<dyn Clock>, read: Read<T>) -> Self {
        let (remembered, refused) = (Cache::new(REMEMBERED), Cache::new(REFUSED));
        Self { sources, read, clock, remembered, refused }
    }

    /// The issuers.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What is remembered of a token, if everything behind it still holds: its time, the issuer's keys, the answer of
    /// introspection. Asks nobody.
    pub fn recall(&self, token: &str) -> Option<Arc<Verified<T>>> {
        self.recall_by(&sha256(token), self.clock.now())
    }

    fn recall_by(&self, hash: &[u8; 32], now: Timestamp) -> Option<Arc<Verified<T>>> {
        let known = self.remembered.get(hash).filter(|known| now < known.until)?;
        let holds = match &known.basis {
            Basis::Keys(keys) => self
                .sources
                .get(known.source)
                .and_then(|s| s.issuer.current_keys(now))
                .is_some_and(|current| Arc::ptr_eq(keys, &current)),
            Basis::Answer { again } => now < *again,
        };
        holds.then_some(known)
    }

    /// Verifies a token, by what is remembered or anew.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified<T>>, Refusal> {
        let (hash, now) = (sha256(token), self.clock.now());
        if let Some(known) = self.recall_by(&hash, now) {
            return Ok(known);
        }
        let verified = match claimed(token) {
            Some((issuer, kid)) => self.signed(token, issuer.as_deref(), kid.as_deref()).await?,
            None => self.opaque(token, &hash).await?,
        };
        let verified = Arc::new(verified);
        self.remembered.insert(hash, Arc::clone(&verified));
        Ok(verified)
    }

    /// A signed token: judged by the keys of the issuer that it names, if that is believed here.
    async fn signed(
        &self,
        token: &str,
        issuer: Option<&str>,
        kid: Option<&str>,
    ) -> Result<Verified<T>, Refusal> {
        let found = self.sources.iter().position(|s| Some(s.issuer.issuer()) == issuer);
        let number = found.ok_or(Refusal::UnknownIssuer)?;
        let Source { issuer, audiences } = &self.sources[number];
        let keys = issuer.keys(kid).await?;
        let read = issuer.rules().verify(token, &keys, audiences, self.clock.now())?;
        let until = read.expires_at.after(issuer.rules().leeway);
        Ok(Verified { value: (self.read)(number, read)?, source: number, basis: Basis::Keys(keys), until })
    }

    /// An opaque token: shown to the one issuer of this resource that is asked about such, and to no other.
    async fn opaque(&self, token: &str, hash: &[u8; 32]) -> Result<Verified<T>, Refusal> {
        let found = self.sources.iter().position(|s| s.issuer.introspects());
        let number = found.ok_or(Refusal::UnknownIssuer)?;
        let Source { issuer, audiences } = &self.sources[number];
        let keep = issuer.keeps_answers().unwrap_or_default();
        let asked_at = self.clock.now();
        if self.refused.get(hash).is_some_and(|until| asked_at < until) {
            return Err(ForeignError::Inactive.into());
        }
        let answer = issuer.introspect(token).await?;
        // From when it was asked, not from when the answer came.
        let again = asked_at.after(keep);
        let read = issuer.rules().introspected(answer, audiences, self.clock.now(), again);
        let read = read.inspect_err(|_| {
            self.refused.insert(*hash, asked_at.after(keep.min(REFUSED_FOR)));
        })?;
        let until = read.expires_at.after(issuer.rules().leeway);
        Ok(Verified {
            value: (self.read)(number, read)?,
            source: number,
            basis: Basis::Answer { again },
            until,
        })
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}
