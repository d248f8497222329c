//! Whether what is behind a token stands: by what was revoked here, and at the issuer whose feed is followed.

use crate::fault::Fault;
use prokura_core::{GrantId, Principal};
use prokura_oauth::access_token::AccessToken;
use prokura_store::{RevokedView, Store};
use std::sync::Arc;
use tokio::sync::watch;

/// The views that are asked, all of which must let a token stand.
pub(crate) struct Standing {
    issuer: String,
    store: Store,
    followed: Option<Arc<RevokedView>>,
}

impl Standing {
    pub(crate) fn new(issuer: String, store: Store, followed: Option<Arc<RevokedView>>) -> Self {
        Self { issuer, store, followed }
    }

    /// Whether everything behind the token still stands. The operator of this gateway may stop whom the issuer lets act;
    /// what the issuer says concerns its own tokens alone.
    pub(crate) fn of(&self, token: &AccessToken) -> Result<(), Fault> {
        self.by(self.store.revoked(), token)?;
        let Some(followed) = self.followed.as_ref().filter(|_| token.issuer == self.issuer) else {
            return Ok(());
        };
        self.by(followed, token)?;
        if token.grant.budgets.is_empty() { Ok(()) } else { Err(Fault::BudgetElsewhere) }
    }

    fn by(&self, view: &RevokedView, token: &AccessToken) -> Result<(), Fault> {
        if !view.fresh() {
            return Err(Fault::RevocationStale);
        }
        let disabled = view.client_disabled(&token.client)
            || (token.issuer != self.issuer && view.issuer_disabled(&token.issuer))
            || token.actors.iter().any(|a| view.agent_disabled(a))
            || token
                .workload
                .as_ref()
                .is_some_and(|w| view.workload_disabled(&w.workload) || view.provider_disabled(&w.provider))
            || match &token.subject {
                Principal::User(user) => view.user_disabled(user),
                Principal::Agent(agent) => view.agent_disabled(agent),
            };
        if disabled || !view.stands(token.grant.standing()) {
            return Err(Fault::GrantRevoked);
        }
        Ok(())
    }

    /// Whether none of these grants ended. That one was narrowed since does not matter.
    pub(crate) fn of_grants(&self, grants: &[GrantId]) -> bool {
        let chain = || grants.iter().map(|grant| (grant, u64::MAX));
        self.store.revoked().stands(chain()) && self.followed.as_ref().is_none_or(|view| view.stands(chain()))
    }

    /// Wakes whoever waits when something changed.
    pub(crate) fn changes(&self) -> Changes {
        let mut own = self.store.revoked().changes();
        // What changed between the last question and this is a change too.
        own.mark_changed();
        Changes { own, followed: self.followed.as_ref().map(|view| view.changes()) }
    }
}

/// Waits for changes of either view.
pub(crate) struct Changes {
    own: watch::Receiver<u64>,
    followed: Option<watch::Receiver<u64>>,
}

impl Changes {
    /// Returns when something changed since the last time, or since this was made.
    pub(crate) async fn next(&mut self) {
        let followed = async {
            match &mut self.followed {
                Some(followed) => changed(followed).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed(&mut self.own) => {}
            () = followed => {}
        }
    }
}

/// A view that is gone changes no more.
async fn changed(of: &mut watch::Receiver<u64>) {
    if of.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
