//! The claim `grant`: where a token's authority stands in the graph.

use super::InvalidToken;
use crate::duties;
use crate::json::{Object, Value};
use prokura_core::{AgentId, Duty, GrantId};
use std::collections::BTreeSet;

/// The grant behind a token, and those above it: a verifier needs only the set of revoked ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantClaim {
    /// The grant.
    pub id: GrantId,
    /// The grants above it, roots first.
    pub ancestors: Vec<GrantId>,
    /// The revision of each of `ancestors` and of the grant, in that order, at which the token was made: a grant that was
    /// narrowed since makes the token worthless. Empty: all of them 0.
    pub revisions: Vec<u64>,
    /// Those of them that have a budget, which every call draws from.
    pub budgets: Vec<GrantId>,
    /// What must be done besides ([`Duty`]).
    pub duties: BTreeSet<Duty>,
    /// Who holds the grant, where the token itself does not say who acts ([`View::Impersonation`](super::View::Impersonation)).
    pub holder: Option<AgentId>,
}

impl GrantClaim {
    /// The claim `grant`.
    pub fn to_object(&self) -> Object {
        let mut o = Object::default();
        o.insert("id", self.id.as_str().into());
        o.insert("anc", Value::Array(self.ancestors.iter().map(|g| g.as_str().into()).collect()));
        o.insert("depth", u64::try_from(self.ancestors.len()).unwrap_or(u64::MAX).into());
        if self.revisions.iter().any(|r| *r > 0) {
            o.insert("rev", Value::Array(self.revisions.iter().map(|r| (*r).into()).collect()));
        }
        if !self.budgets.is_empty() {
            o.insert("budget", Value::Array(self.budgets.iter().map(|g| g.as_str().into()).collect()));
        }
        if !self.duties.is_empty() {
            o.insert("duties", duties::to_value(&self.duties));
        }
        if let Some(holder) = &self.holder {
            o.insert("holder", holder.as_str().into());
        }
        o
    }

    /// The claim of a grant that stands alone and was never changed.
    pub fn of_root(id: GrantId) -> Self {
        Self {
            id,
            ancestors: Vec::new(),
            revisions: Vec::new(),
            budgets: Vec::new(),
            duties: BTreeSet::new(),
            holder: None,
        }
    }

    /// The grants above it and the grant, each with the revision at which the token was made.
    pub fn standing(&self) -> impl Iterator<Item = (&GrantId, u64)> {
        let revisions = self.revisions.iter().copied().chain(std::iter::repeat(0));
        self.ancestors.iter().chain([&self.id]).zip(revisions)
    }

    /// Reads the claim `grant`.
    pub(crate) fn read(claims: &Object) -> Result<Self, InvalidToken> {
        let bad = || InvalidToken::Claim("grant");
        let o = claims.get("grant").and_then(Value::as_object).ok_or_else(bad)?;
        let above = o.get("anc").and_then(Value::as_array).ok_or_else(bad)?;
        let id = |v: &Value| v.as_str().and_then(|s| GrantId::parse(s).ok()).ok_or_else(bad);
        let list = |name: &str| o.get(name).map_or(Some(&[][..]), Value::as_array).ok_or_else(bad);
        let revisions = list("rev")?.iter().map(|v| v.as_u64().ok_or_else(bad));
        let revisions = revisions.collect::<Result<Vec<_>, _>>()?;
        if !revisions.is_empty() && revisions.len() != above.len() + 1 {
            return Err(bad());
        }
        let holder = o.get("holder").map(|v| v.as_str().and_then(|s| AgentId::parse(s).ok()).ok_or_else(bad));
        Ok(Self {
            id: o.get("id").ok_or_else(bad).and_then(id)?,
            ancestors: above.iter().map(id).collect::<Result<_, _>>()?,
            revisions,
            budgets: list("budget")?.iter().map(id).collect::<Result<_, _>>()?,
            duties: duties::read(o.get("duties")).ok_or_else(bad)?,
            holder: holder.transpose()?,
        })
    }
}
