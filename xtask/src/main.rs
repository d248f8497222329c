//! Development tasks. `cargo xtask` without a word lists them.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "these are programs for a terminal")]

mod binaries;
mod generate;
mod kill;
mod process;
mod report;
mod seeded;
mod test;
mod tidy;
mod workspace;

use anyhow::bail;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test [WORD …] [--verbose]        every test of the workspace, or of the crates whose names contain a WORD
cargo xtask tidy                             the rules of the house that no lint can see
cargo xtask generate [--check]               writes the generated files, or says which are out of date
cargo xtask seeded [PREFIX …] [--check]      puts each seeded bug into a copy and sees its test fail (hours without
                                             a PREFIX of rows); --check only sees that every bug can be put in
cargo xtask kill [--runs N] [--database sqlite|postgres] [--json]
                                             kills the program again and again under load, and sees that it keeps its
                                             word; --help tells more
";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let task = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    match run(&task, &rest) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{task}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a task; whether all is well.
fn run(task: &str, words: &[String]) -> anyhow::Result<bool> {
    match task {
        "test" => test::run(words),
        "tidy" => tidy::run(words),
        "generate" => generate::run(words),
        "seeded" => seeded::run(words),
        "kill" => kill::run(words),
        "" | "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(true)
        }
        other => bail!("no such task: {other}\n\n{USAGE}"),
    }
}
