//! The readers: a few threads that take from one queue.

use crate::StoreError;
use crate::driver::{Access, Connection};
use crate::job::Job;
use crate::writer::run;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::Receiver;

/// A queue that several threads take from.
pub(crate) struct Shared(Mutex<Receiver<Box<dyn Job>>>);

impl Shared {
    pub(crate) fn new(requests: Receiver<Box<dyn Job>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(requests)))
    }

    /// The next job; the lock is held while waiting, and freed before the job is run.
    fn next(&self) -> Option<Box<dyn Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
    }
}

/// One thread that reads.
pub(crate) struct Reader {
    conn: Connection,
    queue: Arc<Shared>,
}

impl Reader {
    pub(crate) fn new(conn: Connection, queue: Arc<Shared>) -> Self {
        Self { conn, queue }
    }

    /// Runs jobs until every sender is gone.
    pub(crate) fn serve(mut self) {
        while let Some(mut job) = self.queue.next() {
            let mut ran = self.attempt(job.as_mut());
            if ran.as_ref().is_err_and(StoreError::is_retryable) {
                ran = self.attempt(job.as_mut());
            }
            job.finish(ran);
        }
    }

    fn attempt(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.conn.begin(Access::Read)?;
        let ran = run(&mut self.conn, job, Access::Read);
        self.conn.rollback();
        ran.map(drop)
    }
}
