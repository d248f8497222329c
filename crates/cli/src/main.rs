//! The `prokura` command: arguments and wiring.
//!
//! Invariant: decides nothing. What may happen stands in the crates below; here they are put together, and their
//! answers are shown.
#![forbid(unsafe_code)]

mod admin;
mod args;
mod bridge;
mod demo;
mod doctor;
mod failure;
mod gateway;
#[cfg(test)]
mod guides;
mod manual;
mod serve;
mod show;
mod workload;

use args::{Command, Prokura};
use clap::Parser;
use failure::Failure;
use serve::log;
use std::process::ExitCode;

/// A fifth of the time of a call through the gateway went into the C library's allocator; this one takes a third of
/// that, and a few megabytes more of memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let asked = Prokura::parse();
    match run(asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(asked: Prokura) -> Result<(), Failure> {
    // A server says what it does; a command only what goes wrong.
    let usual = if matches!(asked.command, Command::Serve(_) | Command::Gateway(_)) {
        tracing::Level::INFO
    } else {
        tracing::Level::WARN
    };
    log::begin(asked.log, usual);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::refused(format!("no threads can be started: {e}")))?;
    let ended = runtime.block_on(dispatch(asked.command));
    // Whoever reads standard input sits in a thread that nothing can wake.
    runtime.shutdown_background();
    ended
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(asked) => Box::pin(demo::demo(asked)).await,
        Command::Serve(asked) => Box::pin(serve::serve(asked)).await,
        Command::Doctor(asked) => Box::pin(asked.run()).await,
        Command::Gateway(asked) => Box::pin(gateway::gateway(asked)).await,
        Command::Workload(asked) => Box::pin(asked.run()).await,
        Command::Issuer(asked) => Box::pin(asked.run()).await,
        Command::Fact(asked) => Box::pin(asked.run()).await,
        Command::Relation(asked) => Box::pin(asked.run()).await,
        Command::Connect(asked) => Box::pin(asked.run()).await,
        Command::Token(asked) => Box::pin(asked.run()).await,
        Command::User(asked) => asked.run().await,
        Command::Access(asked) => asked.run().await,
        Command::Approval(asked) => asked.run().await,
        Command::Agent(asked) => asked.run().await,
        Command::Client(asked) => asked.run().await,
        Command::Resource(asked) => asked.run().await,
        Command::Grant(asked) => asked.run().await,
        Command::Key(asked) => asked.run().await,
        Command::Policy(asked) => Box::pin(asked.run()).await,
        Command::Signals(asked) => Box::pin(asked.run()).await,
        Command::Audit(asked) => Box::pin(asked.run()).await,
        Command::Config(asked) => Box::pin(asked.run()).await,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man(asked) => manual::man(&asked),
    }
}
