//! Conditional access as the configuration says it, and where its facts come from.

use crate::failure::Failure;
use prokura_access::Guard;
use prokura_config::Config;
use prokura_core::{Clock, PointId, Rng};
use prokura_facts::{Behaviour, Databases, Gathering, SHARE_EVERY};
use prokura_store::Store;
use std::sync::Arc;
use std::time::Duration;

/// After so many times that processes told each other what they saw, databases of places are looked at anew.
const REFRESH: u32 = 12;

/// The guard of this process. What it learns is told to other processes for as long as the program runs.
pub(crate) async fn guard(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
    rng: &dyn Rng,
) -> Result<Arc<Guard>, Failure> {
    let policies = config.access().map_err(Failure::usage)?;
    let network = &config.network;
    let places = Databases::open(&network.databases, network.max_age.get()).map_err(Failure::usage)?;
    let places = Arc::new(places);
    let asked = policies.names().iter().any(|name| name.as_str().starts_with("behaviour."));
    let behaviour = Arc::new(Behaviour::new(config.behaviour.clone(), asked, &PointId::random(rng)));
    behaviour.load(store).await?;
    let sources = Gathering::new(store.facts(), Arc::clone(&places), Arc::clone(&behaviour));
    if asked || !network.databases.is_empty() {
        tokio::spawn(keep(behaviour, places, store.clone(), Arc::clone(clock)));
    }
    Ok(Arc::new(Guard::new(policies, Arc::new(sources), store)))
}

/// Tells other processes what this one saw of agents, and reads databases again that changed, for ever.
async fn keep(behaviour: Arc<Behaviour>, places: Arc<Databases>, store: Store, clock: Arc<dyn Clock>) {
    for round in (1..=REFRESH).cycle() {
        tokio::time::sleep(Duration::from_secs(SHARE_EVERY)).await;
        if let Err(error) = behaviour.share(&store, clock.now()).await {
            tracing::warn!(%error, "what was seen of agents could not be shared; it is tried again");
        }
        if round == REFRESH {
            let places = Arc::clone(&places);
            // Reading a large database takes a moment.
            if let Err(error) = tokio::task::spawn_blocking(move || places.refresh()).await {
                tracing::warn!(%error, "the databases of places could not be looked at");
            }
        }
    }
}
