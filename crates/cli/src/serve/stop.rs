//! When to stop.

use tokio::signal::unix::{SignalKind, signal as on};

/// Returns when the process is told to stop, by Ctrl-C or by what runs it.
pub(crate) async fn signal() {
    let Ok(mut terminate) = on(SignalKind::terminate()) else {
        return drop(tokio::signal::ctrl_c().await);
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
