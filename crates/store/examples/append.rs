//! What an entry of the record costs: microseconds per event, of processor time and of waiting, when so many
//! callers record at once. `cargo run --release -p prokura-store --example append [URL]`
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, for people")]

use prokura_core::{
    AgentId, GrantId, PointId, Principal, ResourceUri, SystemClock, Timestamp, TraceId, UserId,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{DatabaseUrl, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let file = format!("sqlite:{}", dir.path().join("append.db").display());
    let url = DatabaseUrl::parse(&std::env::args().nth(1).unwrap_or(file))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(&url, PointId::parse("pep_bench")?, Arc::new(SystemClock)).await?;
        println!("{url}");
        println!("microseconds per event; the last column per round of all callers");
        println!(" callers  at once     writer CPU        all CPU           wall          round");
        for (callers, batch) in [(1, 1), (8, 1), (64, 1), (256, 1), (1, 64), (1, 256)] {
            measure(&store, callers, batch).await?;
        }
        Ok(())
    })
}

/// So many callers record so many events at a time, again and again.
async fn measure(store: &Store, callers: u64, batch: u64) -> Result<(), Failure> {
    let rounds = (20_000 / callers / batch).min(3_000);
    let (writer, all, start) = (cpu_time("store-write")?, cpu_time("")?, Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..rounds {
                    let events = (0..batch).map(|n| event(caller, round * batch + n));
                    store.record(events.collect::<Result<_, _>>()?).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let events = callers * rounds * batch;
    let wall = start.elapsed();
    let (writer, all) = (cpu_time("store-write")? - writer, cpu_time("")? - all);
    let per = |d: Duration, n: u64| d.as_secs_f64() * 1e6 / n as f64;
    let [a, b, c, d] = [per(writer, events), per(all, events), per(wall, events), per(wall, rounds)];
    println!("{callers:>8} {batch:>8} {a:>14.1} {b:>14.1} {c:>14.1} {d:>14.1}");
    Ok(())
}

/// A decision as a gateway records it.
fn event(caller: u64, round: u64) -> Result<Event, Failure> {
    let trace = TraceId::parse(format!("tr_{caller:011}{round:011}"))?;
    let at = Timestamp::from_micros(1_700_000_000_000_000);
    let mut event = Event::new(EventKind::Decision, "tool:read_report", Outcome::Permit, at, trace);
    event = event.because("scope_allows");
    event.subject = Some(Principal::User(UserId::parse(format!("usr_{:022}", caller % 50))?));
    event.actors = vec![AgentId::parse("agt_0123456789012345678901")?];
    event.grant = Some(GrantId::parse(format!("g_{caller:022}"))?);
    event.resource = Some(ResourceUri::parse("https://as.example/mcp/sales")?);
    event.details.insert("status", 200_u64.into());
    Ok(event)
}

/// Processor time so far of the threads whose name begins with `name` (Linux).
fn cpu_time(name: &str) -> Result<Duration, Failure> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if std::fs::read_to_string(path.join("comm"))?.starts_with(name) {
            let schedstat = std::fs::read_to_string(path.join("schedstat"))?;
            sum += schedstat.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
    }
    Ok(Duration::from_nanos(sum))
}
