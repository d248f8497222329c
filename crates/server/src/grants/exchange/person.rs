//! Tokens by who the user is: of what that user, or an administrator for them, allowed this client's agent.

use super::child::Chains;
use crate::consent::{self, Given, Wanted, Whom};
use crate::fault::{ExchangeFault, Fault};
use crate::grants::in_force;
use prokura_config::Config;
use prokura_core::{
    AgentId, Chain, ClientId, Details, Evidence, Grant, GrantId, GrantState, Passages, Principal,
    ResourceUri, ScopeSet, Timestamp, TraceId, UserId,
};
use prokura_store::{RevokedView, Tx};
use std::sync::Arc;

/// Whose authority is looked for, in whose hands.
pub(super) struct Looked<'a> {
    pub(super) user: &'a UserId,
    pub(super) agent: &'a AgentId,
    pub(super) client: &'a ClientId,
    pub(super) resource: &'a ResourceUri,
    pub(super) scopes: Option<&'a ScopeSet>,
    pub(super) now: Timestamp,
    pub(super) config: &'a Config,
    /// The id of a grant that may be made.
    pub(super) fresh: &'a GrantId,
    pub(super) trace: &'a TraceId,
}

impl Looked<'_> {
    /// The newest root grant of the user to the agent that is in force and covers what is asked for, or what an
    /// administrator allows for the user.
    pub(super) fn root(
        &self,
        tx: &mut Tx<'_>,
        chains: &Chains,
        view: &RevokedView,
        passages: &dyn Passages,
    ) -> Result<Arc<Chain>, Fault> {
        let why = match self.allowed(tx, chains, view, passages) {
            Err(why @ (Fault::Exchange(_) | Fault::ScopeTooWide(_))) => why,
            other => return other,
        };
        let whom =
            Whom { user: self.user, client: Some(self.client), agent: self.agent, resource: self.resource };
        let nothing = ScopeSet::default();
        let wanted = Wanted {
            whom,
            id: self.fresh,
            scopes: self.scopes.unwrap_or(&nothing),
            details: &Details::default(),
            again: false,
            now: self.now,
            trace: self.trace,
        };
        match consent::root(tx, self.config, &wanted)? {
            Given::Nothing => Err(why),
            Given::Ended => Err(Fault::GrantOver),
            Given::Grant(grant) => chains.of(tx, &grant.id),
        }
    }

    /// The newest root grant of the user to the agent that is in force and covers what is asked for.
    fn allowed(
        &self,
        tx: &mut Tx<'_>,
        chains: &Chains,
        view: &RevokedView,
        passages: &dyn Passages,
    ) -> Result<Arc<Chain>, Fault> {
        let subject = Principal::User(self.user.clone());
        let roots = tx.roots_at(&subject, self.agent, self.resource)?;
        let usable = roots.iter().filter(|g| self.counts(g));
        let mut too_wide = None;
        for grant in usable {
            let chain = chains.of(tx, &grant.id)?;
            if in_force(view, &chain, self.client, self.now).is_err() {
                continue;
            }
            let Ok(left) = chain.effective(self.now, passages) else { continue };
            match self.scopes.filter(|asked| !asked.is_within(&left.held.actions)) {
                None => return Ok(chain),
                Some(asked) => too_wide = Some(asked.difference(&left.held.actions)),
            }
        }
        Err(too_wide.map_or(Fault::Exchange(ExchangeFault::NoGrant), Fault::ScopeTooWide))
    }

    /// Whether the user or an administrator allowed it. What an impersonation rests on is no consent.
    fn counts(&self, grant: &Grant) -> bool {
        grant.state == GrantState::Active
            && grant.usable_at(self.now).is_ok()
            && !matches!(grant.evidence, Evidence::Exchange { .. })
    }
}
