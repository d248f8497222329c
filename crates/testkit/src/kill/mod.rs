//! The kill test: `prokura serve` is killed at random moments under load, and what it had acknowledged must hold.
//!
//! Each run starts the program on the database that the last one left, compares that with what clients had been
//! told, asks again over HTTP, puts load on it and kills it. What is acknowledged is what a client read to the end.
//!
//! It shows what `kill -9` can break: an answer that was given before its commit, work that is only half in one
//! commit, state that lives in memory alone. It cannot show what only a loss of power breaks, such as
//! `synchronous = OFF`: what the kernel was given survives the process.

mod agent;
mod check;
mod dice;
mod facts;
mod family;
mod house;
mod http;
mod load;
mod postgres;
mod probe;
mod record;
mod report;
mod upstream;

pub use postgres::is_here as has_postgres;
pub use report::Report;

use anyhow::Result;
use check::Checker;
use dice::Dice;
use facts::Facts;
use house::House;
use probe::Kept;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Where the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A PostgreSQL of our own, which is not killed: the server named by `PROKURA_TEST_POSTGRES`, or a cluster
    /// that lives as long as the test.
    Postgres,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often it is killed.
    pub runs: u32,
    /// What the choices are made from: what is done, and when it is killed. How threads take turns is not.
    pub seed: u64,
    /// Where the data is.
    pub database: Database,
    /// The program.
    pub binary: PathBuf,
    /// How many clients act at once.
    pub clients: u32,
    /// Whether progress is told on standard error.
    pub progress: bool,
}

/// Kills the program again and again.
///
/// # Errors
/// If the test itself cannot go on. What the program does wrong is in the report.
pub async fn run(options: &Options) -> Result<Report> {
    let upstream = upstream::start().await?;
    let house = Arc::new(House::build(options, upstream.port)?);
    let mut test = Test {
        options,
        upstream: upstream.port,
        checker: Checker::new(Arc::clone(&house), upstream.log),
        house,
        dice: Dice::new(options.seed),
        seen: Facts::default(),
        kept: Kept::default(),
        report: Report::new(options),
    };
    for run in 1..=options.runs {
        test.run(run).await?;
        if test.report.is_hopeless() {
            break;
        }
    }
    test.end().await?;
    Ok(test.report)
}

struct Test<'a> {
    options: &'a Options,
    house: Arc<House>,
    upstream: u16,
    checker: Checker,
    dice: Dice,
    /// What was seen since the database was last looked at.
    seen: Facts,
    kept: Kept,
    report: Report,
}

impl Test<'_> {
    async fn run(&mut self, run: u32) -> Result<()> {
        if self.options.database == Database::Sqlite && self.dice.one_in(8) {
            self.kill_at_birth().await?;
        }
        // Now and then somebody else opens the database first; mostly the program has to mend it alone.
        if run > 1 && self.dice.one_in(8) {
            self.look(false).await?;
        }
        while self.dice.one_in(6) {
            self.kill_at_start().await?;
        }
        let mut victim = self.house.start()?;
        match victim.ready(&self.house).await? {
            Some(took) => self.report.starts.push(took),
            None => {
                self.report.violation(format!("run {run}: it does not come up again: {}", victim.said()));
                return Ok(());
            }
        }
        self.look(run.is_multiple_of(25)).await?;
        let asked = probe::probe(&self.house, &mut self.kept, &mut self.dice).await;
        self.seen.merge(asked);
        let load = self.load(run, &mut victim).await?;
        self.seen.merge(load);
        if self.options.progress {
            self.report.tell(run, self.checker.entries());
        }
        Ok(())
    }

    /// The very first start, which makes the database and the keys, in a house of its own.
    async fn kill_at_birth(&mut self) -> Result<()> {
        let house = House::build(self.options, self.upstream)?;
        let mut victim = house.start()?;
        sleep(Duration::from_micros(self.dice.between(500, 100_000))).await;
        victim.kill()?;
        self.report.killed_at_birth += 1;
        let mut victim = house.start()?;
        if victim.ready(&house).await?.is_none() {
            self.report
                .violation(format!("killed at its first start, it does not come up: {}", victim.said()));
            self.report.kept_at = Some(house.keep());
        }
        Ok(())
    }

    /// A start is a moment like any other.
    async fn kill_at_start(&mut self) -> Result<()> {
        let mut victim = self.house.start()?;
        sleep(Duration::from_micros(self.dice.between(500, 150_000))).await;
        victim.kill()?;
        self.report.killed_at_start += 1;
        Ok(())
    }

    async fn load(&mut self, run: u32, victim: &mut house::Victim) -> Result<Facts> {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..self.options.clients)
            .map(|n| {
                let name = format!("{run}_{n}");
                let dice = Dice::new(self.dice.between(0, u64::MAX));
                tokio::spawn(load::work(Arc::clone(&self.house), name, dice, Arc::clone(&stop)))
            })
            .collect();
        let moment = Duration::from_micros(self.dice.between(20_000, 400_000));
        let begun = Instant::now();
        sleep(moment).await;
        victim.kill()?;
        self.report.killed += 1;
        self.report.under_load += begun.elapsed();
        stop.store(true, Ordering::Relaxed);
        let mut seen = Facts::default();
        for client in clients {
            seen.merge(client.await?);
        }
        Ok(seen)
    }

    /// Compares what was seen with what is there; what was seen is then done with, and asked about again.
    async fn look(&mut self, whole: bool) -> Result<()> {
        let seen = std::mem::take(&mut self.seen);
        let found = self.checker.check(&seen, &mut self.dice, whole).await?;
        self.report.add(&seen, found);
        self.kept.take(seen);
        Ok(())
    }

    /// The last look: at everything, and with the program down.
    async fn end(&mut self) -> Result<()> {
        self.look(true).await?;
        self.report.entries = self.checker.entries();
        if !self.report.violations.is_empty() {
            self.report.kept_at = Some(self.house.keep());
        }
        Ok(())
    }
}
