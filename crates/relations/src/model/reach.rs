//! From which users a way may lead to a relation, whatever tuples there are: what is not there is not searched.

use super::{Relation, RelationId, Rewrite, Subjects};
use std::collections::HashSet;
use std::sync::Arc;

/// For each relation: which relations it depends on, itself among them, and whom these may be given to.
pub(crate) struct Reach(Vec<Within>);

struct Within {
    relations: HashSet<RelationId>,
    single: HashSet<Arc<str>>,
    everybody: HashSet<Arc<str>>,
}

/// The relations that a relation looks at next.
pub(crate) fn next(relation: &Relation) -> Vec<RelationId> {
    let mut found = Vec::new();
    leaves(&relation.rewrite, relation, &mut found);
    found
}

fn leaves(rewrite: &Rewrite, relation: &Relation, found: &mut Vec<RelationId>) {
    match rewrite {
        Rewrite::Direct => found.extend(relation.direct.iter().filter_map(|r| match r.subjects {
            Subjects::Userset(id) => Some(id),
            _ => None,
        })),
        Rewrite::Computed(id) => found.push(*id),
        Rewrite::From { targets, .. } => found.extend(targets.iter().map(|(_, id)| *id)),
        Rewrite::Union(all) | Rewrite::Intersection(all) => {
            all.iter().for_each(|r| leaves(r, relation, found))
        }
        Rewrite::Exclusion(base, less) => {
            leaves(base, relation, found);
            leaves(less, relation, found);
        }
    }
}

impl Reach {
    pub(super) fn of(relations: &[Relation]) -> Self {
        let nexts: Vec<_> = relations.iter().map(next).collect();
        Self((0..relations.len()).map(|i| within(RelationId(i as u32), relations, &nexts)).collect())
    }

    /// Whether single users of a type may have it, by whatever way; everybody of the type counts too.
    pub(crate) fn single(&self, id: RelationId, kind: &str) -> bool {
        self.0[id.0 as usize].single.contains(kind) || self.everybody(id, kind)
    }

    /// Whether everybody of a type may have it.
    pub(crate) fn everybody(&self, id: RelationId, kind: &str) -> bool {
        self.0[id.0 as usize].everybody.contains(kind)
    }

    /// Whether it may depend on `other`.
    pub(crate) fn relation(&self, id: RelationId, other: RelationId) -> bool {
        self.0[id.0 as usize].relations.contains(&other)
    }

    /// All that it may depend on, itself among them.
    pub(crate) fn all(&self, id: RelationId) -> impl Iterator<Item = RelationId> + '_ {
        self.0[id.0 as usize].relations.iter().copied()
    }
}

fn within(from: RelationId, relations: &[Relation], nexts: &[Vec<RelationId>]) -> Within {
    let mut found = Within { relations: HashSet::new(), single: HashSet::new(), everybody: HashSet::new() };
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        if found.relations.insert(id) {
            for restriction in &relations[id.0 as usize].direct {
                match restriction.subjects {
                    Subjects::Single => drop(found.single.insert(Arc::clone(&restriction.kind))),
                    Subjects::Everybody => drop(found.everybody.insert(Arc::clone(&restriction.kind))),
                    Subjects::Userset(_) => {}
                }
            }
            open.extend(&nexts[id.0 as usize]);
        }
    }
    found
}
