//! `prokura agent`: registered software actors.

use super::standing::Target;
use super::{AdminArgs, Opened, missing};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_core::{AgentId, ClientId};
use prokura_store::{Agent, StoreError};

/// Agents: registered software actors
#[derive(Debug, Args)]
pub(crate) struct AgentCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List agents and their clients
    List,
    /// Stop an agent at the next call, whoever it acts for
    Disable {
        /// Its id
        id: String,
        /// Why, for the record
        #[arg(long, default_value = "disabled by an administrator")]
        why: String,
    },
    /// Let an agent act again
    Enable {
        /// Its id
        id: String,
    },
}

impl AgentCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List => opened.list_agents().await,
            What::Disable { id, why } => opened.stop_agent(&id, true, why).await,
            What::Enable { id } => opened.stop_agent(&id, false, String::new()).await,
        }
    }
}

impl Opened {
    async fn list_agents(&self) -> Result<(), Failure> {
        let mut table = Table::new(&["id", "name", "state", "since", "clients"]);
        let mut after: Option<AgentId> = None;
        loop {
            let from = after.clone();
            let page = self.store.read::<_, StoreError>(move |tx| {
                let agents = tx.agents(from.as_ref(), 500)?;
                let clients =
                    agents.iter().map(|a| tx.clients_of_agent(&a.id)).collect::<Result<Vec<_>, _>>()?;
                Ok(agents.into_iter().zip(clients).collect::<Vec<_>>())
            });
            let page = page.await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.id.clone());
            for (agent, clients) in &page {
                self.show_agent(&mut table, agent, clients)?;
            }
        }
        if self.json { Ok(()) } else { print(table) }
    }

    fn show_agent(&self, table: &mut Table, agent: &Agent, clients: &[ClientId]) -> Result<(), Failure> {
        if self.json {
            let clients: Vec<_> = clients.iter().map(ClientId::as_str).collect();
            return json(&serde_json::json!({
                "id": agent.id.as_str(), "name": agent.name, "disabled": agent.disabled,
                "created_at": exact(agent.created_at), "clients": clients,
            }));
        }
        let state = if agent.disabled { "disabled" } else { "active" };
        let clients: Vec<_> = clients.iter().map(|c| plain(c.as_str())).collect();
        table.row([
            agent.id.to_string(),
            plain(&agent.name),
            state.into(),
            exact(agent.created_at),
            clients.join(", "),
        ]);
        Ok(())
    }

    async fn stop_agent(&self, id: &str, disabled: bool, why: String) -> Result<(), Failure> {
        let unknown = || missing("agent", &plain(id), "agent list");
        let agent = AgentId::parse(id).map_err(|_| unknown())?;
        let wanted = agent.clone();
        let known =
            self.store.read::<_, StoreError>(move |tx| tx.agent(&wanted)).await?.ok_or_else(unknown)?;
        self.stop(Target::Agent(agent), &plain(&known.name), disabled, why).await
    }
}
