//! What is over of relations goes. It counts no more in any case: see `prokura_decider::relations`.

use crate::server::AppState;
use prokura_ledger::{Event, EventKind, Outcome};

/// Takes away what identity providers said too long ago, and forgets old changes. What fails is tried again the next time.
pub(crate) async fn relations(app: &AppState) {
    let (kind, at) = (EventKind::Administration, app.clock.now());
    let event = Event::new(kind, "relation:expire", Outcome::Permit, at, app.trace());
    if let Err(error) = app.relations.tidy(app.config.relations.changes_last.get(), &event).await {
        tracing::warn!(%error, "old relations are not taken away yet");
    }
}
