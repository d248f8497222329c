//! The writer: one thread, one connection, many requests to a commit.

use crate::StoreError;
use crate::append::Appender;
use crate::driver::{Access, Connection};
use crate::facts::{FactChange, FactsView};
use crate::job::{Job, Request};
use crate::revoked::{Change, RevokedView};
use crate::rows::all_stand;
use crate::terms::Indexer;
use crate::tx::{Left, Tx};
use prokura_core::PointId;
use prokura_ledger::Event;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// How many requests share a commit at most: more would make the first wait for the last.
const BATCH: usize = 256;

/// How often a transaction is tried that another process got in the way of.
const TRIES: u32 = 4;

/// Runs requests until every sender is gone.
pub(crate) struct Writer {
    conn: Connection,
    ledger: Appender,
    terms: Indexer,
    view: Arc<RevokedView>,
    facts: Arc<FactsView>,
}

/// What a batch will have done once it is committed.
#[derive(Default)]
struct Pending<'a> {
    events: Vec<Cow<'a, Event>>,
    changes: Vec<Change>,
    facts: Vec<FactChange>,
}

impl Writer {
    pub(crate) fn new(
        conn: Connection,
        point: PointId,
        view: Arc<RevokedView>,
        facts: Arc<FactsView>,
    ) -> Self {
        Self { conn, ledger: Appender::new(point), terms: Indexer::default(), view, facts }
    }

    /// Takes what is queued now, never waits for more: while one batch is being synced, the next gathers.
    pub(crate) fn serve(mut self, mut requests: Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(next) = requests.try_recv()
            {
                batch.push(next);
            }
            self.run(batch);
            self.index();
        }
    }

    /// Indexes the blocks of the record that are full by now, after everybody was answered.
    fn index(&mut self) {
        if let Err(error) = self.terms.index_up_to(&mut self.conn, self.ledger.head()) {
            self.conn.rollback();
            tracing::warn!(%error, "the record could not be indexed; the next batch tries again");
        }
    }

    /// Runs a batch and answers it. If it fails as a whole for what is in it, each request is run alone, so that
    /// one that cannot be written harms no other. If the database cannot be reached, or nobody knows whether the
    /// batch was committed, it is not run again.
    fn run(&mut self, mut batch: Vec<Request>) {
        let committed = self.persist(&mut batch);
        let again = committed.as_ref().is_err_and(StoreError::is_about_content);
        if batch.len() == 1 || !again {
            return batch.into_iter().for_each(|r| r.finish(committed.clone()));
        }
        for request in batch {
            let mut alone = [request];
            let committed = self.persist(&mut alone);
            alone.into_iter().for_each(|r| r.finish(committed.clone()));
        }
    }

    /// Tries until the batch is committed, or it is clear that it will not be.
    fn persist(&mut self, batch: &mut [Request]) -> Result<(), StoreError> {
        let mut tried = 1;
        loop {
            match self.attempt(batch) {
                Err(e) if e.is_retryable() && tried < TRIES => {
                    tracing::debug!(error = %e, tried, "a batch is run again");
                    std::thread::sleep(Duration::from_millis(5 * u64::from(tried)));
                    tried += 1;
                }
                other => return other,
            }
        }
    }

    fn attempt(&mut self, batch: &mut [Request]) -> Result<(), StoreError> {
        self.conn.begin(Access::Write)?;
        let done = self.write(batch);
        if done.is_err() {
            self.conn.rollback();
            self.ledger.forget();
        }
        let (changes, facts) = done?;
        self.view.apply(changes);
        self.facts.apply(facts);
        Ok(())
    }

    fn write(&mut self, batch: &mut [Request]) -> Result<(Vec<Change>, Vec<FactChange>), StoreError> {
        let mut pending = Pending::default();
        for request in batch {
            match request {
                Request::Record(record) => {
                    record.stood = all_stand(&mut self.conn, &record.chain)?;
                    if record.stood {
                        pending.events.extend(record.events.iter().map(Cow::Borrowed));
                    }
                }
                Request::Call(job, Access::Write) => self.call(job.as_mut(), &mut pending)?,
                Request::Call(job, Access::Read) => self.look(job.as_mut())?,
            }
        }
        self.ledger.append(&mut self.conn, &pending.events)?;
        if !pending.changes.is_empty() || !pending.facts.is_empty() {
            self.conn.tell()?;
        }
        self.conn.commit()?;
        Ok((pending.changes, pending.facts))
    }

    /// Runs a job that may write. What it wrote is undone if it fails; the others in the batch stay.
    fn call(&mut self, job: &mut dyn Job, pending: &mut Pending<'_>) -> Result<(), StoreError> {
        self.conn.batch("SAVEPOINT job")?;
        let (keep, left) = run(&mut self.conn, job, Access::Write)?;
        if keep {
            pending.events.extend(left.events.into_iter().map(Cow::Owned));
            pending.changes.extend(left.changes);
            pending.facts.extend(left.facts);
            self.conn.batch("RELEASE SAVEPOINT job")
        } else {
            self.conn.batch("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job")
        }
    }

    /// Runs a job that only reads, where there is no other connection for it.
    fn look(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.conn.guard(Access::Read)?;
        let ran = run(&mut self.conn, job, Access::Read);
        self.conn.guard(Access::Write)?;
        ran.map(drop)
    }
}

/// Runs a job in the transaction that is open. An error that concerns the whole transaction, and so everybody
/// in it, is passed on.
pub(crate) fn run(
    conn: &mut Connection,
    job: &mut dyn Job,
    access: Access,
) -> Result<(bool, Left), StoreError> {
    let mut tx = Tx::new(conn, access);
    let keep = job.run(&mut tx);
    let left = tx.finish();
    match &left.failure {
        Some(e) if e.is_retryable() => Err(e.clone()),
        _ => Ok((keep, left)),
    }
}
