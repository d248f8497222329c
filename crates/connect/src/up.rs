//! A legacy host at a modern server.

use crate::bridge::Bridge;
use crate::exchange::Step;
use crate::fault::{Fault, Outcome};
use crate::modern::Modern;
use crate::same::asked_out_of_turn;
use crate::subscription::Subscription;
use crate::translate::down::takes_input;
use crate::translate::up::{self, Kind, Opened, Way};
use prokura_core::random_id;
use prokura_mcp::envelope::{Call, Id, Message};
use prokura_oauth::json::{Object, Value, obj};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a server may need input for one request, and for how many things at once.
const ROUNDS: u32 = 16;
const INPUTS: usize = 32;
/// How long to wait before a request is sent again for which the server needs nothing but time.
const PATIENCE: Duration = Duration::from_millis(250);

/// What is kept of both.
pub(crate) struct Up {
    pub(crate) modern: Arc<Modern>,
    opened: Mutex<Opened>,
    pub(crate) offered: Object,
    subscription: Mutex<Option<Arc<Subscription>>>,
}

impl Up {
    pub(crate) fn new(modern: Arc<Modern>, opened: Opened, discovered: &Object) -> Self {
        let offered = discovered.get("capabilities").and_then(Value::as_object).cloned().unwrap_or_default();
        Self { modern, opened: Mutex::new(opened), offered, subscription: Mutex::default() }
    }

    /// What the host said when it opened.
    pub(crate) fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host is ready: what it would be told in a session is subscribed to.
    pub(crate) fn initialized(self: &Arc<Self>, bridge: &Arc<Bridge>) {
        self.subscription(bridge);
    }

    fn subscription(self: &Arc<Self>, bridge: &Arc<Bridge>) -> Arc<Subscription> {
        let mut held = self.subscription.lock().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert_with(|| Subscription::begin(self, bridge)).clone()
    }
}

impl Bridge {
    /// A request of a legacy host at a modern server.
    pub(crate) async fn up(self: &Arc<Self>, up: &Arc<Up>, id: &Id, call: Call) -> Result<Outcome, Fault> {
        let uri = || call.params.as_ref().and_then(|p| p.str("uri")).ok_or(Fault::Params("`uri` is missing"));
        match up::way(&call.method) {
            Way::On => return self.up_on(up, id, call).await,
            Way::Empty => {}
            Way::Level => set_level(up, &call)?,
            Way::Subscribe => up.subscription(self).change(up, uri()?, true).await?,
            Way::Unsubscribe => up.subscription(self).change(up, uri()?, false).await?,
            Way::No(why) => return Err(Fault::NotOffered { method: call.method, why }),
        }
        Ok(Ok(Object::new()))
    }

    async fn up_on(&self, up: &Up, id: &Id, call: Call) -> Result<Outcome, Fault> {
        up::check(&call)?;
        let opened = up.opened().clone();
        let (mut id, mut call) = (id.clone(), opened.request(call));
        for _ in 0..ROUNDS {
            let mut result = match self.up_once(up, &id, &call).await? {
                Ok(result) => result,
                Err(error) => return Ok(Err(error)),
            };
            match up::kind(&result)? {
                Kind::Complete => {
                    up.modern.pass(&call.method, &mut result);
                    return Ok(Ok(up::result(&call.method, result)));
                }
                Kind::InputRequired => {
                    self.fulfil(&opened, &mut call, result).await?;
                    // Another request, and so another id (MCP 2026-07-28, "Multi Round-Trip Requests").
                    id = Id::Text(random_id("prokura-again-", &*self.rng));
                }
            }
        }
        Err(Fault::Input("it asks for input again and again".into()))
    }

    async fn up_once(&self, up: &Up, id: &Id, call: &Call) -> Result<Outcome, Fault> {
        let mut exchange = up.modern.begin(id, call).await?;
        loop {
            match exchange.next().await? {
                Step::Notified(told) => {
                    if let Some(told) = up::notification(told) {
                        self.host.tell(Message::Notification(told)).await;
                    }
                }
                Step::Asked(..) => asked_out_of_turn(),
                Step::Answered(outcome) => return Ok(outcome),
            }
        }
    }

    /// Gets the input that the server needs from the host, and puts it on the request.
    async fn fulfil(&self, opened: &Opened, call: &mut Call, mut result: Object) -> Result<(), Fault> {
        if !takes_input(&call.method) {
            return Err(Fault::Malformed("it needs input where the protocol has none".into()));
        }
        let params = call.params.get_or_insert_default();
        params.remove("requestState");
        params.remove("inputResponses");
        match result.remove("requestState") {
            Some(state @ Value::String(_)) => params.insert("requestState", state),
            None if result.contains_key("inputRequests") => {}
            _ => return Err(Fault::Malformed("its need for input cannot be read".into())),
        }
        let Some(asked) = result.remove("inputRequests") else {
            tokio::time::sleep(PATIENCE).await;
            return Ok(());
        };
        let asked = asked.into_object().filter(|a| a.len() <= INPUTS);
        let asked = asked.ok_or_else(|| Fault::Malformed("its need for input cannot be read".into()))?;
        params.insert("inputResponses", self.inputs(opened, &asked).await?.into());
        Ok(())
    }

    async fn inputs(&self, opened: &Opened, asked: &Object) -> Result<Object, Fault> {
        // All are looked at before the first is asked: a person is not troubled for a call that cannot end well.
        let calls: Result<Vec<_>, Fault> =
            asked.iter().map(|(key, one)| Ok((key, up::input(opened, one, &*self.rng)?))).collect();
        let mut answers = Object::new();
        for (key, call) in calls? {
            let elicits = call.method == "elicitation/create";
            let answer = match self.host.ask(call).await {
                Ok(answer) => answer,
                Err(_) if elicits => obj([("action", "cancel".into())]),
                Err(error) => return Err(Fault::Server(error)),
            };
            answers.insert(key, answer.into());
        }
        Ok(answers)
    }
}

fn set_level(up: &Up, call: &Call) -> Result<(), Fault> {
    if !up.offered.contains_key("logging") {
        let why = "the server sends no log messages";
        return Err(Fault::NotOffered { method: call.method.clone(), why });
    }
    let level = call.params.as_ref().and_then(|p| p.str("level"));
    let level = level.filter(|l| l.len() <= 16).ok_or(Fault::Params("`level` is missing"))?;
    up.opened().log_level = Some(level.to_owned());
    Ok(())
}
