//! `prokura resource`: the protected MCP servers of the configuration.

use super::AdminArgs;
use super::tool::ToolsWhat;
use crate::failure::Failure;
use crate::serve::load::Loaded;
use crate::show::{Table, json, print};
use clap::{Args, Subcommand};

/// Protected MCP servers
#[derive(Debug, Args)]
pub(crate) struct ResourceCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List them with their addresses and scopes
    List,
    /// Their tools, as the servers describe them: what is in force, what changed, what waits for an approval
    #[command(subcommand)]
    Tools(ToolsWhat),
}

impl ResourceCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::List => self.list(),
            What::Tools(what) => self.args.open().await?.tools(what).await,
        }
    }

    fn list(&self) -> Result<(), Failure> {
        let config = Loaded::read(&self.args.config)?.config;
        let mut table = Table::new(&["resource", "address", "before", "scopes"]);
        for resource in &config.resources {
            let (uri, upstream) =
                (config.resource_uri(resource).to_string(), resource.upstream.url().to_string());
            let scopes: Vec<_> = resource.scopes.keys().cloned().collect();
            if self.args.json {
                json(&serde_json::json!({
                    "name": resource.name, "title": resource.title(), "address": uri, "upstream": upstream,
                    "public": resource.public, "scopes": scopes,
                }))?;
            }
            table.row([resource.name.clone(), uri, upstream, scopes.join(" ")]);
        }
        if self.args.json { Ok(()) } else { print(table) }
    }
}
