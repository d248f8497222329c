//! Everything of one kind that the directory knows, in the order of ids, kept until the directory changes; and with it what
//! relations lead to from the other side of the search.

use prokura_policy::pdp::{Directory, Entity, EntityId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Entities of one kind, by their ids.
pub(super) type Sorted = Arc<[Arc<Entity>]>;

/// So many kinds are kept.
const KINDS: usize = 64;

#[derive(Default)]
pub(super) struct Candidates(Mutex<Option<Kept>>);

struct Kept {
    directory: Arc<dyn Directory>,
    revision: u64,
    kinds: HashMap<String, Sorted>,
}

impl Candidates {
    /// The entities of `kind`.
    pub(super) fn of(&self, directory: Option<&Arc<dyn Directory>>, kind: &str) -> Sorted {
        let Some(directory) = directory else { return Arc::default() };
        let revision = directory.revision();
        let same = |kept: &Kept| Arc::ptr_eq(&kept.directory, directory) && kept.revision == revision;
        {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = kept.as_ref().filter(|k| same(k)).and_then(|k| k.kinds.get(kind)) {
                return Arc::clone(found);
            }
        }
        let found = sorted(&**directory, kind);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.as_ref().is_some_and(same) {
            *kept = Some(Kept { directory: Arc::clone(directory), revision, kinds: HashMap::new() });
        }
        // A kind that nobody has is not kept: a stranger may name any.
        if let Some(kept) = kept.as_mut().filter(|k| k.kinds.len() < KINDS && !found.is_empty()) {
            kept.kinds.insert(kind.to_owned(), Arc::clone(&found));
        }
        found
    }
}

/// These and, where they are not among them, entities of these names.
pub(super) fn with(known: Sorted, mut related: Vec<EntityId>) -> Sorted {
    related.retain(|id| known.binary_search_by(|e| e.id.cmp(id)).is_err());
    if related.is_empty() {
        return known;
    }
    related.sort_unstable();
    related.dedup();
    let mut all = known.to_vec();
    all.extend(related.into_iter().map(|id| Arc::new(Entity::bare(id))));
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.into()
}

fn sorted(directory: &dyn Directory, kind: &str) -> Sorted {
    let mut found: Vec<_> = directory.all().filter(|e| e.id.kind() == kind).collect();
    found.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    found.into()
}
