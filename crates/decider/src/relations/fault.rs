//! Why relations are not answered or not changed.

use super::Revision;
use prokura_relations::{AskError, InvalidTuple, Key, ModelError};
use prokura_store::StoreError;

/// What went wrong. None of it is a yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationsFault {
    /// There is no model yet.
    #[error("there is no model of relations yet: write one, or name one as `[relations] model`")]
    NoModel,
    /// The model cannot be used.
    #[error("the model of relations cannot be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Model(Vec<ModelError>),
    /// The question has no answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A tuple cannot be read.
    #[error(transparent)]
    Tuple(#[from] InvalidTuple),
    /// A tuple that was to be written is there.
    #[error("the tuple {0} is there already; nothing was changed")]
    Duplicate(Key),
    /// A tuple that was to be deleted is not there.
    #[error("there is no tuple {0}; nothing was changed")]
    Missing(Key),
    /// A tuple stands in a change twice.
    #[error("the tuple {0} stands in the change twice; nothing was changed")]
    Twice(Key),
    /// A change has nothing in it, or too much.
    #[error("a change has 1 to {0} tuples in it")]
    Size(usize),
    /// The state that was asked for has not come to this database.
    #[error("{0} is not known here (yet): it was given by another database, or before a backup was restored")]
    Future(Revision),
    /// What policies look at in memory is older than it may be.
    #[error("nothing was heard of relations for too long, so nothing is known of them")]
    Stale,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Vec<ModelError>> for RelationsFault {
    fn from(errors: Vec<ModelError>) -> Self {
        Self::Model(errors)
    }
}
