//! `prokura token`: an access token on standard output.

use super::access::AccessArgs;
use super::connect::unusable;
use super::explain::explained;
use crate::failure::Failure;
use crate::show::{json, print};
use clap::Args;
use prokura_connect::{Asks, token};
use prokura_core::{Clock, SystemClock};
use prokura_sdk::client::{Blame, Client, ClientError, Dpop, Token};

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The address of the MCP server that the token is for
    #[arg(long, value_name = "URL")]
    resource: String,
    /// Print an object with the token, its scope and its life
    #[arg(long)]
    json: bool,
    /// Print no token, but step by step what was looked for, what the platform says, and what the server answers
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    access: AccessArgs,
}

impl TokenArgs {
    /// Prints a token that is in force.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        // A token that is bound to a key is of no use to whoever has only its text.
        let (mut access, chosen) = self.access.access(&self.resource, Dpop::Never, true).await?;
        // And so it is a login of its own, one for each set of scopes: what was asked for is what is printed.
        access.profile = format!("token {} {}", access.profile, access.scopes);
        let clients = access.clients(&self.resource).map_err(unusable)?;
        if self.explain {
            let (steps, ended) = explained(&clients, &access.asks, &chosen).await;
            steps.show(self.json)?;
            return ended;
        }
        if matches!(access.asks, Asks::Nobody) {
            must_be_signed_in(&clients).await?;
        }
        let token = token(&clients).await.map_err(failed)?;
        if self.json {
            return json(&described(&token, clients.first().map_or("", |c| c.server().resource())));
        }
        print(token.value.reveal())
    }
}

/// Nobody is to be asked, so a server need not be either.
async fn must_be_signed_in(clients: &[Client]) -> Result<(), Failure> {
    for client in clients {
        if !client.is_signed_in().await.map_err(failed)? {
            return Err(failed(ClientError::SignInNeeded(client.server().resource().to_owned())));
        }
    }
    Ok(())
}

fn described(token: &Token, resource: &str) -> serde_json::Value {
    let left = token.expires_at.map(|at| at.since(SystemClock.now()).as_secs());
    serde_json::json!({
        "access_token": token.value.reveal(),
        "token_type": if token.bound { "DPoP" } else { "Bearer" },
        "expires_in": left,
        "scope": token.scope.to_string(),
        "issuer": token.issuer,
        "resource": resource,
    })
}

pub(super) fn failed(error: ClientError) -> Failure {
    match error.blame() {
        Blame::Person => Failure::sign_in(error),
        Blame::Client | Blame::McpServer | Blame::AuthorizationServer => Failure::refused(error),
    }
}
