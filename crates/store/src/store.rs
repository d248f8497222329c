//! The store: its threads and its four doors.

use crate::driver::{Access, Connection};
use crate::facts::FactsView;
use crate::job::{Call, Job, Record, Request};
use crate::migrate::migrate;
use crate::reader::{Reader, Shared};
use crate::revoked::RevokedView;
use crate::tx::Tx;
use crate::url::Place;
use crate::watch::Watch;
use crate::writer::Writer;
use crate::{DatabaseUrl, StoreError};
use prokura_core::{Chain, Clock, GrantId, PointId, Rng};
use prokura_ledger::Event;
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::Builder;
use tokio::sync::{mpsc, oneshot};

/// How many requests may wait before callers do.
const QUEUE: usize = 1024;

/// How many threads read.
const READERS: usize = 2;

/// The database, and the threads that talk to it. Clones share them; when the last is dropped, what is queued is
/// finished and the threads end.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    writer: mpsc::Sender<Request>,
    /// Absent where the writer reads too, because the database lives in its connection.
    reader: Option<mpsc::Sender<Box<dyn Job>>>,
    view: Arc<RevokedView>,
    facts: Arc<FactsView>,
    /// Ends the watch when it is dropped.
    _watching: Option<std_mpsc::Sender<()>>,
}

impl Store {
    /// Opens the database, brings its schema up to date and learns what is revoked. `point` is the name under
    /// which this process writes to the record: take [`local_point`](Self::local_point) for a server and
    /// [`command_point`](Self::command_point) for a command.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::NewerSchema`] or another failure of the first statements.
    pub async fn open(url: &DatabaseUrl, point: PointId, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let (reply, opened) = oneshot::channel();
        let url = url.clone();
        start("store-open", move || drop(reply.send(open(&url, point, clock))))?;
        opened.await.map_err(|_| StoreError::Closed)?
    }

    /// The point of the server on this database. A file remembers it, so that its counters go on after a
    /// restart. PostgreSQL is shared, so each process that starts gets a new one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn local_point(url: &DatabaseUrl, rng: Arc<dyn Rng>) -> Result<PointId, StoreError> {
        if !matches!(url.0, Place::File(_)) {
            return Ok(PointId::random(rng.as_ref()));
        }
        let url = url.clone();
        let (reply, found) = oneshot::channel();
        start("store-open", move || drop(reply.send(remembered_point(&url, rng.as_ref()))))?;
        found.await.map_err(|_| StoreError::Closed)?
    }

    /// A point for one run of a command, which may write while a server runs.
    pub fn command_point(rng: &dyn Rng) -> PointId {
        let id = prokura_core::random_id("pep_cli_", rng);
        PointId::parse(id).unwrap_or_else(|_| PointId::random(rng))
    }

    /// Runs `f` in a writing transaction. It is atomic, alone in the whole database, and durable when this
    /// returns `Ok`; an `Err` rolls it back. `f` may be run again, so it must have no effect but through its
    /// `Tx`; and everybody waits for it, so it must not do slow work such as hashing a password.
    ///
    /// # Errors
    /// What `f` returns, or [`StoreError`] as `E`.
    pub async fn transact<T, E>(
        &self,
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (call, answer) = Call::new(f);
        self.write(Request::Call(Box::new(call), Access::Write)).await?;
        answered(answer).await
    }

    /// Runs `f` in a reading transaction, which sees one state of the database and may not write.
    ///
    /// # Errors
    /// What `f` returns, or [`StoreError`] as `E`.
    pub async fn read<T, E>(&self, f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (call, answer) = Call::new(f);
        match &self.0.reader {
            Some(reader) => reader.send(Box::new(call)).await.map_err(|_| StoreError::Closed)?,
            None => self.write(Request::Call(Box::new(call), Access::Read)).await?,
        }
        answered(answer).await
    }

    /// Records `events`, in their order; they are durable when this returns `Ok`. Many callers share a commit.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing of it was recorded, or (only [`StoreError::OutcomeUnknown`]) it may have
    /// been.
    pub async fn record(&self, events: Vec<Event>) -> Result<(), StoreError> {
        self.put_on_record(events, Vec::new()).await.map(drop)
    }

    /// As [`record`](Self::record), if every grant of `chain` still is in force and as it was when it was read; else
    /// nothing is recorded, and the answer is false. For what is given under grants that are remembered: one may have ended
    /// since, and nothing may be given after that was answered.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn record_under(&self, chain: &Chain, events: Vec<Event>) -> Result<bool, StoreError> {
        self.put_on_record(events, chain.grants().map(|g| (g.id.clone(), g.revision)).collect()).await
    }

    async fn put_on_record(
        &self,
        events: Vec<Event>,
        chain: Vec<(GrantId, u64)>,
    ) -> Result<bool, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.write(Request::Record(Record { events, chain, stood: false, reply })).await?;
        answered(answer).await
    }

    /// What is not in force, in memory.
    pub fn revoked(&self) -> &RevokedView {
        &self.0.view
    }

    /// What is not in force, for those who outlive a borrow.
    pub fn revoked_view(&self) -> Arc<RevokedView> {
        Arc::clone(&self.0.view)
    }

    /// What is known about somebody or something, in memory.
    pub fn facts(&self) -> Arc<FactsView> {
        Arc::clone(&self.0.facts)
    }

    async fn write(&self, request: Request) -> Result<(), StoreError> {
        self.0.writer.send(request).await.map_err(|_| StoreError::Closed)
    }
}

