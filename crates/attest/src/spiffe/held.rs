//! The bundle of one trust domain, as it is held and renewed.

use super::place::BundlePlace;
use prokura_core::{Clock, Timestamp};
use prokura_egress::BoxFuture;
use prokura_oauth::jose::KeySet;
use prokura_spiffe::{Bundle, TrustDomain};
use prokura_verify::{KeySource, Unavailable};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// A bundle without a hint is fresh for so long (SPIFFE Trust Domain and Bundle §6.1).
const FRESH: Duration = Duration::from_secs(300);
/// However short its hint, it is fresh for so long.
const FRESH_LEAST: Duration = Duration::from_secs(1);
/// What is on this machine is looked at again this soon: it costs next to nothing.
const FRESH_HERE: Duration = Duration::from_secs(10);
/// What cannot be had is tried again this seldom while an older one may still be used, and this seldom without one.
const RETRY: Duration = Duration::from_secs(10);
const RETRY_WITHOUT: Duration = Duration::from_secs(2);
/// So many fetches for the sake of SVIDs that a fresh bundle does not know, and one more after each such span: enough for
/// any rotation, and too few to be a burden to the endpoint, whatever strangers make up.
const BUDGET: u32 = 10;
const BUDGET_SPAN: Duration = Duration::from_secs(6);

/// The bundle of one trust domain.
pub struct TrustBundle {
    domain: TrustDomain,
    place: BundlePlace,
    max_age: Duration,
    clock: Arc<dyn Clock>,
    held: RwLock<Held>,
    flight: Mutex<()>,
}

#[derive(Default)]
struct Held {
    known: Option<Known>,
    tried_at: Option<Timestamp>,
    failure: Option<Unavailable>,
    /// How many fetches have begun.
    begun: u64,
    spent: u32,
    /// From when on what was spent comes back.
    spent_at: Option<Timestamp>,
}

struct Known {
    bundle: Arc<Bundle>,
    fresh_until: Timestamp,
    usable_until: Timestamp,
}

impl TrustBundle {
    /// The bundle of `domain`; nothing is fetched before the first SVID. One that cannot be had anew is used for
    /// `max_age`.
    pub fn new(domain: TrustDomain, place: BundlePlace, max_age: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { domain, place, max_age, clock, held: RwLock::default(), flight: Mutex::default() }
    }

    /// Whose bundle it is.
    pub fn domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// The bundle that counts now: the one that is held, or a new one if that is old, or lacks what is needed.
    ///
    /// # Errors
    /// [`Unavailable`] if there is none that may still be used.
    pub async fn bundle(
        &self,
        lacks: impl Fn(&Arc<Bundle>) -> bool + Send,
    ) -> Result<Arc<Bundle>, Unavailable> {
        let (asked, now) = (self.begun(), self.clock.now());
        if let Some(enough) = self.enough(&lacks, now) {
            return enough;
        }
        let _seat = self.flight.lock().await;
        let now = self.clock.now();
        if let Some(enough) = self.enough(&lacks, now) {
            return enough;
        }
        // What was fetched while this one waited is as new as what it would fetch.
        if self.begun() == asked && self.may_fetch(now) {
            self.renew(now).await;
        }
        self.usable(now)
    }

