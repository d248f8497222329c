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
        println!(
            "{:>8} {:>8} {:>14} {:>14} {:>14}",
            "callers", "events", "CPU µs/event", "wall µs/event", "µs/commit"
        );
        for callers in [1, 8, 64, 256] {
            measure(&store, callers).await?;
        }
        Ok(())
    })
}

async fn measure(store: &Store, callers: u64) -> Result<(), Failure> {
    let rounds = (20_000 / callers).min(3_000);
    let (cpu, wall) = (cpu_time()?, Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..rounds {
                    store.record(vec![event(caller, round)?]).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let events = callers * rounds;
    let (cpu, wall) = (cpu_time()? - cpu, wall.elapsed());
    let per = |d: Duration, n: u64| d.as_secs_f64() * 1e6 / n as f64;
    println!(
        "{callers:>8} {events:>8} {:>14.1} {:>14.1} {:>14.1}",
        per(cpu, events),
        per(wall, events),
        per(wall, rounds)
    );
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

/// Processor time of this process so far (Linux: clock ticks are hundredths of a second).
fn cpu_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(10 * ticks))
}
