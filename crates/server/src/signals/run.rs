//! What is done about signals without being asked: fetching, verifying, telling.

use super::receive::{Transmitter, Waiting, fetch, tend};
use super::send::{deliver, fan_out};
use crate::notices::tell;
use crate::server::AppState;
use prokura_config::SignalDelivery;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A transmitter that answers at once although it was asked to wait is asked again after so long.
const PAUSE: Duration = Duration::from_secs(5);
/// A failure is tried again after so long, and twice as long each time.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// What happened here is looked for so often.
const LOOK: Duration = Duration::from_millis(300);
/// Streams at transmitters are looked after so often.
const TEND: Duration = Duration::from_secs(60);

/// Does it all until it is dropped.
pub(crate) async fn for_ever(app: Arc<AppState>) {
    let mut tasks = JoinSet::new();
    for t in &app.signals.transmitters {
        tasks.spawn(keep_tending(Arc::clone(&app), Arc::clone(t)));
        if t.config.delivery == SignalDelivery::Poll {
            tasks.spawn(keep_fetching(Arc::clone(&app), Arc::clone(t)));
        }
    }
    if app.config.signals.send.enabled {
        tasks.spawn(keep_sending(Arc::clone(&app)));
    }
    if app.notices.may_have_any(&app.config) {
        tasks.spawn(keep_telling(Arc::clone(&app)));
    }
    while tasks.join_next().await.is_some() {}
}

/// Does everything once that is due now, without waiting for events; says what failed.
pub(crate) async fn round(app: &Arc<AppState>) -> Vec<String> {
    let mut failed = Vec::new();
    if app.config.signals.send.enabled {
        failed.extend(send_all(app).await.err());
    }
    failed.extend(tell(app).await.err());
    for t in &app.signals.transmitters {
        failed.extend(tend(app, t).await.err());
        if t.config.delivery == SignalDelivery::Poll {
            failed.extend(drain(app, t).await.err());
        }
    }
    failed
}

/// Puts what happened into the queues, and posts until nothing is left that can be posted now.
async fn send_all(app: &Arc<AppState>) -> Result<(), String> {
    while fan_out(app).await? {}
    while deliver(app).await? {}
    Ok(())
}

async fn keep_sending(app: Arc<AppState>) {
    loop {
        if let Err(why) = send_all(&app).await {
            tracing::error!(why, "events cannot be sent; it is tried again");
        }
        sleep(LOOK).await;
    }
}

/// Tells whoever waits to be told.
async fn keep_telling(app: Arc<AppState>) {
    loop {
        match tell(&app).await {
            Ok(true) => {}
            Ok(false) => sleep(LOOK).await,
            Err(why) => {
                tracing::error!(why, "what was decided cannot be told; it is tried again");
                sleep(LOOK).await;
            }
        }
    }
}

/// Fetches until nothing is left and everything is acknowledged.
async fn drain(app: &AppState, t: &Arc<Transmitter>) -> Result<(), String> {
    let mut waiting = Waiting::default();
    while fetch(app, t, &mut waiting, true).await? > 0 {}
    Ok(())
}

async fn keep_tending(app: Arc<AppState>, t: Arc<Transmitter>) {
    let mut wait = FIRST;
    loop {
        wait = match tend(&app, &t).await {
            Ok(()) => TEND,
            Err(why) => {
                tracing::warn!(
                    transmitter = t.name(),
                    why,
                    "a stream at a transmitter cannot be looked after"
                );
                (wait * 2).min(LONGEST)
            }
        };
        sleep(wait).await;
    }
}

async fn keep_fetching(app: Arc<AppState>, t: Arc<Transmitter>) {
    let (mut waiting, mut failures) = (Waiting::default(), 0_u32);
    loop {
        let begun = app.clock.now();
        match fetch(&app, &t, &mut waiting, false).await {
            Ok(came) => {
                failures = 0;
                if came == 0 && app.clock.now().since(begun) < PAUSE {
                    sleep(PAUSE).await;
                }
            }
            Err(why) => {
                tracing::warn!(transmitter = t.name(), why, failures, "events cannot be fetched");
                sleep(FIRST.saturating_mul(1 << failures.min(9)).min(LONGEST)).await;
                failures += 1;
            }
        }
    }
}
