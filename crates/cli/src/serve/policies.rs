//! The organisation's policies as the configuration names them.

use crate::failure::Failure;
use prokura_config::Config;
use prokura_decider::Decider;
use std::sync::Arc;

/// The decider of this process.
pub(crate) fn decider(config: &Config) -> Result<Arc<Decider>, Failure> {
    if let Some(set) = config.policy.sets.first() {
        let why = format!("`policy.set {}`: no engine here reads {}", set.name, set.language.as_str());
        return Err(Failure::usage(why));
    }
    Ok(Arc::default())
}
