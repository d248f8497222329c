//! The handles in a client's message are opened, so that the upstream gets its own values back. A handle that
//! does not open was not made for this caller, and what it names does not exist for it.

use crate::caller::Authenticator;
use crate::envelope::{Call, Message};
use crate::exchange::{Exchange, Handles, Session, Task, Waiting};
use crate::fault::Fault;
use crate::handle::{HandleKind, put};
use crate::method::{BadCall, List, RELATED_TASK, takes_state};
use crate::oblige::{INPUT, Returned};
use crate::version::Era;
use aws_lc_rs::digest::{SHA256, digest};
use prokura_core::Timestamp;
use prokura_oauth::json::{Object, Value};

/// Opens what one message carries.
pub(crate) struct Opener<'a> {
    pub(crate) handles: &'a Handles,
    pub(crate) authenticator: &'a Authenticator,
    pub(crate) era: Era,
    pub(crate) now: Timestamp,
}

/// What was found while opening.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The tasks that are named, with their handles; each must be permitted like the call that made it.
    pub(crate) tasks: Vec<(Task, String)>,
    /// What a request state of this request is bound to.
    pub(crate) state_context: Vec<u8>,
    /// Where the client was sent before, if it comes back from there.
    pub(crate) returned: Returned,
}

/// At most so many tasks in one subscription.
const MAX_TASKS: usize = 256;

