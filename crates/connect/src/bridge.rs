//! Host on one side, server on the other: who is spoken to how.

use crate::down::Down;
use crate::fault::{Fault, OrFault, Outcome};
use crate::flights::{Flights, Full, Mark};
use crate::holder::Holder;
use crate::host::{Host, Lines, write};
use crate::modern::Modern;
use crate::remote::Remote;
use crate::translate::{capability, down, up};
use crate::up::Up;
use crate::wire::{Wire, WireError};
use http::Uri;
use prokura_core::{Rng, random_id};
use prokura_mcp::envelope::{Call, Id, Malformed, Message};
use prokura_oauth::json::{Object, Value, obj};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::sync::RwLock;
use tokio::time::timeout;

/// How long what is under way may go on when the host has closed, and how long sessions may take to end.
const SETTLE: Duration = Duration::from_secs(5);
const END: Duration = Duration::from_secs(2);
/// How many questions of the server may be with the host.
const QUESTIONS: usize = 256;
/// The name of the question whether a person would sign in.
const SIGN_IN: &str = "prokura_sign_in";

/// How a legacy host is served.
#[derive(Clone)]
pub(crate) enum Legacy {
    /// By a legacy server.
    Same(Arc<Holder>),
    /// By a modern one.
    Up(Arc<Up>),
}

/// How a modern host is served.
#[derive(Clone)]
pub(crate) enum Newer {
    /// By a modern server.
    Same(Arc<Modern>),
    /// By a legacy one.
    Down(Arc<Down>),
}

/// A bridge between one host and one server.
pub struct Bridge {
    pub(crate) host: Host,
    pub(crate) remote: Arc<Remote>,
    pub(crate) rng: Arc<dyn Rng>,
    /// A host chooses its era by how it opens; a host of both may use both (MCP 2026-07-28, "Versioning").
    pub(crate) legacy: RwLock<Option<(Legacy, up::Opened)>>,
    pub(crate) newer: RwLock<Option<Newer>>,
    flights: Flights,
    relayed: Mutex<HashMap<Id, Arc<Holder>>>,
}

/// Bridges until the host closes its end.
///
/// # Errors
/// What reading from the host fails with.
pub async fn bridge<R, W>(
    from: R,
    to: W,
    wire: Arc<dyn Wire>,
    address: Uri,
    rng: Arc<dyn Rng>,
) -> io::Result<()>
where
    R: AsyncBufRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (host, lines) = Host::new();
    let writing = tokio::spawn(write(to, lines));
    let bridge = Arc::new(Bridge {
        host,
        remote: Arc::new(Remote::new(wire, address)),
        rng,
        legacy: RwLock::default(),
        newer: RwLock::default(),
        flights: Flights::default(),
        relayed: Mutex::default(),
    });
    let read = bridge.read(Lines::new(from)).await;
    let _ = timeout(SETTLE, bridge.flights.settle()).await;
    bridge.flights.end();
    let _ = timeout(END, bridge.end()).await;
    drop(bridge);
    let _ = timeout(END, writing).await;
    read
}

impl Bridge {
    async fn read<R: AsyncBufRead + Unpin>(self: &Arc<Self>, mut lines: Lines<R>) -> io::Result<()> {
        while let Some(line) = lines.next().await? {
            match line {
                Ok(Message::Request(id, call)) => self.request(id, call).await,
                Ok(Message::Notification(call)) => self.notification(call).await,
                Ok(Message::Response(Some(id), outcome)) => self.answered(id, outcome),
                Ok(Message::Response(None, _)) => tracing::warn!("the host could not read a message"),
                Err(malformed) => self.malformed(malformed).await,
            }
        }
        Ok(())
    }

    async fn malformed(&self, malformed: Malformed) {
        let error = obj([("code", malformed.code.into()), ("message", malformed.reason.into())]);
        self.host.tell(Message::Response(malformed.id, Err(error))).await;
    }