async fn answered<T, E: From<StoreError>>(answer: oneshot::Receiver<Result<T, E>>) -> Result<T, E> {
    answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
}

/// Opens every connection and starts the threads.
fn open(url: &DatabaseUrl, point: PointId, clock: Arc<dyn Clock>) -> Result<Store, StoreError> {
    let mut conn = Connection::open(url, Access::Write)?;
    migrate(&mut conn)?;
    let alone = url.0 == Place::Memory;
    let view = Arc::new(if alone { RevokedView::alone() } else { RevokedView::watched() });
    let facts = Arc::new(FactsView::beside(Arc::clone(&view)));
    let watching =
        if alone { None } else { Some(Watch::start(url, Arc::clone(&view), Arc::clone(&facts), clock)?) };
    let reader = if alone { None } else { Some(start_readers(url)?) };
    let (writer, requests) = mpsc::channel(QUEUE);
    let thread = Writer::new(conn, point, Arc::clone(&view), Arc::clone(&facts));
    start("store-write", move || thread.serve(requests))?;
    Ok(Store(Arc::new(Inner { writer, reader, view, facts, _watching: watching })))
}

fn start_readers(url: &DatabaseUrl) -> Result<mpsc::Sender<Box<dyn Job>>, StoreError> {
    let (sender, requests) = mpsc::channel(QUEUE);
    let shared = Shared::new(requests);
    for _ in 0..READERS {
        let reader = Reader::new(Connection::open(url, Access::Read)?, Arc::clone(&shared));
        start("store-read", move || reader.serve())?;
    }
    Ok(sender)
}

fn remembered_point(url: &DatabaseUrl, rng: &dyn Rng) -> Result<PointId, StoreError> {
    let mut conn = Connection::open(url, Access::Write)?;
    migrate(&mut conn)?;
    let fresh = PointId::random(rng);
    conn.execute(
        "INSERT INTO settings (name, value) VALUES ('store.point', ?1) ON CONFLICT (name) DO NOTHING",
        &[fresh.as_str().into()],
    )?;
    let found = conn.query("SELECT value FROM settings WHERE name = 'store.point'", &[], |row| {
        row.parsed(0, "settings.value", PointId::parse)
    })?;
    Ok(found.into_iter().next().unwrap_or(fresh))
}

pub(crate) fn start(name: &str, f: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let started = Builder::new().name(name.to_owned()).spawn(f);
    started.map(drop).map_err(|e| StoreError::Database(format!("a thread cannot be started: {e}")))
}
