//! A modern host at a legacy server. What the server asks while it works becomes an input that it needs (MCP
//! 2026-07-28, "Multi Round-Trip Requests"): the host's request ends there, the server's goes on, and when the host
//! sends its request again with the answer, it gets what has come of it.

use crate::bridge::Bridge;
use crate::exchange::Step;
use crate::fault::{Fault, Outcome};
use crate::flights::Mark;
use crate::line::{Line, Run, server};
use crate::translate::capability::may_be_asked;
use crate::translate::down::{self, Goes, Says, Way};
use prokura_core::random_id;
use prokura_mcp::envelope::{Call, Id, Message};
use prokura_oauth::json::{Object, Value, obj};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Turn;

/// How many sessions there may be: one for each set of what requests declare.
const SESSIONS: usize = 8;
/// How many requests may wait for input, and for how long.
const SUSPENDED: usize = 64;
const LAPSE: Duration = Duration::from_secs(600);

/// What is kept for a modern host at a legacy server.
pub(crate) struct Down {
    lines: Turn<Vec<Arc<Line>>>,
    suspended: Mutex<Vec<Suspended>>,
    count: AtomicU64,
}

/// A request that waits for input.
struct Suspended {
    state: String,
    /// What the request was: another one may not go on with it.
    digest: Vec<u8>,
    asked: Asked,
}

enum Asked {
    /// The server asked, and works on; with the token under which it tells its progress.
    Question(Id, Box<Run>, Option<Value>),
    /// The server wants these pages visited, and the request again.
    Pages(usize),
}

/// A request, and what it says of its host.
struct Asking<'a> {
    bridge: &'a Bridge,
    line: &'a Arc<Line>,
    says: &'a Says,
    method: &'a str,
    digest: Vec<u8>,
}

impl Down {
    /// Opens the first session.
    pub(crate) async fn open(bridge: &Arc<Bridge>, says: &Says) -> Result<Arc<Self>, Fault> {
        let lines = Turn::new(vec![Line::open(bridge, says).await?]);
        Ok(Arc::new(Self { lines, suspended: Mutex::default(), count: AtomicU64::new(0) }))
    }

    /// Ends all sessions.
    pub(crate) async fn end(&self) {
        for line in self.lines.lock().await.drain(..) {
            line.end().await;
        }
    }

    async fn line(&self, bridge: &Arc<Bridge>, says: &Says) -> Result<Arc<Line>, Fault> {
        let mut lines = self.lines.lock().await;
        let opening = says.opening();
        if let Some(at) = lines.iter().position(|l| l.opening == opening) {
            // The one that was used last is the last to go.
            let line = lines.remove(at);
            lines.push(line.clone());
            return Ok(line);
        }
        let line = Line::open(bridge, says).await?;
        if lines.len() == SESSIONS {
            let oldest = lines.remove(0);
            tokio::spawn(async move { oldest.end().await });
        }
        lines.push(line.clone());
        Ok(line)
    }

    /// A request of the host.
    pub(crate) async fn request(
        self: &Arc<Self>,
        bridge: &Arc<Bridge>,
        id: &Id,
        call: Call,
        says: &Says,
        mark: &Mark,
    ) -> Result<Outcome, Fault> {
        if let Way::No(why) = down::way(&call.method) {
            return Err(Fault::NotOffered { method: call.method, why });
        }
        let line = self.line(bridge, says).await?;
        match down::way(&call.method) {
            Way::Discover => Ok(Ok(down::discovered(&line.holder.session().opened))),
            Way::Listen => {
                let listening = line.subscribe(id, &call).await?;
                let agreed = down::acknowledged(&listening.filter(), id);
                bridge.host.tell(Message::Notification(agreed)).await;
                std::future::pending().await
            }
            Way::On | Way::No(_) => {
                let method = call.method.clone();
                let digest = digest(&call);
                let asking = Asking { bridge, line: &line, says, method: &method, digest };
                self.on(&asking, id, call, mark).await
            }
        }
    }

    async fn on(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        id: &Id,
        call: Call,
        mark: &Mark,
    ) -> Result<Outcome, Fault> {
        let state = call.params.as_ref().and_then(|p| p.str("requestState")).map(str::to_owned);
        let Some(state) = state else { return self.first(asking, id, call, mark).await };
        let answers = call.params.as_ref().and_then(|p| p.get("inputResponses")).and_then(Value::as_object);
        let answers = answers.cloned().unwrap_or_default();
        let asked = self.take(&state, &asking.digest)?;
        match asked {
            Asked::Pages(count) => {
                let visited =
                    (0..count).all(|n| answer(&answers, n).and_then(|a| a.str("action")) == Some("accept"));
                if !visited {
                    return Err(Fault::Input("a page had to be visited first, and was not".into()));
                }
                self.first(asking, id, call, mark).await
            }
            Asked::Question(question, run, token) => {
                let Some(given) = answer(&answers, 0).cloned() else {
                    return Err(Fault::Params("`inputResponses` lacks the answer to what was asked"));
                };
                run.line.holder.answer(question, Ok(given)).await;
                self.follow(asking, *run, token, mark).await
            }
        }
    }

    async fn first(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        id: &Id,
        call: Call,
        mark: &Mark,
    ) -> Result<Outcome, Fault> {
        asking.line.set_level(asking.says.log_level.as_deref()).await;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let run = asking.line.start(number, id, down::request(call));
        self.follow(asking, run, asking.says.progress.clone(), mark).await
    }