    async fn request(self: &Arc<Self>, id: Id, call: Call) {
        let lasting = call.method == "subscriptions/listen";
        let (bridge, its) = (self.clone(), id.clone());
        let started = self.flights.start(&id, lasting, |mark| async move {
            let outcome = Box::pin(bridge.outcome(&its, call, &mark)).await;
            if bridge.flights.land(&its) {
                bridge.host.tell(Message::Response(Some(its), outcome)).await;
            }
        });
        let fault = match started {
            Ok(()) => return,
            Err(Full::Twice) => Fault::Opening("the id is that of a request that is under way"),
            Err(Full::TooMany) => Fault::TooMany("requests"),
        };
        self.host.tell(Message::Response(Some(id), Err(fault.into_error()))).await;
    }

    async fn outcome(self: &Arc<Self>, id: &Id, call: Call, mark: &Mark) -> Outcome {
        match down::version(&call) {
            _ if call.method == "initialize" => self.initialize(call).await.outcome(),
            Some(Ok(())) => self.newer(id, call, mark).await.outcome(),
            Some(Err(fault)) => Err(fault.into_error()),
            None => self.legacy(id, call, mark).await.outcome(),
        }
    }

    // ---- a legacy host -------------------------------------------------------------------------------------------

    async fn legacy(self: &Arc<Self>, id: &Id, call: Call, mark: &Mark) -> Result<Outcome, Fault> {
        let opened = self.legacy.read().await.clone();
        let Some((side, opened)) = opened else {
            return match call.method.as_str() {
                "ping" => Ok(Ok(Object::new())),
                "server/discover" => {
                    Err(Fault::Params("`_meta` lacks `io.modelcontextprotocol/protocolVersion`"))
                }
                _ => {
                    Err(Fault::Opening("begin with `initialize`, or say the version in `_meta` (2026-07-28)"))
                }
            };
        };
        match self.of_legacy(&side, id, call.clone(), mark).await {
            Err(Fault::Wire(WireError::SignIn { address: Some(address), sentence })) => {
                self.sign_in(&opened, &address, &sentence).await?;
                self.of_legacy(&side, id, call, mark).await
            }
            other => other,
        }
    }

    async fn of_legacy(
        self: &Arc<Self>,
        side: &Legacy,
        id: &Id,
        call: Call,
        mark: &Mark,
    ) -> Result<Outcome, Fault> {
        match side {
            Legacy::Same(holder) => self.same_legacy(holder, id, call, mark).await,
            Legacy::Up(up) => self.up(up, id, call).await,
        }
    }

    /// Asks a person to sign in, if the host can send one to a page; else says where.
    async fn sign_in(&self, opened: &up::Opened, address: &str, sentence: &str) -> Result<(), Fault> {
        let refused = || WireError::SignIn { address: Some(address.into()), sentence: sentence.into() };
        if !capability::opens_pages(opened.version.as_str(), Some(&opened.capabilities)) {
            return Err(refused().into());
        }
        let mut params = page(address, sentence);
        params.insert("elicitationId", random_id("", &*self.rng).into());
        let asked = self.host.ask(Call { method: "elicitation/create".into(), params: Some(params) }).await;
        match asked {
            Ok(answer) if answer.str("action") == Some("accept") => Ok(()),
            _ => Err(refused().into()),
        }
    }

    // ---- a modern host -------------------------------------------------------------------------------------------

    async fn newer(self: &Arc<Self>, id: &Id, mut call: Call, mark: &Mark) -> Result<Outcome, Fault> {
        let says = down::Says::read(call.params.as_ref())?;
        let (method, pages) =
            (call.method.clone(), capability::opens_pages(up::LEGACY, Some(&says.capabilities)));
        signed_in(&mut call)?;
        match self.of_newer(id, call, &says, mark).await {
            Err(Fault::Wire(WireError::SignIn { address: Some(address), sentence }))
                if pages && down::takes_input(&method) =>
            {
                let asked =
                    Call { method: "elicitation/create".into(), params: Some(page(&address, &sentence)) };
                let asked = obj([(SIGN_IN, down::input(asked))]);
                Ok(Ok(down::input_required(asked, SIGN_IN.into())))
            }
            other => other,
        }
    }

    async fn of_newer(
        self: &Arc<Self>,
        id: &Id,
        call: Call,
        says: &down::Says,
        mark: &Mark,
    ) -> Result<Outcome, Fault> {
        let (side, discovered) = self.served_by(&call, says).await?;
        match (side, discovered) {
            (Newer::Same(_), Some(result)) if call.method == "server/discover" => Ok(Ok(result)),
            (Newer::Same(modern), _) => self.same_modern(&modern, id, call).await,
            (Newer::Down(down), _) => down.request(self, id, call, says, mark).await,
        }
    }

