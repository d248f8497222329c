//! The command line as types. What parses here is asked correctly; the help is written here.

use crate::serve::ServeArgs;
use crate::serve::log::LogForm;
use clap::{Parser, Subcommand};

/// Decides, enforces and proves what an AI agent may do on someone's behalf.
#[derive(Debug, Parser)]
#[command(name = "prokura", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Prokura {
    /// How the log on standard error is written. Its detail is set by PROKURA_LOG (like `info` or `debug`)
    #[arg(long, value_enum, global = true, default_value_t, env = "PROKURA_LOG_FORM", hide_env = true)]
    pub(crate) log: LogForm,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the authorization server, its pages and the gateway
    Serve(ServeArgs),
}
