//! `prokura config`: the configuration file, without starting anything.

use crate::failure::Failure;
use crate::serve::door::Door;
use crate::serve::load::Loaded;
use crate::serve::master;
use crate::serve::service::Service;
use crate::show::print;
use clap::Subcommand;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The configuration file
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file and the secrets it refers to, without starting anything
    Check {
        /// The configuration file
        #[arg(env = "PROKURA_CONFIG", default_value = "prokura.toml")]
        file: PathBuf,
        /// The same, as other commands take it
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print the JSON schema of the file, for editors
    Schema,
}

impl ConfigCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check { file, config } => check(&config.unwrap_or(file)).await,
            Self::Schema => print(prokura_config::schema().trim_end()),
        }
    }
}

/// Does what a start does, on a database in memory and without listening: what is fine here can be served.
async fn check(file: &Path) -> Result<(), Failure> {
    let loaded = Loaded::read(file)?;
    master::given(&loaded)?;
    Door::of(&loaded.config)?;
    let config = Arc::clone(&loaded.config);
    let dev = config.dev.is_some();
    Service::start(loaded.in_memory().for_serving(dev)?).await?;
    let public = config.resources.iter().filter(|r| r.public).count();
    print(format!(
        "{} is fine: issuer {}, {} protected{}, {} configured.{}",
        file.display(),
        config.issuer,
        counted(config.resources.len() - public, "resource"),
        if public == 0 { String::new() } else { format!(" and {public} public") },
        counted(config.clients.len(), "client"),
        if dev { " It has `[dev]`, so it starts with `--dev` only." } else { "" },
    ))
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
