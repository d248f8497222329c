//! Streams: events of an upstream are decoded, redacted and framed anew, one at a time. Nothing is buffered but
//! the events of one piece. When the client goes, the connection to the upstream goes too, which cancels.

use crate::answer::{error_code, parse};
use crate::ending::Ending;
use crate::envelope::{Call, Message};
use crate::exchange::{Exchange, Origin, Passage};
use crate::fault::Fault;
use crate::question::Asking;
use crate::scene::Scene;
use crate::sse::{Decoder, Event, KEEP_ALIVE};
use crate::standing::Changes;
use crate::version::Era;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::unfold;
use http::{HeaderName, HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use prokura_core::TaskState;
use prokura_egress::UpstreamBody;
use prokura_oauth::json::obj;
use prokura_store::{StoreError, Tx};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

/// What says that somebody has decided on a page.
const COMPLETE: &str = "notifications/elicitation/complete";
/// How often an open stream asks whether it may stay open.
const TICK: Duration = Duration::from_secs(1);
/// A quiet stream says so to the client every so many ticks.
const KEEP_ALIVE_TICKS: u64 = 15;
/// How long the upstream may take to end its stream after its answer; then the connection is given up.
const AFTER_ANSWER: Duration = Duration::from_secs(1);

/// The client's answer: a stream of what passes.
pub(crate) fn relay(scene: Scene, exchange: Exchange, body: UpstreamBody) -> Response<Body> {
    let limit = scene.inner.bounds.max_response;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let changes = scene.inner.authenticator.changes();
    let ending = Ending::new(scene.clone(), exchange.origin == Origin::Listening);
    let relay = Relay {
        scene,
        exchange,
        body,
        decoder: Decoder::new(limit),
        queue: VecDeque::new(),
        own: VecDeque::new(),
        ticks,
        changes,
        quiet: 0,
        ending,
        over: Over::No,
    };
    let stream = unfold(relay, |mut relay| async move {
        let piece = relay.next().await?;
        Some((Ok::<_, Infallible>(piece), relay))
    });
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// What comes next of an upstream.
enum Heard {
    Data(Bytes),
    Nothing,
    /// Something was revoked, of whomever.
    Changed,
    Broken,
    End,
}

struct Relay {
    scene: Scene,
    exchange: Exchange,
    body: UpstreamBody,
    decoder: Decoder,
    queue: VecDeque<Event>,
    /// What this gateway has to say itself.
    own: VecDeque<String>,
    ticks: Interval,
    changes: Changes,
    /// Ticks since the upstream was last heard.
    quiet: u64,
    ending: Ending,
    over: Over,
}

/// Whether the last piece was given out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    No,
    /// The answer was; the connection can be used again once the upstream has ended its stream.
    Answered,
    /// The stream was given up.
    Failed,
}

impl Relay {
    /// The next piece for the client; `None` when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.over {
                Over::No => {}
                Over::Answered => {
                    self.drain().await;
                    return None;
                }
                Over::Failed => return None,
            }
            if let Some(said) = self.own.pop_front() {
                return self.frame(&Event::default(), Some(said));
            }
            if let Some(event) = self.queue.pop_front() {
                match self.relay(event).await {
                    Ok(Some(piece)) => return Some(piece),
                    Ok(None) => continue,
                    Err(fault) => return self.fail(fault).await,
                }
            }
            match self.hear().await {
                Heard::Data(data) => {
                    self.quiet = 0;
                    if let Err(fault) = self.decode(&data) {
                        return self.fail(fault).await;
                    }
                }
                Heard::Nothing => match self.tick() {
                    Ok(_) if self.decided().await => {}
                    Ok(true) => return Some(Bytes::from_static(KEEP_ALIVE.as_bytes())),
                    Ok(false) => {}
                    Err(fault) => return self.fail(fault).await,
                },
                Heard::Changed => {
                    if let Err(fault) = self.may_go_on() {
                        return self.fail(fault).await;
                    }
                }
                Heard::Broken => return self.fail(Fault::UpstreamBad("the stream broke")).await,
                Heard::End => return self.end().await,
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        tokio::select! {
            frame = self.body.frame() => match frame {
                None => Heard::End,
                Some(Err(_)) => Heard::Broken,
                Some(Ok(frame)) => frame.into_data().map_or(Heard::Data(Bytes::new()), Heard::Data),
            },
            _ = self.ticks.tick() => Heard::Nothing,
            () = self.changes.next() => Heard::Changed,
        }
    }

    fn decode(&mut self, data: &[u8]) -> Result<(), Fault> {
        let mut events = Vec::new();
        let decoded = self.decoder.push(data, &mut events);
        self.queue.extend(events);
        decoded.map_err(|_| Fault::UpstreamBad("the stream is no event stream, or an event is too large"))
    }

    /// Whether the stream may stay open; answers whether the client should hear that it is.
    fn tick(&mut self) -> Result<bool, Fault> {
        self.quiet += 1;
        if self.quiet > self.scene.inner.bounds.idle_timeout.as_secs() {
            return Err(Fault::UpstreamTimeout);
        }
        self.may_go_on()?;
        Ok(self.quiet.is_multiple_of(KEEP_ALIVE_TICKS))
    }

    /// Says so to a session that was sent to a page, once somebody has decided there (MCP 2025-11-25,
    /// "Completion Notifications for URL Mode Elicitation"); one at a time.
    async fn decided(&mut self) -> bool {
        let Some(session) = &self.exchange.session else { return false };
        let (inner, now) = (&self.scene.inner, self.scene.inner.clock.now());
        let waiting = inner.elicited.waiting(session);
        if waiting.is_empty() {
            return false;
        }
        let over = move |tx: &mut Tx<'_>| {
            for id in &waiting {
                if tx.task(id)?.is_none_or(|t| t.task.state_at(now) != TaskState::Pending) {
                    return Ok(Some(id.clone()));
                }
            }
            Ok::<_, StoreError>(None)
        };
        let Ok(Some(id)) = inner.store.read(over).await else { return false };
        let told = inner.elicited.take(session, &id);
        if told {
            let params = obj([("elicitationId", id.as_str().into())]);
            let call = Call { method: COMPLETE.to_owned(), params: Some(params) };
            self.own.push_back(text(Message::Notification(call)));
        }
        told
    }

    /// Asked at every event, when something was revoked, and every second, since a view can become stale by silence.
    /// A call that was permitted may end; a stream that listens ends with its token. Neither outlives its grant.
    fn may_go_on(&self) -> Result<(), Fault> {
        let Some(token) = self.scene.caller.token() else { return Ok(()) };
        self.scene.inner.authenticator.in_force(token)?;
        if self.listens() && self.scene.inner.clock.now() >= token.expires_at {
            return Err(Fault::InvalidToken("the token has expired"));
        }
        Ok(())
    }

    /// Whether it stays open for whatever comes.
    fn listens(&self) -> bool {
        self.exchange.origin == Origin::Listening || self.exchange.origin.method() == "subscriptions/listen"
    }

    /// What the client gets for one event.
    async fn relay(&mut self, event: Event) -> Result<Option<Bytes>, Fault> {
        if event.event.as_deref().is_some_and(|name| name != "message") {
            return Ok(None);
        }
        self.may_go_on()?;
        if self.listens() {
            // It outlives the policies, and what is known, that there were when it was opened.
            self.exchange.asking = Asking::of(&self.scene, self.scene.inner.clock.now())?;
        }
        let data = event.data.as_deref().unwrap_or_default();
        if data.is_empty() {
            return Ok(self
                .frame(&event, Some(String::new()))
                .filter(|_| event.id.is_some() || event.retry.is_some()));
        }
        let max = self.scene.inner.bounds.max_response;
        match self.exchange.pass(parse(data.as_bytes(), max)?).await? {
            Passage::Relay(message) => Ok(self.frame(&event, Some(text(message)))),
            Passage::Last(message) => {
                let mut outcome = self.scene.outcome(200, error_code(&message));
                self.exchange.owed.tally.note(&mut outcome);
                self.ending.record(outcome).await?;
                self.over = Over::Answered;
                Ok(self.frame(&event, Some(text(message))))
            }
            Passage::Drop => Ok(None),
        }
    }

    /// An event of our own. Streams can be resumed in the legacy era only, so ids stand there only, sealed.
    fn frame(&self, event: &Event, data: Option<String>) -> Option<Bytes> {
        let legacy = self.exchange.era == Era::Legacy;
        let id =
            event.id.as_deref().filter(|id| legacy && !id.is_empty()).map(|id| self.exchange.seal_event(id));
        let retry = event.retry.filter(|_| legacy);
        let bare = data.as_deref() == Some("");
        if bare && id.is_none() && retry.is_none() {
            return None;
        }
        let event = (!bare).then(|| "message".to_owned());
        Some(Bytes::from(Event { event, id, data, retry }.encode()))
    }

    /// The upstream ended its stream. In the legacy era that may be only the connection, to be resumed.
    async fn end(&mut self) -> Option<Bytes> {
        let answered = matches!(self.exchange.origin, Origin::Listening) || self.exchange.era == Era::Legacy;
        if !answered {
            return self.fail(Fault::UpstreamBad("the stream ended without an answer")).await;
        }
        self.over = Over::Failed;
        let mut outcome = self.scene.outcome(200, None);
        outcome.details.insert("ended", "upstream_closed".into());
        // Nothing more is released, so a failure to record has nothing left to hold back; it is logged.
        let _logged = self.ending.record(outcome).await;
        None
    }

    /// Ends the stream with an error, told to the client where it waits for an answer.
    async fn fail(&mut self, fault: Fault) -> Option<Bytes> {
        self.over = Over::Failed;
        let _logged = self.ending.record(self.scene.refusal(&fault, true)).await;
        let Origin::Request { id, .. } = &self.exchange.origin else { return None };
        let answer = Message::Response(Some(id.clone()), Err(fault.error(&self.scene.trace)));
        self.frame(&Event::default(), Some(text(answer)))
    }

    /// Reads what the upstream still sends after its answer, so that the connection can be used again.
    async fn drain(&mut self) {
        let rest = async { while let Some(Ok(_)) = self.body.frame().await {} };
        let _gave_up = timeout(AFTER_ANSWER, rest).await;
    }
}

fn text(message: Message) -> String {
    String::from_utf8(message.into_bytes()).unwrap_or_default()
}
