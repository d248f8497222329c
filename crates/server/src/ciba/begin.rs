//! A client asks: the question is put before its user, or what becomes of an approval is waited for.

use super::waiting::{Called, Polling, Subject};
use super::wanted::{Meant, Wanted};
use super::{CibaFault, INTERVAL, KNOWN_AFTER};
use crate::clients::Client;
use crate::fault::Fault;
use crate::interaction::Asked;
use crate::people::Address;
use crate::server::AppState;
use http::request::Parts;
use prokura_core::{AskId, ClientId, Timestamp, TraceId, UserId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{ArtifactKind, BackchannelAsk, Notice, NoticeKind, StoreError, Tx};
use std::time::Duration;

/// What a client is told.
pub(crate) struct Begun {
    pub(crate) request: String,
    pub(crate) lasts: Duration,
}

struct Job {
    client: ClientId,
    request: String,
    polling: Polling,
    question: Option<(Asked, UserId)>,
    ping: Option<Notice>,
    per_user: usize,
    from: String,
    now: Timestamp,
}

/// Takes a checked request, on record. `asked` is the question, unless it is about an approval.
pub(crate) async fn begin(
    app: &AppState,
    (parts, trace): (&Parts, &TraceId),
    client: &Client,
    asked: Option<Asked>,
    wanted: Wanted,
) -> Result<Begun, Fault> {
    let (now, from) = (app.clock.now(), Address::of(parts).shown());
    let most = app.config.ciba.waits.get();
    let mut lasts = wanted.expiry.map_or(most, |asked| asked.min(most));
    let request = random_id(&random_id("bca_", &*app.rng), &*app.rng);
    let (subject, question) = match (wanted.meant, asked) {
        (Meant::Task(task), _) => {
            lasts = lasts.min(task.task.until.since(now));
            (Subject::Task(task.task.id), None)
        }
        (Meant::User(user), Some(asked)) => {
            let id = AskId::random(&*app.rng);
            let called = Called {
                id: id.clone(),
                user: user.clone(),
                at: now,
                until: now.after(lasts),
                from: from.clone(),
                message: wanted.message.map(|m| m.as_str().to_owned()),
            };
            let subject = Subject::Ask(id, asked.resource.clone());
            (subject, Some((Asked { called: Some(called), ..asked }, user)))
        }
        (Meant::User(_), None) => return Err(Fault::Broken("a user is asked nothing".to_owned())),
    };
    let until = now.after(lasts);
    let ping = match wanted.ping {
        None => None,
        Some(to) => Some(Notice {
            id: random_id("msg_", &*app.rng),
            kind: NoticeKind::Ping,
            event: "ping".to_owned(),
            about: subject.about().to_owned(),
            sealed: app.notices.sealed_ping(subject.about(), &to, &request, &*app.rng)?,
            held: true,
            made_at: now,
            failures: 0,
            until,
        }),
    };
    let polling = Polling {
        client: client.id.clone(),
        subject,
        until,
        interval: INTERVAL,
        last: now.before(INTERVAL),
        trace: trace.clone(),
    };
    let job = Job {
        client: client.id.clone(),
        request: request.clone(),
        polling,
        question,
        ping,
        per_user: usize::try_from(app.config.ciba.per_user).unwrap_or(usize::MAX),
        from,
        now,
    };
    app.store.transact(move |tx| job.run(tx)).await?;
    Ok(Begun { request, lasts })
}

impl Subject {
    /// The id of what is waited for.
    pub(crate) fn about(&self) -> &str {
        match self {
            Self::Ask(ask, _) => ask.as_str(),
            Self::Task(task) => task.as_str(),
        }
    }
}

impl Job {
    fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let known = self.polling.until.after(KNOWN_AFTER);
        tx.put_artifact(ArtifactKind::Backchannel, &self.request, None, &self.polling.to_vec(), known)?;
        if let Some((asked, user)) = &self.question {
            self.ask(tx, asked, user, known)?;
        }
        if let Some(ping) = &self.ping {
            tx.put_notice(ping)?;
        }
        tx.record(self.begun());
        Ok(())
    }

    /// Puts the question before the user, unless too much waits there.
    fn ask(&self, tx: &mut Tx<'_>, asked: &Asked, user: &UserId, known: Timestamp) -> Result<(), Fault> {
        /// So much of everybody waits for one user at most.
        const MOST: usize = 50;
        let waiting = tx.asks_of(user, self.now)?;
        let own = waiting.iter().filter(|a| a.client == self.client).count();
        if own >= self.per_user || waiting.len() >= MOST {
            return Err(Fault::Ciba(CibaFault::TooMuch));
        }
        let Subject::Ask(id, _) = &self.polling.subject else { return Ok(()) };
        let row = BackchannelAsk {
            id: id.clone(),
            user: user.clone(),
            client: self.client.clone(),
            at: self.now,
            until: self.polling.until,
        };
        tx.put_ask(&row)?;
        let question = asked.to_object().to_vec();
        Ok::<_, StoreError>(tx.put_artifact(
            ArtifactKind::BackchannelAsk,
            id.as_str(),
            None,
            &question,
            known,
        )?)
        .map_err(Fault::from)
    }

    fn begun(&self) -> Event {
        let trace = self.polling.trace.clone();
        let mut event =
            Event::new(EventKind::Issuance, "backchannel:issue", Outcome::Permit, self.now, trace);
        event.client = Some(self.client.clone());
        event.details.insert("about", self.polling.subject.about().into());
        event.details.insert("address", self.from.as_str().into());
        if let Some((asked, user)) = &self.question {
            event.resource = Some(asked.resource.clone());
            event.details.insert("scope", asked.scope.to_string().into());
            event.details.insert("asks", user.as_str().into());
        }
        event
    }
}
