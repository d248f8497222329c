//! What a client hears of a call that somebody must agree to first, in the words that it said it understands.

use crate::exchange::Handles;
use crate::version::Era;
use prokura_core::TaskId;
use prokura_oauth::json::{Object, Value, obj};
use std::borrow::Cow;

/// The name of the request for input.
pub(crate) const INPUT: &str = "prokura_approval";

/// What a client that comes back says of where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Returned {
    /// The tasks that it was sent to.
    pub(crate) tasks: Vec<TaskId>,
    /// Whether somebody went to the page, as it says.
    pub(crate) went: bool,
    /// Whether somebody would not go, as it says.
    pub(crate) declined: bool,
    /// The handle of the upstream's own state, if it had given one.
    pub(crate) state: Option<String>,
}

/// Why a call does not go through for want of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unapproved {
    /// Somebody is asked.
    Waits(Waits),
    /// Somebody refused.
    Refused(TaskId),
    /// Whoever uses the client would not go to the page.
    Declined,
    /// The client came back with another call than the one that was asked about.
    Changed,
    /// The agreement was used, or ended, at the same time.
    Gone,
    /// Too much waits already.
    Full,
    /// Nobody could ever agree.
    Nobody,
    /// The authority is not of this database, so nobody can be asked.
    Elsewhere,
}

/// How a client hears that somebody is asked: as it said that it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// By the error that sends its user to a page (MCP 2025-11-25, "URL Elicitation Required Error").
    Elicit,
    /// By a result that asks for input (MCP 2026-07-28, "Multi Round-Trip Requests"); the state leads back to the tasks.
    Input(String),
    /// By the result of a call that failed, whose words it shows, as results are in this era.
    Told(Era),
    /// By a denial.
    Denied,
}

/// What is known of the client for the answer.
pub(crate) struct Speaks<'a> {
    pub(crate) era: Era,
    /// Whether it said that it can send its user to a page.
    pub(crate) elicits: bool,
    /// Whether the message is a call of a tool.
    pub(crate) calls: bool,
    /// Seals the way back.
    pub(crate) handles: &'a Handles,
    /// Whether requests of this method may be answered so.
    pub(crate) takes_state: bool,
    /// What the client brings for what the server asked it, besides the arguments.
    pub(crate) answers: Option<&'a Value>,
}

/// Where answers stand among what somebody is asked to agree to.
const ANSWERS: &str = "inputResponses";

impl Speaks<'_> {
    /// All that a call says: its arguments, and the answers beside them. Who agrees to a call agrees to both, for either may
    /// say what it does.
    pub(super) fn said<'a>(&self, arguments: Option<&'a Object>) -> Option<Cow<'a, Object>> {
        let Some(answers) = self.answers else { return arguments.map(Cow::Borrowed) };
        let (mut said, mut name) = (arguments.cloned().unwrap_or_default(), ANSWERS.to_owned());
        while said.contains_key(&name) {
            name.insert(0, '_');
        }
        said.insert(name, answers.clone());
        Some(Cow::Owned(said))
    }

    pub(super) fn reply(&self, tasks: &[TaskId], returned: &Returned) -> Reply {
        match self.era {
            Era::Modern if self.elicits && self.takes_state => {
                let state = returned.state.as_deref();
                Reply::Input(self.handles.seal_approvals(tasks, state, self.answers))
            }
            Era::Legacy if self.elicits => Reply::Elicit,
            _ if self.calls => Reply::Told(self.era),
            _ => Reply::Denied,
        }
    }
}

/// Who is asked about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waits {
    /// The tasks.
    pub(crate) tasks: Vec<TaskId>,
    /// The page of the first.
    pub(crate) address: String,
    /// Why it is asked.
    pub(crate) because: String,
    /// Whether the client was there already: it is not sent again.
    pub(crate) went: bool,
    /// How the client hears of it.
    pub(crate) reply: Reply,
}

