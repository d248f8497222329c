//! Administration on the database itself, beside a running server or without one. Every change is on record; a
//! running server hears of it within a second.

mod access;
mod agent;
mod approval;
mod audit;
mod client;
pub(crate) mod config;
mod fact;
mod gap;
mod grant;
mod grant_acts;
mod grant_tree;
mod issuer;
mod key;
mod policy;
mod relation;
mod resource;
mod signals;
mod standing;
mod tool;
mod user;
mod user_ways;
mod workload;

pub(crate) use access::AccessCommand;
pub(crate) use agent::AgentCommand;
pub(crate) use approval::ApprovalCommand;
pub(crate) use audit::AuditCommand;
pub(crate) use client::ClientCommand;
pub(crate) use fact::FactCommand;
pub(crate) use gap::gaps;
pub(crate) use grant::GrantCommand;
pub(crate) use grant_tree::picture;
pub(crate) use issuer::IssuerCommand;
pub(crate) use key::KeyCommand;
pub(crate) use policy::PolicyCommand;
pub(crate) use relation::RelationCommand;
pub(crate) use resource::ResourceCommand;
pub(crate) use signals::SignalsCommand;
pub(crate) use user::UserCommand;
pub(crate) use workload::WorkloadAdmin;

use crate::failure::Failure;
use crate::serve::load::Loaded;
use clap::Args;
use prokura_core::{Clock, Rng, SystemClock, SystemRng, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::Store;
use std::path::PathBuf;
use std::sync::Arc;

/// Who did it, in the record: somebody who may read the configuration of this installation.
const OPERATOR: &str = "operator";

/// What every administration command takes.
#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// The configuration file
    #[arg(long, global = true, env = "PROKURA_CONFIG", default_value = "prokura.toml")]
    config: PathBuf,
    /// Print JSON, an object a line
    #[arg(long, global = true)]
    json: bool,
}

/// The database of an installation, open.
struct Opened {
    loaded: Loaded,
    store: Store,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    json: bool,
}

impl AdminArgs {
    async fn open(&self) -> Result<Opened, Failure> {
        let loaded = Loaded::read(&self.config)?;
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let store = Store::open(&loaded.database, Store::command_point(&*rng), Arc::clone(&clock)).await?;
        Ok(Opened { loaded, store, clock, rng, json: self.json })
    }
}

impl Opened {
    /// An entry for what an administrator does now.
    fn event(&self, action: &str) -> Event {
        let trace = TraceId::random(&*self.rng);
        let mut event =
            Event::new(EventKind::Administration, action, Outcome::Permit, self.clock.now(), trace);
        event.details.insert("by", OPERATOR.into());
        event
    }

    /// Says what was done.
    fn done(&self, what: &str, id: &str, said: impl std::fmt::Display) -> Result<(), Failure> {
        if self.json {
            return crate::show::json(&serde_json::json!({ "done": what, "id": id }));
        }
        crate::show::print(said)
    }
}

/// Nothing of that name.
fn missing(what: &str, id: &str, list: &str) -> Failure {
    Failure::refused(format!("there is no {what} `{id}`; `prokura {list}` shows which there are"))
}
