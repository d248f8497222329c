//! The method table: what each method touches, in which era it exists, and which of its parameters say so.
//!
//! Default deny: a method that is not in the table does not exist here, whatever the upstream would make of
//! it. `tasks/list` is left out on purpose: the upstream may know the gateway as one caller, so it cannot list
//! only the tasks of one user (MCP 2025-11-25, "Task Isolation and Access Control").

use crate::envelope::{Call, Message};
use crate::meta;
pub use crate::meta::{CAPABILITIES as META_CAPABILITIES, RELATED_TASK, VERSION as META_VERSION};
use crate::version::Era;
use prokura_core::{Action, ActionKind};
use prokura_oauth::json::{self, Object, Value};
use prokura_oauth::rich::NO_ARGUMENTS;

/// A list whose entries are filtered for each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `tools/list`.
    Tools,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
    /// `prompts/list`.
    Prompts,
}

impl List {
    /// The list of that method.
    pub fn of_method(method: &str) -> Option<Self> {
        match method {
            "tools/list" => Some(Self::Tools),
            "resources/list" => Some(Self::Resources),
            "resources/templates/list" => Some(Self::Templates),
            "prompts/list" => Some(Self::Prompts),
            _ => None,
        }
    }

    /// The member of the result that holds the entries.
    pub fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The member of an entry that names its action.
    pub fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }

    /// The action of an entry of that name or address.
    pub fn action(self, name: &str) -> Action {
        match self {
            Self::Tools => Action::tool(name),
            Self::Resources | Self::Templates => Action::resource(name),
            Self::Prompts => Action::prompt(name),
        }
    }
}

/// What a message touches.
#[derive(Debug, Clone, PartialEq)]
pub enum Touch {
    /// The protocol itself, and nothing behind it.
    Protocol,
    /// These actions; all must be permitted. Never empty.
    Actions(Vec<Action>),
    /// A list.
    List(List),
    /// A task, by its handle: whatever the call that made the task touched.
    Task,
}

/// Why a call has no place in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCall {
    /// The method does not exist in this era.
    #[error("the method is not offered here")]
    Unknown,
    /// The notification does not exist in this era.
    #[error("the notification is not taken here")]
    UnknownNotification,
    /// A parameter that says what is touched is missing or of another type.
    #[error("the parameter `{0}` is missing or mistyped")]
    Parameter(&'static str),
    /// A parameter differs from one that matters only in case.
    #[error("a parameter differs from one of the protocol's only in case")]
    CaseVariant,
    /// The address of a resource leads out of where it seems to be.
    #[error("the address of the resource has a `..` in it: write where it leads")]
    Climbs,
}

/// Parameters that matter to some decision or are rewritten; none may come in another case beside or instead.
const PARAMS: [&str; 14] = [
    "name",
    "uri",
    "arguments",
    "_meta",
    "ref",
    "argument",
    "context",
    "cursor",
    "taskId",
    "task",
    "requestState",
    "inputResponses",
    "notifications",
    "protocolVersion",
];
/// Members of `_meta` that matter.
pub const META: [&str; 4] = [META_VERSION, META_CAPABILITIES, meta::CLIENT, RELATED_TASK];
const REF: [&str; 3] = ["type", "name", "uri"];
const LISTEN: [&str; 5] =
    ["toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions", "taskIds"];
/// So often percents may be written over each other in an address.
const OVER_EACH_OTHER: usize = 4;
/// At most so many resources in one subscription.
const MAX_ACTIONS: usize = 256;

/// Which requests may be answered by a request for input and so carry `requestState` back (MCP 2026-07-28,
/// "Multi Round-Trip Requests").
pub fn takes_state(method: &str) -> bool {
    matches!(method, "tools/call" | "resources/read" | "prompts/get")
}

