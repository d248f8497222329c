//! Grants below grants: one for each (grant above, agent, resource, contents), used again while nothing above it changed.

use crate::fault::{ExchangeFault, Fault};
use crate::grants::mint::chain;
use prokura_core::{
    AgentId, Chain, ChildRequest, Evidence, Grant, GrantId, GrantState, MayAct, NarrowingError, Passages,
    Revocation, Terms, Timestamp,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::rich;
use prokura_store::Tx;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many are kept in memory at most; then all are forgotten.
const MOST: usize = 10_000;
/// A child that ends within this is not used again.
const SOON: Duration = Duration::from_secs(60);

/// Chains that were read. What is in one holds while none of its grants has another revision, which is asked of the
/// database at every use, in the transaction.
#[derive(Default)]
pub(crate) struct Chains {
    by_grant: Mutex<HashMap<GrantId, Arc<Chain>>>,
    children: Mutex<HashMap<String, GrantId>>,
}

impl Chains {
    /// The grant with everything above it, as the transaction sees it.
    pub(super) fn of(&self, tx: &mut Tx<'_>, id: &GrantId) -> Result<Arc<Chain>, Fault> {
        let known = self.by_grant.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(known) = known {
            let read: Vec<_> = known.grants().map(|g| (g.id.clone(), g.revision)).collect();
            if tx.unchanged(&read)? {
                return Ok(known);
            }
        }
        let read = Arc::new(chain(tx, id)?);
        let mut all = self.by_grant.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(id.clone(), Arc::clone(&read));
        Ok(read)
    }

    fn child(&self, name: &str) -> Option<GrantId> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn keep(&self, name: String, id: GrantId) {
        let mut all = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(name, id);
    }
}

/// A child that is wanted.
pub(super) struct Wanted<'a> {
    pub(super) parent: &'a Chain,
    pub(super) asked: ChildRequest,
    /// How long it is made for, if not as long as what is above it.
    pub(super) lasts: Option<Duration>,
    pub(super) now: Timestamp,
    /// Who asks: what this client ended itself may be made again.
    pub(super) client: &'a str,
}

impl Wanted<'_> {
    /// The child, with everything above it, and whether it was made just now.
    pub(super) fn settle(
        self,
        tx: &mut Tx<'_>,
        chains: &Chains,
        passages: &dyn Passages,
    ) -> Result<(Arc<Chain>, bool), Fault> {
        let name = self.name();
        if let Some(known) = chains.child(&name) {
            let kept = chains.of(tx, &known).ok().filter(|c| self.is_good(c.leaf()));
            if let Some(kept) = kept {
                return Ok((kept, false));
            }
        }
        let narrowed = Chain::child(&[self.parent], self.asked.clone(), self.now, passages);
        let child = narrowed.map_err(refused)?;
        let before = tx.exchanged(&self.parent.leaf().id, &child.grantee, &child.resource)?;
        if before.iter().any(|g| self.is_taken_back(g)) {
            return Err(Fault::GrantOver);
        }
        let kept = before.into_iter().find(|g| self.is_good(g) && is_same(g, &child));
        let (id, fresh) = match kept {
            Some(kept) => (kept.id, false),
            None => {
                tx.insert_grant(&child)?;
                (child.id, true)
            }
        };
        chains.keep(name, id.clone());
        Ok((chains.of(tx, &id)?, fresh))
    }

    /// What tells it from others.
    fn name(&self) -> String {
        let (asked, parent) = (&self.asked, self.parent.leaf());
        let mut name = format!("{}\n{}\n{}\n{}\n", parent.id, asked.grantee, asked.resource, asked.actions);
        let details = rich::to_text(&asked.details, &asked.resource);
        // Writing into a text does not fail.
        let _ = write!(name, "{details}\n{:?}\n{:?}\n{:?}", asked.evidence, asked.terms, self.lasts);
        let revisions = self.parent.grants().map(|g| g.revision).collect::<Vec<_>>();
        let _ = write!(name, "\n{revisions:?}");
        name
    }

    /// Whether a child is in force for a while yet.
    fn is_good(&self, child: &Grant) -> bool {
        child.state == GrantState::Active
            && child.not_before <= self.now
            && (child.expires_at > self.now.after(SOON) || child.expires_at >= self.parent.leaf().expires_at)
    }

    /// Whether somebody took it from this agent: it is not made again while what is above it lives. What the client
    /// itself gave back, or nobody used for long, may be.
    fn is_taken_back(&self, child: &Grant) -> bool {
        match &child.state {
            GrantState::Active => false,
            GrantState::Suspended => true,
            GrantState::Revoked(Revocation { by, .. }) => by != self.client && by != "system",
        }
    }
}

/// Whether a child has the contents that another would have.
fn is_same(kept: &Grant, child: &Grant) -> bool {
    kept.parents == child.parents
        && kept.subject == child.subject
        && kept.actions == child.actions
        && kept.details == child.details
        && kept.terms == child.terms
        && kept.evidence == child.evidence
        && kept.depth_left == child.depth_left
        && kept.expires_at <= child.expires_at
}

/// Why a child cannot be made, for whoever asks.
pub(super) fn refused(error: NarrowingError) -> Fault {
    use ExchangeFault as E;
    match error {
        NarrowingError::Actions(scopes) => Fault::ScopeTooWide(scopes),
        NarrowingError::NoScope => Fault::ScopeNone,
        NarrowingError::Details(why) => Fault::DetailWider(why),
        NarrowingError::Depth => Fault::Exchange(E::Depth),
        NarrowingError::Resource => Fault::Exchange(E::Target),
        NarrowingError::MayAct(_) => Fault::Exchange(E::NotYours),
        _ => Fault::GrantOver,
    }
}

/// What is asked for, made up.
pub(super) fn request(
    (id, grantee): (GrantId, AgentId),
    place: &prokura_core::ResourceUri,
    held: prokura_core::Held,
    (by, duty): (String, Option<prokura_core::Duty>),
    (now, until): (Timestamp, Timestamp),
) -> ChildRequest {
    ChildRequest {
        id,
        grantee,
        resource: place.clone(),
        actions: held.actions,
        details: held.details,
        not_before: now,
        expires_at: until,
        terms: Terms { may_act: MayAct::ByRule, duties: duty.into_iter().collect(), budget: None },
        evidence: Evidence::Exchange { by },
    }
}

/// The entry that says that a grant was made by an exchange.
pub(super) fn made(
    grant: &Grant,
    chain: &Chain,
    client: &prokura_core::ClientId,
    now: Timestamp,
    trace: &prokura_core::TraceId,
) -> Event {
    let mut event =
        Event::new(EventKind::Grant, "grant:make", Outcome::Permit, now, trace.clone()).because("exchange");
    event.subject = Some(grant.subject.clone());
    event.actors = chain.actors();
    event.client = Some(client.clone());
    event.grant = Some(grant.id.clone());
    event.resource = Some(grant.resource.clone());
    event.details.insert("scope", grant.actions.to_string().into());
    let above = chain.above().iter().map(|g| g.id.as_str().into()).collect::<Vec<_>>();
    if !above.is_empty() {
        event.details.insert("anc", prokura_oauth::json::Value::Array(above));
    }
    if let Evidence::Exchange { by } = &grant.evidence {
        event.details.insert("exchange", by.as_str().into());
    }
    event
}
