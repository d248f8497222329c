//! Why a question has no answer.

use crate::{ConditionFailed, InvalidName, Unreadable};

/// A question that is not answered. None of these is a yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// A name in the question is wrong.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The model has no such type.
    #[error("the model has no type `{0}`")]
    UnknownType(String),
    /// The model has no such relation.
    #[error("the model's type `{kind}` has no relation `{relation}`")]
    UnknownRelation {
        /// The type.
        kind: String,
        /// The relation.
        relation: String,
    },
    /// A tuple, written or sent with the question, is not one that the model allows.
    #[error("the tuple {tuple} is not allowed: {why}")]
    InvalidTuple {
        /// Which.
        tuple: String,
        /// Why not.
        why: String,
    },
    /// A condition could not be evaluated.
    #[error(transparent)]
    Condition(#[from] ConditionFailed),
    /// The way is longer than the limit.
    #[error("the way from the object to the user has more than {0} steps; shorten it, or raise the limit")]
    TooDeep(u32),
    /// More had to be looked at than the limit allows.
    #[error("more than {0} relations had to be looked at; ask for less, or raise the limit")]
    TooMuch(u32),
    /// The tuples could not be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}
