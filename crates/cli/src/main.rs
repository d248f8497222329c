//! The `prokura` command: arguments and wiring.
//!
//! Invariant: decides nothing. What may happen stands in the crates below; here they are put together, and their
//! answers are shown.
#![forbid(unsafe_code)]

mod args;
mod failure;
mod serve;

use args::{Command, Prokura};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let asked = Prokura::parse();
    match run(asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(asked: Prokura) -> Result<(), Failure> {
    serve::log::begin(asked.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::refused(format!("no threads can be started: {e}")))?;
    runtime.block_on(dispatch(asked.command))
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(asked) => serve::serve(asked).await,
    }
}
