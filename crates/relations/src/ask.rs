//! Questions about one state of the tuples.

use crate::check::Checker;
use crate::contextual::Reader;
use crate::{AskError, Key, Model, ObjectName, Tree, Tuple, Tuples, User, UserFilter};
use prokura_oauth::json::Object;

/// How far is looked at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many tuples may lead from one to the next between the object and the user: 25, as in OpenFGA.
    pub depth: u32,
    /// How many relations of objects are looked at for one question.
    pub steps: u32,
    /// Up to how many groups of a user are found from the user; where there are more, the way is looked for from the object.
    pub groups: u32,
}

impl Limits {
    /// For tuples in memory.
    pub const MEMORY: Self = Self { depth: 25, steps: 200_000, groups: 4096 };
    /// For tuples in a database, where each look costs more.
    pub const DATABASE: Self = Self { depth: 25, steps: 50_000, groups: 256 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::MEMORY
    }
}

/// A model, the tuples as they are at one moment, and what a question brings with it.
#[derive(Debug)]
pub struct Ask<'a, T: ?Sized> {
    pub(crate) model: &'a Model,
    pub(crate) tuples: &'a T,
    pub(crate) more: &'a [Tuple],
    pub(crate) context: &'a Object,
    pub(crate) limits: Limits,
}

impl<T: ?Sized> Clone for Ask<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Ask<'_, T> {}

static NOTHING: Object = Object::new();

impl<'a, T: Tuples + ?Sized> Ask<'a, T> {
    /// Questions under `model` about `tuples`.
    pub fn new(model: &'a Model, tuples: &'a T) -> Self {
        Self { model, tuples, more: &[], context: &NOTHING, limits: Limits::default() }
    }

    /// With values for the parameters of conditions.
    #[must_use]
    pub fn context(mut self, context: &'a Object) -> Self {
        self.context = context;
        self
    }

    /// With tuples that hold for this question only.
    #[must_use]
    pub fn contextual(mut self, tuples: &'a [Tuple]) -> Self {
        self.more = tuples;
        self
    }

    /// Within other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) fn reader(&self) -> Result<Reader<'a, T>, AskError> {
        self.more.iter().try_for_each(|t| self.model.allows(t))?;
        Ok(Reader::new(self))
    }

    /// Whether the user has the relation to the object.
    ///
    /// # Errors
    /// [`AskError`]: then nobody knows, and it is no yes.
    pub fn check(&self, key: &Key) -> Result<bool, AskError> {
        self.model.knows_user(&key.user)?;
        let id = self.model.named(key.object.kind(), &key.relation)?;
        let mut reader = self.reader()?;
        let object = reader.nodes.of(key.object.as_str());
        Checker::new(&mut reader, &key.user, self.limits).check(id, object)
    }

    /// The relations among `relations` that the user has to the object; for those that the type does not have, no.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_all<'r>(
        &self,
        user: &User,
        relations: &[&'r str],
        object: &ObjectName,
    ) -> Result<Vec<&'r str>, AskError> {
        self.model.knows_user(user)?;
        let mut reader = self.reader()?;
        let node = reader.nodes.of(object.as_str());
        let mut checker = Checker::new(&mut reader, user, self.limits);
        let mut found = Vec::new();
        for relation in relations {
            if let Some(id) = self.model.find(object.kind(), relation)
                && checker.check(id, node)?
            {
                found.push(*relation);
            }
        }
        Ok(found)
    }

    /// What gives the relation to the object: one step of it (OpenFGA's `expand`).
    ///
    /// # Errors
    /// [`AskError`].
    pub fn expand(&self, object: &ObjectName, relation: &str) -> Result<Tree, AskError> {
        crate::expand::expand(self, object, relation)
    }

    /// The objects of the type `kind` to which the user has the relation, sorted.
    ///
    /// # Errors
    /// [`AskError`]: also where it is unknown for one object only.
    pub fn objects(&self, user: &User, relation: &str, kind: &str) -> Result<Vec<String>, AskError> {
        crate::objects::objects(self, user, relation, kind)
    }

    /// The users that have the relation to the object, of the kind that `filter` says, sorted. Everybody of a type is
    /// `user:*`; who is taken out of everybody is not told.
    ///
    /// # Errors
    /// [`AskError`]: also where it is unknown for one user only.
    pub fn users(
        &self,
        object: &ObjectName,
        relation: &str,
        filter: &UserFilter,
    ) -> Result<Vec<User>, AskError> {
        crate::users::users(self, object, relation, filter)
    }
}
