//! Events that are fetched (RFC 8936): each is durable before it is acknowledged, in the request that asks for more.

use super::transmitter::object;
use super::{Transmitter, stream, take};
use crate::server::AppState;
use http::StatusCode;
use prokura_oauth::signals::{DeliveryError, PollAnswer, PollRequest};
use std::sync::Arc;
use std::time::Duration;

/// So many events at once.
const AT_ONCE: u64 = 50;
/// A transmitter may let a request wait for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is still to be said of events that came before. It is lost with the process: the events come again then, and
/// do nothing.
#[derive(Debug, Default)]
pub(in crate::signals) struct Waiting {
    acks: Vec<String>,
    errors: Vec<(String, DeliveryError)>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.errors.is_empty()
    }
}

/// Asks once, and takes what comes. Says how many events came; `at_once` if the transmitter is not to wait for one.
pub(in crate::signals) async fn fetch(
    app: &AppState,
    t: &Arc<Transmitter>,
    waiting: &mut Waiting,
    at_once: bool,
) -> Result<usize, String> {
    let address = stream::poll_endpoint(app, t).await?;
    let asked = PollRequest {
        max_events: Some(AT_ONCE),
        // What is acknowledged is told without waiting for more.
        at_once: at_once || !waiting.is_empty(),
        acks: waiting.acks.clone(),
        errors: waiting.errors.clone(),
    };
    let answer = t.post(app, &address, &asked.to_object(), PATIENCE).await?;
    if answer.status != StatusCode::OK {
        return Err(format!("fetching events is answered with status {}", answer.status.as_u16()));
    }
    let answer = PollAnswer::read(&object(&answer.body)?).map_err(|e| e.to_string())?;
    *waiting = Waiting::default();
    for (id, set) in &answer.sets {
        match take::take(app, t, set).await {
            Ok(()) => waiting.acks.push(id.clone()),
            // What cannot be judged now is neither acknowledged nor refused: it comes again.
            Err(refusal) => waiting.errors.extend(refusal.to_error().map(|e| (id.clone(), e))),
        }
    }
    Ok(answer.sets.len())
}
