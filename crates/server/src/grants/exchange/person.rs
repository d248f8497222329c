//! Tokens by who the user is: of what that user, or an administrator for them, allowed this client's agent.

use super::child::Chains;
use crate::fault::{ExchangeFault, Fault};
use crate::grants::in_force;
use prokura_core::{AgentId, Chain, Evidence, Grant, GrantState, Passages, Principal, ResourceUri, ScopeSet};
use prokura_core::{ClientId, Timestamp, UserId};
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
}

impl Looked<'_> {
    /// The newest root grant of the user to the agent that is in force and covers what is asked for.
    pub(super) fn root(
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
