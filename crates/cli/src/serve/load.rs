//! From a file to a configuration with its secrets.

use crate::failure::Failure;
use prokura_config::{Config, DatabaseSource};
use prokura_server::Secrets;
use prokura_store::DatabaseUrl;
use std::path::Path;
use std::sync::Arc;

/// A configuration and where its data is.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Arc<Config>,
    pub(crate) database: DatabaseUrl,
}

impl Loaded {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(format!(
                "the configuration `{}` cannot be read: {e}. Name it with `--config FILE`, or write one: \
                 docs/how-to/protect-an-mcp-server.md",
                path.display()
            ))
        })?;
        let config = Config::parse(&text).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
        Self::of(config)
    }

    /// Takes a configuration that was made otherwise.
    pub(crate) fn of(config: Config) -> Result<Self, Failure> {
        let url = match &config.database {
            DatabaseSource::Plain(url) => url.as_str().to_owned(),
            DatabaseSource::Secret(secret) => {
                secret.read(env, file).map_err(|e| Failure::usage(format!("`database`: {e}")))?
            }
        };
        let database = DatabaseUrl::parse(&url).map_err(|e| Failure::usage(format!("`database`: {e}")))?;
        Ok(Self { config: Arc::new(config), database })
    }

    /// The same on a database that nobody else sees and that is gone afterwards.
    pub(crate) fn in_memory(self) -> Self {
        Self { database: DatabaseUrl::memory(), ..self }
    }

    /// Makes sure that what is only fit for one's own machine is asked for twice: in the file, and by `--dev`.
    pub(crate) fn for_serving(self, dev: bool) -> Result<Self, Failure> {
        let mut config = Arc::unwrap_or_clone(self.config);
        match (dev, config.issuer.is_loopback()) {
            (true, false) => {
                return Err(Failure::usage(format!(
                    "`--dev` is for one's own machine, and the issuer `{}` is not on it: start without `--dev`, or \
                     set an issuer like `http://localhost:9400`",
                    config.issuer
                )));
            }
            (false, _) if config.dev.is_some() => {
                return Err(Failure::usage(
                    "`[dev]` stands in the configuration: start with `--dev`, or remove it",
                ));
            }
            (true, true) => config.dev = Some(config.dev.unwrap_or_default()),
            (false, _) => {}
        }
        Ok(Self { config: Arc::new(config), database: self.database })
    }

    /// Everything that the configuration refers to.
    pub(crate) fn secrets(&self) -> Result<Secrets, Failure> {
        Secrets::read(&self.config, env, file).map_err(Failure::usage)
    }
}

pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) fn file(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}
