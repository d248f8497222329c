//! Telling: each notice on its own, again and again until it was heard, ever less often.

use super::{ping, webhook};
use crate::server::AppState;
use http::StatusCode;
use prokura_core::Timestamp;
use prokura_egress::{EgressError, Reading};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{Notice, NoticeKind, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// So many are told at once.
const AT_ONCE: u32 = 16;
/// A notice is one process's for so long.
const LEASE: Duration = Duration::from_secs(60);
/// Whoever is told has so long to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(3600);

/// What became of telling.
pub(super) enum Told {
    /// It was heard.
    Heard,
    /// It never will be, and why.
    Never(String),
    /// It is told again, and why.
    Again(String),
}

/// Tells everything that is due now; says whether there was anything.
pub(crate) async fn tell(app: &Arc<AppState>) -> Result<bool, String> {
    let now = app.clock.now();
    let due = app.store.read::<_, StoreError>(move |tx| tx.has_notices(now)).await;
    if !due.map_err(|e| e.to_string())? {
        return Ok(false);
    }
    let lease = move |tx: &mut prokura_store::Tx<'_>| tx.lease_notices(now, now.after(LEASE), AT_ONCE);
    let all = app.store.transact::<_, StoreError>(lease).await.map_err(|e| e.to_string())?;
    let any = !all.is_empty();
    let mut under_way = JoinSet::new();
    for notice in all {
        let app = Arc::clone(app);
        under_way.spawn(async move { one(&app, &notice).await });
    }
    let mut failed = None;
    while let Some(done) = under_way.join_next().await {
        failed = done.map_err(|e| e.to_string()).and_then(|r| r.map_err(|e| e.to_string())).err().or(failed);
    }
    failed.map_or(Ok(any), Err)
}

async fn one(app: &AppState, notice: &Notice) -> Result<(), StoreError> {
    let now = app.clock.now();
    let failures = notice.failures.saturating_add(1);
    let again = now.after(pause(failures));
    let (id, over) = (notice.id.clone(), again >= notice.until);
    let why = match post(app, notice).await {
        Told::Heard => return end(app, id, None).await,
        Told::Never(why) => why,
        Told::Again(why) if over => why,
        Told::Again(why) => {
            tracing::warn!(notice = notice.id, about = notice.about, why, failures, "nobody hears of it yet");
            let retry = move |tx: &mut prokura_store::Tx<'_>| tx.retry_notice(&id, failures, again);
            return app.store.transact::<_, StoreError>(retry).await;
        }
    };
    tracing::warn!(notice = notice.id, about = notice.about, why, "nobody hears of it");
    end(app, id, Some(given_up(app, notice, &why, now))).await
}

/// After the first failure a second, then twice as long each time.
fn pause(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(12)).min(LONGEST)
}

/// Takes it away; with an entry, if nobody heard it.
async fn end(app: &AppState, id: String, entry: Option<Event>) -> Result<(), StoreError> {
    let end = move |tx: &mut prokura_store::Tx<'_>| {
        if tx.end_notice(&id)?
            && let Some(entry) = &entry
        {
            tx.record(entry.clone());
        }
        Ok(())
    };
    app.store.transact::<_, StoreError>(end).await
}

fn given_up(app: &AppState, notice: &Notice, why: &str, now: Timestamp) -> Event {
    let mut event = Event::new(EventKind::Administration, "notice:give_up", Outcome::Deny, now, app.trace());
    event.details.insert("notice", notice.id.as_str().into());
    event.details.insert("event", notice.event.as_str().into());
    event.details.insert("about", notice.about.as_str().into());
    event.details.insert("why", why.chars().take(200).collect::<String>().into());
    event.because("nobody_heard")
}

async fn post(app: &AppState, notice: &Notice) -> Told {
    let reading = Reading { max_bytes: 1 << 10, deadline: PATIENCE, enough: |_, _| true };
    let ping = notice.kind == NoticeKind::Ping;
    let asked = match ping {
        true => ping::request(&app.notices, notice).map_err(Told::Never),
        false => webhook::request(app, notice).await,
    };
    let (url, ask) = match asked {
        Ok(asked) => asked,
        Err(told) => return told,
    };
    match app.notices.egress.ask(&url, ask, &reading).await {
        Ok(answer) if answer.status.is_success() => Told::Heard,
        // Nothing is followed: what is told goes to the address that was registered, and nowhere else.
        Ok(answer) if ping && answer.status.is_redirection() => {
            Told::Never("it answers with a redirect".to_owned())
        }
        Ok(answer) if answer.status == StatusCode::GONE => {
            Told::Never("it answers that it is gone".to_owned())
        }
        Ok(answer) => Told::Again(format!("it answers with status {}", answer.status.as_u16())),
        // Where a client wants to be told is its own word. The operator's address may be opened yet.
        Err(why @ (EgressError::Forbidden { .. } | EgressError::Http { .. } | EgressError::Port { .. }))
            if ping =>
        {
            Told::Never(why.to_string())
        }
        Err(why) => Told::Again(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let seconds = |n| pause(n).as_secs();
        assert_eq!([seconds(1), seconds(2), seconds(5), seconds(12), seconds(40)], [1, 2, 16, 2048, 3600]);
    }
}
