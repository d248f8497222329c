//! What was answered survives `kill -9`: SQLite in a file, in a process that is killed while it writes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its world does not hold")]

use prokura_core::{PointId, SystemClock, Timestamp, TraceId};
use prokura_ledger::{Event, EventKind, Filter, Outcome};
use prokura_store::{ArtifactKind, Consumed, DatabaseUrl, Store, StoreError};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

#[path = "crash/approvals.rs"]
mod approvals;

const FILE: &str = "PROKURA_CRASH_FILE";

/// What the victim does: rotate tokens, or have calls agreed to and made.
const WHAT: &str = "PROKURA_CRASH_WHAT";

const KIND: ArtifactKind = ArtifactKind::RefreshToken;

fn later() -> Timestamp {
    Timestamp::from_seconds(i64::from(u32::MAX))
}

async fn open(file: &Path) -> Store {
    let url = DatabaseUrl::parse(&format!("sqlite:{}", file.display())).unwrap();
    Store::open(&url, PointId::parse("pep_1").unwrap(), Arc::new(SystemClock)).await.unwrap()
}

fn event(action: &str) -> Event {
    let trace = TraceId::parse("tr_1").unwrap();
    Event::new(EventKind::Decision, action, Outcome::Permit, Timestamp::from_micros(0), trace)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Not a test of its own: the process that is killed. Eight chains rotate tokens and record each rotation; each
/// says what was answered to it.
#[test]
fn victim() {
    let Some(file) = std::env::var_os(FILE) else { return };
    runtime().block_on(async {
        let store = open(Path::new(&file)).await;
        let round = std::process::id();
        let calls = std::env::var(WHAT).is_ok_and(|what| what == "calls");
        let chains: Vec<_> = (0..8)
            .map(|chain| match calls {
                true => tokio::spawn(approvals::agree_and_use(store.clone(), round, chain)),
                false => tokio::spawn(rotate(store.clone(), round, chain)),
            })
            .collect();
        for chain in chains {
            chain.await.unwrap();
        }
    });
}

async fn rotate(store: Store, round: u32, chain: u32) {
    let name = move |n: u32| format!("{round}.{chain}.{n}");
    store
        .transact(move |tx| tx.put_artifact(KIND, &name(0), None, b"", later()))
        .await
        .unwrap_or_else(refused);
    for n in 0..100_000 {
        let rotated = store
            .transact(move |tx| {
                let now = Timestamp::from_seconds(1);
                assert!(matches!(
                    tx.consume_with(KIND, &name(n), now, name(n + 1).as_bytes())?,
                    Consumed::Won(_)
                ));
                tx.record(event(&name(n)));
                tx.put_artifact(KIND, &name(n + 1), None, b"", later())
            })
            .await;
        rotated.unwrap_or_else(refused);
        let mut out = std::io::stdout().lock();
        writeln!(out, "answered {}", name(n)).unwrap();
        out.flush().unwrap();
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it takes what `unwrap_or_else` gives")]
fn refused<T>(error: StoreError) -> T {
    panic!("{error}")
}

/// Starts the victim, kills it after `lines` answers, and gives them.
fn kill_after(file: &Path, what: &str, lines: usize) -> Vec<String> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(FILE, file)
        .env(WHAT, what)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(victim.stdout.take().unwrap());
    let mut answered = out
        .lines()
        .map_while(Result::ok)
        .filter_map(|l| l.split_once("answered ").map(|(_, name)| name.to_owned()));
    let mut seen: Vec<_> = answered.by_ref().take(lines).collect();
    victim.kill().unwrap();
    seen.extend(answered);
    victim.wait().unwrap();
    assert!(seen.len() >= lines, "the victim ended by itself");
    // The last line may have been cut off by the kill.
    seen.pop();
    seen
}

#[test]
fn what_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("crash.db");
    let mut answered = Vec::new();
    for round in 0..12 {
        answered.extend(kill_after(&file, "tokens", 20 + 17 * round));
    }
    runtime().block_on(check(&file, answered));
}

async fn check(file: &Path, answered: Vec<String>) {
    let store = open(file).await;
    for name in &answered {
        let name = name.clone();
        let again = store.transact(move |tx| tx.consume(KIND, &name, Timestamp::from_seconds(2))).await;
        let Consumed::Already(spent) = again.unwrap_or_else(refused) else {
            panic!("a token that was rotated can be used again");
        };
        let successor = String::from_utf8(spent.payload).unwrap();
        let found = store.read(move |tx| tx.artifact(KIND, &successor)).await;
        assert!(found.unwrap_or_else(refused).is_some(), "its successor was lost");
    }
    let recorded = whole(&store).await;
    let missing: Vec<_> = answered.iter().filter(|n| !recorded.contains(*n)).collect();
    assert!(missing.is_empty(), "answered and not in the record: {missing:?}");
}

/// The actions in the record; checks on the way that no counter has a gap.
async fn whole(store: &Store) -> std::collections::BTreeSet<String> {
    let (mut all, mut before_seq) = (Vec::new(), None);
    loop {
        let filter = Filter { before_seq, limit: 1000, ..Filter::default() };
        let page = store.read(move |tx| tx.entries(&filter)).await.unwrap_or_else(refused);
        let Some((last, _)) = page.last() else { break };
        before_seq = Some(*last);
        all.extend(page);
    }
    for (n, (seq, entry)) in (1..).zip(all.iter().rev()) {
        assert_eq!((*seq, entry.counters.counter), (n, n));
    }
    all.into_iter().map(|(_, e)| e.event.action).collect()
}