    fn begun(&self) -> u64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).begun
    }

    /// What can be said without asking: a bundle that will do, or a failure that is too recent to try again.
    fn enough(
        &self,
        lacks: &impl Fn(&Arc<Bundle>) -> bool,
        now: Timestamp,
    ) -> Option<Result<Arc<Bundle>, Unavailable>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = held.known.as_ref().filter(|known| now < known.usable_until) else {
            return held.failure.clone().filter(|_| held.tried_within(RETRY_WITHOUT, now)).map(Err);
        };
        let current = now < known.fresh_until || (held.failure.is_some() && held.tried_within(RETRY, now));
        (current && !lacks(&known.bundle)).then(|| Ok(Arc::clone(&known.bundle)))
    }

    fn usable(&self, now: Timestamp) -> Result<Arc<Bundle>, Unavailable> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let known = held.known.as_ref().filter(|known| now < known.usable_until);
        known.map(|known| Arc::clone(&known.bundle)).ok_or_else(|| {
            let none = || self.unavailable("nothing was fetched yet");
            held.failure.clone().unwrap_or_else(none)
        })
    }

    /// A bundle that is old, or not there, may be fetched; one that is fresh only within the budget.
    fn may_fetch(&self, now: Timestamp) -> bool {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = held.known.as_ref().is_some_and(|known| now < known.fresh_until);
        if !fresh && (held.failure.is_none() || !held.tried_within(RETRY_WITHOUT, now)) {
            return true;
        }
        held.spend(now)
    }

    async fn renew(&self, now: Timestamp) {
        let held_now = {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            held.begun += 1;
            held.tried_at = Some(now);
            held.known.as_ref().filter(|k| now < k.usable_until).map(|k| Arc::clone(&k.bundle))
        };
        let fetched = self.place.fetch(&self.domain, held_now).await;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(bundle) => {
                held.failure = None;
                self.take(&mut held, bundle, now);
            }
            Err(cause) => {
                tracing::warn!(trust_domain = %self.domain, %cause, "the bundle of a trust domain is not known anew");
                held.failure = Some(self.unavailable(&cause));
            }
        }
    }

    fn take(&self, held: &mut Held, bundle: Bundle, now: Timestamp) {
        let usual = if self.place.is_here() { FRESH_HERE } else { FRESH };
        let hinted = bundle.refresh_hint().unwrap_or(usual);
        let hinted = if self.place.is_here() { hinted.min(FRESH_HERE) } else { hinted };
        let fresh = hinted.min(self.max_age / 2).max(FRESH_LEAST);
        let fresh_until = now.after(fresh);
        if let Some(known) = held.known.as_mut().filter(|known| now < known.usable_until)
            && bundle.sequence().zip(known.bundle.sequence()).is_some_and(|(new, old)| new < old)
        {
            // An old one would bring withdrawn keys back.
            tracing::warn!(trust_domain = %self.domain, "a bundle is older than the one before, and is not taken");
            known.fresh_until = fresh_until;
            return;
        }
        let (keys, authorities) = bundle.counts();
        tracing::debug!(trust_domain = %self.domain, keys, authorities, "the bundle of a trust domain");
        held.known =
            Some(Known { bundle: Arc::new(bundle), fresh_until, usable_until: now.after(self.max_age) });
    }

    fn unavailable(&self, cause: &str) -> Unavailable {
        Unavailable::Bundle { domain: self.domain.to_string(), cause: cause.into() }
    }
}

impl Held {
    fn tried_within(&self, span: Duration, now: Timestamp) -> bool {
        self.tried_at.is_some_and(|at| now.since(at) < span)
    }

    /// Whether there was something left of the budget.
    fn spend(&mut self, now: Timestamp) -> bool {
        let since = self.spent_at.map_or(Duration::MAX, |at| now.since(at));
        let back = u32::try_from(since.as_secs() / BUDGET_SPAN.as_secs()).unwrap_or(BUDGET);
        if back > 0 {
            self.spent = self.spent.saturating_sub(back);
            self.spent_at = Some(now);
        }
        let some = self.spent < BUDGET;
        self.spent += u32::from(some);
        some
    }
}

impl KeySource for TrustBundle {
    fn keys<'a>(&'a self, kid: Option<&'a str>) -> BoxFuture<'a, Result<Arc<KeySet>, Unavailable>> {
        Box::pin(async move {
            let bundle = self.bundle(|held| kid.is_some_and(|kid| !held.has_key(kid))).await?;
            Ok(Arc::clone(bundle.jwt_keys()))
        })
    }
}
