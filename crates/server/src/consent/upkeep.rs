//! What is seen to from time to time: that enterprise consents still give what they gave.

use super::{check_details, review};
use crate::server::AppState;
use prokura_config::Config;
use prokura_core::Timestamp;
use prokura_store::{StoreError, Tx};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often: what identity providers said of groups counts for a time only.
const EVERY: Duration = Duration::from_secs(3600);

/// When it was last seen to, in microseconds; at the start it never was.
#[derive(Debug, Default)]
pub(crate) struct Upkeep(AtomicI64);

/// Ends what enterprise consents gave and give no longer, if that was not seen to lately: the file may have changed while
/// nobody was here, and memberships end by themselves.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn upkeep(app: &AppState) -> Result<(), StoreError> {
    let now = app.clock.now();
    let last = Timestamp::from_micros(app.upkeep.0.load(Ordering::Relaxed));
    if now.since(last) < EVERY {
        return Ok(());
    }
    app.upkeep.0.store(now.micros(), Ordering::Relaxed);
    let (config, trace) = (Arc::clone(&app.config), app.trace());
    let review = move |tx: &mut Tx<'_>| review(tx, &config, (None, None), now, &trace);
    app.store.transact::<_, StoreError>(review).await.map(drop)
}

/// That an enterprise consent of the file cannot be read as a whole.
pub(crate) fn check(config: &Config) -> Result<(), String> {
    config.enterprise_consents.iter().try_for_each(|c| check_details(config, c))
}