/// Whether a client says in this message that it can send its user to a page: when a session begins, and in the modern era
/// in every request (MCP 2025-11-25 and 2026-07-28, "Elicitation").
pub fn elicits(message: &Message, era: Era) -> bool {
    let Some(params) = message.call().and_then(|call| call.params.as_ref()) else { return false };
    let capabilities = match era {
        Era::Legacy => params.get("capabilities"),
        Era::Modern => {
            params.get("_meta").and_then(Value::as_object).and_then(|meta| meta.get(META_CAPABILITIES))
        }
    };
    let elicitation = capabilities.and_then(Value::as_object).and_then(|c| c.get("elicitation"));
    elicitation.and_then(Value::as_object).is_some_and(|e| e.get("url").is_some_and(|url| !url.is_null()))
}

/// What a request touches.
///
/// # Errors
/// [`BadCall`] if the method is not in the table of this era or a parameter cannot be read.
pub fn of_request(call: &Call, era: Era) -> Result<Touch, BadCall> {
    check_case(call)?;
    let touch = touched(call, era)?;
    let climbs = |action: &Action| action.kind == ActionKind::Resource && climbs(&action.name);
    match &touch {
        Touch::Actions(actions) if actions.iter().any(climbs) => Err(BadCall::Climbs),
        _ => Ok(touch),
    }
}

fn touched(call: &Call, era: Era) -> Result<Touch, BadCall> {
    let params = call.params.as_ref();
    match (call.method.as_str(), era) {
        ("initialize" | "ping" | "logging/setLevel", Era::Legacy) | ("server/discover", Era::Modern) => {
            Ok(Touch::Protocol)
        }
        ("tools/list", _) => Ok(Touch::List(List::Tools)),
        ("resources/list", _) => Ok(Touch::List(List::Resources)),
        ("resources/templates/list", _) => Ok(Touch::List(List::Templates)),
        ("prompts/list", _) => Ok(Touch::List(List::Prompts)),
        ("tools/call", _) => called(params).map(one),
        ("prompts/get", _) => {
            has_arguments(params)?;
            Ok(one(Action::prompt(text(params, "name")?)))
        }
        ("resources/read", _) | ("resources/subscribe" | "resources/unsubscribe", Era::Legacy) => {
            Ok(one(Action::resource(text(params, "uri")?)))
        }
        ("completion/complete", _) => reference(params).map(one),
        ("subscriptions/listen", Era::Modern) => subscription(params),
        ("tasks/get" | "tasks/cancel", _) | ("tasks/result", Era::Legacy) | ("tasks/update", Era::Modern) => {
            text(params, "taskId").map(|_| Touch::Task)
        }
        _ => Err(BadCall::Unknown),
    }
}

/// Whether some reader could take an address for one of another place: `report/../secret` is below `report/` to who compares
/// its beginning, and is not to who opens it. Written plainly, or in percents, also written over each other; more often than
/// anybody does is as bad.
fn climbs(uri: &str) -> bool {
    let mut bytes = uri.as_bytes().to_vec();
    for _ in 0..=OVER_EACH_OTHER {
        let mut places = bytes.split(|b| matches!(b, b'/' | b'\\' | b'?' | b'#'));
        if places.any(|place| place.split(|b| *b == b';').next() == Some(b"..")) {
            return true;
        }
        let decoded = unescaped(&bytes);
        if decoded.len() == bytes.len() {
            return false;
        }
        bytes = decoded;
    }
    true
}

/// What percents stand for; shorter if there are any.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let pair = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'%');
        let stands = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        out.push(stands.unwrap_or(*byte));
        at += if stands.is_some() { 3 } else { 1 };
    }
    out
}

/// What a notification touches: never anything but the protocol.
///
/// # Errors
/// [`BadCall::UnknownNotification`] if it is not in the table of this era.
pub fn of_notification(call: &Call, era: Era) -> Result<Touch, BadCall> {
    check_case(call)?;
    match (call.method.as_str(), era) {
        ("notifications/cancelled", _)
        | (
            "notifications/initialized"
            | "notifications/progress"
            | "notifications/roots/list_changed"
            | "notifications/tasks/status",
            Era::Legacy,
        ) => Ok(Touch::Protocol),
        _ => Err(BadCall::UnknownNotification),
    }
}

