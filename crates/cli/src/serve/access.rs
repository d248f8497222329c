//! Conditional access as the configuration says it.

use crate::failure::Failure;
use prokura_access::Guard;
use prokura_config::Config;
use prokura_policy::access::OwnSources;
use prokura_store::Store;
use std::sync::Arc;

/// The guard of this process.
pub(crate) fn guard(config: &Config, store: &Store) -> Result<Arc<Guard>, Failure> {
    let policies = config.access().map_err(Failure::usage)?;
    Ok(Arc::new(Guard::new(policies, Arc::new(OwnSources), store)))
}
