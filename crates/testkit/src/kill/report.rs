//! What came of it.

use super::check::Found;
use super::facts::{Counts, Facts};
use super::{Database, Options};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

/// After so many violations nobody reads on.
const HOPELESS: usize = 20;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Report {
    database: Database,
    seed: u64,
    runs: u32,
    pub(super) killed: u32,
    pub(super) killed_at_start: u32,
    pub(super) killed_at_birth: u32,
    pub(super) under_load: Duration,
    pub(super) starts: Vec<Duration>,
    pub(super) entries: usize,
    counts: Counts,
    reached: usize,
    grants: usize,
    families: usize,
    issued: usize,
    /// What was not as it had been acknowledged.
    pub violations: Vec<String>,
    /// Where the data is kept, if there are violations.
    pub kept_at: Option<PathBuf>,
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            database: options.database,
            seed: options.seed,
            runs: options.runs,
            killed: 0,
            killed_at_start: 0,
            killed_at_birth: 0,
            under_load: Duration::ZERO,
            starts: Vec::new(),
            entries: 0,
            counts: Counts::default(),
            reached: 0,
            grants: 0,
            families: 0,
            issued: 0,
            violations: Vec::new(),
            kept_at: None,
        }
    }

    pub(super) fn violation(&mut self, what: String) {
        eprintln!("\nVIOLATION: {what}");
        self.violations.push(what);
    }

    pub(super) fn is_hopeless(&self) -> bool {
        self.violations.len() >= HOPELESS
    }

    pub(super) fn add(&mut self, seen: &Facts, found: Found) {
        self.counts.add(&seen.counts);
        self.issued += seen.issued.len();
        self.reached += found.reached;
        self.grants += found.grants;
        self.families += found.families;
        found.wrong.into_iter().for_each(|w| self.violation(w));
    }

    pub(super) fn tell(&self, run: u32, entries: usize) {
        let (line, end) = if std::io::stderr().is_terminal() { ("\r", "") } else { ("", "\n") };
        if !line.is_empty() || run.is_multiple_of(25) || run == self.runs {
            eprint!(
                "{line}run {run}/{}: {} killed, {entries} entries, {} violations {end}",
                self.runs,
                self.killed + self.killed_at_start,
                self.violations.len()
            );
        }
    }

    /// The figures, by name.
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let c = &self.counts;
        vec![
            ("killed under load", self.killed.into()),
            ("killed at start", self.killed_at_start.into()),
            ("killed at the very first start", self.killed_at_birth.into()),
            ("milliseconds under load", self.under_load.as_millis().try_into().unwrap_or(u64::MAX)),
            ("requests without an answer", c.lost),
            ("codes acknowledged", c.codes),
            ("redemptions", c.redemptions),
            ("of them two at once", c.doubles),
            ("refreshes", c.refreshes),
            ("of them repeated", c.repeats),
            ("late uses of old refresh tokens", c.reuses),
            ("tokens of a client's own", c.own),
            ("tokens acknowledged", size(self.issued)),
            ("revocations acknowledged", c.revocations),
            ("calls acknowledged", c.calls),
            ("refused calls acknowledged", c.refusals),
            ("calls that reached the upstream", size(self.reached)),
            ("grants compared", size(self.grants)),
            ("codes compared with all that came of them", size(self.families)),
            ("entries in the record", size(self.entries)),
            ("start to ready, median ms", self.start(1, 2)),
            ("start to ready, longest ms", self.start(1, 1)),
            ("violations", size(self.violations.len())),
        ]
    }

    /// The start at that part of all starts, in milliseconds.
    fn start(&self, part: usize, of: usize) -> u64 {
        let mut all = self.starts.clone();
        all.sort_unstable();
        let at = (all.len() * part / of).saturating_sub(1);
        all.get(at).map_or(0, |d| d.as_millis().try_into().unwrap_or(u64::MAX))
    }

    /// The figures as a table.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (name, figure) in self.figures() {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{name:<44} {figure:>10}");
        }
        if let Some(kept) = &self.kept_at {
            let _ = writeln!(table, "the data is kept in {}", kept.display());
        }
        table
    }

    /// The figures as JSON, each by its name in one word.
    pub fn json(&self) -> Value {
        let figures: serde_json::Map<String, Value> =
            self.figures().into_iter().map(|(name, figure)| (word(name), figure.into())).collect();
        json!({
            "database": format!("{:?}", self.database).to_lowercase(),
            "seed": self.seed,
            "runs": self.runs,
            "figures": figures,
            "violations": self.violations,
        })
    }
}

fn word(name: &str) -> String {
    name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect::<Vec<_>>().join("_")
}
