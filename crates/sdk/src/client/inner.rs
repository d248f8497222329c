//! What a client knows, and how it renews it: one at a time in this process and in all others that share the store.

use super::dpop::Dpop;
use super::error::ClientError;
use super::kept::{Kept, expiry};
use super::means::Means;
use super::obtain::Challenged;
use super::server::ServerUrl;
use super::software::Software;
use super::store::{Held, Store};
use super::way::Way;
use prokura_core::{ScopeSet, Timestamp};
use prokura_egress::Upstream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) struct Inner {
    pub(crate) means: Means,
    pub(crate) upstream: Upstream,
    pub(crate) server: ServerUrl,
    pub(crate) software: Software,
    pub(crate) way: Way,
    pub(crate) store: Arc<dyn Store>,
    /// Under which the tokens are kept.
    pub(crate) name: String,
    pub(crate) dpop: Dpop,
    pub(crate) scopes: ScopeSet,
    /// Whether those are all that is asked for.
    pub(crate) exact: bool,
    pub(crate) state: Mutex<State>,
    /// Whose turn it is in this process; the store's lock is for the others.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

/// What is known without asking the store.
#[derive(Debug, Default)]
pub(crate) struct State {
    kept: Option<Arc<Kept>>,
    /// How long the token lives in all, if that is known.
    life: Option<Duration>,
    loaded: bool,
    renewing: bool,
}

/// Why a token has to be renewed.
#[derive(Debug, Clone)]
pub(crate) enum Need {
    /// It ended, will end soon, or there is none.
    Fresh,
    /// The server refused it, or asks for one.
    Refused(Challenged),
    /// It lacks scopes.
    Scopes(Challenged),
    /// The person has to sign in anew: more surely, or because it is too long ago.
    SignIn(Challenged),
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.means.clock.now()
    }

    /// What is held, as this process knows it.
    pub(crate) async fn held(&self) -> Result<Option<Arc<Kept>>, ClientError> {
        {
            let state = self.state();
            if state.loaded {
                return Ok(state.kept.clone());
            }
        }
        let kept = self.read(self.store.read(&self.name).await?)?;
        let mut state = self.state();
        state.loaded = true;
        if state.kept.is_none() {
            state.kept = kept.map(Arc::new);
        }
        Ok(state.kept.clone())
    }

    fn read(&self, document: Option<Vec<u8>>) -> Result<Option<Kept>, ClientError> {
        Ok(document.map(|d| Kept::read(&d, &self.name)).transpose()?)
    }

    /// From now on this is what is held.
    fn hold(&self, kept: Option<Kept>) -> Option<Arc<Kept>> {
        let now = self.now();
        let mut state = self.state();
        state.loaded = true;
        state.life = kept.as_ref().and_then(|k| k.expires_at).map(|t| t.since(now));
        state.kept = kept.map(Arc::new);
        state.kept.clone()
    }

    /// A token that works, as far as this process can know: renewed if it ended, and renewed beside if it is about to.
    pub(crate) async fn working(self: &Arc<Self>) -> Result<Option<Arc<Kept>>, ClientError> {
        let Some(kept) = self.held().await? else { return Ok(None) };
        if !kept.is_fresh(self.now()) {
            return self.renew(Some(kept), Need::Fresh).await.map(Some);
        }
        self.renew_beside(&kept);
        Ok(Some(kept))
    }

    /// Renews a token that is about to end, without anybody waiting for it.
    pub(crate) fn renew_beside(self: &Arc<Self>, kept: &Arc<Kept>) {
        {
            let mut state = self.state();
            if state.renewing || !kept.is_due(self.now(), state.life, self.way.is_alone()) {
                return;
            }
            state.renewing = true;
        }
        let (inner, kept) = (self.clone(), kept.clone());
        tokio::spawn(async move {
            if let Err(error) = inner.clone().renewed(Some(kept), Need::Fresh, !inner.way.is_alone()).await {
                // The old token still works for a while; whoever needs a new one then hears of it.
                tracing::debug!(%error, "a token could not be renewed before its end");
            }
            inner.state().renewing = false;
        });
    }

    /// Renews on a task of its own: whoever asked may go away, but an answer that was rotated must be kept.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        seen: Option<Arc<Kept>>,
        need: Need,
    ) -> Result<Arc<Kept>, ClientError> {
        let work = tokio::spawn(self.clone().renewed(seen, need, false));
        work.await.map_err(|_| ClientError::Interrupted)?
    }

    /// Renews under the lock. `seen` is what was held when the need arose: if something else is kept by now, somebody
    /// else was faster, and that is used.
    async fn renewed(
        self: Arc<Self>,
        seen: Option<Arc<Kept>>,
        need: Need,
        only_refresh: bool,
    ) -> Result<Arc<Kept>, ClientError> {
        let _turn = self.turn.lock().await;
        let mut held = self.store.lock(&self.name).await?;
        let kept = self.read(held.read().await?)?;
        if let Some(newer) = kept.as_ref().filter(|k| self.helps(k, seen.as_deref(), &need)) {
            return self.holding(newer.clone());
        }
        let renewed = match need {
            Need::Fresh => self.refreshed_or_new(kept, &mut *held, None, only_refresh).await?,
            Need::Refused(challenge) => {
                self.refreshed_or_new(kept, &mut *held, Some(challenge), false).await?
            }
            Need::Scopes(challenge) | Need::SignIn(challenge) => {
                let found = self.discover(&challenge, kept.as_ref()).await?;
                self.obtain(&found, &challenge, kept.as_ref()).await?
            }
        };
        held.write(Some(&renewed.to_vec())).await?;
        self.holding(renewed)
    }

    fn holding(&self, kept: Kept) -> Result<Arc<Kept>, ClientError> {
        self.hold(Some(kept)).ok_or(ClientError::Interrupted)
    }

    /// Whether what somebody else put there meets the need.
    fn helps(&self, kept: &Kept, seen: Option<&Kept>, need: &Need) -> bool {
        let other = seen.is_none_or(|s| s.access_token != kept.access_token);
        let wide = match need {
            Need::Scopes(challenge) => {
                challenge.scope.as_ref().is_some_and(|s| s.is_within(&kept.granted.union(&kept.asked)))
            }
            Need::Fresh | Need::Refused(_) | Need::SignIn(_) => true,
        };
        other && wide && kept.is_fresh(self.now())
    }

    /// By the refresh token if there is one that works and its issuer is still the server's; else anew.
    async fn refreshed_or_new(
        &self,
        mut kept: Option<Kept>,
        held: &mut dyn Held,
        challenge: Option<Challenged>,
        only_refresh: bool,
    ) -> Result<Kept, ClientError> {
        let mut found = None;
        if let Some(challenge) = &challenge {
            found = Some(self.discover(challenge, kept.as_ref()).await?);
        }
        let still = |k: &Kept| found.as_ref().is_none_or(|f| f.issuer.issuer == k.issuer);
        if let Some(old) = kept.as_mut().filter(|k| k.refresh_token.is_some() && still(k)) {
            match self.refresh(old).await {
                Ok(renewed) => return Ok(renewed),
                Err(ClientError::Token(error)) if error.ends_the_login() => {
                    // It will never work again, and nobody else need try.
                    old.refresh_token = None;
                    held.write(Some(&old.to_vec())).await?;
                }
                Err(error) => return Err(error),
            }
        }
        if only_refresh {
            return Err(ClientError::SignInNeeded(self.server.to_string()));
        }
        let challenge = challenge.unwrap_or_default();
        let found = match found {
            Some(found) => found,
            None => self.discover(&challenge, kept.as_ref()).await?,
        };
        self.obtain(&found, &challenge, kept.as_ref()).await
    }

    /// Forgets everything, here and in the store; what was there.
    pub(crate) async fn forget(&self) -> Result<Option<Kept>, ClientError> {
        let _turn = self.turn.lock().await;
        let mut held = self.store.lock(&self.name).await?;
        let kept = self.read(held.read().await?).unwrap_or_default();
        held.write(None).await?;
        self.hold(None);
        Ok(kept)
    }

    /// When a token that was given now will end.
    pub(crate) fn end_of(&self, expires_in: Option<u64>) -> Option<Timestamp> {
        expiry(expires_in, self.now())
    }
}