    /// Hands on what comes of a request until it is answered, or needs input.
    async fn follow(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        mut run: Run,
        token: Option<Value>,
        mark: &Mark,
    ) -> Result<Outcome, Fault> {
        mark.set(&run.line.holder, &run.id);
        loop {
            match run.steps.recv().await.ok_or(Fault::NoAnswer)?? {
                Step::Notified(told) => asking.notified(told, token.as_ref()).await,
                Step::Asked(id, asked) => {
                    if let Some(asked) = asking.refused(&id, asked).await {
                        let asks = obj([("0", down::input(asked))]);
                        let asked = Asked::Question(id, Box::new(run), token);
                        return Ok(Ok(self.suspend(asking, asked, asks)));
                    }
                }
                Step::Answered(Ok(result)) => {
                    let server = server(&asking.line.holder.session().opened);
                    return Ok(Ok(down::result(asking.method, result, server.as_ref())));
                }
                Step::Answered(Err(error)) => return Ok(self.failed(asking, error)),
            }
        }
    }

    fn failed(self: &Arc<Self>, asking: &Asking<'_>, error: Object) -> Outcome {
        let pages = down::pages(&error)
            .filter(|pages| down::takes_input(asking.method) && pages.iter().all(|p| asking.may_be_asked(p)));
        let Some(pages) = pages else { return Err(down::error(asking.method, error)) };
        let count = pages.len();
        let asks =
            pages.into_iter().enumerate().map(|(n, page)| (n.to_string(), down::input(page))).collect();
        Ok(self.suspend(asking, Asked::Pages(count), asks))
    }

    fn suspend(self: &Arc<Self>, asking: &Asking<'_>, asked: Asked, asks: Object) -> Object {
        let state = random_id("prokura-", &*asking.bridge.rng);
        let mut suspended = self.suspended();
        if suspended.len() == SUSPENDED {
            tracing::warn!("too many requests wait for input; the oldest is given up");
            drop(suspended.remove(0));
        }
        suspended.push(Suspended { state: state.clone(), digest: asking.digest.clone(), asked });
        drop(suspended);
        let (down, lapsing) = (Arc::downgrade(self), state.clone());
        tokio::spawn(async move {
            tokio::time::sleep(LAPSE).await;
            if let Some(down) = down.upgrade() {
                down.suspended().retain(|s| s.state != lapsing);
            }
        });
        down::input_required(asks, state)
    }

    /// Takes up what waits. Each state is good once.
    fn take(&self, state: &str, digest: &[u8]) -> Result<Asked, Fault> {
        let mut suspended = self.suspended();
        let at = suspended.iter().position(|s| s.state == state);
        let at =
            at.ok_or(Fault::Params("`requestState` is not one that waits here: it was used, or has lapsed"))?;
        let taken = suspended.remove(at);
        if taken.digest != digest {
            return Err(Fault::Params("`requestState` is that of another request"));
        }
        Ok(taken.asked)
    }

    fn suspended(&self) -> MutexGuard<'_, Vec<Suspended>> {
        self.suspended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    fn may_be_asked(&self, call: &Call) -> bool {
        may_be_asked(Some(&self.says.capabilities), &call.method, call.params.as_ref())
    }

    /// Answers here what the host is not to be asked; gives back the rest.
    async fn refused(&self, id: &Id, asked: Call) -> Option<Call> {
        let holder = &self.line.holder;
        if asked.method == "ping" {
            holder.answer(id.clone(), Ok(Object::new())).await;
        } else if !self.may_be_asked(&asked) {
            tracing::warn!("the server asked what the host did not declare that it can be asked; refused");
            holder.refuse(id.clone(), "the client did not declare that it can be asked this").await;
        } else if !down::takes_input(self.method) {
            holder
                .refuse(id.clone(), "the client speaks 2026-07-28, where this request takes no input")
                .await;
        } else {
            return Some(asked);
        }
        None
    }

    async fn notified(&self, mut told: Call, token: Option<&Value>) {
        match down::goes(&told.method) {
            Goes::Request => {
                let Some(params) = told.params.as_mut() else { return };
                let own = self.says.progress.as_ref();
                // After a round of input the request may count under another token.
                if let Some(own) = own.filter(|_| params.get("progressToken") == token) {
                    params.insert("progressToken", own.clone());
                    self.bridge.host.tell(Message::Notification(told)).await;
                }
            }
            Goes::Log => {
                if self.says.wants(told.params.as_ref().and_then(|p| p.str("level"))) {
                    self.bridge.host.tell(Message::Notification(told)).await;
                }
            }
            Goes::Subscriptions => self.line.tell(self.bridge, &told).await,
            Goes::Nowhere => {}
        }
    }
}

fn answer(answers: &Object, number: usize) -> Option<&Object> {
    answers.get(&number.to_string()).and_then(Value::as_object)
}

/// What a request is, apart from what may change when it is sent again.
fn digest(call: &Call) -> Vec<u8> {
    let mut params = call.params.clone().unwrap_or_default();
    for name in ["_meta", "requestState", "inputResponses"] {
        params.remove(name);
    }
    obj([("method", call.method.as_str().into()), ("params", params.into())]).to_jcs()
}
