//! A list as it is made, and kept until something changes.

use super::basis::Basis;
use super::{StatusFault, address};
use crate::fault::Fault;
use crate::server::AppState;
use prokura_core::Timestamp;
use prokura_oauth::status_list::{Bits, Status, StatusError, StatusList, StatusListToken};
use prokura_store::{GivenPlace, RevokedView, STATUS_PLACES, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A list is made anew no sooner than after so many times as long as making it took, for anybody may ask.
const REST: u32 = 9;

/// A list that was made.
pub(super) struct Made {
    token: String,
    /// What was known of the standing when it was made.
    changes: watch::Receiver<u64>,
    began: Timestamp,
    took: Duration,
}

impl Made {
    /// Whether it still says what is so, or may be asked for again too soon to be made anew.
    fn is_good(&self, now: Timestamp, ttl: Duration) -> bool {
        let age = now.since(self.began);
        let changed = self.changes.has_changed().unwrap_or(true);
        age < ttl && now >= self.began && (!changed || age < self.took * REST)
    }
}

/// The list of that number, signed.
pub(super) async fn current(app: &Arc<AppState>, number: u64) -> Result<String, Fault> {
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let made = app.status.lists.lock().await.get(&number).cloned();
    let made = match made {
        Some(made) => made,
        None => {
            // Only lists that are there are kept in mind.
            let lists = app.store.read::<_, StoreError>(|tx| tx.status_lists()).await?;
            if number >= lists {
                return Err(Fault::Status(StatusFault::Unknown));
            }
            Arc::clone(app.status.lists.lock().await.entry(number).or_default())
        }
    };
    // Whoever asks meanwhile waits for the one that makes it.
    let mut made = made.lock().await;
    let (now, ttl) = (app.clock.now(), app.config.status_list.ttl.get());
    if let Some(good) = made.as_ref().filter(|m| m.is_good(now, ttl)) {
        return Ok(good.token.clone());
    }
    let fresh = make(app, number, now, ttl).await?;
    Ok(made.insert(fresh).token.clone())
}

async fn make(app: &Arc<AppState>, number: u64, now: Timestamp, ttl: Duration) -> Result<Made, Fault> {
    // What is heard while it is made makes it old.
    let changes = app.store.revoked().changes();
    let places = app.store.read::<_, StoreError>(move |tx| tx.status_list(number, now)).await?;
    let view = app.store.revoked_view();
    let list = tokio::task::spawn_blocking(move || said(&places, &view)).await;
    let list = list.map_err(|e| broken(&e))?.map_err(|e| broken(&e))?;
    let issued_at = Timestamp::from_seconds(now.seconds());
    let token = StatusListToken {
        uri: address(app, number),
        issued_at,
        expires_at: Some(issued_at.after(ttl * 2)),
        ttl: Some(ttl),
        list,
    };
    let key = app.keys.signer(now).ok_or_else(|| Fault::Broken("there is no signing key".to_owned()))?;
    let token = token.sign(&key).map_err(|e| broken(&e))?;
    Ok(Made { token, changes, began: now, took: app.clock.now().since(now) })
}

/// What stands at the places of a list.
fn said(places: &[GivenPlace], view: &RevokedView) -> Result<StatusList, StatusError> {
    let mut list = StatusList::new(Bits::Two, usize::try_from(STATUS_PLACES).unwrap_or(usize::MAX));
    for GivenPlace { place, about } in places {
        let basis = about.as_deref().and_then(Basis::read);
        let status = basis.map_or(Status::Invalid, |basis| basis.status(view));
        list.set(place % STATUS_PLACES, status)?;
    }
    Ok(list)
}

fn broken(error: &dyn std::error::Error) -> Fault {
    Fault::Broken(error.to_string())
}
