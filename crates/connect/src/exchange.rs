//! One request and all that comes before its answer. Streams of legacy servers are taken up again where they broke
//! (MCP 2025-11-25, "Resumability and Redelivery"); those of modern servers cannot be.

use crate::fault::{Fault, Outcome};
use crate::reading::Reading;
use crate::remote::{Given, Remote, SESSION, status};
use http::{HeaderMap, StatusCode};
use prokura_mcp::envelope::{Call, Id, Message};
use std::sync::Arc;
use std::time::Duration;

/// How often in a row a stream is taken up again without anything new on it.
const ATTEMPTS: u32 = 5;
/// How long to wait before, if the server does not say, and at most whatever it says.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// What comes next.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// The server tells something.
    Notified(Call),
    /// The server asks something.
    Asked(Id, Call),
    /// The answer; nothing comes after it.
    Answered(Outcome),
}

/// A request that is under way.
pub(crate) struct Exchange {
    remote: Arc<Remote>,
    /// The headers with which a broken stream is taken up again; `None` for a modern server.
    resume: Option<HeaderMap>,
    id: Id,
    reading: Box<Reading>,
    idle: u32,
}

impl Exchange {
    /// Posts a request and begins to read its answer. `resume` are the headers of a legacy session.
    pub(crate) async fn begin(
        remote: &Arc<Remote>,
        (id, call): (Id, Call),
        head: HeaderMap,
        resume: Option<HeaderMap>,
    ) -> Result<(Self, HeaderMap), Fault> {
        let in_session = head.contains_key(SESSION);
        match remote.post(Message::Request(id.clone(), call), head).await? {
            Given::Reading(reading, head) => {
                Ok((Self { remote: remote.clone(), resume, id, reading, idle: 0 }, head))
            }
            Given::Taken => Err(Fault::NoAnswer),
            Given::Refused(StatusCode::NOT_FOUND, _) if in_session => Err(Fault::SessionGone),
            Given::Refused(_, Some(Message::Response(_, Err(error)))) => Err(Fault::Server(error)),
            Given::Refused(code, _) => Err(status(code)),
        }
    }

    /// What comes next. After the answer there is nothing more to ask for.
    pub(crate) async fn next(&mut self) -> Result<Step, Fault> {
        loop {
            match self.reading.next().await? {
                Some(message) => {
                    self.idle = 0;
                    if let Some(step) = self.step(message) {
                        return Ok(step);
                    }
                }
                None => self.resume().await?,
            }
        }
    }

    fn step(&self, message: Message) -> Option<Step> {
        match message {
            Message::Notification(call) => Some(Step::Notified(call)),
            Message::Request(id, call) => Some(Step::Asked(id, call)),
            Message::Response(Some(id), outcome) if id == self.id => Some(Step::Answered(outcome)),
            // An error without an id, on the stream of this request, can be about nothing else.
            Message::Response(None, Err(error)) => Some(Step::Answered(Err(error))),
            Message::Response(..) => {
                tracing::warn!("the server answered another request than was asked; left out");
                None
            }
        }
    }

    async fn resume(&mut self) -> Result<(), Fault> {
        let (Some(head), Some(last)) = (&self.resume, self.reading.last_id.clone()) else {
            return Err(Fault::NoAnswer);
        };
        self.idle += 1;
        if self.idle > ATTEMPTS {
            return Err(Fault::NoAnswer);
        }
        let retry = self.reading.retry;
        tokio::time::sleep(pause(retry)).await;
        match self.remote.stream(Some(&last), head.clone()).await {
            Ok(Given::Reading(reading, _)) => {
                *self.reading = reading.after(last, retry);
                Ok(())
            }
            Ok(Given::Refused(StatusCode::NOT_FOUND, _)) if head.contains_key(SESSION) => {
                Err(Fault::NoAnswer)
            }
            // What cannot be reached now may be there after the next pause; the reading is at its end still.
            Ok(Given::Refused(code, _)) if code.is_server_error() => Ok(()),
            Err(Fault::Wire(crate::WireError::Unreachable { .. })) => Ok(()),
            Ok(_) => Err(Fault::NoAnswer),
            Err(fault) => Err(fault),
        }
    }
}

/// How long to wait before a stream is taken up again.
pub(crate) fn pause(retry: Option<u64>) -> Duration {
    retry.map_or(PAUSE, Duration::from_millis).min(LONGEST)
}
