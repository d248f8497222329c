//! Requests of the host that are under way, so that it can take them back.

use crate::holder::Holder;
use prokura_mcp::envelope::Id;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// How many may be under way.
const MOST: usize = 256;

/// Under which id a legacy server knows a request: it has to be told that it is taken back. A modern server sees it.
#[derive(Clone, Default)]
pub(crate) struct Mark(Arc<Mutex<Option<Known>>>);

/// Where a request is known, and by which id.
type Known = (Arc<Holder>, Id);

impl Mark {
    /// The request is known there by this id.
    pub(crate) fn set(&self, holder: &Arc<Holder>, id: &Id) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((holder.clone(), id.clone()));
    }

    pub(crate) fn take(&self) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Flight {
    abort: AbortHandle,
    mark: Mark,
    lasting: bool,
}

/// Why a request cannot be taken.
#[derive(Debug, PartialEq)]
pub(crate) enum Full {
    /// Its id is in use.
    Twice,
    /// There are too many.
    TooMany,
}

/// What is under way.
#[derive(Default)]
pub(crate) struct Flights {
    all: Mutex<HashMap<Id, Flight>>,
    landed: Notify,
}

impl Flights {
    /// Starts a request. `lasting` is one that has no end of its own.
    pub(crate) fn start<F>(&self, id: &Id, lasting: bool, run: impl FnOnce(Mark) -> F) -> Result<(), Full>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut all = self.all();
        if all.contains_key(id) {
            return Err(Full::Twice);
        }
        if all.len() >= MOST {
            return Err(Full::TooMany);
        }
        let mark = Mark::default();
        // Under the lock, so that it cannot end before it is written down.
        let abort = tokio::spawn(run(mark.clone())).abort_handle();
        all.insert(id.clone(), Flight { abort, mark, lasting });
        Ok(())
    }

    /// It has its answer; false if it was taken back before.
    pub(crate) fn land(&self, id: &Id) -> bool {
        let landed = self.all().remove(id).is_some();
        self.landed.notify_waiters();
        landed
    }

    /// Takes a request back.
    pub(crate) fn cancel(&self, id: &Id) -> Option<Mark> {
        let flight = self.all().remove(id)?;
        flight.abort.abort();
        Some(flight.mark)
    }

    /// Waits until all have landed but those without an end.
    pub(crate) async fn settle(&self) {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            landed.as_mut().enable();
            if self.all().values().all(|f| f.lasting) {
                return;
            }
            landed.await;
        }
    }

    /// Ends all of them.
    pub(crate) fn end(&self) {
        for (_, flight) in self.all().drain() {
            flight.abort.abort();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Id, Flight>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_id_is_used_once_at_a_time_and_all_are_counted() {
        let flights = Flights::default();
        let start = |n: i64| flights.start(&Id::Integer(n), false, |_| std::future::pending());
        assert_eq!((start(0), start(0)), (Ok(()), Err(Full::Twice)));
        assert!(flights.cancel(&Id::Integer(0)).is_some() && flights.cancel(&Id::Integer(0)).is_none());
        for n in 0..256 {
            assert_eq!(start(n), Ok(()));
        }
        assert_eq!(start(256), Err(Full::TooMany));
        assert!(flights.land(&Id::Integer(7)) && !flights.land(&Id::Integer(7)));
        flights.end();
        flights.settle().await;
    }
}
