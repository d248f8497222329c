//! A grant and everything above it: what is really left of it, and what may be made below it.
//!
//! Invariants, whatever the grants say:
//! 1. What a grant yields is within what every grant above it yields: scopes, tools, arguments, time, who may act, duties.
//! 2. It yields nothing if one of them is not in force.
//! 3. Nothing that was bounded becomes unbounded: some scopes never become none, nor some details none.
//! 4. Below a grant stand at most `depth_left` hops. An approval of one call is none.
//! 5. A part of it at another resource is what the operator's rules make of what is left of it, never more.

use super::{Duty, Evidence, Grant, GrantState, Grantor, Held, MayAct, NarrowingError, Terms};
use crate::{AgentId, Details, GrantId, ResourceUri, ScopeSet, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The operator's rules about what authority at one resource is worth at another, for the agent behind the first.
pub trait Passages {
    /// What `held` at `from` is worth at `to`, in the hands of `agent`; `None` if nothing. Must be monotone: less held,
    /// no more given.
    fn pass(&self, from: &ResourceUri, held: &Held, to: &ResourceUri, agent: &AgentId) -> Option<Held>;
}

/// No rules: authority stays where it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPassage;

impl Passages for NoPassage {
    fn pass(&self, _: &ResourceUri, _: &Held, _: &ResourceUri, _: &AgentId) -> Option<Held> {
        None
    }
}

/// A grant with every grant above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Those above, roots first: no parent stands after its child.
    above: Vec<Grant>,
    leaf: Grant,
}

/// Grants that are no chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A parent is missing, or stands after its child, as in a circle.
    #[error("the grant {0} does not stand above its child")]
    Parent(GrantId),
    /// A grant that is above nothing, or stands there twice.
    #[error("the grant {0} has no place in the chain")]
    Stray(GrantId),
}

/// What is left of a grant under everything above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Scopes and details.
    pub held: Held,
    /// From when.
    pub not_before: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// How many more hops.
    pub depth_left: u8,
    /// Who may be made a grantee below.
    pub may_act: MayAct,
    /// What must be done besides.
    pub duties: BTreeSet<Duty>,
}

/// A child that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildRequest {
    /// Its id.
    pub id: GrantId,
    /// Who holds it.
    pub grantee: AgentId,
    /// Where.
    pub resource: ResourceUri,
    /// Which scopes.
    pub actions: ScopeSet,
    /// Which tools; none: as those above.
    pub details: Details,
    /// From when.
    pub not_before: Timestamp,
    /// Until when, if not as long as those above.
    pub expires_at: Timestamp,
    /// Harder terms.
    pub terms: Terms,
    /// Why.
    pub evidence: Evidence,
}

impl Chain {
    /// A grant that stands alone.
    pub fn of_root(root: Grant) -> Option<Self> {
        root.parents.is_empty().then(|| Self { above: Vec::new(), leaf: root })
    }

    /// A grant and those above it, in an order in which no parent stands after its child.
    ///
    /// # Errors
    /// [`BrokenChain`] if one is missing, or one is too many.
    pub fn new(above: Vec<Grant>, leaf: Grant) -> Result<Self, BrokenChain> {
        let mut seen: BTreeSet<&GrantId> = BTreeSet::new();
        let mut used: BTreeSet<&GrantId> = BTreeSet::new();
        for grant in above.iter().chain([&leaf]) {
            if let Some(missing) = grant.parents.iter().find(|p| !seen.contains(p)) {
                return Err(BrokenChain::Parent(missing.clone()));
            }
            if !seen.insert(&grant.id) {
                return Err(BrokenChain::Stray(grant.id.clone()));
            }
            used.extend(&grant.parents);
        }
        if let Some(stray) = above.iter().find(|g| !used.contains(&g.id)) {
            return Err(BrokenChain::Stray(stray.id.clone()));
        }
        Ok(Self { above, leaf })
    }

    /// The grant itself.
    pub fn leaf(&self) -> &Grant {
        &self.leaf
    }

    /// The grant alone.
    pub fn into_leaf(self) -> Grant {
        self.leaf
    }

    /// Those above it, roots first.
    pub fn above(&self) -> &[Grant] {
        &self.above
    }

    /// All of them, roots first, the grant itself last.
    pub fn grants(&self) -> impl DoubleEndedIterator<Item = &Grant> {
        self.above.iter().chain([&self.leaf])
    }

    /// Those that nothing is above.
    pub fn roots(&self) -> impl Iterator<Item = &Grant> {
        self.grants().filter(|g| g.parents.is_empty())
    }

    /// Who acts: the grantee now, then those before it, along the first parents. Information, never authority (RFC 8693
    /// §4.1).
    pub fn actors(&self) -> Vec<AgentId> {
        let mut actors = vec![self.leaf.grantee.clone()];
        let mut at = &self.leaf;
        while let Some(above) = at.parents.first().and_then(|id| self.above.iter().find(|g| g.id == *id)) {
            if actors.last() != Some(&above.grantee) {
                actors.push(above.grantee.clone());
            }
            at = above;
        }
        actors
    }

    /// Whether whoever stands at the root named `agent` as one who may hold a part, and nobody below took that back.
    pub fn names(&self, agent: &AgentId) -> bool {
        self.roots().all(|root| root.terms.may_act.names(agent))
            && self.grants().all(|grant| grant.terms.may_act.lets(agent))
    }

