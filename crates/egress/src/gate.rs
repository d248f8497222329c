//! How many requests may be under way: in all, and to one host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts requests under way. A host is remembered only while a request to it waits or runs.
#[derive(Debug)]
pub(crate) struct Gate {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Gate {
    pub(crate) fn new(all: usize, per_host: usize) -> Arc<Self> {
        Arc::new(Self { all: Arc::new(Semaphore::new(all)), per_host, hosts: Mutex::default() })
    }

    /// Waits for a place. The host's comes first, so that a slow host's queue takes no place from others.
    pub(crate) async fn enter(self: &Arc<Self>, host: &str) -> Place {
        let mut place = Place { gate: self.clone(), host: host.to_owned(), held: [None, None] };
        let queue = self.queue(host);
        place.held[0] = queue.acquire_owned().await.ok();
        place.held[1] = self.all.clone().acquire_owned().await.ok();
        place
    }

    fn queue(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host))).clone()
    }

    fn forget_if_idle(&self, host: &str) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.get(host).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            hosts.remove(host);
        }
    }
}

/// A place, given back when dropped; also when the wait for it was given up.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    host: String,
    held: [Option<OwnedSemaphorePermit>; 2],
}

impl Drop for Place {
    fn drop(&mut self) {
        self.held = [None, None];
        self.gate.forget_if_idle(&self.host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::task::{Context, Waker};

    fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
        let mut future = Box::pin(future);
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn one_host_cannot_take_every_place() {
        let gate = Gate::new(3, 2);
        let _a = now_or_never(gate.enter("slow")).unwrap();
        let _b = now_or_never(gate.enter("slow")).unwrap();
        assert!(now_or_never(gate.enter("slow")).is_none());
        let other = now_or_never(gate.enter("other")).unwrap();
        assert!(now_or_never(gate.enter("third")).is_none());
        drop(other);
        assert!(now_or_never(gate.enter("third")).is_some());
    }

    #[test]
    fn hosts_are_forgotten() {
        let gate = Gate::new(1, 1);
        let held = now_or_never(gate.enter("a")).unwrap();
        for i in 0..100 {
            assert!(now_or_never(gate.enter(&format!("h{i}"))).is_none());
        }
        assert_eq!(gate.hosts.lock().unwrap().len(), 1);
        drop(held);
        assert!(gate.hosts.lock().unwrap().is_empty());
    }
}
