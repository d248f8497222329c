//! Closures on their way to the store's threads and their answers on the way back.

use crate::tx::Tx;
use crate::{StoreError, driver::Access};
use prokura_core::GrantId;
use prokura_ledger::Event;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// Something for the writer.
pub(crate) enum Request {
    /// A closure, and whether it may write.
    Call(Box<dyn Job>, Access),
    /// Events alone.
    Record(Record),
}

/// Events, to be recorded while grants are as they were read.
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    /// The grants, each with its revision.
    pub(crate) chain: Vec<(GrantId, u64)>,
    /// Whether they still were.
    pub(crate) stood: bool,
    pub(crate) reply: oneshot::Sender<Result<bool, StoreError>>,
}

impl Request {
    /// Answers, after the commit or its failure.
    pub(crate) fn finish(self, committed: Result<(), StoreError>) {
        match self {
            Self::Call(job, _) => job.finish(committed),
            // A caller that has gone needs no answer.
            Self::Record(record) => drop(record.reply.send(committed.map(|()| record.stood))),
        }
    }
}

/// A closure that can be run again until its transaction is committed.
pub(crate) trait Job: Send {
    /// Runs once; true if what it wrote shall stay.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Answers with what the last run gave, or with the failure of the commit.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

pub(crate) struct Call<F, T, E> {
    closure: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Call<F, T, E> {
    pub(crate) fn new(closure: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { closure, outcome: None, reply }, answer)
    }
}

impl<F, T, E> Job for Call<F, T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let ran = catch_unwind(AssertUnwindSafe(|| (self.closure)(tx)));
        let outcome = match (ran, tx.failure()) {
            (Err(_), _) => Err(StoreError::Panicked.into()),
            (Ok(Ok(_)), Some(error)) => Err(error.clone().into()),
            (Ok(outcome), _) => outcome,
        };
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = match committed {
            Ok(()) => self.outcome.unwrap_or_else(|| Err(StoreError::Closed.into())),
            Err(error) => Err(error.into()),
        };
        // A caller that has gone needs no answer.
        drop(self.reply.send(outcome));
    }
}
