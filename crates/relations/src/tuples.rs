//! Where tuples come from.

use crate::Attached;
use std::sync::Arc;

/// The tuples could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tuples could not be read: {0}")]
pub struct Unreadable(pub String);

/// A name, by the number that a source knows it by, or by its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// The number that the source gave.
    Number(u32),
    /// The text: `document:1`, `user:*`.
    Text(&'a str),
}

/// One side of a tuple, seen from the other.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The user's name, or the object's.
    pub name: Named<'a>,
    /// The relation of a userset; empty where it is none, and for objects.
    pub relation: &'a str,
    /// The condition of the tuple.
    pub condition: Option<&'a Arc<Attached>>,
}

/// Which users of an object are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Usersets: `group:x#member`.
    Usersets,
    /// Single users and everybody of a type.
    Single,
    /// All of them.
    All,
}

/// One state of all tuples. Whatever is read while one question is answered must be of the same state.
pub trait Tuples {
    /// How many names have a number here, if the source numbers them: they are 0 to less than this.
    fn numbers(&self) -> u32 {
        0
    }

    /// The number of a name, if it has one.
    fn number(&self, name: &str) -> Option<u32> {
        let _ = name;
        None
    }

    /// The name that has this number.
    fn name(&self, number: u32) -> Option<&str> {
        let _ = number;
        None
    }

    /// Whether there is this tuple, and its condition. `user_relation` is empty where the user is no userset.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn tuple(
        &self,
        object: Named<'_>,
        relation: &str,
        user: Named<'_>,
        user_relation: &str,
    ) -> Result<Option<Option<Arc<Attached>>>, Unreadable>;

    /// The users that have `relation` to `object`.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn users(
        &self,
        object: Named<'_>,
        relation: &str,
        which: Which,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<(), Unreadable>;

    /// The objects of the type `kind` to which the user has `relation`.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn objects(
        &self,
        user: Named<'_>,
        user_relation: &str,
        relation: &str,
        kind: &str,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<(), Unreadable>;
}
