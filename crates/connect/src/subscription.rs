//! The one subscription through which a legacy host hears what a modern server says of its own accord.

use crate::bridge::Bridge;
use crate::exchange::{Exchange, Step, pause};
use crate::fault::Fault;
use crate::same::is_passing;
use crate::translate::down::Filter;
use crate::translate::up;
use crate::up::Up;
use prokura_core::random_id;
use prokura_mcp::envelope::{Call, Id, Message};
use prokura_oauth::json::{Value, obj};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// The longest pause before a broken subscription is opened again.
const LONGEST: Duration = Duration::from_secs(60);

/// What is subscribed to, with the stream that it comes on, if there is anything.
type Change = Option<(Filter, Exchange)>;

/// The subscription; changed by opening another in its place, before the old one is closed.
pub(crate) struct Subscription {
    changes: mpsc::Sender<Change>,
    resources: Mutex<Vec<String>>,
    rng: Arc<dyn prokura_core::Rng>,
}

impl Subscription {
    /// Subscribes to all lists that the server says may change.
    pub(crate) fn begin(up: &Arc<Up>, bridge: &Arc<Bridge>) -> Arc<Self> {
        let (changes, changed) = mpsc::channel(1);
        let subscription = Arc::new(Self { changes, resources: Mutex::default(), rng: bridge.rng.clone() });
        let follower = Follower {
            up: up.clone(),
            bridge: Arc::downgrade(bridge),
            subscription: Arc::downgrade(&subscription),
            changed,
        };
        tokio::spawn(follower.run(Filter::all(Some(&up.offered), Vec::new())));
        subscription
    }

    /// Adds a resource, or takes it out. The server is asked first; what it does not agree to changes nothing.
    pub(crate) async fn change(&self, up: &Up, uri: &str, add: bool) -> Result<(), Fault> {
        let mut resources = self.resources.lock().await;
        let mut wanted: Vec<String> = resources.iter().filter(|r| *r != uri).cloned().collect();
        if add {
            wanted.push(uri.to_owned());
        }
        let filter = Filter::all(Some(&up.offered), wanted.clone());
        let change = if filter.is_empty() {
            None
        } else {
            let (exchange, agreed) = self.open(up, &filter).await?;
            if add && !agreed.contains(&uri.to_owned()) {
                return Err(Fault::Params("the server does not tell of changes of this resource"));
            }
            Some((filter, exchange))
        };
        *resources = wanted;
        let _ = self.changes.send(change).await;
        Ok(())
    }

    /// Opens a stream, and reads to which resources the server agrees.
    async fn open(&self, up: &Up, filter: &Filter) -> Result<(Exchange, Vec<String>), Fault> {
        let params = obj([("notifications", filter.to_object().into())]);
        let call = Call { method: "subscriptions/listen".into(), params: Some(params) };
        let call = up.opened().request(call);
        let id = Id::Text(random_id("prokura-listen-", &*self.rng));
        let mut exchange = up.modern.begin(&id, &call).await?;
        loop {
            match exchange.next().await? {
                Step::Notified(told) if told.method == "notifications/subscriptions/acknowledged" => {
                    return Ok((exchange, agreed(&told)));
                }
                Step::Answered(Err(error)) => return Err(Fault::Server(error)),
                Step::Answered(Ok(_)) => return Err(Fault::NoAnswer),
                Step::Notified(_) | Step::Asked(..) => {}
            }
        }
    }
}

fn agreed(told: &Call) -> Vec<String> {
    let filter = told.params.as_ref().and_then(|p| p.get("notifications")).and_then(Value::as_object);
    let uris = filter.and_then(|f| f.get("resourceSubscriptions")).and_then(Value::as_array);
    uris.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Reads the stream for as long as anybody wants it.
struct Follower {
    up: Arc<Up>,
    bridge: Weak<Bridge>,
    subscription: Weak<Subscription>,
    changed: mpsc::Receiver<Change>,
}

enum Next {
    Changed(Option<Box<Change>>),
    Step(Result<Step, Fault>),
}

impl Follower {
    async fn run(mut self, filter: Filter) {
        let mut current = self.opened(filter, 0).await;
        loop {
            let next = match &mut current {
                Some((_, exchange)) => tokio::select! {
                    change = self.changed.recv() => Next::Changed(change.map(Box::new)),
                    step = exchange.next() => Next::Step(step),
                },
                None => Next::Changed(self.changed.recv().await.map(Box::new)),
            };
            current = match (next, current) {
                (Next::Changed(None), _) => return,
                (Next::Changed(Some(change)), _) => *change,
                (Next::Step(Ok(Step::Notified(told))), current) => {
                    self.tell(told).await;
                    current
                }
                (Next::Step(Ok(Step::Asked(..))), current) => current,
                (Next::Step(_), Some((filter, _))) => self.opened(filter, 1).await,
                (Next::Step(_), None) => None,
            };
        }
    }

    async fn tell(&self, told: Call) {
        if let (Some(bridge), Some(told)) = (self.bridge.upgrade(), up::notification(told)) {
            bridge.host.tell(Message::Notification(told)).await;
        }
    }

    /// Opens the stream, again and again if it has to be, until it is there, or refused, or another takes its place.
    async fn opened(&mut self, filter: Filter, mut idle: u32) -> Change {
        if filter.is_empty() {
            return None;
        }
        loop {
            if idle > 0 {
                let wait = pause(None).saturating_mul(1 << idle.min(6)).min(LONGEST);
                tokio::select! {
                    change = self.changed.recv() => return change.flatten(),
                    () = tokio::time::sleep(wait) => {}
                }
            }
            idle += 1;
            let subscription = self.subscription.upgrade()?;
            match subscription.open(&self.up, &filter).await {
                Ok((exchange, _)) => return Some((filter, exchange)),
                Err(fault) if is_passing(&fault) => {}
                Err(fault) => {
                    tracing::warn!("the server tells of no changes: {fault}");
                    return None;
                }
            }
        }
    }
}