impl Opener<'_> {
    /// Replaces the handles in `message` by the upstream's own values.
    pub(crate) fn open_message(&self, message: &mut Message) -> Result<Found, Fault> {
        match message {
            Message::Request(_, call) => self.open_request(call),
            Message::Notification(call) => {
                self.open_related(call.params.as_mut());
                Ok(Found::default())
            }
            Message::Response(_, outcome) => {
                self.open_related(outcome.as_mut().ok());
                Ok(Found::default())
            }
        }
    }

    fn open_request(&self, call: &mut Call) -> Result<Found, Fault> {
        let mut found = Found { state_context: state_context(call), ..Found::default() };
        let Some(params) = &mut call.params else { return Ok(found) };
        if List::of_method(&call.method).is_some() {
            self.open_cursor(&call.method, params)?;
        }
        match call.method.as_str() {
            "tasks/get" | "tasks/result" | "tasks/cancel" | "tasks/update" => {
                self.open_task(params, &mut found)?
            }
            "subscriptions/listen" => self.open_tasks(params, &mut found)?,
            _ => {}
        }
        if !self.open_approvals(&call.method, params, &mut found)? {
            found.returned.state = params.str("requestState").map(str::to_owned);
            self.open_state(&call.method, params, &found.state_context)?;
        }
        self.open_related(Some(params));
        Ok(found)
    }

    fn open(&self, kind: HandleKind, context: &[u8], handle: &str) -> Option<Vec<u8>> {
        let opened = self.handles.sealer.open(kind, &self.handles.binding, context, handle)?;
        self.authenticator.grants_in_force(&opened.grants).then_some(opened.plain)
    }

    /// The upstream's session.
    pub(crate) fn session(&self, handle: &str) -> Result<Session, Fault> {
        let plain = self.open(HandleKind::Session, b"", handle);
        plain.and_then(|p| Handles::read_session(&p)).ok_or(Fault::UnknownSession)
    }

    /// The upstream's event id, and what the stream belongs to.
    pub(crate) fn event(&self, handle: &str) -> Result<(String, crate::exchange::Origin), Fault> {
        let plain = self.open(HandleKind::Event, b"", handle);
        plain.and_then(|p| Handles::read_event(&p)).ok_or(Fault::UnknownEvent)
    }

    fn task(&self, handle: &str) -> Option<Task> {
        Handles::read_task(&self.open(HandleKind::Task, b"", handle)?)
    }

    fn open_cursor(&self, method: &str, params: &mut Object) -> Result<(), Fault> {
        let handle = match params.get("cursor") {
            None => return Ok(()),
            Some(cursor) => cursor.as_str().ok_or(Fault::BadCursor)?,
        };
        let plain = self.open(HandleKind::Cursor, method.as_bytes(), handle).ok_or(Fault::BadCursor)?;
        let cursor = String::from_utf8(plain).map_err(|_| Fault::BadCursor)?;
        params.insert("cursor", Value::from(cursor));
        Ok(())
    }

    fn open_task(&self, params: &mut Object, found: &mut Found) -> Result<(), Fault> {
        let handle = params.str("taskId").ok_or(Fault::UnknownTask)?.to_owned();
        let task = self.task(&handle).ok_or(Fault::UnknownTask)?;
        params.insert("taskId", task.id.as_str().into());
        found.tasks.push((task, handle));
        Ok(())
    }

    fn open_tasks(&self, params: &mut Object, found: &mut Found) -> Result<(), Fault> {
        let Some(Value::Object(filter)) = params.get_mut("notifications") else { return Ok(()) };
        let Some(ids) = filter.get_mut("taskIds") else { return Ok(()) };
        let Value::Array(ids) = ids else {
            return Err(Fault::Call(BadCall::Parameter("notifications"), self.era));
        };
        if ids.len() > MAX_TASKS {
            return Err(Fault::Call(BadCall::Parameter("notifications"), self.era));
        }
        for id in ids {
            let handle = id.as_str().ok_or(Fault::UnknownTask)?.to_owned();
            let task = self.task(&handle).ok_or(Fault::UnknownTask)?;
            *id = task.id.as_str().into();
            found.tasks.push((task, handle));
        }
        Ok(())
    }

    /// A client that comes back from the page of an approval: what it brings for us is taken out, and the upstream gets its
    /// own state back, and what was answered to it, if it had asked.
    fn open_approvals(&self, method: &str, params: &mut Object, found: &mut Found) -> Result<bool, Fault> {
        let handle = params.str("requestState").filter(|_| takes_state(method));
        let opened = handle.and_then(|handle| self.open(HandleKind::Approval, b"", handle));
        let Some(plain) = opened else { return Ok(false) };
        let Waiting { tasks, state, answers } = Handles::read_approvals(&plain).ok_or(Fault::BadState)?;
        params.remove("requestState");
        let mut action = None;
        if let Some(Value::Object(inputs)) = params.get_mut("inputResponses") {
            action = inputs.remove(INPUT).and_then(|a| a.as_object()?.str("action").map(str::to_owned));
            if inputs.is_empty() {
                params.remove("inputResponses");
            }
        }
        if let Some(answers) = answers.filter(|_| !params.contains_key("inputResponses")) {
            params.insert("inputResponses", answers);
        }
        if let Some(handle) = &state {
            params.insert("requestState", Value::from(handle.as_str()));
            self.open_state(method, params, &found.state_context)?;
        }
        let declined = matches!(action.as_deref(), Some("decline" | "cancel"));
        found.returned = Returned { tasks, went: !declined, declined, state };
        Ok(true)
    }

    fn open_state(&self, method: &str, params: &mut Object, context: &[u8]) -> Result<(), Fault> {
        let handle = match params.get("requestState") {
            None => return Ok(()),
            Some(state) => state.as_str().filter(|_| takes_state(method)).ok_or(Fault::BadState)?,
        };
        let plain = self.open(HandleKind::State, context, handle).ok_or(Fault::BadState)?;
        let state = Exchange::read_state(&plain, self.now).ok_or(Fault::BadState)?;
        params.insert("requestState", Value::from(state));
        Ok(())
    }

    /// The task that `_meta` says a message belongs to. Where it does not open, the message belongs to none.
    fn open_related(&self, holder: Option<&mut Object>) {
        let Some(Value::Object(meta)) = holder.and_then(|h| h.get_mut("_meta")) else { return };
        let Some(related) = meta.get(RELATED_TASK) else { return };
        let handle = related.as_object().and_then(|r| r.str("taskId"));
        match handle.and_then(|h| self.task(h)) {
            Some(task) => {
                let mut related = Object::default();
                related.insert("taskId", Value::from(task.id));
                meta.insert(RELATED_TASK, Value::Object(related));
            }
            None => drop(meta.remove(RELATED_TASK)),
        }
    }
}

/// What a request state is bound to: the method, what it names, and a digest of its arguments. A state that was
/// given for one request cannot be spent on another.
fn state_context(call: &Call) -> Vec<u8> {
    if !takes_state(&call.method) {
        return Vec::new();
    }
    let param = |name| call.params.as_ref().and_then(|p| p.get(name));
    let named = param("name").or_else(|| param("uri")).and_then(Value::as_str).unwrap_or_default();
    let empty = Value::Object(Object::default());
    let mut context = Vec::new();
    put(&mut context, call.method.as_bytes());
    put(&mut context, named.as_bytes());
    put(&mut context, digest(&SHA256, &param("arguments").unwrap_or(&empty).to_jcs()).as_ref());
    context
}
