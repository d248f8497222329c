//! Decisions of conditional access, as server and gateway make them: in one process, without HTTP and without the record.

use crate::Size;
use crate::table::{keep, median};
use anyhow::{Context, Result, ensure};
use prokura_access::Guard;
use prokura_config::Config;
use prokura_core::{
    AgentId, Attested, FactName, FactValue, ManualClock, Platform, PointId, ScopeSet, Timestamp, WorkloadId,
};
use prokura_facts::{Behaviour, Databases, Gathering};
use prokura_policy::access::{Situation, Stage};
use prokura_store::{DatabaseUrl, FactKind, FactSubject, Store, StoreError, StoredFact};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A Monday, 13:33 in London and 15:33 in Berlin.
const NOW: i64 = 1_790_000_000;
/// How many policies concern every decision.
const POLICIES: usize = 50;
/// The databases know it: it is in the United Kingdom.
const ADDRESS: &str = "81.2.69.160";

/// What the policies ask, in turn.
fn tests(country: bool) -> Vec<&'static str> {
    let mut all = vec![
        r#"{ time = { zone = "Europe/Berlin", windows = [{ days = ["mon", "tue", "wed", "thu", "fri"], from = "08:00", to = "18:00" }] } }"#,
        r#"{ fact = "network.address", within = ["10.0.0.0/8", "192.168.0.0/16", "81.2.69.0/24"] }"#,
        r#"{ fact = "posture.compliant", is = true }"#,
        r#"{ fact = "behaviour.calls_per_minute", at_most = 1000000000 }"#,
        r#"{ fact = "risk.level", one_of = ["LOW", "MEDIUM"] }"#,
    ];
    if country {
        all.push(r#"{ fact = "network.country", one_of = ["DE", "AT", "GB"] }"#);
    }
    all
}

fn config(policies: usize, country: bool) -> Result<Config> {
    let mut text = String::from(
        r#"
issuer = "http://localhost:9"
listen = "127.0.0.1:9"
database = "sqlite::memory:"
[[resource]]
name = "bench"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"use" = { title = "Use it", actions = ["tool:*"] }
"#,
    );
    for (i, test) in tests(country).iter().cycle().take(policies).enumerate() {
        write!(text, "[[access_policy]]\nname = \"p{i}\"\nrequires = {test}\n")?;
    }
    Ok(Config::parse(&text)?)
}

/// The database of countries, where the test data is there.
fn countries() -> Option<String> {
    let root =
        std::env::var_os("PROKURA_VECTORS").map(PathBuf::from).unwrap_or_else(|| "../../shared/vectors".into());
    let file = root.join("mmdb/GeoIP2-Country-Test.mmdb");
    file.is_file().then(|| file.display().to_string())
}

async fn push(store: &Store, kind: FactKind, id: &str, name: &str, value: FactValue) -> Result<()> {
    let fact = StoredFact {
        subject: FactSubject { kind, id: id.into() },
        name: FactName::parse(name).context("a name")?,
        value,
        source: "bench".into(),
        observed_at: Timestamp::from_seconds(NOW),
        max_age: Duration::from_secs(3600),
    };
    store.transact::<_, StoreError>(move |tx| tx.put_fact(&fact)).await?;
    Ok(())
}

async fn guard(policies: usize, countries: Option<&String>) -> Result<Guard> {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOW)));
    let point = PointId::parse("pep_1").context("a point")?;
    let store = Store::open(&DatabaseUrl::memory(), point.clone(), clock).await?;
    push(&store, FactKind::Host, "cluster/node:worker-1", "posture.compliant", FactValue::Flag(true)).await?;
    push(&store, FactKind::Agent, "agt_1", "risk.level", FactValue::Text("LOW".into())).await?;
    let config = config(policies, countries.is_some())?;
    let files: Vec<_> = countries.into_iter().cloned().collect();
    let places = Databases::open(&files, Duration::from_secs(3650 * 86_400))?;
    let behaviour = Behaviour::new(config.behaviour.clone(), policies > 0, &point);
    let sources = Gathering::new(store.facts(), Arc::new(places), Arc::new(behaviour));
    Ok(Guard::new(config.access()?, Arc::new(sources), &store))
}

/// CPU time of this thread, in microseconds.
fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split(' ').next().context("schedstat")?.parse::<f64>()? / 1000.0)
}

/// CPU and wall time of one decision, in microseconds, over `count` of them.
fn round(guard: &Guard, count: usize, policies: bool) -> Result<(f64, f64)> {
    let (agent, scopes) =
        (AgentId::parse("agt_1").context("an agent")?, ScopeSet::parse("use").context("scopes")?);
    let claims = [("namespace", "prod"), ("node", "worker-1")];
    let workload = Attested {
        workload: WorkloadId::parse("wl_1").context("a workload")?,
        provider: "cluster".into(),
        platform: Platform::Kubernetes,
        claims: claims.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        at: Timestamp::from_seconds(NOW),
    };
    let address = Some(ADDRESS.parse()?);
    let (before, started) = (cpu()?, Instant::now());
    for i in 0..count {
        let situation = Situation {
            stage: Stage::Call,
            subject: None,
            agent: Some(&agent),
            client: None,
            workload: Some(&workload),
            resource: "bench",
            action: None,
            scopes: &scopes,
            address,
            sign_in: None,
            now: Timestamp::from_seconds(NOW + i64::try_from(i / 1000)?),
        };
        let verdict = std::hint::black_box(guard.weigh(&situation));
        // Before anything is noted, behaviour may be unknown; from then on everything has to pass.
        let passes = verdict.as_ref().is_none_or(|v| v.outcome.permits());
        ensure!(verdict.is_some() == policies && (passes || i == 0), "not what is measured: {verdict:?}");
    }
    let each = count as f64;
    Ok(((cpu()? - before) / each, started.elapsed().as_secs_f64() * 1e6 / each))
}

pub async fn measure(size: Size) -> Result<()> {
    let countries = countries();
    println!("\n### A decision of conditional access (budget: 10 µs CPU)\n");
    println!("| | CPU µs a decision | wall µs a decision | a second |\n|-|-|-|-|");
    let mut rows = Vec::new();
    for (name, policies) in [("50 policies", POLICIES), ("no policies", 0)] {
        let guard = guard(policies, countries.as_ref()).await?;
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for at in 0..=size.rounds {
            // Where there is nothing to weigh, more are needed: the kernel counts CPU time by its ticks.
            let count = size.many * if policies > 0 { 10 } else { 1000 };
            let (c, w) = round(&guard, count, policies > 0)?;
            // The first round only warms up.
            if at > 0 {
                cpu.push(c);
                wall.push(w);
            }
        }
        println!("| {name} | {:.2} | {:.2} | {:.0} |", median(&cpu), median(&wall), 1e6 / median(&wall));
        rows.push(serde_json::json!({ "name": name, "cpu_us": cpu, "wall_us": wall }));
    }
    let note =
        if countries.is_some() { "with a database of countries" } else { "WITHOUT a database of countries" };
    println!("\n{note}");
    keep("access", &serde_json::json!({ "load": crate::load(), "rows": rows, "notes": [note] }))
}
