//! Entities: whom and what policies speak of.

use prokura_oauth::json::{Object, Value, obj};
use std::fmt;
use std::sync::Arc;

/// Names an entity: a kind, such as `User`, and an id within it. AuthZEN calls them `type` and `id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId {
    kind: Arc<str>,
    id: Arc<str>,
}

/// What cannot name an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an entity is named by a kind (letters, digits, `_`, `-`, `::`, at most 128) and an id (1 to 1,024 bytes without control characters)"
)]
pub struct InvalidEntityId;

impl EntityId {
    /// Takes a kind and an id.
    ///
    /// # Errors
    /// [`InvalidEntityId`].
    pub fn new(kind: &str, id: &str) -> Result<Self, InvalidEntityId> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
        let kind_fits = !kind.is_empty() && kind.len() <= 128 && kind.chars().all(plain);
        let id_fits = !id.is_empty() && id.len() <= 1024 && !id.chars().any(char::is_control);
        if kind_fits && id_fits {
            Ok(Self { kind: kind.into(), id: id.into() })
        } else {
            Err(InvalidEntityId)
        }
    }

    /// Takes any kind and id as they are, to look something up by: what is no name finds nothing. A name that somebody
    /// gave comes in by [`new`](Self::new).
    pub fn verbatim(kind: &str, id: &str) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id within the kind.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for EntityId {
    /// As Cedar writes it: `User::"alice"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{:?}", self.kind, &*self.id)
    }
}

/// What is known of somebody or something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Its name.
    pub id: EntityId,
    /// What is known of it. A reference to another entity is written `{"__entity": {"type": …, "id": …}}`, an address,
    /// decimal or time `{"__extn": {"fn": …, "arg": …}}`, both as in Cedar; its tags (RFC 82 of Cedar) are one object
    /// under `__tags`.
    pub attributes: Object,
    /// What it belongs to: groups, roles, folders.
    pub parents: Vec<EntityId>,
}

impl Entity {
    /// An entity of which nothing is known but its name.
    pub fn bare(id: EntityId) -> Self {
        Self { id, attributes: Object::default(), parents: Vec::new() }
    }
}

/// A reference to an entity, as attributes and contexts write it: `{"__entity": {"type": "User", "id": "usr_alice"}}`.
pub fn reference(kind: &str, id: &str) -> Value {
    Value::Object(obj([("__entity", Value::Object(obj([("type", kind.into()), ("id", id.into())])))]))
}

/// Everything that is known of entities: one revision of it.
pub trait Directory: Send + Sync {
    /// What is known of `id`.
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>>;

    /// All entities, for engines that prepare them.
    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_>;

    /// Changes whenever anything in it does; engines may keep what they prepared by it. Directories that differ never have
    /// the same, also if they are different objects.
    fn revision(&self) -> u64;
}

/// A directory of nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEntities;

impl Directory for NoEntities {
    fn entity(&self, _: &EntityId) -> Option<Arc<Entity>> {
        None
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(std::iter::empty())
    }

    fn revision(&self) -> u64 {
        0
    }
}
