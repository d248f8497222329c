//! Sees that what was permitted has its outcome in the record, also if the client goes away before the end.

use crate::fault::Fault;
use crate::scene::Scene;
use prokura_ledger::{Event, Outcome};

/// An outcome that is still to be recorded. Dropped before it was, it records that the client went.
pub(crate) struct Ending {
    scene: Scene,
    /// Nobody waits for an answer: to go away is the usual end.
    listens: bool,
    recorded: bool,
}

impl Ending {
    /// The outcome of what was just permitted.
    pub(crate) fn new(scene: Scene, listens: bool) -> Self {
        Self { scene, listens, recorded: false }
    }

    /// Records how it came out.
    pub(crate) async fn record(&mut self, outcome: Event) -> Result<(), Fault> {
        let written = self.scene.write(vec![outcome]).await;
        self.recorded = true;
        written
    }

    /// The outcome was recorded elsewhere, or will be.
    pub(crate) fn done(mut self) {
        self.recorded = true;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.recorded {
            return;
        }
        let mut outcome = self.scene.outcome(200, None);
        outcome.details.remove("status");
        if !self.listens {
            outcome.outcome = Outcome::Error;
        }
        outcome.details.insert("ended", "client_closed".into());
        let scene = self.scene.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _logged = scene.write(vec![outcome]).await;
            });
        }
    }
}
