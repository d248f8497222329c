//! What was agreed to becomes a grant, or changes the one that the client named.

use super::decide::Ending;
use prokura_core::{Grant, GrantId, GrantName, Timestamp};
use prokura_ledger::{EventKind, Outcome};
use prokura_store::{StoreError, Tx};

/// The grant that the code leads to, and what the client calls it, if it asked for a name.
type Settled = (GrantId, Option<GrantName>);

impl Ending {
    /// Makes `wanted`, or lets the grant that the client named hold what `wanted` holds. `None` if that grant is not
    /// what the user was shown any more: then nothing changes.
    pub(super) fn settle(
        &self,
        tx: &mut Tx<'_>,
        wanted: &Grant,
        fresh: &GrantName,
        now: Timestamp,
    ) -> Result<Option<Settled>, StoreError> {
        let Some(management) = &self.asked().management else {
            self.agree(tx, wanted, now)?;
            return Ok(Some((wanted.id.clone(), None)));
        };
        let Some(named) = &management.named else {
            self.agree(tx, wanted, now)?;
            tx.name_grant(fresh, &self.asked().client, &wanted.id)?;
            return Ok(Some((wanted.id.clone(), Some(fresh.clone()))));
        };
        let held = tx.named_grant(&named.name, &self.asked().client)?;
        let as_shown = |g: &Grant| g.subject == self.user() && g.revision == named.revision;
        let Some(held) = held.filter(|g| as_shown(g) && g.usable_at(now).is_ok()) else { return Ok(None) };
        let plain = held.details.is_empty() && wanted.details.is_empty();
        let settled = if plain && held.actions.is_within(&wanted.actions) {
            self.widen(tx, held, wanted, now)?
        } else {
            self.replace(tx, &held, &named.name, wanted, now)?
        };
        Ok(settled.map(|id| (id, Some(named.name.clone()))))
    }

    /// Nothing is dropped, so what was issued stays within the grant.
    fn widen(
        &self,
        tx: &mut Tx<'_>,
        held: Grant,
        wanted: &Grant,
        now: Timestamp,
    ) -> Result<Option<GrantId>, StoreError> {
        let changed = Grant {
            actions: wanted.actions.clone(),
            expires_at: wanted.expires_at,
            evidence: wanted.evidence.clone(),
            ..held
        };
        if !tx.update_grant(&changed)? {
            return Ok(None);
        }
        self.agreed(tx, &changed, "grant:change", now)?;
        Ok(Some(changed.id))
    }

    /// Something is dropped. The grant that held it ends, and with it every token of it and every grant below it, at
    /// once and everywhere; the name stands for another from now on.
    fn replace(
        &self,
        tx: &mut Tx<'_>,
        held: &Grant,
        name: &GrantName,
        wanted: &Grant,
        now: Timestamp,
    ) -> Result<Option<GrantId>, StoreError> {
        self.agree(tx, wanted, now)?;
        tx.rename_grant(name, &self.asked().client, &wanted.id)?;
        let user = self.user();
        if let Some(ended) = tx.revoke_tree(&held.id, user.as_str(), "another took its place", now)? {
            let mut event =
                self.event(EventKind::Grant, "grant:revoke", Outcome::Permit, now).because("grant_replaced");
            event.actors = vec![held.grantee.clone()];
            ended.describe(&mut event);
            tx.record(event);
        }
        Ok(Some(wanted.id.clone()))
    }
}
