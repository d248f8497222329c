//! One exchange with an upstream: what its answer belongs to, and what of the answer may pass.
//!
//! Everything an upstream says goes through [`Exchange::pass`], whether it came as one JSON object or as an
//! event: answers must carry the id that was asked, lists are filtered, handles are sealed, and what this
//! gateway does not know is not relayed.

use crate::access::Left;
use crate::caller::Caller;
use crate::elicited::SessionKey;
use crate::envelope::{Call, Id, Message};
use crate::fault::Fault;
use crate::gateway::Inner;
use crate::handle::{Binding, HandleKind, Sealer, put, take};
use crate::method::RELATED_TASK;
use crate::oblige::{self, Owed};
use crate::question::Asking;
use crate::route::Route;
use crate::tools::{Known, Turn};
use crate::version::Era;
use prokura_core::{Action, ActionKind, Obligation, TaskId, Timestamp, TraceId};
use prokura_oauth::json::{self, Limits, Object, Value};
use std::sync::Arc;

/// What a stream or an answer belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A request; `action` is what it touched, if it touched one thing.
    Request {
        /// Its id.
        id: Id,
        /// Its method.
        method: String,
        /// What it touched.
        action: Option<Action>,
        /// What must be done to what comes of it.
        owed: Vec<Obligation>,
    },
    /// A stream that a client opened to listen, or a message that asks for no answer.
    Listening,
}

impl Origin {
    /// The method of the request.
    pub(crate) fn method(&self) -> &str {
        match self {
            Self::Request { method, .. } => method,
            Self::Listening => "",
        }
    }

    /// What the request touched.
    pub(crate) fn action(&self) -> Option<&Action> {
        match self {
            Self::Request { action, .. } => action.as_ref(),
            Self::Listening => None,
        }
    }

    /// What must be done to what comes of it.
    pub(crate) fn owed(&self) -> &[Obligation] {
        match self {
            Self::Request { owed, .. } => owed,
            Self::Listening => &[],
        }
    }

    /// The bytes that are sealed into the ids of a stream's events, so that resuming it is decided anew on what
    /// it belongs to.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let Self::Request { id, method, action, owed } = self else { return out };
        match id {
            Id::Integer(n) => put(&mut out, format!("n{n}").as_bytes()),
            Id::Text(text) => put(&mut out, format!("t{text}").as_bytes()),
        }
        put(&mut out, method.as_bytes());
        if let Some(action) = action {
            put_action(&mut out, action);
            put(&mut out, &oblige::to_bytes(owed));
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::Listening);
        }
        let (id, rest) = take_text(bytes)?;
        let id = match id.split_at_checked(1)? {
            ("n", number) => Id::Integer(number.parse().ok()?),
            ("t", text) => Id::Text(text.to_owned()),
            _ => return None,
        };
        let (method, rest) = take_text(rest)?;
        let method = method.to_owned();
        if rest.is_empty() {
            return Some(Self::Request { id, method, action: None, owed: Vec::new() });
        }
        let (action, rest) = take_action(rest)?;
        let owed = oblige::read_owed(take(rest)?.0)?;
        Some(Self::Request { id, method, action: Some(action), owed })
    }
}

fn put_action(out: &mut Vec<u8>, action: &Action) {
    put(out, action.kind.as_str().as_bytes());
    put(out, action.name.as_bytes());
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (text, rest) = take(bytes)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn take_action(bytes: &[u8]) -> Option<(Action, &[u8])> {
    let (kind, rest) = take_text(bytes)?;
    let (name, rest) = take_text(rest)?;
    let kind = [ActionKind::Tool, ActionKind::Resource, ActionKind::Prompt]
        .into_iter()
        .find(|k| k.as_str() == kind)?;
    Some((Action { kind, name: name.to_owned() }, rest))
}

/// A task as its handle names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// The upstream's id.
    pub(crate) id: String,
    /// What the call that made it touched.
    pub(crate) action: Action,
    /// What must be done to what comes of it.
    pub(crate) owed: Vec<Obligation>,
}

/// A call that waits for somebody to agree, as the request state of its client names it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waiting {
    /// What is waited for.
    pub(crate) tasks: Vec<TaskId>,
    /// The handle of the upstream's own state.
    pub(crate) state: Option<String>,
    /// What the client answered to what the upstream had asked.
    pub(crate) answers: Option<Value>,
}

/// A session as its handle names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The upstream's id.
    pub(crate) id: String,
    /// Whether the client said, when it began, that it can send its user to a page.
    pub(crate) elicits: bool,
}

