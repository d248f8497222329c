//! Rounds, medians, and how they are shown and kept.

use crate::load::{Pace, Run, Step, run};
use crate::process::Program;
use anyhow::Result;

/// Medians of several rounds of one contender.
#[derive(Default)]
pub struct Measured {
    pub name: String,
    cpu: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    rate: Vec<f64>,
    pub rss: f64,
}

impl Measured {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// One round at full speed: so many exchanges, and what they cost `program`.
    pub async fn round(
        &mut self,
        program: Option<&Program>,
        port: u16,
        connections: usize,
        count: usize,
        step: impl Step,
    ) -> Result<()> {
        self.paced(program, port, connections, count, Pace::Full, step).await
    }

    /// One round.
    pub async fn paced(
        &mut self,
        program: Option<&Program>,
        port: u16,
        connections: usize,
        count: usize,
        pace: Pace,
        step: impl Step,
    ) -> Result<()> {
        let before = program.map(Program::cpu_micros).transpose()?;
        let done = run(port, connections, count, pace, step).await?;
        if let (Some(program), Some(before)) = (program, before) {
            self.cpu.push((program.cpu_micros()? - before) / done.count as f64);
            self.rss = program.resident_mib()?;
        }
        self.keep(&done);
        Ok(())
    }

    fn keep(&mut self, done: &Run) {
        self.p50.push(done.percentile(0.5));
        self.p99.push(done.percentile(0.99));
        self.rate.push(done.rate());
    }

    pub fn cpu(&self) -> f64 {
        median(&self.cpu)
    }

    pub fn p99(&self) -> f64 {
        median(&self.p99)
    }

    fn row(&self) -> String {
        let cpu = if self.cpu.is_empty() { "–".to_owned() } else { format!("{:.1}", self.cpu()) };
        let rss = if self.rss > 0.0 { format!("{:.0}", self.rss) } else { "–".to_owned() };
        format!(
            "| {} | {cpu} | {:.2} | {:.2} | {:.0} | {rss} |",
            self.name,
            median(&self.p50),
            self.p99(),
            median(&self.rate)
        )
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name, "cpu_us": self.cpu, "p50_ms": self.p50, "p99_ms": self.p99,
            "per_second": self.rate, "rss_mib": self.rss,
        })
    }
}

/// The middle of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints a table, and keeps every round in `results/`.
pub fn show(title: &str, file: &str, rows: &[Measured], notes: &[String]) -> Result<()> {
    println!("\n### {title}\n");
    println!("| | CPU µs an operation | p50 ms | p99 ms | a second | RSS MiB |\n|-|-|-|-|-|-|");
    for row in rows {
        println!("{}", row.row());
    }
    for note in notes {
        println!("\n{note}");
    }
    let rows: Vec<_> = rows.iter().map(Measured::json).collect();
    let kept = serde_json::json!({ "title": title, "load": load_average(), "rows": rows, "notes": notes });
    keep(file, &kept)
}

/// Keeps what was measured in `results/`.
pub fn keep(file: &str, what: &serde_json::Value) -> Result<()> {
    std::fs::create_dir_all("results")?;
    Ok(std::fs::write(format!("results/{file}.json"), serde_json::to_string_pretty(what)?)?)
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}
