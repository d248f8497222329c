//! A session that a modern host does not know of: held for all its requests that declare the same.

use crate::bridge::Bridge;
use crate::exchange::Step;
use crate::fault::Fault;
use crate::holder::Holder;
use crate::translate::down::{self, Filter, Goes, Says};
use prokura_mcp::envelope::{Call, Id, Message};
use prokura_oauth::json::{Object, Value, obj};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Mutex as Turn, mpsc};
use tokio::task::AbortHandle;

/// Steps of one request that wait to be taken.
const WAITING: usize = 64;

/// What comes of a request.
type Came = Result<Step, Fault>;

/// A session at a legacy server, and who shares it.
pub(crate) struct Line {
    /// What `initialize` said; who says the same shares the session.
    pub(crate) opening: Object,
    pub(crate) holder: Arc<Holder>,
    level: Turn<Option<String>>,
    /// How many subscriptions want to know of a resource.
    resources: Turn<HashMap<String, usize>>,
    listeners: Mutex<Vec<(Id, Filter)>>,
    /// Requests for which the server may ask something, by the number under which they run.
    asking: Mutex<Vec<(u64, mpsc::Sender<Came>)>>,
    listening: Mutex<Vec<AbortHandle>>,
}

impl Line {
    /// Opens a session for requests that say this, and listens to what the server says of its own accord.
    pub(crate) async fn open(bridge: &Arc<Bridge>, says: &Says) -> Result<Arc<Self>, Fault> {
        let opening = says.opening();
        let holder = Holder::open(&bridge.remote, opening.clone()).await?;
        holder.ready().await?;
        let line = Arc::new(Self {
            opening,
            holder,
            level: Turn::default(),
            resources: Turn::default(),
            listeners: Mutex::default(),
            asking: Mutex::default(),
            listening: Mutex::default(),
        });
        let (to, from) = mpsc::channel(WAITING);
        let listen = tokio::spawn(line.holder.clone().listen(to)).abort_handle();
        let hear = tokio::spawn(hear(Arc::downgrade(&line), Arc::downgrade(bridge), from)).abort_handle();
        lock(&line.listening).extend([listen, hear]);
        Ok(line)
    }

    /// Ends the session.
    pub(crate) async fn end(&self) {
        for task in lock(&self.listening).drain(..) {
            task.abort();
        }
        self.holder.session().end().await;
    }

    /// Sets the level of log messages, if a request wants another than is set.
    pub(crate) async fn set_level(&self, wanted: Option<&str>) {
        let Some(wanted) = wanted else { return };
        let mut level = self.level.lock().await;
        let session = self.holder.session();
        let logs = session.capabilities().is_some_and(|c| c.contains_key("logging"));
        if !logs || level.as_deref() == Some(wanted) {
            return;
        }
        let params = obj([("level", wanted.into())]);
        match self.holder.ask("logging/setLevel", params.clone()).await {
            Ok(_) => {
                self.holder.granted(&Call { method: "logging/setLevel".into(), params: Some(params) });
                *level = Some(wanted.to_owned());
            }
            Err(fault) => tracing::warn!("the server did not take the level of log messages: {fault}"),
        }
    }

    // ---- subscriptions -------------------------------------------------------------------------------------------

    /// Subscribes as far as the server agrees.
    pub(crate) async fn subscribe(self: &Arc<Self>, id: &Id, call: &Call) -> Result<Listening, Fault> {
        let session = self.holder.session();
        let mut filter = Filter::read(call.params.as_ref(), session.capabilities())?;
        let mut listening = Listening { line: self.clone(), id: id.clone(), resources: Vec::new() };
        for uri in &filter.resources {
            if self.want(uri).await {
                listening.resources.push(uri.clone());
            }
        }
        filter.resources.clone_from(&listening.resources);
        lock(&self.listeners).push((id.clone(), filter));
        Ok(listening)
    }

    async fn want(&self, uri: &str) -> bool {
        let mut resources = self.resources.lock().await;
        if let Some(count) = resources.get_mut(uri) {
            *count += 1;
            return true;
        }
        let params = obj([("uri", uri.into())]);
        if self.holder.ask("resources/subscribe", params.clone()).await.is_err() {
            return false;
        }
        self.holder.granted(&Call { method: "resources/subscribe".into(), params: Some(params) });
        resources.insert(uri.to_owned(), 1);
        true
    }