/// The handles of one caller on one route.
#[derive(Clone)]
pub(crate) struct Handles {
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) binding: Binding,
    /// Whether the client says in this message that it can send its user to a page: a session remembers it.
    pub(crate) elicits: bool,
}

impl Handles {
    /// Seals a session id.
    pub(crate) fn seal_session(&self, id: &str) -> String {
        let plain = format!("{}{id}", if self.elicits { '+' } else { '-' });
        self.sealer.seal(HandleKind::Session, &self.binding, b"", plain.as_bytes())
    }

    /// This caller's session of the upstream.
    pub(crate) fn session_key(&self, session: &str) -> SessionKey {
        SessionKey::new(self.binding.bytes(), session)
    }

    /// Reads what was sealed by [`seal_session`](Self::seal_session).
    pub(crate) fn read_session(plain: &[u8]) -> Option<Session> {
        let (elicits, id) = std::str::from_utf8(plain).ok()?.split_at_checked(1)?;
        Some(Session { id: id.to_owned(), elicits: elicits == "+" })
    }

    /// Seals the tasks that a call waits for, with the upstream's own state and what was answered to it, if there is any: a
    /// client that comes back from the page brings neither again.
    pub(crate) fn seal_approvals(
        &self,
        tasks: &[TaskId],
        state: Option<&str>,
        answers: Option<&Value>,
    ) -> String {
        let tasks: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
        let mut plain = Vec::new();
        put(&mut plain, tasks.join(" ").as_bytes());
        put(&mut plain, state.unwrap_or_default().as_bytes());
        put(&mut plain, &answers.map(Value::to_vec).unwrap_or_default());
        self.sealer.seal(HandleKind::Approval, &self.binding, b"", &plain)
    }

    /// Reads what was sealed by [`seal_approvals`](Self::seal_approvals).
    pub(crate) fn read_approvals(plain: &[u8]) -> Option<Waiting> {
        let (tasks, rest) = take_text(plain)?;
        let tasks = tasks.split(' ').map(TaskId::parse).collect::<Result<_, _>>().ok()?;
        let (state, rest) = take_text(rest)?;
        let answers = match take(rest)?.0 {
            [] => None,
            answers => Some(json::parse(answers, &Limits::DOCUMENT).ok()?),
        };
        Some(Waiting { tasks, state: Some(state.to_owned()).filter(|s| !s.is_empty()), answers })
    }

    /// Seals the id of a task that a call on `action` made, with what must be done to what comes of it.
    fn seal_task(&self, action: &Action, owed: &[Obligation], id: &str) -> String {
        let mut plain = Vec::new();
        put_action(&mut plain, action);
        put(&mut plain, &oblige::to_bytes(owed));
        plain.extend_from_slice(id.as_bytes());
        self.sealer.seal(HandleKind::Task, &self.binding, b"", &plain)
    }

    /// Reads what was sealed by `seal_task`.
    pub(crate) fn read_task(plain: &[u8]) -> Option<Task> {
        let (action, rest) = take_action(plain)?;
        let (owed, id) = take(rest)?;
        Some(Task { id: std::str::from_utf8(id).ok()?.to_owned(), action, owed: oblige::read_owed(owed)? })
    }

    fn seal_event(&self, origin: &Origin, id: &str) -> String {
        let mut plain = Vec::new();
        put(&mut plain, id.as_bytes());
        plain.extend_from_slice(&origin.to_bytes());
        self.sealer.seal(HandleKind::Event, &self.binding, b"", &plain)
    }

    /// Reads what was sealed by `seal_event`: the upstream's id, and what the stream belongs to.
    pub(crate) fn read_event(plain: &[u8]) -> Option<(String, Origin)> {
        let (id, origin) = take_text(plain)?;
        Some((id.to_owned(), Origin::from_bytes(origin)?))
    }
}

/// How long a client may take to come back with a request state.
const STATE_LIFE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// What becomes of one message of an upstream.
#[derive(Debug, PartialEq)]
pub(crate) enum Passage {
    /// It is relayed, and more may come.
    Relay(Message),
    /// It is the answer.
    Last(Message),
    /// It is not relayed.
    Drop,
}

