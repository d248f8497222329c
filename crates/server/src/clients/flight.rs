//! One fetch for all who want the same thing at the same time.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Work under way, by key. Whoever comes while it runs shares its outcome, failures too; whoever comes after starts
/// anew, so nothing is cached here. If the one who works gives up, the next who waits takes over.
#[derive(Debug)]
pub(super) struct Flight<T>(Mutex<HashMap<String, Arc<OnceCell<T>>>>);

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Flight<T> {
    /// The outcome of `work`, or of the same work that is under way already.
    pub(super) async fn join<F: Future<Output = T>>(&self, key: &str, work: impl FnOnce() -> F) -> T {
        let seat = Seat { flight: self, key, cell: self.cell(key) };
        seat.cell.get_or_init(work).await.clone()
    }

    fn cell(&self, key: &str) -> Arc<OnceCell<T>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.entry(key.to_owned()).or_default().clone()
    }
}

/// A place in a flight. Who leaves last, or first after it landed, takes it off the list.
struct Seat<'a, T> {
    flight: &'a Flight<T>,
    key: &'a str,
    cell: Arc<OnceCell<T>>,
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut flights = self.flight.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = flights.get(self.key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // One count is the list's, one is this seat's.
        if listed && (self.cell.initialized() || Arc::strong_count(&self.cell) == 2) {
            flights.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn many_share_one_outcome_and_the_next_starts_anew() {
        let (flight, runs, go) = (Flight::<u32>::default(), AtomicU32::new(0), Notify::new());
        let work = || async {
            go.notified().await;
            runs.fetch_add(1, Ordering::SeqCst)
        };
        let release = async { go.notify_one() };
        let (a, b, c, ()) =
            tokio::join!(flight.join("k", work), flight.join("k", work), flight.join("k", work), release);
        assert_eq!((a, b, c), (0, 0, 0));
        go.notify_one();
        assert_eq!(flight.join("k", work).await, 1, "nothing is kept");
        assert!(flight.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn when_the_worker_gives_up_the_next_takes_over() {
        let flight = Arc::new(Flight::<u32>::default());
        let other = flight.clone();
        let first = tokio::spawn(async move { other.join("k", std::future::pending).await });
        tokio::task::yield_now().await;
        let other = flight.clone();
        let second = tokio::spawn(async move { other.join("k", || async { 7 }).await });
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap(), 7);
        assert!(first.await.is_err());
        assert!(flight.0.lock().unwrap().is_empty());
    }
}
