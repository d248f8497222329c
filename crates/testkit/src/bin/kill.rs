//! Kills `prokura serve` again and again under load, and sees that it keeps its word.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use prokura_testkit::kill::{Database, Options, run};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Kills `prokura serve` again and again under load, and sees that it keeps its word.
#[derive(Debug, Parser)]
struct Asked {
    /// How often it is killed
    #[arg(long, default_value_t = 500)]
    runs: u32,
    /// What the choices are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the data is
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    database: Kind,
    /// The program; built first if nothing is said
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How many clients act at once
    #[arg(long, default_value_t = 12)]
    clients: u32,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let asked = Asked::parse();
    let database = match asked.database {
        Kind::Sqlite => Database::Sqlite,
        Kind::Postgres => Database::Postgres,
    };
    let binary = asked.binary.map_or_else(build, Ok)?;
    let (runs, seed, clients) = (asked.runs, asked.seed, asked.clients);
    let report = run(&Options { runs, seed, database, binary, clients, progress: true }).await?;
    match asked.json {
        true => println!("{:#}", report.json()),
        false => print!("{}", report.table()),
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the program as this one was built.
fn build() -> Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name("prokura");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "prokura"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    ensure!(cargo.status().context("cargo does not start")?.success(), "the program does not compile");
    Ok(binary)
}
