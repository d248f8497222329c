//! One round of a race, and what the record says of it afterwards.

use crate::postgres::Server;
use crate::schedule::{self, Chance, Racer};
use crate::world::exchange::{CRM, VAULT, read};
use crate::world::workload::Platforms;
use crate::world::{Answer, World};
use prokura_core::GrantId;
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::StoreError;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy)]
pub(crate) enum Driver {
    File,
    Memory,
    Postgres,
}

impl Driver {
    /// How many rounds, if nobody says: the more, the quicker they are.
    fn usual(self) -> usize {
        match self {
            Self::Memory => 120,
            Self::File => 40,
            Self::Postgres => 16,
        }
    }
}

/// A world is used for so many rounds; then its record is long.
const LIFE: usize = 1_000;

/// A world and the chances of one round.
pub(crate) struct Round {
    pub(crate) world: Arc<World>,
    pub(crate) platforms: Arc<Platforms>,
    pub(crate) chance: Chance,
    on_threads: bool,
    seen: Arc<Mutex<HashSet<Vec<u8>>>>,
    since: u64,
}

/// Runs a race as often as was asked for, and says how often that was.
pub(crate) fn rounds<F: Future<Output = ()>>(
    name: &str,
    driver: Driver,
    more: &str,
    race: impl Fn(Round) -> F,
) {
    let count = std::env::var("PROKURA_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(driver.usual());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (seen, platforms) = (Arc::new(Mutex::new(HashSet::new())), Arc::new(Platforms::default()));
    let ran = runtime.block_on(async {
        let mut done = 0;
        while done < count {
            let dir = tempfile::tempdir().unwrap();
            let url = match driver {
                Driver::Memory => "sqlite::memory:".to_owned(),
                Driver::File => format!("sqlite:{}", dir.path().join("t.db").display()),
                Driver::Postgres => match Server::get() {
                    Some(server) => server.new_database(),
                    None => return false,
                },
            };
            let world = Arc::new(World::on(&platforms.config(more), &url, "pep_test").await);
            for n in done..count.min(done + LIFE) {
                let chance = Chance::new(u64::try_from(n).unwrap());
                let (world, platforms) = (world.clone(), platforms.clone());
                let (seen, on_threads) = (seen.clone(), n % 8 == 7);
                let since = size(&world).await;
                race(Round { world, platforms, chance, on_threads, seen, since }).await;
            }
            done += LIFE;
        }
        true
    });
    if ran {
        println!("RAN: {name}: {count} rounds, {} orders", seen.lock().unwrap().len());
    }
}

async fn size(world: &World) -> u64 {
    world.store.read::<_, StoreError>(|tx| tx.ledger_size()).await.unwrap()
}

impl Round {
    /// Lets them race.
    pub(crate) async fn race<T: Send + 'static>(&self, racers: Vec<Racer<T>>) -> Vec<T> {
        if self.on_threads {
            return schedule::run_on_threads(&self.chance, racers).await;
        }
        let (ends, order) = schedule::run(&self.chance, racers).await;
        self.seen.lock().unwrap().insert(order);
        ends
    }

    /// Something that races, with the world.
    pub(crate) fn racer<T, F>(&self, act: impl FnOnce(Arc<World>) -> F) -> Racer<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        Box::pin(act(self.world.clone()))
    }

    /// Ends a grant as the account page does: on record in the same commit.
    pub(crate) fn revoke(&self, grant: &GrantId) -> Racer<Option<Answer>> {
        let grant = grant.clone();
        self.racer(|world| async move {
            world.revoke_on_record(&grant).await;
            None
        })
    }

    /// Pauses a grant, on record in the same commit.
    pub(crate) fn suspend(&self, grant: &GrantId) -> Racer<Option<Answer>> {
        let grant = grant.clone();
        self.racer(|world| async move {
            world.suspend_on_record(&grant).await;
            None
        })
    }

    /// What was recorded since the round began, oldest first.
    pub(crate) async fn log(&self) -> Vec<Event> {
        let since = self.since;
        let entries = self.world.store.read::<_, StoreError>(move |tx| {
            (since + 1..=tx.ledger_size()?).map(|n| Ok(tx.entry(n)?.unwrap().event)).collect::<Result<_, _>>()
        });
        entries.await.unwrap()
    }

    /// What was minted after what the record calls `end`, of whoever's authority that is about.
    pub(crate) async fn minted_after(&self, end: &str) -> Vec<Event> {
        let mut log = self.log().await;
        let at = log.iter().position(|e| e.action == end && e.outcome == Outcome::Permit).unwrap();
        log.drain(..at);
        log.retain(is_minting);
        log
    }

    /// Sees that nothing was minted after what the record calls `end`, and what was minted before counts no more.
    pub(crate) async fn nothing_after(&self, end: &str, tokens: &[String]) {
        let later = self.minted_after(end).await;
        assert!(later.is_empty(), "minted after the end: {later:?}");
        for token in tokens {
            assert!(!self.is_active(token).await, "a token counts after the end of its grant");
        }
    }

    /// What the server of its resource hears of a token.
    pub(crate) async fn is_active(&self, token: &str) -> bool {
        let server = match read(token).audience.as_str() {
            CRM => "keeper",
            VAULT => "vault-api",
            _ => "rs",
        };
        self.world.introspect(server, token).await.get("active").unwrap().as_bool().unwrap()
    }
}

fn is_minting(event: &Event) -> bool {
    let made = event.kind == EventKind::Issuance || event.action == "grant:make";
    made && event.outcome == Outcome::Permit
}

/// The member of every answer that is a success.
pub(crate) fn members(answers: &[Answer], member: &str) -> Vec<String> {
    answers.iter().filter(|a| a.status == 200).map(|a| a.text(member)).collect()
}

/// What the racers that answer heard.
pub(crate) fn answers(ends: Vec<Option<Answer>>) -> Vec<Answer> {
    ends.into_iter().flatten().collect()
}