    /// What is left of the grant at `now`, asked anew of everything above it.
    ///
    /// # Errors
    /// [`NarrowingError`] if one of them is not in force, or nothing is left.
    pub fn effective(&self, now: Timestamp, passages: &dyn Passages) -> Result<Effective, NarrowingError> {
        let mut known: BTreeMap<&GrantId, Effective> = BTreeMap::new();
        for grant in self.grants() {
            grant.usable_at(now)?;
            let mut left = Effective::alone(grant);
            for parent in grant.parents.iter().filter_map(|id| self.above.iter().find(|g| g.id == *id)) {
                let Some(over) = known.get(&parent.id) else { return Err(NarrowingError::NotActive) };
                left = left.meet(&over.at(parent, grant, passages)?)?;
            }
            known.insert(&grant.id, left);
        }
        known.remove(&self.leaf.id).ok_or(NarrowingError::NotActive)
    }

    /// A grant below this one for one call that somebody agreed to, with nothing that this one does not hold. It is no
    /// hop, for nobody else gets anything, and nothing can be made below it. What is left of this one under those above
    /// is asked at the call itself.
    ///
    /// # Errors
    /// [`NarrowingError`] says which bound was passed.
    pub fn agreed(&self, asked: ChildRequest, now: Timestamp) -> Result<Grant, NarrowingError> {
        self.grants().try_for_each(|grant| grant.usable_at(now))?;
        let over = Effective { depth_left: 0, ..Effective::alone(&self.leaf) };
        let expires_at = self.grants().map(|g| g.expires_at).min().unwrap_or(now).min(asked.expires_at);
        let (grantee, resource) = (self.leaf.grantee.clone(), self.leaf.resource.clone());
        let mut child = self.leaf.bear(ChildRequest { grantee, resource, expires_at, ..asked });
        over.bound(&mut child)?;
        child.parents.push(self.leaf.id.clone());
        if child.expires_at <= now { Err(NarrowingError::OutsideTime) } else { Ok(child) }
    }

    /// A child of all of `parents`, within what is left of each of them.
    ///
    /// # Errors
    /// [`NarrowingError`] says which bound was passed.
    pub fn child(
        parents: &[&Self],
        asked: ChildRequest,
        now: Timestamp,
        passages: &dyn Passages,
    ) -> Result<Grant, NarrowingError> {
        let [first, rest @ ..] = parents else { return Err(NarrowingError::NotActive) };
        let mut child = first.leaf.bear(asked);
        let over = |parent: &Self| parent.effective(now, passages)?.at(&parent.leaf, &child, passages);
        let over = rest.iter().try_fold(over(first)?, |all, parent| all.meet(&over(parent)?))?;
        over.bound(&mut child)?;
        for parent in parents {
            if !child.parents.contains(&parent.leaf.id) {
                child.parents.push(parent.leaf.id.clone());
            }
        }
        child.usable_at(child.not_before)?;
        if child.expires_at <= now {
            return Err(NarrowingError::OutsideTime);
        }
        Ok(child)
    }
}

impl Grant {
    /// A child as it is asked for, before any parent bounds it.
    fn bear(&self, asked: ChildRequest) -> Self {
        Self {
            id: asked.id,
            parents: Vec::new(),
            subject: self.subject.clone(),
            grantor: Grantor::Agent(self.grantee.clone()),
            grantee: asked.grantee,
            resource: asked.resource,
            actions: asked.actions,
            details: asked.details,
            not_before: asked.not_before,
            expires_at: asked.expires_at,
            depth_left: u8::MAX,
            terms: asked.terms,
            evidence: asked.evidence,
            state: GrantState::Active,
            revision: 0,
        }
    }
}

impl Effective {
    fn alone(grant: &Grant) -> Self {
        Self {
            held: grant.held(),
            not_before: grant.not_before,
            expires_at: grant.expires_at,
            depth_left: grant.depth_left,
            may_act: grant.terms.may_act.clone(),
            duties: grant.terms.duties.clone(),
        }
    }

    /// What is left of it one hop below, where `child` is and in the hands of who holds it; refused to who may not hold a
    /// part.
    fn at(&self, parent: &Grant, child: &Grant, passages: &dyn Passages) -> Result<Self, NarrowingError> {
        if parent.subject != child.subject {
            return Err(NarrowingError::Subjects);
        }
        if parent.grantee != child.grantee && !self.may_act.lets(&child.grantee) {
            return Err(NarrowingError::MayAct(child.grantee.clone()));
        }
        let held = if parent.resource == child.resource {
            self.held.clone()
        } else {
            let passed = passages.pass(&parent.resource, &self.held, &child.resource, &child.grantee);
            passed.ok_or(NarrowingError::Resource)?
        };
        let depth_left = self.depth_left.checked_sub(1).ok_or(NarrowingError::Depth)?;
        Ok(Self { held, depth_left, ..self.clone() })
    }

    /// What is left of both: what is more in one falls away.
    fn meet(&self, other: &Self) -> Result<Self, NarrowingError> {
        Ok(Self {
            held: self.held.meet(&other.held)?,
            not_before: self.not_before.max(other.not_before),
            expires_at: self.expires_at.min(other.expires_at),
            depth_left: self.depth_left.min(other.depth_left),
            may_act: self.may_act.meet(&other.may_act),
            duties: self.duties.union(&other.duties).cloned().collect(),
        })
    }

    /// Bounds a grant that is made below: what is asked for and is more is refused.
    fn bound(self, child: &mut Grant) -> Result<(), NarrowingError> {
        child.details = self.held.narrow(&child.held())?.details;
        child.depth_left = child.depth_left.min(self.depth_left);
        child.terms.may_act = self.may_act.narrow(&child.terms.may_act)?;
        child.terms.duties.extend(self.duties);
        child.not_before = child.not_before.max(self.not_before);
        child.expires_at = child.expires_at.min(self.expires_at);
        Ok(())
    }
}