/// One exchange with an upstream.
pub(crate) struct Exchange {
    pub(crate) inner: Arc<Inner>,
    pub(crate) route: Arc<Route>,
    pub(crate) caller: Caller,
    /// What conditional access left of the caller's authority.
    pub(crate) left: Left,
    /// Who asks, where there are policies.
    pub(crate) asking: Option<Arc<Asking>>,
    /// What must be done to what comes back.
    pub(crate) owed: Owed,
    pub(crate) handles: Handles,
    pub(crate) era: Era,
    pub(crate) origin: Origin,
    /// What a request state is bound to, besides the caller.
    pub(crate) state_context: Vec<u8>,
    /// The tasks that a subscription named, with the handles by which it did.
    pub(crate) tasks: Vec<(Task, String)>,
    /// The session whose stream it is, if it is one.
    pub(crate) session: Option<SessionKey>,
    /// When the exchange began.
    pub(crate) now: Timestamp,
    /// The flow it belongs to.
    pub(crate) trace: TraceId,
}

impl Exchange {
    /// Takes on what the policies leave to be done: with what comes back now, and with what comes of it later.
    pub(crate) fn owe(&mut self, asking: Option<Arc<Asking>>, owed: Owed) {
        if let Origin::Request { owed: later, .. } = &mut self.origin {
            later.clone_from(&owed.obligations);
        }
        (self.asking, self.owed) = (asking, owed);
    }

    /// What becomes of a message.
    ///
    /// # Errors
    /// [`Fault::UpstreamBad`] if the answer cannot be relayed at all.
    pub(crate) async fn pass(&self, message: Message) -> Result<Passage, Fault> {
        match message {
            Message::Response(id, outcome) => self.pass_response(id, outcome).await,
            Message::Request(id, mut call) => match oblige::meanwhile(self, &mut call).await {
                true => Ok(self.pass_request(id, call)),
                false => Ok(Passage::Drop),
            },
            Message::Notification(call) => self.pass_notification(call).await,
        }
    }

    async fn pass_response(&self, id: Option<Id>, outcome: Result<Object, Object>) -> Result<Passage, Fault> {
        match &self.origin {
            Origin::Request { id: asked, .. } if id.as_ref() == Some(asked) => {
                let outcome = match outcome {
                    Ok(result) => Ok(self.result(result).await?),
                    Err(error) => Err(oblige::error(self, error)),
                };
                Ok(Passage::Last(Message::Response(id, outcome)))
            }
            _ => Ok(Passage::Drop),
        }
    }

    /// Servers ask clients in the legacy era only; since 2026-07-28 they answer that input is required.
    fn pass_request(&self, id: Id, mut call: Call) -> Passage {
        let known = matches!(
            call.method.as_str(),
            "ping"
                | "sampling/createMessage"
                | "elicitation/create"
                | "roots/list"
                | "tasks/get"
                | "tasks/result"
                | "tasks/cancel"
                | "tasks/list"
        );
        if !known || self.era != Era::Legacy {
            return Passage::Drop;
        }
        self.seal_related(call.params.as_mut());
        Passage::Relay(Message::Request(id, call))
    }

    async fn pass_notification(&self, mut call: Call) -> Result<Passage, Fault> {
        let passes = match call.method.as_str() {
            "notifications/tools/list_changed" => {
                self.inner.pins.turn(&self.route).map(Turn::changed);
                true
            }
            "notifications/progress"
            | "notifications/message"
            | "notifications/cancelled"
            | "notifications/prompts/list_changed"
            | "notifications/resources/list_changed" => true,
            "notifications/elicitation/complete" => self.era == Era::Legacy,
            "notifications/resources/updated" => {
                call.params.as_ref().and_then(|p| p.str("uri")).is_some_and(|uri| self.shows_resource(uri))
            }
            "notifications/tasks" | "notifications/tasks/status" => self.seal_own_task(call.params.as_mut()),
            "notifications/subscriptions/acknowledged" => self.acknowledge(call.params.as_mut()),
            _ => false,
        };
        if !passes || !oblige::meanwhile(self, &mut call).await {
            return Ok(Passage::Drop);
        }
        self.seal_related(call.params.as_mut());
        Ok(Passage::Relay(Message::Notification(call)))
    }

    /// Whether the caller may read this resource.
    pub(crate) fn shows_resource(&self, uri: &str) -> bool {
        self.shows(&Action::resource(uri))
    }

    /// Whether a list may show this action to the caller: exactly if calling it would be permitted.
    fn shows(&self, action: &Action) -> bool {
        self.reaches(action) && self.permitted(&[action], None).first() == Some(&true)
    }

    /// Of each action, whether the policies could permit it with some arguments; `known` are the tools of the route.
    pub(crate) fn permitted(&self, actions: &[&Action], known: Option<&Known>) -> Vec<bool> {
        match &self.asking {
            Some(asking) => asking.shows(&self.route, actions, known),
            None => vec![true; actions.len()],
        }
    }

