//! Renewing in the background.

use super::inner::Inner;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often is looked whether it is time.
const EVERY: Duration = Duration::from_secs(10);

/// Keeps a client's token fresh until it is dropped.
#[derive(Debug)]
pub struct KeepFresh(JoinHandle<()>);

impl KeepFresh {
    pub(super) fn of(inner: &Arc<Inner>) -> Self {
        Self(tokio::spawn(watch(Arc::downgrade(inner))))
    }
}

impl Drop for KeepFresh {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(inner: Weak<Inner>) {
    while let Some(inner) = inner.upgrade() {
        if let Ok(Some(kept)) = inner.held().await {
            inner.renew_beside(&kept);
        }
        drop(inner);
        tokio::time::sleep(EVERY).await;
    }
}
