//! Authorization models: which types there are, which relations, and what gives them.

mod dsl;
mod json;
mod lexer;
mod project;
pub(crate) mod raw;
mod reach;
mod resolve;
mod rules;

pub use project::Project;
pub use raw::ModelError;

use crate::{AskError, Attached, Condition, Key, Tuple, User};
use prokura_oauth::json::Object;
use reach::Reach;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The number of a relation within its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationId(pub(crate) u32);

/// A type: `document`.
#[derive(Debug)]
pub struct Type {
    /// Its name.
    pub name: Arc<str>,
    /// Its relations by name.
    pub relations: BTreeMap<Arc<str>, RelationId>,
}

/// A relation of a type: `viewer`.
#[derive(Debug)]
pub struct Relation {
    /// The type.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What gives it.
    pub rewrite: Rewrite,
    /// To whom it may be given directly.
    pub direct: Vec<Restriction>,
    /// Whether others are looked up from it (`… from parent`): then single objects only may have it.
    pub tupleset: bool,
    /// Given by tuples without conditions alone, as are all usersets that may have it: who has it can be found from the user.
    pub(crate) plain: bool,
}

/// What gives a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrite {
    /// A tuple: `[user]`.
    Direct,
    /// Another relation to the same object: `editor`.
    Computed(RelationId),
    /// A relation to what the object has `tupleset` to: `viewer from parent`.
    From {
        /// The relation that leads there.
        tupleset: RelationId,
        /// The relation's name there.
        relation: Arc<str>,
        /// Which relation that is, for each type that is found there and has one.
        targets: Vec<(Arc<str>, RelationId)>,
    },
    /// Any of them: `or`.
    Union(Vec<Rewrite>),
    /// All of them: `and`.
    Intersection(Vec<Rewrite>),
    /// The first without the second: `but not`.
    Exclusion(Box<Rewrite>, Box<Rewrite>),
}

/// Who may have a relation directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// Of which type.
    pub kind: Arc<str>,
    /// Single ones, everybody, or usersets.
    pub subjects: Subjects,
    /// With which condition only.
    pub condition: Option<Arc<str>>,
}

/// Whom a restriction means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subjects {
    /// Single ones: `user`.
    Single,
    /// Everybody: `user:*`.
    Everybody,
    /// Whoever has that relation to one of them: `group#member`.
    Userset(RelationId),
}

/// A model that has been found valid.
pub struct Model {
    pub(crate) types: BTreeMap<Arc<str>, Type>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) conditions: BTreeMap<Arc<str>, Condition>,
    pub(crate) reach: Reach,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({} types, {} relations)", self.types.len(), self.relations.len())
    }
}

impl Model {
    /// Reads the modelling language (schema 1.1 or 1.2 without modules).
    ///
    /// # Errors
    /// Everything that is wrong with it, with line and column; never empty.
    pub fn from_dsl(text: &str) -> Result<Self, Vec<ModelError>> {
        Self::from_modules(&[(None, text)])
    }

    /// Reads several texts as one model: the modules of schema 1.2, each with the name of its file for errors. Where there
    /// are several, each is a module.
    ///
    /// # Errors
    /// Everything that is wrong with them; never empty.
    pub fn from_modules(texts: &[(Option<&str>, &str)]) -> Result<Self, Vec<ModelError>> {
        let (mut raws, mut errors) = (Vec::new(), Vec::new());
        for (file, text) in texts {
            match dsl::read(text, file.map(Arc::from)) {
                Ok(raw) if raw.module.is_none() && file.is_some() => {
                    let why = "this is no module: it begins with `module` and its name, and `fga.mod` says the schema";
                    errors.push(ModelError::at(&raw.schema.at, why));
                }
                Ok(raw) => raws.push(raw),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { resolve::resolve(&raws) } else { Err(errors) }
    }

    /// Reads the JSON of OpenFGA's API.
    ///
    /// # Errors
    /// Everything that is wrong with it; never empty.
    pub fn from_json(model: &Object) -> Result<Self, Vec<ModelError>> {
        resolve::resolve(&[json::read(model).map_err(|e| vec![e])?])
    }

    /// A type by its name.
    pub fn kind(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// All types by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Type> {
        self.types.values()
    }

    /// A relation by its number.
    pub fn relation(&self, id: RelationId) -> &Relation {
        &self.relations[id.0 as usize]
    }

    /// A relation of a type, if the type has it.
    pub fn find(&self, kind: &str, relation: &str) -> Option<RelationId> {
        self.types.get(kind)?.relations.get(relation).copied()
    }

    /// A relation of a type.
    ///
    /// # Errors
    /// [`AskError::UnknownType`], [`AskError::UnknownRelation`].
    pub fn named(&self, kind: &str, relation: &str) -> Result<RelationId, AskError> {
        let known = self.types.get(kind).ok_or_else(|| AskError::UnknownType(kind.to_owned()))?;
        known
            .relations
            .get(relation)
            .copied()
            .ok_or_else(|| AskError::UnknownRelation { kind: kind.to_owned(), relation: relation.to_owned() })
    }

    /// Whether the names of a user are those of a type, and of a relation of it.
    ///
    /// # Errors
    /// [`AskError::UnknownType`], [`AskError::UnknownRelation`].
    pub fn knows_user(&self, user: &User) -> Result<(), AskError> {
        match user {
            User::Userset(object, relation) => self.named(object.kind(), relation).map(drop),
            other if self.types.contains_key(other.kind()) => Ok(()),
            other => Err(AskError::UnknownType(other.kind().to_owned())),
        }
    }

    /// Whether a tuple may be written under this model.
    ///
    /// # Errors
    /// [`AskError::InvalidTuple`].
    pub fn allows(&self, tuple: &Tuple) -> Result<(), AskError> {
        rules::check(self, &tuple.key, tuple.condition.as_deref())
            .map_err(|why| AskError::InvalidTuple { tuple: tuple.key.to_string(), why })
    }

    /// As [`allows`](Self::allows), of a tuple that may have been written under another model: what is not allowed counts as
    /// not written.
    pub(crate) fn counts(
        &self,
        id: RelationId,
        user_kind: &str,
        user_relation: &str,
        everybody: bool,
        condition: Option<&Attached>,
    ) -> bool {
        rules::counts(
            self,
            self.relation(id),
            user_kind,
            user_relation,
            everybody,
            condition.map(|c| c.name.as_str()),
        )
    }

    fn key_relation(&self, key: &Key) -> Result<RelationId, AskError> {
        self.named(key.object.kind(), &key.relation)
    }
}
