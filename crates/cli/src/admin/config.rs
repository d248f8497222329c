//! `prokura config`: the configuration file, without starting anything.

use crate::failure::Failure;
use crate::serve::load::Loaded;
use crate::show::print;
use clap::Subcommand;
use std::path::PathBuf;

/// The configuration file
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file and the secrets it refers to, without starting anything
    Check {
        /// The configuration file
        #[arg(env = "PROKURA_CONFIG", default_value = "prokura.toml")]
        file: PathBuf,
    },
    /// Print the JSON schema of the file, for editors
    Schema,
}

impl ConfigCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check { file } => check(&file),
            Self::Schema => print(prokura_config::schema().trim_end()),
        }
    }
}

fn check(file: &std::path::Path) -> Result<(), Failure> {
    let loaded = Loaded::read(file)?;
    loaded.secrets()?;
    let config = &loaded.config;
    print(format!(
        "{} is fine: issuer {}, {} protected, {} configured.",
        file.display(),
        config.issuer,
        counted(config.resources.len(), "resource"),
        counted(config.clients.len(), "client"),
    ))
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
