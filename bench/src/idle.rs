//! At rest, and at start.

use crate::Size;
use crate::process::prokura;
use crate::table::{keep, median};
use anyhow::Result;
use std::time::Duration;

const CONFIG: &str = r#"
[[resource]]
name = "bench"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"use" = { title = "Use it", actions = ["tool:*"] }
"#;

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut fresh, mut known, mut rss) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..size.rounds {
        let database = format!("sqlite:idle-{round}.db");
        for times in [&mut fresh, &mut known] {
            let program = prokura(folder.path(), &database, CONFIG, false).await?;
            times.push(program.ready_after.as_secs_f64() * 1000.0);
            tokio::time::sleep(Duration::from_secs(1)).await;
            rss.push(program.resident_mib()?);
        }
    }
    println!("\n### At rest, and at start (budgets: 40 MiB, 200 ms)\n");
    println!("| | |\n|-|-|");
    println!("| ready after the start, on a new database | {:.0} ms |", median(&fresh));
    println!("| ready after the start, on a known database | {:.0} ms |", median(&known));
    println!("| memory at rest | {:.1} MiB |", median(&rss));
    keep("idle", &serde_json::json!({ "new_ms": fresh, "known_ms": known, "rss_mib": rss }))
}