/// The arguments with which a tool is called or a prompt is got, which constraints and policies are evaluated on: none are as
/// an empty object. Nothing else that touches either has arguments.
pub fn arguments(call: &Call) -> Option<&Value> {
    if !matches!(call.method.as_str(), "tools/call" | "prompts/get") {
        return None;
    }
    Some(call.params.as_ref().and_then(|p| p.get("arguments")).unwrap_or(&NO_ARGUMENTS))
}

/// The tool that is called.
fn called(params: Option<&Object>) -> Result<Action, BadCall> {
    has_arguments(params)?;
    Ok(Action::tool(text(params, "name")?))
}

/// Arguments are an object or are not there: a text that holds one is taken apart by some servers, and by nothing that decides.
fn has_arguments(params: Option<&Object>) -> Result<(), BadCall> {
    match params.and_then(|p| p.get("arguments")) {
        None | Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(BadCall::Parameter("arguments")),
    }
}

fn one(action: Action) -> Touch {
    Touch::Actions(vec![action])
}

fn text<'a>(params: Option<&'a Object>, name: &'static str) -> Result<&'a str, BadCall> {
    params.and_then(|p| p.str(name)).filter(|s| !s.is_empty()).ok_or(BadCall::Parameter(name))
}

fn reference(params: Option<&Object>) -> Result<Action, BadCall> {
    let bad = BadCall::Parameter("ref");
    let reference = params.and_then(|p| p.get("ref")).and_then(Value::as_object).ok_or(bad.clone())?;
    if json::case_variant(reference, &REF).is_some() {
        return Err(BadCall::CaseVariant);
    }
    match (reference.str("type"), reference.str("name"), reference.str("uri")) {
        (Some("ref/prompt"), Some(name), None) if !name.is_empty() => Ok(Action::prompt(name)),
        (Some("ref/resource"), None, Some(uri)) if !uri.is_empty() => Ok(Action::resource(uri)),
        _ => Err(bad),
    }
}

fn subscription(params: Option<&Object>) -> Result<Touch, BadCall> {
    let bad = BadCall::Parameter("notifications");
    let filter = params.and_then(|p| p.get("notifications")).and_then(Value::as_object).ok_or(bad.clone())?;
    if json::case_variant(filter, &LISTEN).is_some() {
        return Err(BadCall::CaseVariant);
    }
    let Some(uris) = filter.get("resourceSubscriptions") else { return Ok(Touch::Protocol) };
    let uris = uris.as_array().filter(|u| u.len() <= MAX_ACTIONS).ok_or(bad.clone())?;
    let actions: Option<Vec<_>> = uris.iter().map(|u| u.as_str().map(Action::resource)).collect();
    let actions = actions.ok_or(bad)?;
    Ok(if actions.is_empty() { Touch::Protocol } else { Touch::Actions(actions) })
}