    // ---- notifications and answers -------------------------------------------------------------------------------

    async fn notification(self: &Arc<Self>, call: Call) {
        if call.method == "notifications/cancelled" {
            return self.cancelled(call);
        }
        let Some((side, _)) = self.legacy.read().await.clone() else { return };
        match side {
            // Before it is there nothing else may be sent, so it is waited for.
            Legacy::Same(holder) if call.method == "notifications/initialized" => {
                self.initialized(holder).await
            }
            Legacy::Same(holder) => deliver(holder, Message::Notification(call)),
            Legacy::Up(up) if call.method == "notifications/initialized" => up.initialized(self),
            Legacy::Up(_) => {}
        }
    }

    fn cancelled(&self, call: Call) {
        let id = call.params.as_ref().and_then(|p| p.get("requestId")).and_then(read_id);
        let Some(mark) = id.and_then(|id| self.flights.cancel(&id)) else { return };
        if let Some((holder, id)) = mark.take() {
            let mut params = call.params.unwrap_or_default();
            params.insert("requestId", id.to_value());
            params.remove("_meta");
            deliver(holder, Message::Notification(Call { params: Some(params), ..call }));
        }
    }

    fn answered(&self, id: Id, outcome: Outcome) {
        let Err(outcome) = self.host.answered(&id, outcome) else { return };
        match self.relayed().remove(&id) {
            Some(holder) => drop(tokio::spawn(async move { holder.answer(id, outcome).await })),
            None => tracing::warn!("the host answered what it was not asked; left out"),
        }
    }

    /// Hands a question of a legacy server to a legacy host, if the host declared that it can be asked that.
    pub(crate) async fn relay(&self, holder: &Arc<Holder>, id: Id, call: Call) {
        if !capability::may_be_asked(holder.declared(), &call.method, call.params.as_ref()) {
            tracing::warn!("the server asked what the host did not declare that it can be asked; refused");
            return holder.refuse(id, "the client did not declare that it can be asked this").await;
        }
        let taken = {
            let mut relayed = self.relayed();
            let free = relayed.len() < QUESTIONS && !relayed.contains_key(&id);
            free && relayed.insert(id.clone(), holder.clone()).is_none()
        };
        if taken {
            self.host.tell(Message::Request(id, call)).await;
        } else {
            holder.refuse(id, "too many questions are open, or this one is open already").await;
        }
    }

    fn relayed(&self) -> MutexGuard<'_, HashMap<Id, Arc<Holder>>> {
        self.relayed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the sessions.
    async fn end(&self) {
        if let Some((Legacy::Same(holder), _)) = &*self.legacy.read().await {
            holder.session().end().await;
        }
        if let Some(Newer::Down(down)) = &*self.newer.read().await {
            down.end().await;
        }
    }
}

/// Sends without waiting.
fn deliver(holder: Arc<Holder>, message: Message) {
    tokio::spawn(async move {
        if let Err(fault) = holder.send(message).await {
            tracing::warn!("the server did not take a notification: {fault}");
        }
    });
}

fn read_id(value: &Value) -> Option<Id> {
    match value {
        Value::String(text) => Some(Id::Text(text.clone())),
        other => other.as_i64().map(Id::Integer),
    }
}

fn page(address: &str, sentence: &str) -> Object {
    obj([("mode", "url".into()), ("message", sentence.into()), ("url", address.into())])
}

/// Takes the answer to the question for a sign-in off a request that is sent again.
fn signed_in(call: &mut Call) -> Result<(), Fault> {
    let Some(params) = call.params.as_mut().filter(|p| p.str("requestState") == Some(SIGN_IN)) else {
        return Ok(());
    };
    params.remove("requestState");
    let answers = params.remove("inputResponses").and_then(Value::into_object).unwrap_or_default();
    let action = answers.get(SIGN_IN).and_then(Value::as_object).and_then(|a| a.str("action"));
    if action == Some("accept") {
        return Ok(());
    }
    Err(WireError::Refused("Nobody signed in, so the server was not asked.".into()).into())
}
