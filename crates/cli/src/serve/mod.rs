//! `prokura serve`: the authorization server, its pages and the gateway on one listener.

pub(crate) mod access;
pub(crate) mod door;
pub(crate) mod foreign;
pub(crate) mod listen;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod master;
mod patience;
pub(crate) mod policies;
pub(crate) mod ready;
pub(crate) mod relations;
mod said;
pub(crate) mod service;
pub(crate) mod stop;

use crate::failure::Failure;
use clap::Args;
use door::Door;
use listen::Listener;
use load::Loaded;
use service::Service;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file
    #[arg(long, env = "PROKURA_CONFIG", default_value = "prokura.toml")]
    config: PathBuf,
    /// Allow what is only fit for one's own machine; refused unless the issuer is on loopback
    #[arg(long)]
    dev: bool,
}

/// Runs until a signal says stop; then finishes what is under way.
pub(crate) async fn serve(asked: ServeArgs) -> Result<(), Failure> {
    let loaded = Loaded::read(&asked.config)?.for_serving(asked.dev)?;
    if loaded.config.gateway.feed.is_some() {
        let why = "`gateway.feed`: this is the issuer itself, which hears what is revoked from its database; remove it, \
                   or start `prokura gateway`";
        return Err(Failure::usage(why));
    }
    // The listener first: if the address is taken, nothing was touched.
    let listener = Listener::bind(loaded.config.listen).await?.behind(Door::of(&loaded.config)?);
    let service = Service::start(loaded).await?;
    said::at_start(&service).await?;
    let maintenance = tokio::spawn(service.clone().maintain());
    let signals = tokio::spawn(service.clone().signals());
    let relations = tokio::spawn(relations::follow(service.relations()));
    listener.run(service.router(), stop::signal()).await;
    maintenance.abort();
    signals.abort();
    relations.abort();
    said::at_end();
    Ok(())
}
