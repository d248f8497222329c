//! Relationships: authorization models and tuples as OpenFGA writes them, and who has which relation to what.
//!
//! A [`Model`] is read from the modelling language or its JSON; a [`Tuple`] says that somebody has a relation to an object.
//! [`Ask`] puts the two together: [`check`](Ask::check), [`expand`](Ask::expand), [`objects`](Ask::objects) and
//! [`users`](Ask::users). Tuples come by the trait [`Tuples`]; [`Index`] keeps them in memory.
//!
//! Invariant: no I/O, no clock. An answer is computed anew from one state of the tuples: nothing is remembered between two
//! questions. What cannot be found out within the [`Limits`] is an error, and an error is never a yes.
#![forbid(unsafe_code)]

mod ask;
mod check;
mod condition;
mod contextual;
mod error;
mod expand;
pub mod expression;
mod index;
mod model;
mod name;
mod nodes;
mod objects;
mod tuple;
mod tuples;
mod users;

pub use ask::{Ask, Limits};
pub use condition::{Condition, ConditionFailed};
pub use error::AskError;
pub use expand::{Expanded, Tree};
pub use index::Index;
pub use model::{Model, ModelError, Project, Relation, RelationId, Restriction, Rewrite, Subjects, Type};
pub use name::{InvalidName, ObjectName, User, UserFilter, check_relation};
pub use tuple::{Attached, InvalidTuple, Key, Tuple};
pub use tuples::{Named, Seen, Tuples, Unreadable, Which};
