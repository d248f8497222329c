//! `prokura issuer`: other authorization servers, and whom they know.

use super::standing::Target;
use super::{AdminArgs, Opened, missing};
use crate::failure::Failure;
use crate::serve::{foreign, service};
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_config::AuthorizationServerConfig;
use prokura_gateway::{foreign_client, foreign_user};
use prokura_store::{Disabled, Foreigner, StoreError};

/// Other authorization servers, whose tokens are believed, and whom they know
#[derive(Debug, Args)]
pub(crate) struct IssuerCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List them, and for which resources their tokens are taken
    List,
    /// Fetch the metadata and the keys of one, as the gateway would
    Check {
        /// Its name in the configuration
        name: String,
    },
    /// Stop a person, a client, or everybody whom an issuer knows, at the next call
    Disable {
        #[command(flatten)]
        who: Who,
        /// Why, for the record
        #[arg(long, default_value = "disabled by an administrator")]
        why: String,
    },
    /// Let a person, a client, or everybody whom an issuer knows in again
    Enable {
        #[command(flatten)]
        who: Who,
    },
    /// List whoever is stopped
    Disabled,
}

#[derive(Debug, Args)]
struct Who {
    /// The issuer's name in the configuration
    name: String,
    /// Only this person, as the issuer names them (`sub`; Entra: `oid`, Okta: `uid`)
    #[arg(long, conflicts_with = "client")]
    subject: Option<String>,
    /// Only this client, as the issuer names it
    #[arg(long)]
    client: Option<String>,
}

impl IssuerCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List => opened.list_issuers().await,
            What::Check { name } => opened.check_issuer(&name).await,
            What::Disable { who, why } => opened.stop_foreigner(&who, true, why).await,
            What::Enable { who } => opened.stop_foreigner(&who, false, String::new()).await,
            What::Disabled => opened.list_disabled().await,
        }
    }
}

impl Opened {
    fn issuer(&self, name: &str) -> Result<&AuthorizationServerConfig, Failure> {
        let found = self.loaded.config.authorization_server(name);
        found.ok_or_else(|| missing("authorization server", &plain(name), "issuer list"))
    }

    async fn disabled(&self) -> Result<Vec<Disabled>, Failure> {
        Ok(self.store.read::<_, StoreError>(|tx| tx.disabled()).await?)
    }

    async fn list_issuers(&self) -> Result<(), Failure> {
        let disabled = self.disabled().await?;
        let mut table = Table::new(&["name", "issuer", "state", "resources", "introspection"]);
        for server in &self.loaded.config.authorization_servers {
            let stopped = disabled.iter().any(|d| d.kind == "issuer" && d.id == server.issuer.as_str());
            let taken = self.loaded.config.resources.iter();
            let taken = taken.filter(|r| r.authorization_servers.contains(&server.name));
            let resources: Vec<_> = taken.map(|r| r.name.clone()).collect();
            if self.json {
                json(&serde_json::json!({
                    "name": server.name, "issuer": server.issuer.as_str(), "disabled": stopped,
                    "resources": resources, "introspection": server.introspection.is_some(),
                }))?;
            }
            table.row([
                server.name.clone(),
                plain(server.issuer.as_str()),
                if stopped { "disabled" } else { "believed" }.into(),
                resources.join(" "),
                if server.introspection.is_some() { "yes" } else { "no" }.into(),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn check_issuer(&self, name: &str) -> Result<(), Failure> {
        let issuer = self.issuer(name)?.issuer.clone();
        let config = &self.loaded.config;
        let servers = foreign::servers(&self.loaded, &service::trust(config)?, &self.clock)?;
        let server = servers.iter().find(|s| s.name() == name);
        let server = server.ok_or_else(|| missing("authorization server", name, "issuer list"))?;
        let keys = server.keys().await.map_err(Failure::refused)?;
        if self.json {
            return json(&serde_json::json!({ "name": name, "issuer": issuer.as_str(), "keys": keys }));
        }
        print(format!("{issuer} can be asked; {keys} of its keys can be used."))
    }

    async fn stop_foreigner(&self, who: &Who, disabled: bool, why: String) -> Result<(), Failure> {
        let server = self.issuer(&who.name)?;
        let odd = |text: &str, e| Failure::usage(format!("`{}`: {e}", plain(text)));
        let (target, said) = match (&who.subject, &who.client) {
            (Some(subject), _) => {
                (Foreigner::User(foreign_user(&who.name, subject).map_err(|e| odd(subject, e))?), subject)
            }
            (None, Some(client)) => {
                (Foreigner::Client(foreign_client(&who.name, client).map_err(|e| odd(client, e))?), client)
            }
            (None, None) => (Foreigner::Issuer(server.issuer.as_str().to_owned()), &who.name),
        };
        self.stop(Target::Foreigner(target), &plain(said), disabled, why).await
    }

    async fn list_disabled(&self) -> Result<(), Failure> {
        let mut table = Table::new(&["kind", "who", "since", "by", "why"]);
        for d in self.disabled().await? {
            if self.json {
                json(&serde_json::json!({
                    "kind": d.kind, "id": d.id, "since": exact(d.at), "by": d.by, "why": d.why,
                }))?;
            }
            table.row([d.kind, plain(&d.id), exact(d.at), plain(&d.by), plain(&d.why)]);
        }
        if self.json { Ok(()) } else { print(table) }
    }
}