    /// Whether the caller's authority, as far as conditional access leaves it, reaches this action.
    pub(crate) fn reaches(&self, action: &Action) -> bool {
        let authority = self.left.of(self.caller.authority());
        prokura_policy::visible(authority, action, &self.route.policy)
            && self.left.reaches(&self.route, &self.caller, action)
    }

    /// The handle of an upstream's task, if this exchange may name it.
    fn task_handle(&self, id: &str) -> Option<String> {
        if let Some((_, handle)) = self.tasks.iter().find(|(task, _)| task.id == id) {
            return Some(handle.clone());
        }
        Some(self.handles.seal_task(self.origin.action()?, self.origin.owed(), id))
    }

    /// Seals `taskId` of an object; answers whether there is one that may be named.
    pub(crate) fn seal_own_task(&self, object: Option<&mut Object>) -> bool {
        let Some(object) = object else { return false };
        let Some(handle) = object.str("taskId").and_then(|id| self.task_handle(id)) else { return false };
        object.insert("taskId", Value::from(handle));
        true
    }

    /// Seals the task that `_meta` says a message belongs to, or takes it out where it may not be named.
    pub(crate) fn seal_related(&self, holder: Option<&mut Object>) {
        let Some(Value::Object(meta)) = holder.and_then(|h| h.get_mut("_meta")) else { return };
        let sealed = match meta.get_mut(RELATED_TASK) {
            None => return,
            Some(Value::Object(related)) => self.seal_own_task(Some(related)),
            Some(_) => false,
        };
        if !sealed {
            meta.remove(RELATED_TASK);
        }
    }

    fn acknowledge(&self, params: Option<&mut Object>) -> bool {
        if self.era != Era::Modern {
            return false;
        }
        let Some(Value::Object(filter)) = params.and_then(|p| p.get_mut("notifications")) else {
            return true;
        };
        if let Some(Value::Array(uris)) = filter.get_mut("resourceSubscriptions") {
            uris.retain(|u| u.as_str().is_some_and(|u| self.shows_resource(u)));
        }
        if let Some(Value::Array(ids)) = filter.get_mut("taskIds") {
            let handles =
                ids.iter().filter_map(|id| self.task_handle(id.as_str()?)).map(Value::from).collect();
            *ids = handles;
        }
        true
    }

    /// Seals a request state: it comes back for the same request of the same caller, and soon.
    pub(crate) fn seal_state(&self, state: &str) -> String {
        let until = self.now.after(STATE_LIFE).micros().to_be_bytes();
        let plain = [until.as_slice(), state.as_bytes()].concat();
        self.handles.sealer.seal(HandleKind::State, &self.handles.binding, &self.state_context, &plain)
    }

    /// Reads what was sealed by `seal_state`.
    pub(crate) fn read_state(plain: &[u8], now: Timestamp) -> Option<String> {
        let (until, state) = plain.split_first_chunk::<8>()?;
        if now.micros() >= i64::from_be_bytes(*until) {
            return None;
        }
        Some(std::str::from_utf8(state).ok()?.to_owned())
    }

    /// Seals the id of an event of this exchange's stream.
    pub(crate) fn seal_event(&self, id: &str) -> String {
        self.handles.seal_event(&self.origin, id)
    }

    /// Seals a cursor of a list.
    pub(crate) fn seal_cursor(&self, cursor: &str) -> String {
        let context = self.origin.method().as_bytes();
        self.handles.sealer.seal(HandleKind::Cursor, &self.handles.binding, context, cursor.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_belongs_to_comes_back() {
        for origin in [
            Origin::Listening,
            Origin::Request { id: Id::Integer(-7), method: "tools/list".into(), action: None, owed: vec![] },
            Origin::Request {
                id: Id::Text("n7".into()),
                method: "tools/call".into(),
                action: Some(Action::tool("x:y")),
                owed: vec![Obligation::SizeAtMost(7)],
            },
        ] {
            assert_eq!(Origin::from_bytes(&origin.to_bytes()), Some(origin));
        }
        assert_eq!(Origin::from_bytes(b"odd"), None);
    }

    #[test]
    fn a_task_knows_what_made_it() {
        let mut plain = Vec::new();
        put_action(&mut plain, &Action::tool("slow"));
        put(&mut plain, &oblige::to_bytes(&[Obligation::SizeAtMost(7)]));
        plain.extend_from_slice(b"t-1");
        let task = Handles::read_task(&plain).unwrap();
        assert_eq!((task.id.as_str(), task.action), ("t-1", Action::tool("slow")));
        assert_eq!(task.owed, [Obligation::SizeAtMost(7)]);
        assert_eq!(Handles::read_task(b"t-1"), None);
    }
}
