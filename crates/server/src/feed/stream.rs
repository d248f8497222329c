//! One connection: first what there is, page by page, then what the hub hears.

use super::hub::{Batch, Hub, Seat, ask};
use super::{Asked, FeedFault};
use crate::endpoints::in_force;
use crate::fault::Fault;
use crate::server::AppState;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::feed::{FeedEvent, Word};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// Whoever is so far behind does not read, and is cut.
const BEHIND: Duration = Duration::from_secs(10);

/// Answers with the stream, if there is a seat.
pub(super) fn open(app: &Arc<AppState>, token: AccessToken, asked: Asked) -> Result<Response, Fault> {
    let (seat, batches) = Hub::join(app, &token.client).ok_or(Fault::Feed(FeedFault::TooMany))?;
    let began = app.store.revoked().running();
    let feeding = Feeding {
        began,
        told_at: began,
        app: Arc::clone(app),
        _seat: seat,
        batches,
        token,
        nonce: asked.nonce,
        place: 0,
        seq: asked.since,
        behind: true,
        queue: VecDeque::new(),
    };
    let stream = unfold(feeding, |mut feeding| async move {
        let piece = feeding.next().await?;
        Some((Ok::<_, Infallible>(piece), feeding))
    });
    let mut response = Response::new(Body::from_stream(stream));
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

struct Feeding {
    app: Arc<AppState>,
    _seat: Seat,
    batches: broadcast::Receiver<Arc<Batch>>,
    token: AccessToken,
    nonce: Option<String>,
    /// When it began, as the view of what is revoked measures.
    began: Duration,
    /// When the database was asked for what was last told.
    told_at: Duration,
    /// How many events were made.
    place: u64,
    /// Up to which number they told everything.
    seq: u64,
    /// Whether the database is to be asked before the hub is heard.
    behind: bool,
    /// The rest of what was last asked for: at most a page.
    queue: VecDeque<FeedEvent>,
}

impl Feeding {
    /// The next event; `None` when the connection is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return self.written(&event);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            let batch = match self.batches.recv().await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::info!(client = %self.token.client, %error, "a follower that does not read is cut");
                    return None;
                }
            };
            self.hear(&batch)?;
        }
    }

    /// Asks the database for the next page.
    async fn catch_up(&mut self) -> Option<()> {
        let asked = ask(&self.app, self.seq).await;
        let batch =
            asked.inspect_err(|error| tracing::warn!(%error, "a follower is cut: nothing is known")).ok()?;
        if batch.newest < self.seq {
            // The follower knows more than there is: it followed another database. Everything is told from the beginning,
            // and it sees that.
            self.seq = 0;
            return Some(());
        }
        self.behind = batch.seq < batch.newest;
        self.tell(&batch);
        Some(())
    }

    /// Takes what the hub heard. What was asked for before this connection began, or before its last event, says nothing
    /// that it did not hear.
    fn hear(&mut self, batch: &Batch) -> Option<()> {
        if self.app.store.revoked().running().saturating_sub(batch.asked_at) > BEHIND {
            tracing::info!(client = %self.token.client, "a follower that reads too slowly is cut");
            return None;
        }
        if batch.previous > self.seq {
            self.behind = true;
        } else if batch.seq >= self.seq && batch.asked_at >= self.told_at {
            self.tell(batch);
        }
        Some(())
    }

    /// Puts what is new in `batch` into events; a heartbeat if nothing is.
    fn tell(&mut self, batch: &Batch) {
        self.told_at = batch.asked_at;
        let up = batch.asked_at.saturating_sub(self.began);
        let since = self.seq;
        let mut words = batch.words.iter().filter(|w| w.seq > since).cloned().peekable();
        loop {
            let words_here = Word::fill(&mut words);
            let last = words_here.last().map(|w| w.seq).filter(|_| words.peek().is_some());
            self.place += 1;
            let event = FeedEvent {
                issuer: self.app.config.issuer.as_str().to_owned(),
                issued_at: self.app.clock.now(),
                nonce: self.nonce.clone(),
                place: self.place,
                up,
                previous: self.seq,
                seq: last.unwrap_or(batch.seq),
                newest: batch.newest,
                words: words_here,
            };
            self.seq = event.seq;
            self.queue.push_back(event);
            if last.is_none() {
                return;
            }
        }
    }

    /// The event as it is sent, as long as its follower may hear it.
    fn written(&self, event: &FeedEvent) -> Option<Bytes> {
        let now = self.app.clock.now();
        if now >= self.token.expires_at || !in_force(&self.app, &self.token) {
            return None;
        }
        let key = self.app.keys.signer(now)?;
        let signed = event.sign(&key);
        let compact =
            signed.inspect_err(|error| tracing::error!(%error, "an event cannot be signed")).ok()?;
        let retry = if event.place == 1 { "retry: 1000\n" } else { "" };
        Some(Bytes::from(format!("{retry}id: {}\ndata: {compact}\n\n", event.seq)))
    }
}
