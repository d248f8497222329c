//! Holds a session and opens a new one when the server has forgotten it (MCP 2025-11-25, "Session Management": "it
//! MUST start a new session"). The server refused the request before it acted, so the request is sent again.

use crate::exchange::{Exchange, Step, pause};
use crate::fault::{Fault, Outcome};
use crate::reading::Reading;
use crate::remote::{Given, Remote};
use crate::session::Session;
use http::StatusCode;
use prokura_mcp::envelope::{Call, Id, Message};
use prokura_oauth::json::{Object, obj};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Turn;
use tokio::sync::mpsc;

/// The longest pause between two attempts to open the server's own stream.
const LONGEST: Duration = Duration::from_secs(60);
/// How much of what holds for a session is remembered.
const STANDING: usize = 256;

/// A session for as long as the host needs one.
pub(crate) struct Holder {
    remote: Arc<Remote>,
    params: Object,
    current: Mutex<Arc<Session>>,
    /// What was asked of the session and holds until it ends: a level, subscriptions.
    standing: Mutex<Vec<Call>>,
    turn: Turn<()>,
}

impl Holder {
    /// Opens a session. `initialized` is sent by [`Holder::ready`].
    pub(crate) async fn open(remote: &Arc<Remote>, params: Object) -> Result<Arc<Self>, Fault> {
        let session = Arc::new(Session::open(remote, params.clone()).await?);
        let (current, standing) = (Mutex::new(session), Mutex::default());
        Ok(Arc::new(Self { remote: remote.clone(), params, current, standing, turn: Turn::new(()) }))
    }

    /// The session as it is now.
    pub(crate) fn session(&self) -> Arc<Session> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the host said when it opened.
    pub(crate) fn declared(&self) -> Option<&Object> {
        self.params.get("capabilities").and_then(prokura_oauth::json::Value::as_object)
    }

    /// Tells the server that the session begins.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        self.session().send(initialized()).await
    }

    /// Begins a request, in a new session if the old one is forgotten.
    pub(crate) async fn begin(&self, id: &Id, call: &Call) -> Result<Exchange, Fault> {
        let session = self.session();
        match session.begin(id.clone(), call.clone()).await {
            Err(Fault::SessionGone) => self.renewed(&session).await?.begin(id.clone(), call.clone()).await,
            begun => begun,
        }
    }

    /// Asks something of this bridge's own, and waits for the answer.
    pub(crate) async fn ask(&self, method: &str, params: Object) -> Result<Object, Fault> {
        let call = Call { method: method.into(), params: Some(params) };
        let mut exchange = self.begin(&Id::Text(format!("prokura-{method}")), &call).await?;
        loop {
            if let Step::Answered(outcome) = exchange.next().await? {
                return outcome.map_err(Fault::Server);
            }
        }
    }

    /// Sends a notification.
    pub(crate) async fn send(&self, message: Message) -> Result<(), Fault> {
        let session = self.session();
        match session.send(message.clone()).await {
            Err(Fault::SessionGone) => self.renewed(&session).await?.send(message).await,
            sent => sent,
        }
    }

    /// Answers what the server asked. In a new session nobody waits for it.
    pub(crate) async fn answer(&self, id: Id, outcome: Outcome) {
        if let Err(fault) = self.session().answer(id, outcome).await {
            tracing::warn!("the server did not take an answer: {fault}");
        }
    }

    /// Refuses what the server asked.
    pub(crate) async fn refuse(&self, id: Id, why: &str) {
        self.answer(id, Err(obj([("code", (-32601_i64).into()), ("message", why.into())]))).await;
    }

    /// Remembers what was granted for as long as the session lasts, so that a new one goes on like the old.
    pub(crate) fn granted(&self, call: &Call) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let uri = |call: &Call| call.params.as_ref().and_then(|p| p.str("uri")).map(str::to_owned);
        match call.method.as_str() {
            "logging/setLevel" => standing.retain(|s| s.method != call.method),
            "resources/subscribe" | "resources/unsubscribe" => {
                standing.retain(|s| s.method != "resources/subscribe" || uri(s) != uri(call));
            }
            _ => return,
        }
        if call.method != "resources/unsubscribe" && standing.len() < STANDING {
            standing.push(call.clone());
        }
    }

    /// Asks a new session for what the old one had granted; what it refuses now is gone.
    async fn restore(&self, session: &Session) {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (n, call) in standing.into_iter().enumerate() {
            let id = Id::Text(format!("prokura-again-{n}"));
            let Ok(mut exchange) = session.begin(id, call).await else { continue };
            while !matches!(exchange.next().await, Ok(Step::Answered(_)) | Err(_)) {}
        }
    }

    async fn renewed(&self, gone: &Arc<Session>) -> Result<Arc<Session>, Fault> {
        let _turn = self.turn.lock().await;
        let current = self.session();
        if !Arc::ptr_eq(&current, gone) {
            return Ok(current);
        }
        tracing::info!("the server ended the session; a new one is opened");
        let session = Arc::new(Session::open(&self.remote, self.params.clone()).await?);
        session.send(initialized()).await?;
        self.restore(&session).await;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = session.clone();
        Ok(session)
    }

    /// Listens to what the server says of its own accord, until it will not, or nobody takes it.
    pub(crate) async fn listen(self: Arc<Self>, to: mpsc::Sender<Message>) {
        let (mut after, mut idle) = (None, 0_u32);
        loop {
            let session = self.session();
            let retry = match session.stream(after.as_deref()).await {
                Ok(Given::Reading(mut reading, _)) => {
                    if relay(&mut reading, &to).await.is_err() {
                        return;
                    }
                    idle = if reading.last_id.is_some() { 0 } else { idle + 1 };
                    after = reading.last_id.clone().or(after);
                    reading.retry
                }
                Ok(Given::Refused(StatusCode::NOT_FOUND, _)) if session.has_id() => {
                    after = None;
                    idle += 1;
                    if self.renewed(&session).await.is_err() {
                        return;
                    }
                    None
                }
                Ok(Given::Refused(code, _)) if !code.is_server_error() => return,
                Ok(Given::Taken) => return,
                Ok(Given::Refused(..)) | Err(_) => {
                    idle += 1;
                    None
                }
            };
            tokio::time::sleep(pause(retry).saturating_mul(1 << idle.min(6)).min(LONGEST)).await;
        }
    }
}

/// Hands on what is read; `Err` if nobody takes it any more.
async fn relay(reading: &mut Reading, to: &mpsc::Sender<Message>) -> Result<(), ()> {
    loop {
        match reading.next().await {
            Ok(Some(message)) => to.send(message).await.map_err(drop)?,
            Ok(None) => return Ok(()),
            Err(fault) => {
                tracing::warn!("{fault}");
                return Ok(());
            }
        }
    }
}

fn initialized() -> Message {
    Message::Notification(Call { method: "notifications/initialized".into(), params: None })
}
