//! The hub: asks the database once for all who follow, when something changes and at least every second.

use crate::server::AppState;
use prokura_core::ClientId;
use prokura_oauth::feed::Word;
use prokura_store::{StandingWord, StoreError, WordsSince};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

/// How often followers hear that nothing changed.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How many words are asked for at once.
const PAGE: u32 = 1000;
/// How many batches wait for a follower that does not read, before it is cut.
const WAITING: usize = 256;

/// What the database said.
#[derive(Debug)]
pub(super) struct Batch {
    /// When it was asked, as the view of what is revoked measures.
    pub(super) asked_at: Duration,
    /// After which number.
    pub(super) previous: u64,
    /// Up to which number there are no other words than these.
    pub(super) seq: u64,
    /// The newest number.
    pub(super) newest: u64,
    /// The words, in their order.
    pub(super) words: Vec<Word>,
}

/// Who follows, and what they hear.
pub(crate) struct Hub(Mutex<Followers>);

struct Followers {
    /// Whether somebody asks the database.
    runs: bool,
    seats: HashMap<ClientId, u32>,
    batches: broadcast::Sender<Arc<Batch>>,
}

/// The seat of a follower, until it is dropped.
pub(super) struct Seat {
    app: Arc<AppState>,
    client: ClientId,
}

impl Default for Hub {
    fn default() -> Self {
        let batches = broadcast::Sender::new(WAITING);
        Self(Mutex::new(Followers { runs: false, seats: HashMap::new(), batches }))
    }
}

impl Hub {
    /// Lets somebody follow, if there is a seat: hears everything from now on.
    pub(super) fn join(
        app: &Arc<AppState>,
        client: &ClientId,
    ) -> Option<(Seat, broadcast::Receiver<Arc<Batch>>)> {
        let bounds = &app.config.feed;
        let mut followers = app.feed.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u32 = followers.seats.values().sum();
        let taken = followers.seats.get(client).copied().unwrap_or(0);
        if all >= bounds.connections || taken >= bounds.connections_per_client {
            return None;
        }
        followers.seats.insert(client.clone(), taken + 1);
        let batches = followers.batches.subscribe();
        if !std::mem::replace(&mut followers.runs, true) {
            tokio::spawn(run(Arc::clone(app), followers.batches.clone()));
        }
        drop(followers);
        Some((Seat { app: Arc::clone(app), client: client.clone() }, batches))
    }

    /// Whether nobody follows any more; then whoever asks the database stops, and the next follower begins anew.
    fn is_over(&self) -> bool {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if followers.seats.is_empty() {
            followers.runs = false;
        }
        !followers.runs
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut followers = self.app.feed.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = followers.seats.get_mut(&self.client) {
            *taken = taken.saturating_sub(1);
        }
        followers.seats.retain(|_, taken| *taken > 0);
    }
}

/// Asks the database for the words after `since`. Whether there are more than fit into one answer shows: then `seq` is less
/// than `newest`.
pub(super) async fn ask(app: &AppState, since: u64) -> Result<Batch, StoreError> {
    let (asked_at, now) = (app.store.revoked().running(), app.clock.now());
    let WordsSince { words, newest } = app.store.read(move |tx| tx.words_since(since, now, PAGE)).await?;
    let full = u32::try_from(words.len()).is_ok_and(|n| n >= PAGE);
    let last = words.last().map(|w| w.seq).filter(|_| full);
    // Notices are for those who share the database.
    let words = words.into_iter().filter(|word| !word.is_notice()).map(told).collect();
    Ok(Batch { asked_at, previous: since, seq: last.unwrap_or(newest), newest, words })
}

fn told(word: StandingWord) -> Word {
    let StandingWord { seq, kind, id, word, floor, until } = word;
    // What matters for ever has no end that a number could tell.
    let until = (until.micros() != i64::MAX).then(|| until.after(Duration::from_micros(999_999)));
    Word { seq, kind, id, word, floor, until }
}

async fn run(app: Arc<AppState>, batches: broadcast::Sender<Arc<Batch>>) {
    let mut changes = app.store.revoked().changes();
    // Whoever follows has its own beginning; here only what is new is told.
    let mut last = None;
    while !app.feed.is_over() {
        changes.borrow_and_update();
        match ask(&app, last.unwrap_or(u64::MAX)).await {
            Ok(batch) => {
                let previous = last.replace(batch.seq).unwrap_or(batch.seq);
                let more = batch.seq < batch.newest;
                // If nobody hears it, nobody is left, which is asked above.
                let _heard = batches.send(Arc::new(Batch { previous, ..batch }));
                if more {
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "followers of the feed hear nothing: the database does not answer");
                sleep(HEARTBEAT / 4).await;
            }
        }
        let _due = timeout(HEARTBEAT, changes.changed()).await;
    }
}
