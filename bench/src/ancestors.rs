//! Whether a token's grant and its ancestors stand, asked of a view that a million revoked grants are in.

use crate::Size;
use crate::table::{keep, median};
use anyhow::{Context, Result, ensure};
use prokura_core::{GrantId, SystemRng, Timestamp};
use prokura_store::{RevokedView, StandingWord};
use std::time::{Duration, Instant};

/// How many grants above it a token names.
const DEPTH: usize = 5;
const REVOKED: usize = 1_000_000;
/// More than any cache holds, so that each is looked for in memory.
const TOKENS: usize = 100_000;

fn word(seq: u64, id: &GrantId) -> StandingWord {
    let until = Timestamp::from_seconds(4_000_000_000);
    StandingWord { seq, kind: "grant".into(), id: id.as_str().into(), word: "revoked".into(), floor: 0, until }
}

/// What a process holds in memory, in bytes.
fn resident() -> Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    Ok(pages.split(' ').nth(1).context("statm")?.parse::<usize>()? * 4096)
}

/// CPU time of this thread, in microseconds.
fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split(' ').next().context("schedstat")?.parse::<f64>()? / 1000.0)
}

/// A view with all of them; bytes for each, and how long the longest word took, for which a call may have waited.
fn filled() -> Result<(RevokedView, usize, Duration)> {
    let (view, before, mut longest) = (RevokedView::followed(), resident()?, Duration::ZERO);
    for seq in 1..=REVOKED {
        let word = word(seq.try_into()?, &GrantId::random(&SystemRng));
        let begun = Instant::now();
        view.take([word]);
        longest = longest.max(begun.elapsed());
    }
    Ok((view, (resident()? - before) / REVOKED, longest))
}

/// CPU and wall time of one token, in microseconds.
fn round(view: &RevokedView, tokens: &[Vec<GrantId>], stands: bool) -> Result<(f64, f64)> {
    let (before, begun) = (cpu()?, Instant::now());
    for chain in tokens {
        ensure!(std::hint::black_box(view.stands(chain.iter().map(|id| (id, 0)))) == stands, "not what is measured");
    }
    let each = tokens.len() as f64;
    Ok(((cpu()? - before) / each, begun.elapsed().as_secs_f64() * 1e6 / each))
}

pub fn measure(size: Size) -> Result<()> {
    println!("\n### A token of depth {DEPTH} against {REVOKED} revoked grants (budget: 5 µs CPU)\n");
    let (view, bytes, longest) = filled()?;
    let chain = || (0..=DEPTH).map(|_| GrantId::random(&SystemRng)).collect::<Vec<_>>();
    let living: Vec<_> = (0..TOKENS).map(|_| chain()).collect();
    // The last that is asked for is the one that ended.
    let ended: Vec<_> = living.iter().map(|chain| chain.iter().rev().cloned().collect::<Vec<_>>()).collect();
    println!("| | CPU µs a token | wall µs a token |\n|-|-|-|");
    let mut rows = Vec::new();
    for (name, tokens, stands) in [("that stands", &living, true), ("whose root ended", &ended, false)] {
        if !stands {
            view.take(living.iter().zip(REVOKED + 1..).map(|(chain, seq)| word(seq as u64, &chain[0])));
        }
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for at in 0..=size.rounds {
            let (c, w) = round(&view, tokens, stands)?;
            // The first round only warms up.
            if at > 0 {
                cpu.push(c);
                wall.push(w);
            }
        }
        println!("| {name} | {:.2} | {:.2} |", median(&cpu), median(&wall));
        rows.push(serde_json::json!({ "name": name, "cpu_us": cpu, "wall_us": wall }));
    }
    let longest = longest.as_secs_f64() * 1e3;
    let notes = [format!("{bytes} bytes for each revoked grant; the longest word took {longest:.2} ms")];
    println!("\n{}", notes[0]);
    keep("ancestors", &serde_json::json!({ "load": crate::load(), "rows": rows, "notes": notes }))
}
