//! `prokura client`: OAuth clients, configured and registered.

use super::standing::Target;
use super::{AdminArgs, OPERATOR, Opened, missing};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_core::ClientId;
use prokura_store::{Client, StoreError};

/// OAuth clients
#[derive(Debug, Args)]
pub(crate) struct ClientCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the clients of the configuration and those that registered
    List,
    /// Stop a client at the next call; also one that is known by the address of its metadata document
    Disable {
        /// Its `client_id`
        id: String,
        /// Why, for the record
        #[arg(long, default_value = "disabled by an administrator")]
        why: String,
    },
    /// Let a client in again
    Enable {
        /// Its `client_id`
        id: String,
    },
    /// Remove a client that registered; what users allowed it ends too
    Remove {
        /// Its `client_id`
        id: String,
    },
}

impl ClientCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List => opened.list_clients().await,
            What::Disable { id, why } => opened.stop_client(&id, true, why).await,
            What::Enable { id } => opened.stop_client(&id, false, String::new()).await,
            What::Remove { id } => opened.remove_client(&id).await,
        }
    }
}

impl Opened {
    async fn list_clients(&self) -> Result<(), Failure> {
        let mut table = Table::new(&["client", "how", "state", "since", "last used", "expires"]);
        for client in &self.loaded.config.clients {
            if self.json {
                json(&serde_json::json!({ "id": client.id, "name": client.name(), "how": "configured" }))?;
            }
            let id = plain(&client.id);
            table.row([
                id,
                "configured".into(),
                "active".into(),
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
        let mut after: Option<ClientId> = None;
        loop {
            let from = after.clone();
            let page = self.store.read::<_, StoreError>(move |tx| tx.clients(from.as_ref(), 500)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            page.iter().try_for_each(|client| self.show_client(&mut table, client))?;
        }
        if self.json { Ok(()) } else { print(table) }
    }

    fn show_client(&self, table: &mut Table, client: &Client) -> Result<(), Failure> {
        let (used, expires) = (client.last_used_at.map(exact), client.expires_at.map(exact));
        if self.json {
            return json(&serde_json::json!({
                "id": client.id.as_str(), "how": "registered", "agent": client.agent.as_str(),
                "disabled": client.disabled, "created_at": exact(client.created_at),
                "last_used_at": used, "expires_at": expires,
            }));
        }
        let state = if client.disabled { "disabled" } else { "active" };
        table.row([
            plain(client.id.as_str()),
            "registered".into(),
            state.into(),
            exact(client.created_at),
            used.unwrap_or_else(|| "never".into()),
            expires.unwrap_or_else(|| "never".into()),
        ]);
        Ok(())
    }

    async fn stop_client(&self, id: &str, disabled: bool, why: String) -> Result<(), Failure> {
        let client = ClientId::parse(id).map_err(|e| Failure::usage(format!("`{}`: {e}", plain(id))))?;
        self.stop(Target::Client(client), &plain(id), disabled, why).await
    }

    async fn remove_client(&self, id: &str) -> Result<(), Failure> {
        let unknown = || missing("registered client", &plain(id), "client list");
        let client = ClientId::parse(id).map_err(|_| unknown())?;
        let (mut event, now) = (self.event("client:remove"), self.clock.now());
        event.client = Some(client.clone());
        let removed = self.store.transact::<_, StoreError>(move |tx| {
            let Some(known) = tx.client(&client)? else { return Ok(false) };
            let shared = tx.clients_of_agent(&known.agent)?.len() > 1;
            if !shared {
                // What has ended is not among those of the next round.
                while let some @ [_, ..] = &*tx.standing_grants_to(&known.agent)? {
                    for grant in some {
                        tx.revoke_grant(&grant.id, OPERATOR, "its client was removed", now)?;
                    }
                }
            }
            tx.record(event.clone());
            tx.delete_client(&client)
        });
        if !removed.await? {
            return Err(unknown());
        }
        self.done("client:remove", id, format!("{} is removed.", plain(id)))
    }
}
