//! `prokura key`: the keys that sign tokens.

use super::{AdminArgs, Opened};
use crate::failure::Failure;
use crate::serve::master;
use crate::show::{Table, exact, json, print};
use clap::{Args, Subcommand};
use prokura_server::KeyRing;
use prokura_store::{Key, StoreError};
use std::sync::Arc;

/// The keys that sign tokens
#[derive(Debug, Args)]
pub(crate) struct KeyCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the published keys
    List,
    /// Make the next key before its time; the old one stays published until its last token is over
    Rotate {
        /// Sign with it at once; verifiers that keep key sets may refuse new tokens until they look again
        #[arg(long)]
        at_once: bool,
    },
}

impl KeyCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List => opened.list_keys().await,
            What::Rotate { at_once } => opened.rotate_key(at_once).await,
        }
    }
}

impl Opened {
    async fn list_keys(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let keys = self.store.read::<_, StoreError>(move |tx| tx.keys(now)).await?;
        let mut table = Table::new(&["key", "algorithm", "signs", "from", "published until"]);
        let signing = keys.iter().rfind(|k| k.not_before <= now).map(|k| k.kid.clone());
        for key in &keys {
            let signs = match &signing {
                _ if key.not_before > now => "next",
                Some(kid) if *kid == key.kid => "now",
                _ => "no longer",
            };
            if self.json {
                json(&as_json(key, signs))?;
            }
            let until = key.retire_at.map_or_else(|| "its successor".into(), exact);
            table.row([key.kid.clone(), key.alg.clone(), signs.into(), exact(key.not_before), until]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn rotate_key(&self, at_once: bool) -> Result<(), Failure> {
        let master = master::key(&self.loaded, &self.store, &*self.rng).await?;
        let (store, clock, rng) = (self.store.clone(), Arc::clone(&self.clock), Arc::clone(&self.rng));
        let ring = KeyRing::open(&self.loaded.config, store, clock, rng, &master).await;
        let begins = ring.map_err(Failure::refused)?.rotate(at_once).await.map_err(Failure::refused)?;
        let begins = exact(begins);
        self.done(
            "key:rotate",
            &begins,
            format!("The next key signs from {begins}; servers take it in within a minute."),
        )
    }
}

fn as_json(key: &Key, signs: &str) -> serde_json::Value {
    serde_json::json!({
        "kid": key.kid, "alg": key.alg, "signs": signs, "not_before": exact(key.not_before),
        "retire_at": key.retire_at.map(exact),
    })
}
