//! The organisation's policies as the configuration names them, and who keeps them in force.

use crate::failure::Failure;
use crate::serve::load::{env, file};
use prokura_config::{Config, PolicyLanguage, PolicySet};
use prokura_core::{Clock, Rng};
use prokura_decider::remote::{Authzen, Endpoint, Opa, Remote, RemoteBounds};
use prokura_decider::{Decider, Keeper, KeeperOptions, languages};
use prokura_egress::{Trust, Upstream, UpstreamConfig};
use prokura_policy::authzen::Kinds;
use prokura_store::Store;
use std::collections::HashMap;
use std::sync::Arc;

/// The decider of this process, with all policies in force; they are kept so for as long as the program runs.
pub(crate) async fn decider(
    config: &Arc<Config>,
    store: &Store,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
    trust: &Trust,
) -> Result<Arc<Decider>, Failure> {
    let decider = Arc::<Decider>::default();
    if config.policy.sets.is_empty() {
        return Ok(decider);
    }
    let keeper = keeper((config, store, clock, rng), trust, &decider, true).await?;
    tokio::spawn(on_hangup(Arc::clone(&keeper)));
    tokio::spawn(keeper.run());
    Ok(decider)
}

/// The keeper of the configured sets. One that does not adopt looks and changes nothing.
pub(crate) async fn keeper(
    (config, store, clock, rng): (&Arc<Config>, &Store, &Arc<dyn Clock>, &Arc<dyn Rng>),
    trust: &Trust,
    decider: &Arc<Decider>,
    adopts: bool,
) -> Result<Arc<Keeper>, Failure> {
    let options = KeeperOptions {
        config: Arc::clone(config),
        store: store.clone(),
        clock: Arc::clone(clock),
        rng: Arc::clone(rng),
        build: languages::build(),
        remotes: remotes(config, trust)?,
        layers: Vec::new(),
        adopts,
    };
    Keeper::open(options, Arc::clone(decider)).await.map_err(Failure::usage)
}

/// Who is asked elsewhere, by the names of the sets.
fn remotes(config: &Config, trust: &Trust) -> Result<HashMap<String, Arc<dyn Remote>>, Failure> {
    let elsewhere = config.policy.sets.iter().filter(|s| s.language.is_remote());
    elsewhere.map(|set| Ok((set.name.clone(), remote(set, trust, config)?))).collect()
}

fn remote(set: &PolicySet, trust: &Trust, config: &Config) -> Result<Arc<dyn Remote>, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::usage(format!("`policy.set {}`: {e}", set.name));
    let url = set.url.as_ref().map(|u| u.url().as_str()).unwrap_or_default();
    let token = set.token.as_ref().map(|t| t.read(env, file)).transpose().map_err(|e| wrong(&e))?;
    let upstream = Upstream::new(UpstreamConfig { trust: trust.clone(), ..UpstreamConfig::default() });
    let bounds = RemoteBounds { timeout: set.patience(), ..RemoteBounds::default() };
    let endpoint = Endpoint::new(upstream, url, token.as_deref(), bounds).map_err(|e| wrong(&e))?;
    match set.language {
        PolicyLanguage::Opa => Ok(Arc::new(Opa::new(&set.name, endpoint).map_err(|e| wrong(&e))?)),
        PolicyLanguage::Authzen => {
            Ok(Arc::new(Authzen::new(&set.name, endpoint, Kinds::new(config.authzen.kinds()))))
        }
        other => Err(wrong(&format!("nobody here asks {}", other.as_str()))),
    }
}

/// A hang-up says that files are finished: they count at once.
async fn on_hangup(keeper: Arc<Keeper>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            tracing::info!("policies are read again");
            keeper.reload().await;
        }
    }
    #[cfg(not(unix))]
    drop(keeper);
}
