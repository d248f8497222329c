//! `prokura connect`: standard input and output carry MCP; people are spoken to on standard error.

use super::access::{AccessArgs, DpopChoice};
use crate::failure::Failure;
use clap::Args;
use http::Uri;
use prokura_connect::{AccessError, Authority, bridge};
use prokura_core::SystemRng;
use prokura_egress::{Upstream, UpstreamConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// The address of the MCP server
    url: String,
    /// Whether tokens are bound to a key of this client, so that a stolen one is of no use (DPoP)
    #[arg(long, value_enum, default_value = "if-served")]
    dpop: DpopChoice,
    /// How long the host is kept waiting for a person who signs in, in seconds; then it is told where to sign in
    #[arg(long, value_name = "SECONDS", default_value_t = 25)]
    wait: u64,
    #[command(flatten)]
    access: AccessArgs,
}

impl ConnectArgs {
    /// Bridges until the host closes standard input.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let (access, _) = self.access.access(&self.url, self.dpop.of(), false).await?;
        let clients = access.clients(&self.url).map_err(unusable)?;
        let address = clients.first().map(|c| c.server().as_url().to_string()).unwrap_or_default();
        let address: Uri = address.parse().map_err(|e| Failure::usage(format!("`{}`: {e}", self.url)))?;
        let upstream =
            Upstream::new(UpstreamConfig { trust: access.trust.clone(), ..UpstreamConfig::default() });
        let wait = Duration::from_secs(self.wait.max(1));
        let wire = Arc::new(Authority::new(clients, upstream, access.shown().clone(), wait));
        let (from, to) = (BufReader::new(tokio::io::stdin()), tokio::io::stdout());
        let bridged = bridge(from, to, wire, address, Arc::new(SystemRng)).await;
        bridged.map_err(|e| Failure::refused(format!("the host cannot be read: {e}")))
    }
}

/// What was chosen cannot be used.
pub(super) fn unusable(error: AccessError) -> Failure {
    match error {
        AccessError::Store(e) => Failure::refused(e),
        other => Failure::usage(other),
    }
}