fn check_case(call: &Call) -> Result<(), BadCall> {
    let Some(params) = &call.params else { return Ok(()) };
    let meta = params.get("_meta").and_then(Value::as_object);
    let variant =
        json::case_variant(params, &PARAMS).or_else(|| meta.and_then(|m| json::case_variant(m, &META)));
    if variant.is_some() { Err(BadCall::CaseVariant) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Message;
    use json::Limits;

    fn touch(era: Era, method: &str, params: &str) -> Result<Touch, BadCall> {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let message = Message::parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        of_request(message.call().unwrap(), era)
    }

    #[test]
    fn f07_an_address_is_below_nothing_that_it_climbs_out_of() {
        for odd in [
            "report/../secret/x",
            "..",
            "../x",
            "report/..",
            "report/a/../../secret",
            "report\\..\\secret",
            "report/%2e%2e/secret",
            "report/.%2E/secret",
            "report/%252e%252e/secret",
            "report/%25252e./secret",
            "report/%252525252525252e./secret",
            "report/%25252525252525x",
            "report%2f..%2fsecret",
            "report/..%5csecret",
            "report/..;a=b/secret",
            "report/..?x",
            "file:///srv/report/../../etc/passwd",
        ] {
            for (method, params) in [
                ("resources/read", format!(r#"{{"uri":{}}}"#, Value::from(odd))),
                (
                    "completion/complete",
                    format!(r#"{{"ref":{{"type":"ref/resource","uri":{}}}}}"#, Value::from(odd)),
                ),
            ] {
                assert_eq!(touch(Era::Modern, method, &params), Err(BadCall::Climbs), "{odd}");
            }
            let params =
                format!(r#"{{"notifications":{{"resourceSubscriptions":["a",{}]}}}}"#, Value::from(odd));
            assert_eq!(touch(Era::Modern, "subscriptions/listen", &params), Err(BadCall::Climbs), "{odd}");
        }
        for fine in [
            "report/q1",
            "report/a..b",
            "report/...",
            "report/.",
            "note:..x",
            "report/%20",
            "report/%",
            "a/100%",
        ] {
            let params = format!(r#"{{"uri":{}}}"#, Value::from(fine));
            assert_eq!(
                touch(Era::Modern, "resources/read", &params),
                Ok(one(Action::resource(fine))),
                "{fine}"
            );
        }
        let tool = r#"{"name":"..","arguments":{"path":"../x"}}"#;
        assert_eq!(touch(Era::Modern, "tools/call", tool), Ok(one(Action::tool(".."))));
    }

    #[test]
    fn a_name_is_taken_byte_for_byte() {
        for name in ["x", "X", " x", "x\u{200b}"] {
            let params = format!(r#"{{"name":"{name}"}}"#);
            assert_eq!(touch(Era::Modern, "tools/call", &params), Ok(one(Action::tool(name))));
        }
    }

    #[test]
    fn a_method_of_the_other_era_does_not_exist() {
        for (era, method) in [
            (Era::Modern, "initialize"),
            (Era::Modern, "resources/subscribe"),
            (Era::Modern, "tasks/result"),
            (Era::Legacy, "server/discover"),
            (Era::Legacy, "subscriptions/listen"),
            (Era::Legacy, "tasks/list"),
            (Era::Modern, "tasks/list"),
            (Era::Legacy, "tools/Call"),
            (Era::Legacy, "secret/method"),
        ] {
            assert_eq!(touch(era, method, r#"{"uri":"a","taskId":"t"}"#), Err(BadCall::Unknown), "{method}");
        }
    }

    #[test]
    fn every_way_to_a_resource_touches_it() {
        let uri = r#"{"uri":"file:///a","ref":{"type":"ref/resource","uri":"file:///a"},"notifications":{"resourceSubscriptions":["file:///a"]}}"#;
        let expected = Ok(one(Action::resource("file:///a")));
        for (era, method) in [
            (Era::Modern, "resources/read"),
            (Era::Legacy, "resources/subscribe"),
            (Era::Legacy, "resources/unsubscribe"),
            (Era::Modern, "completion/complete"),
            (Era::Modern, "subscriptions/listen"),
        ] {
            assert_eq!(touch(era, method, uri), expected, "{method}");
        }
    }

    #[test]
    fn what_says_the_action_must_be_there_and_in_its_own_case() {
        assert_eq!(touch(Era::Modern, "tools/call", "{}"), Err(BadCall::Parameter("name")));
        assert_eq!(touch(Era::Modern, "tools/call", r#"{"name":7}"#), Err(BadCall::Parameter("name")));
        for odd in [r#""{\"to\":\"eve\"}""#, r#"[["to","eve"]]"#, "null", "7", "true"] {
            let params = format!(r#"{{"name":"x","arguments":{odd}}}"#);
            assert_eq!(
                touch(Era::Modern, "tools/call", &params),
                Err(BadCall::Parameter("arguments")),
                "{odd}"
            );
        }
        for params in [r#"{"name":"a","Name":"b"}"#, r#"{"NAME":"b"}"#, r#"{"name":"a","_Meta":{}}"#] {
            assert_eq!(touch(Era::Modern, "tools/call", params), Err(BadCall::CaseVariant), "{params}");
        }
        let both = r#"{"ref":{"type":"ref/prompt","name":"p","uri":"u"}}"#;
        assert_eq!(touch(Era::Modern, "completion/complete", both), Err(BadCall::Parameter("ref")));
    }
}