impl Unapproved {
    /// The word for the record and for machines.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Waits(_) => "approval_needed",
            Self::Refused(_) | Self::Declined => "approval_refused",
            Self::Changed => "approval_void",
            Self::Gone => "approval_used",
            Self::Full => "approvals_full",
            Self::Nobody => "approval_impossible",
            Self::Elsewhere => "approval_elsewhere",
        }
    }

    /// What is so, and what would help.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Waits(waits) => format!(
                "somebody has to agree to this first ({}): open {} and decide there, then send the same call again",
                waits.because, waits.address
            ),
            Self::Refused(_) => "somebody refused this call".to_owned(),
            Self::Declined => "nobody went to agree to this call".to_owned(),
            Self::Changed => {
                "the call was changed after it was asked about: the agreement is void; ask anew".to_owned()
            }
            Self::Gone => "the agreement was used or has ended: send the call again to ask anew".to_owned(),
            Self::Full => {
                "too many calls wait for somebody to agree; try again when some are decided".to_owned()
            }
            Self::Nobody => "this needs an agreement that nobody can give".to_owned(),
            Self::Elsewhere => "this needs an agreement, and this gateway has nobody to ask".to_owned(),
        }
    }

    /// The result that a client hears it by, where that is no error.
    pub(crate) fn result(&self) -> Option<Object> {
        let Self::Waits(waits) = self else { return None };
        match &waits.reply {
            Reply::Input(state) => {
                let mut result =
                    obj([("resultType", "input_required".into()), ("requestState", state.as_str().into())]);
                if !waits.went {
                    let asked = obj([(INPUT, Value::Object(self.elicitation(waits, true)))]);
                    result.insert("inputRequests", Value::Object(asked));
                }
                Some(result)
            }
            Reply::Told(era) => {
                let text = obj([("type", "text".into()), ("text", Value::from(self.sentence()))]);
                let mut result = obj([("content", Value::Array(vec![Value::Object(text)]))]);
                result.insert("isError", Value::Bool(true));
                // Every result of this era says which kind it is (2026-07-28, "Result").
                if *era == Era::Modern {
                    result.insert("resultType", "complete".into());
                }
                Some(result)
            }
            Reply::Elicit | Reply::Denied => None,
        }
    }

    /// What sends somebody to the page: as a request where it stands in a result, else only its parameters.
    fn elicitation(&self, waits: &Waits, as_request: bool) -> Object {
        let id = waits.tasks.first().map_or("", TaskId::as_str);
        let message = format!("Somebody has to agree before this is done: {}", waits.because);
        let params = obj([
            ("mode", "url".into()),
            ("elicitationId", id.into()),
            ("url", waits.address.as_str().into()),
            ("message", Value::from(message)),
        ]);
        if !as_request {
            return params;
        }
        obj([("method", "elicitation/create".into()), ("params", Value::Object(params))])
    }

    /// Puts into an error what a client can act on.
    pub(crate) fn tell(&self, data: &mut Object) {
        data.insert("error", self.word().into());
        let tasks: Vec<Value> = self.tasks().iter().map(|task| task.as_str().into()).collect();
        if !tasks.is_empty() {
            data.insert("approvals", Value::Array(tasks));
        }
        let Self::Waits(waits) = self else { return };
        data.insert("url", waits.address.as_str().into());
        if waits.reply == Reply::Elicit {
            let one = Value::Object(self.elicitation(waits, false));
            data.insert("elicitations", Value::Array(vec![one]));
        }
    }

    /// Whether it is told by the error that sends a user to a page.
    pub(crate) fn elicits(&self) -> bool {
        matches!(self, Self::Waits(Waits { reply: Reply::Elicit, .. }))
    }

    /// The tasks that it is about.
    pub(crate) fn tasks(&self) -> &[TaskId] {
        match self {
            Self::Waits(waits) => &waits.tasks,
            Self::Refused(task) => std::slice::from_ref(task),
            _ => &[],
        }
    }
}
