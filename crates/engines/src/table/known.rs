//! Entities in memory.

use prokura_policy::pdp::{Directory, Entity, EntityId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A directory of what was put into it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    entities: BTreeMap<EntityId, Arc<Entity>>,
    revision: u64,
}

impl Known {
    /// Adds an entity; one of the same name is replaced.
    pub fn insert(&mut self, entity: Entity) {
        self.revision += 1;
        self.entities.insert(entity.id.clone(), Arc::new(entity));
    }

    /// The entity of this name; one of which nothing is known if there is none.
    pub fn or_bare(&self, id: &EntityId) -> Arc<Entity> {
        self.entity(id).unwrap_or_else(|| Arc::new(Entity::bare(id.clone())))
    }

    /// All of one kind, by their ids.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Arc<Entity>> {
        self.entities.values().filter(move |entity| entity.id.kind() == kind)
    }
}

impl Extend<Entity> for Known {
    fn extend<I: IntoIterator<Item = Entity>>(&mut self, entities: I) {
        entities.into_iter().for_each(|entity| self.insert(entity));
    }
}

impl FromIterator<Entity> for Known {
    fn from_iter<I: IntoIterator<Item = Entity>>(entities: I) -> Self {
        let mut known = Self::default();
        known.extend(entities);
        known
    }
}

impl Directory for Known {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.entities.get(id).cloned()
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(self.entities.values().cloned())
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}
