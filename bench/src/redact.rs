//! A result of a mebibyte: read, rewritten and written again, beside reading and writing alone; and rows by a filter.

use crate::Size;
use crate::table::{keep, median};
use anyhow::{Context, Result, ensure};
use prokura_core::{Obligation, Rewrite, Rows, Selector};
use prokura_oauth::json::{Limits, Value, obj, parse};
use prokura_policy::pdp::{self, Comparison, Filter, HashKey, NoEntities, Sieve, from_words, reference};
use std::time::Instant;

const BYTES: usize = 1 << 20;
const ROWS: usize = 1000;

/// CPU time of this thread, in microseconds.
fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split(' ').next().context("schedstat")?.parse::<f64>()? / 1000.0)
}

/// One employee of a result; half of them are the subject's.
fn row(n: usize) -> Value {
    let manager = if n.is_multiple_of(2) { "usr_alice" } else { "usr_bob" };
    Value::Object(obj([
        ("id", Value::from(format!("e{n}"))),
        ("name", Value::from(format!("Employee number {n}"))),
        ("manager", manager.into()),
        ("ssn", Value::from(format!("123-45-{n:04}"))),
        ("iban", Value::from(format!("DE8937040044053201{n:04}"))),
        ("email", Value::from(format!("e{n}@example.com"))),
        ("salary", (40_000 + n as u64).into()),
    ]))
}

fn result(rows: usize) -> Value {
    Value::Object(obj([("employees", (0..rows).map(row).collect())]))
}

fn words(name: &str, text: &str) -> Result<Obligation> {
    Ok(from_words(name, text)?)
}

fn rewrites() -> Result<Vec<Rewrite>> {
    let all = [("drop", "$..ssn"), ("redact", "$..salary"), ("mask", "4: $..iban"), ("hash", "$..email")];
    all.iter()
        .map(|(name, text)| match words(name, text)? {
            Obligation::Rewrite(rewrite) => Ok(rewrite),
            _ => anyhow::bail!("no rewrite"),
        })
        .collect()
}

fn mine() -> Result<(Rows, Filter)> {
    let Obligation::Rows(rows) = words("rows", "view Employee by id, manager is User: $.employees")? else {
        anyhow::bail!("no rows")
    };
    let at = Selector::parse("$.manager")?;
    Ok((rows, Filter::Is(at, Comparison::Equal, reference("User", "usr_alice"))))
}

/// Medians of CPU and wall time, in milliseconds, over the rounds.
fn timed(size: Size, mut once: impl FnMut() -> Result<()>) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut cpus, mut walls) = (Vec::new(), Vec::new());
    for at in 0..=size.rounds * 3 {
        let (before, begun) = (cpu()?, Instant::now());
        once()?;
        // The first only warms up.
        if at > 0 {
            cpus.push((cpu()? - before) / 1e3);
            walls.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok((cpus, walls))
}

pub fn measure(size: Size) -> Result<()> {
    println!("\n### A result of 1 MiB under obligations (budget: 10 ms CPU)\n");
    let rows = (1..).find(|n| result(*n).to_vec().len() >= BYTES).context("rows")?;
    let text = result(rows).to_vec();
    let (rewrites, key) = (rewrites()?, HashKey::new(&[7; 32], &["hr", "usr_alice"]));
    let limits = Limits { max_bytes: 4 << 20, max_depth: 64 };
    let bare = timed(size, || {
        ensure!(parse(&text, &limits)?.to_vec().len() == text.len(), "not what is measured");
        Ok(())
    })?;
    let one = timed(size, || {
        let mut value = parse(&text, &limits)?;
        ensure!(pdp::rewrite(&mut value, &rewrites[..1], &key)? == rows as u64, "not what is measured");
        ensure!(value.to_vec().len() < text.len(), "not what is measured");
        Ok(())
    })?;
    let four = timed(size, || {
        let mut value = parse(&text, &limits)?;
        ensure!(pdp::rewrite(&mut value, &rewrites, &key)? == 4 * rows as u64, "not what is measured");
        ensure!(!value.to_vec().is_empty(), "not what is measured");
        Ok(())
    })?;
    let (sifted, filter) = mine()?;
    let thousand = result(ROWS);
    let sieve = Sieve { filter: &filter, directory: &NoEntities, ask: &|_| None, key: &key };
    let rowed = timed(size, || {
        let mut value = thousand.clone();
        ensure!(pdp::keep(&mut value, &sifted, &sieve)?.removed == ROWS as u64 / 2, "not what is measured");
        Ok(())
    })?;
    println!("| | CPU ms | wall ms |\n|-|-|-|");
    let mut kept = Vec::new();
    for (name, (cpu, wall)) in [
        ("read and written alone", bare),
        ("`..ssn` dropped", one),
        ("dropped, redacted, masked, hashed", four),
        ("1,000 rows by a filter", rowed),
    ] {
        println!("| {name} | {:.2} | {:.2} |", median(&cpu), median(&wall));
        kept.push(serde_json::json!({ "name": name, "cpu_ms": cpu, "wall_ms": wall }));
    }
    keep("redact", &serde_json::json!({ "bytes": text.len(), "rows": kept }))
}
