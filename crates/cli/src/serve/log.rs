//! The log: on standard error, for people or for machines.

use clap::ValueEnum;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogForm {
    /// A line a message, for people
    #[default]
    Text,
    /// A JSON object a line, for machines
    Json,
}

/// Begins to log. `PROKURA_LOG` says how much; if it says nothing, what is `usual`.
pub(crate) fn begin(form: LogForm, usual: tracing::Level) {
    let filter = EnvFilter::builder()
        .with_default_directive(usual.into())
        .with_env_var("PROKURA_LOG")
        .from_env_lossy();
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(colour);
    // A second subscriber in one process can only be a test's, and then the first is as good.
    let _ = match form {
        LogForm::Text => log.try_init(),
        LogForm::Json => log.json().try_init(),
    };
}
