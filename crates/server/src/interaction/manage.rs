//! What was agreed to becomes a grant, or changes the one that the client named, or the one that it adds to.

use super::decide::Ending;
use super::prospect::Prospect;
use crate::consent::{grows_into, join, without};
use prokura_core::{AgentId, Grant, GrantId, GrantName, Held, MayAct, Terms, Timestamp};
use prokura_ledger::{EventKind, Outcome};
use prokura_store::{StoreError, Tx};

/// The grant that the code leads to, and what the client calls it, if it asked for a name.
type Settled = (GrantId, Option<GrantName>);

/// What a grant holds.
fn part(grant: &Grant) -> Held {
    Held { actions: grant.actions.clone(), details: grant.details.clone() }
}

impl Ending {
    /// Makes `wanted`, or lets the grant that the client named hold what `wanted` holds, or adds it to what the user allowed
    /// before. `None` if the named grant is not what the user was shown any more: then nothing changes.
    pub(super) fn settle(
        &self,
        tx: &mut Tx<'_>,
        wanted: &Grant,
        fresh: &GrantName,
        prospect: &Prospect,
        now: Timestamp,
    ) -> Result<Option<Settled>, StoreError> {
        let Some(management) = &self.asked().management else {
            return self.add(tx, wanted, prospect, now).map(|id| Some((id, None)));
        };
        let Some(named) = &management.named else {
            self.agree(tx, (wanted, &part(wanted)), now)?;
            tx.name_grant(fresh, &self.asked().client, &wanted.id)?;
            return Ok(Some((wanted.id.clone(), Some(fresh.clone()))));
        };
        let held = tx.named_grant(&named.name, &self.asked().client)?;
        let as_shown = |g: &Grant| g.subject == self.user() && g.revision == named.revision;
        let Some(held) = held.filter(|g| as_shown(g) && g.usable_at(now).is_ok()) else { return Ok(None) };
        let agreed = part(wanted);
        let id = if grows(&held, wanted) {
            self.widen(tx, held, wanted, &agreed, now)?
        } else {
            let id = self.replace(tx, &held, wanted, &agreed, now)?;
            tx.rename_grant(&named.name, &self.asked().client, &id)?;
            Some(id)
        };
        Ok(id.map(|id| (id, Some(named.name.clone()))))
    }

    /// Adds what was agreed to to what stands already: one grant for one software at one resource, so that nothing of an
    /// earlier consent lingers beside it. Where no grant would say exactly both, each stays by itself.
    fn add(
        &self,
        tx: &mut Tx<'_>,
        wanted: &Grant,
        prospect: &Prospect,
        now: Timestamp,
    ) -> Result<GrantId, StoreError> {
        let agreed = part(wanted);
        let asked = Held { actions: self.asked().scope.clone(), details: self.asked().details.clone() };
        let joined =
            prospect.held.as_ref().and_then(|h| Some((h, join(&without(&part(h), &asked), &agreed)?)));
        let Some((held, both)) = joined else {
            self.agree(tx, (wanted, &agreed), now)?;
            return Ok(wanted.id.clone());
        };
        let terms = Terms {
            may_act: named(&held.terms.may_act, &wanted.terms.may_act, prospect),
            ..held.terms.clone()
        };
        let wanted = Grant { actions: both.actions, details: both.details, terms, ..wanted.clone() };
        if grows(held, &wanted)
            && let Some(id) = self.widen(tx, held.clone(), &wanted, &agreed, now)?
        {
            return Ok(id);
        }
        self.replace(tx, held, &wanted, &agreed, now)
    }

    /// Nothing is dropped, so what was issued stays within the grant.
    fn widen(
        &self,
        tx: &mut Tx<'_>,
        held: Grant,
        wanted: &Grant,
        agreed: &Held,
        now: Timestamp,
    ) -> Result<Option<GrantId>, StoreError> {
        let changed = Grant {
            actions: wanted.actions.clone(),
            details: wanted.details.clone(),
            terms: wanted.terms.clone(),
            expires_at: wanted.expires_at,
            evidence: wanted.evidence.clone(),
            ..held
        };
        if !tx.update_grant(&changed)? {
            return Ok(None);
        }
        self.agreed(tx, (&changed, agreed), "grant:change", now)?;
        Ok(Some(changed.id))
    }

    /// Something is dropped. The grant that held it ends, and with it every token of it and every grant below it, at
    /// once and everywhere.
    fn replace(
        &self,
        tx: &mut Tx<'_>,
        held: &Grant,
        wanted: &Grant,
        agreed: &Held,
        now: Timestamp,
    ) -> Result<GrantId, StoreError> {
        self.agree(tx, (wanted, agreed), now)?;
        let user = self.user();
        if let Some(ended) = tx.revoke_tree(&held.id, user.as_str(), "another took its place", now)? {
            let mut event =
                self.event(EventKind::Grant, "grant:revoke", Outcome::Permit, now).because("grant_replaced");
            event.actors = vec![held.grantee.clone()];
            ended.describe(&mut event);
            tx.record(event);
        }
        Ok(wanted.id.clone())
    }
}

/// Who may act below both: whom the user named before, unless they were asked about and not left, and those who were left.
fn named(before: &MayAct, now: &MayAct, prospect: &Prospect) -> MayAct {
    match (before, now) {
        (before, MayAct::ByRule) => before.clone(),
        (MayAct::ByRule, now) => now.clone(),
        (MayAct::Only(before), MayAct::Only(now)) => {
            let asked = |a: &&AgentId| prospect.further.iter().any(|f| f.agent == **a);
            MayAct::Only(before.iter().filter(|a| !asked(a)).chain(now).cloned().collect())
        }
    }
}

/// Whether the grant can become `wanted` where it stands.
fn grows(held: &Grant, wanted: &Grant) -> bool {
    let terms = (&held.terms.may_act, &wanted.terms.may_act);
    held.terms.budget == wanted.terms.budget
        && held.terms.duties == wanted.terms.duties
        && grows_into((&part(held), terms.0), (&part(wanted), terms.1))
}