    async fn release(&self, uris: Vec<String>) {
        let mut resources = self.resources.lock().await;
        for uri in uris {
            let Some(count) = resources.get_mut(&uri) else { continue };
            *count -= 1;
            if *count == 0 {
                resources.remove(&uri);
                let params = obj([("uri", uri.into())]);
                self.holder
                    .granted(&Call { method: "resources/unsubscribe".into(), params: Some(params.clone()) });
                let _ = self.holder.ask("resources/unsubscribe", params).await;
            }
        }
    }

    /// Tells every subscription that wants it.
    pub(crate) async fn tell(&self, bridge: &Bridge, call: &Call) {
        let to: Vec<Id> =
            lock(&self.listeners).iter().filter(|(_, f)| f.wants(call)).map(|(id, _)| id.clone()).collect();
        for id in to {
            bridge.host.tell(Message::Notification(down::subscribed(call.clone(), &id))).await;
        }
    }

    // ---- requests ------------------------------------------------------------------------------------------------

    /// Starts a request; it goes on while nobody looks at it, until it is dropped.
    pub(crate) fn start(self: &Arc<Self>, number: u64, id: &Id, call: Call) -> Run {
        let (to, steps) = mpsc::channel(WAITING);
        if down::takes_input(&call.method) {
            lock(&self.asking).push((number, to.clone()));
        }
        let (line, wire_id) = (self.clone(), id.clone());
        let task = tokio::spawn(async move { drive(&line.holder, wire_id, call, to).await }).abort_handle();
        Run { line: self.clone(), number, id: id.clone(), steps, task }
    }

    /// A question that came on no request's stream: it belongs to the one request that runs, if there is just one.
    async fn asked(&self, id: Id, call: Call) {
        if call.method == "ping" {
            return self.holder.answer(id, Ok(Object::new())).await;
        }
        let one = match lock(&self.asking).as_slice() {
            [(_, to)] => Some(to.clone()),
            _ => None,
        };
        let Some(to) = one else {
            let why =
                "the client speaks 2026-07-28 and can be asked only for one of its requests, on its stream";
            return self.holder.refuse(id, why).await;
        };
        if let Err(mpsc::error::SendError(_)) = to.send(Ok(Step::Asked(id.clone(), call))).await {
            self.holder.refuse(id, "the request that this was asked for has ended").await;
        }
    }
}

async fn hear(line: Weak<Line>, bridge: Weak<Bridge>, mut from: mpsc::Receiver<Message>) {
    while let Some(message) = from.recv().await {
        let (Some(line), Some(bridge)) = (line.upgrade(), bridge.upgrade()) else { return };
        match message {
            Message::Notification(call) if down::goes(&call.method) == Goes::Subscriptions => {
                line.tell(&bridge, &call).await;
            }
            // A log message that came with no request has nowhere to go since 2026-07-28.
            Message::Notification(_) => {}
            Message::Request(id, call) => line.asked(id, call).await,
            Message::Response(..) => tracing::warn!("an answer to nothing; left out"),
        }
    }
}

async fn drive(holder: &Arc<Holder>, id: Id, call: Call, to: mpsc::Sender<Came>) {
    let mut exchange = match holder.begin(&id, &call).await {
        Ok(exchange) => exchange,
        Err(fault) => return drop(to.send(Err(fault)).await),
    };
    loop {
        let came = exchange.next().await;
        let last = matches!(came, Ok(Step::Answered(_)) | Err(_));
        if to.send(came).await.is_err() || last {
            return;
        }
    }
}

/// A request at a legacy server.
pub(crate) struct Run {
    pub(crate) line: Arc<Line>,
    pub(crate) number: u64,
    /// The id under which the server knows it.
    pub(crate) id: Id,
    pub(crate) steps: mpsc::Receiver<Came>,
    task: AbortHandle,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
        lock(&self.line.asking).retain(|(number, _)| *number != self.number);
    }
}

/// A subscription of the host, as long as it lasts.
pub(crate) struct Listening {
    line: Arc<Line>,
    id: Id,
    resources: Vec<String>,
}

impl Listening {
    /// To what was agreed.
    pub(crate) fn filter(&self) -> Filter {
        let listeners = lock(&self.line.listeners);
        listeners.iter().find(|(id, _)| *id == self.id).map(|(_, f)| f.clone()).unwrap_or_default()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        lock(&self.line.listeners).retain(|(id, _)| *id != self.id);
        let (line, uris) = (self.line.clone(), std::mem::take(&mut self.resources));
        if !uris.is_empty() && tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(async move { line.release(uris).await });
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a server says of itself, for the `_meta` of results.
pub(crate) fn server(opened: &Object) -> Option<Value> {
    opened.get("serverInfo").cloned()
}
