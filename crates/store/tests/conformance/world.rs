//! What a test stands on.

use crate::postgres::Server;
use prokura_core::{
    AgentId, Details, Evidence, Grant, GrantId, GrantState, Grantor, ManualClock, PointId, Principal,
    ResourceUri, ScopeSet, Terms, Timestamp, TraceId, UserId,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{DatabaseUrl, Store, StoreError, Tx, User};
use std::sync::Arc;

pub(crate) enum Driver {
    File,
    Memory,
    Postgres,
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) url: DatabaseUrl,
    pub(crate) clock: Arc<ManualClock>,
    dir: Option<tempfile::TempDir>,
    /// The address with its password, if it is PostgreSQL.
    postgres: Option<String>,
}

/// The time at which every test begins.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(1_000_000)
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + seconds)
}

impl World {
    /// `None` if there is no PostgreSQL here.
    pub(crate) async fn new(driver: Driver) -> Option<Self> {
        let (url, dir) = match driver {
            Driver::Memory => ("sqlite::memory:".to_owned(), None),
            Driver::File => {
                let dir = tempfile::tempdir().unwrap();
                (format!("sqlite:{}", dir.path().join("t.db").display()), Some(dir))
            }
            Driver::Postgres => (Server::get()?.new_database(), None),
        };
        let postgres = url.starts_with("postgres").then(|| url.clone());
        let url = DatabaseUrl::parse(&url).unwrap();
        let clock = Arc::new(ManualClock::new(now()));
        let store = Store::open(&url, point("pep_1"), clock.clone()).await.unwrap();
        Some(Self { store, url, clock, dir, postgres })
    }

    /// Whether another process could open the database.
    pub(crate) fn is_shared(&self) -> bool {
        self.url != DatabaseUrl::memory()
    }

    /// The store of another process.
    pub(crate) async fn other(&self, name: &str) -> Store {
        Store::open(&self.url, point(name), self.clock.clone()).await.unwrap()
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.transact(f).await.unwrap()
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        f: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.read(f).await.unwrap()
    }

    /// Stores a root grant of `usr_alice` and gives its id.
    pub(crate) async fn grant(&self, id: &str) -> GrantId {
        let grant = grant(id, &[]);
        let id = grant.id.clone();
        self.write(move |tx| tx.insert_grant(&grant)).await;
        id
    }
}

pub(crate) fn point(name: &str) -> PointId {
    PointId::parse(name).unwrap()
}

pub(crate) fn g(id: &str) -> GrantId {
    GrantId::parse(id).unwrap()
}

pub(crate) fn alice() -> UserId {
    UserId::parse("usr_alice").unwrap()
}

pub(crate) fn planner() -> AgentId {
    AgentId::parse("agt_planner").unwrap()
}

pub(crate) fn crm() -> ResourceUri {
    ResourceUri::parse("https://as.example/mcp/crm").unwrap()
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: UserId::parse(format!("usr_{name}")).unwrap(),
        name: name.to_owned(),
        display_name: format!("{name} the Great"),
        password_hash: None,
        email: None,
        disabled: false,
        created_at: now(),
    }
}

pub(crate) fn grant(id: &str, parents: &[&str]) -> Grant {
    Grant {
        id: g(id),
        parents: parents.iter().map(|p| g(p)).collect(),
        subject: Principal::User(alice()),
        grantor: Grantor::User(alice()),
        grantee: planner(),
        resource: crm(),
        actions: ScopeSet::parse("read write").unwrap(),
        details: Details::default(),
        not_before: now(),
        expires_at: at(3600),
        depth_left: 3,
        terms: Terms::default(),
        evidence: Evidence::Consent { interaction: "i_1".into() },
        state: GrantState::Active,
        revision: 0,
    }
}

/// An event of alice and the planner.
pub(crate) fn event(action: &str) -> Event {
    let trace = TraceId::parse("tr_1").unwrap();
    let mut event = Event::new(EventKind::Decision, action, Outcome::Permit, now(), trace);
    event.subject = Some(Principal::User(alice()));
    event.actors = vec![planner()];
    event
}

impl World {
    /// Runs a statement behind the store's back; `None` for a database that only the store can reach.
    pub(crate) fn raw(&self, sql: &str) -> Option<Result<(), String>> {
        self.raw_access().run(sql)
    }

    /// A way to the database that is not the store's.
    pub(crate) fn raw_access(&self) -> Raw {
        let file = self.dir.as_ref().map(|d| d.path().join("t.db"));
        Raw { file, postgres: self.postgres.clone() }
    }
}

/// A way to the database that is not the store's.
pub(crate) struct Raw {
    file: Option<std::path::PathBuf>,
    postgres: Option<String>,
}

impl Raw {
    pub(crate) fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// Runs a statement; `None` for a database that only the store can reach.
    pub(crate) fn run(&self, sql: &str) -> Option<Result<(), String>> {
        let run = || match self {
            Self { file: Some(file), .. } => {
                let conn = rusqlite::Connection::open(file).unwrap();
                Some(conn.execute_batch(sql).map_err(|e| e.to_string()))
            }
            Self { postgres: Some(url), .. } => {
                let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
                Some(client.batch_execute(sql).map_err(|e| e.to_string()))
            }
            _ => None,
        };
        // The synchronous client brings its own runtime, which may not stand inside ours.
        std::thread::scope(|s| s.spawn(run).join().unwrap())
    }

    /// Holds the lock of all writers, as a process that hangs would, until the answer is dropped.
    pub(crate) fn hold_writers_lock(&self) -> std::sync::mpsc::Sender<()> {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (ready, held) = std::sync::mpsc::channel();
        let Self { file, postgres } = Self { file: self.file.clone(), postgres: self.postgres.clone() };
        std::thread::spawn(move || {
            if let Some(file) = file {
                let conn = rusqlite::Connection::open(file).unwrap();
                conn.execute_batch("BEGIN IMMEDIATE").unwrap();
                ready.send(()).unwrap();
                released.recv().unwrap_err();
            } else if let Some(url) = postgres {
                let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
                client.batch_execute("BEGIN; SELECT id FROM writer FOR UPDATE").unwrap();
                ready.send(()).unwrap();
                released.recv().unwrap_err();
            }
        });
        held.recv().unwrap();
        release
    }
}
