//! Streamable HTTP, in whichever era the server speaks.

use super::{legacy, modern};
use crate::exam::{Exam, LEGACY, NEEDS_TOKEN, STRANGER, id_of, put, shape};
use crate::seen::{Reply, header, media_type, reply};
use crate::table::Check;
use crate::words::quoted;
use http::Method;
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HOST, ORIGIN,
};
use prokura_egress::{Answer, Ask};
use prokura_mcp::header as mirrored;
use prokura_oauth::json::{Object, Value, obj};

/// What the server speaks.
#[derive(Debug, Default)]
pub(crate) struct Spoken {
    /// What `server/discover` told, if the modern era is served.
    pub(crate) modern: Option<Object>,
    /// The legacy era is served, with the session that was begun, if sessions are.
    pub(crate) legacy: Option<Option<String>>,
}

/// What a foreign page and another host get, where nothing else can be seen without a token.
pub(crate) async fn look_from_outside(exam: &mut Exam<'_>) {
    exam.watch("what foreign pages get");
    let page = format!("https://{STRANGER}");
    let mut ask = exam.modern("server/discover", Object::new());
    put(&mut ask, ORIGIN, &page);
    if let Some(answer) = exam.ask(ask, &[Check::Origin, Check::CrossOrigin]).await {
        cross_origin(exam, &answer, &page);
        match answer.status.as_u16() {
            401 => exam.unseen(&[Check::Origin], NEEDS_TOKEN),
            status => origin(exam, status == 403, &answer),
        }
    }
    let mut ask = exam.modern("server/discover", Object::new());
    put(&mut ask, HOST, STRANGER);
    if let Some(answer) = exam.ask(ask, &[Check::Host]).await {
        match answer.status.as_u16() {
            401 => exam.unseen(&[Check::Host], NEEDS_TOKEN),
            _ => host(exam, &answer),
        }
    }
}

/// All of it.
pub(crate) async fn look(exam: &mut Exam<'_>) {
    exam.watch("which versions it speaks");
    let (spoken, answers) = spoken(exam).await;
    if spoken.modern.is_none() && spoken.legacy.is_none() {
        let all: Vec<_> =
            Check::ALL.iter().filter(|c| c.row().group == crate::Group::Transport).copied().collect();
        return exam.unseen(&all, format!("the server speaks in no era: {}", answers.join(", ")));
    }
    exam.watch("the transport");
    pages(exam, &spoken).await;
    bodies(exam, &spoken).await;
    get(exam, &spoken).await;
    match &spoken.modern {
        Some(told) => modern::look(exam, told, spoken.legacy.is_some()).await,
        None => exam.unseen(&modern::CHECKS, "the server does not speak the modern era"),
    }
    match &spoken.legacy {
        Some(session) => legacy::look(exam, session.as_deref()).await,
        None => exam.unseen(&legacy::CHECKS, "the server does not speak the legacy era"),
    }
}

/// What is spoken, and what the two questions were answered with.
async fn spoken(exam: &mut Exam<'_>) -> (Spoken, Vec<String>) {
    let (mut spoken, mut answers) = (Spoken::default(), Vec::new());
    let ask = exam.modern("server/discover", Object::new());
    if let Some(answer) = exam.ask(ask, &[Check::Discover]).await {
        spoken.modern = modern::discovered(exam, &answer);
        answers.push(format!("`server/discover` is answered with {}", shape(&answer)));
    }
    let ask = exam.initialize(LEGACY);
    if let Some(answer) = exam.ask(ask, &[Check::Initialize]).await {
        spoken.legacy = legacy::initialized(exam, &answer).await;
        answers.push(format!("`initialize` with {}", shape(&answer)));
    }
    (spoken, answers)
}

/// A request that changes nothing, in an era that is spoken.
fn harmless(exam: &mut Exam<'_>, spoken: &Spoken) -> Ask {
    match &spoken.legacy {
        Some(session) if spoken.modern.is_none() => exam.legacy("ping", Object::new(), session.as_deref()),
        _ => exam.modern("server/discover", Object::new()),
    }
}

async fn pages(exam: &mut Exam<'_>, spoken: &Spoken) {
    let page = format!("https://{STRANGER}");
    let mut ask = harmless(exam, spoken);
    put(&mut ask, ORIGIN, &page);
    if let Some(answer) = exam.ask(ask, &[Check::Origin, Check::CrossOrigin]).await {
        cross_origin(exam, &answer, &page);
        origin(exam, answer.status == 403, &answer);
    }
    let mut ask = harmless(exam, spoken);
    put(&mut ask, HOST, STRANGER);
    if let Some(answer) = exam.ask(ask, &[Check::Host]).await {
        host(exam, &answer);
    }
}

fn origin(exam: &mut Exam<'_>, holds: bool, answer: &Answer) {
    let at = exam.at();
    exam.judge(Check::Origin, &at, holds, format!("403 for `Origin: https://{STRANGER}`"), shape(answer));
}

fn host(exam: &mut Exam<'_>, answer: &Answer) {
    let at = exam.at();
    let refused = !answer.status.is_success();
    exam.judge(Check::Host, &at, refused, format!("a refusal of `Host: {STRANGER}`"), shape(answer));
}

fn cross_origin(exam: &mut Exam<'_>, answer: &Answer, page: &str) {
    let at = exam.at();
    let origin = header(&answer.headers, &ACCESS_CONTROL_ALLOW_ORIGIN);
    let with = header(&answer.headers, &ACCESS_CONTROL_ALLOW_CREDENTIALS) == Some("true");
    let open = origin == Some(page) && with;
    let got = format!("`Access-Control-Allow-Origin: {page}` with credentials");
    exam.judge(Check::CrossOrigin, &at, !open, "no leave for a foreign page", got);
}

/// What may stand in a body, and as what.
async fn bodies(exam: &mut Exam<'_>, spoken: &Spoken) {
    let at = exam.at();
    let ask = harmless(exam, spoken);
    let id = id_of(&ask);
    if let Some(answer) = exam.ask(ask, &[Check::AnswerType, Check::AnswerForm]).await {
        let kind = media_type(&answer.headers).unwrap_or_default();
        let right = ["application/json", "text/event-stream"].contains(&kind.as_str());
        exam.judge(Check::AnswerType, &at, right, "`application/json` or `text/event-stream`", quoted(&kind));
        let message = reply(&answer).1.unwrap_or_default();
        let right = message.str("jsonrpc") == Some("2.0") && message.get("id") == id.as_ref();
        exam.judge(
            Check::AnswerForm,
            &at,
            right,
            "`jsonrpc` 2.0 and the id of the request",
            quoted(&message_text(&message)),
        );
    }
    let plain = |ask: &mut Ask| put(ask, CONTENT_TYPE, "text/plain");
    refuses(exam, spoken, Check::SimpleRequest, "a refusal of `text/plain`", plain).await;
    let nonsense = |ask: &mut Ask| ask.body = "{\"jsonrpc\": nonsense".into();
    refuses(exam, spoken, Check::NotJson, "400 or an error", nonsense).await;
    let batch = |ask: &mut Ask| ask.body = [b"[", &ask.body[..], b",", &ask.body[..], b"]"].concat().into();
    refuses(exam, spoken, Check::Batch, "400 or an error", batch).await;
    let twice = |ask: &mut Ask| ask.body = [b"{\"jsonrpc\":\"2.0\",", &ask.body[1..]].concat().into();
    refuses(exam, spoken, Check::Twice, "400 or an error", twice).await;
    notification(exam, spoken).await;
}

fn message_text(message: &Object) -> String {
    let mut short = message.clone();
    short.remove("result");
    Value::Object(short).to_string()
}

/// Notes whether a request that was spoiled is refused: by the status, or by a JSON-RPC error; never by a fault.
async fn refuses(
    exam: &mut Exam<'_>,
    spoken: &Spoken,
    check: Check,
    expected: &str,
    spoil: impl Fn(&mut Ask),
) {
    let at = exam.at();
    let mut ask = harmless(exam, spoken);
    spoil(&mut ask);
    if let Some(answer) = exam.ask(ask, &[check]).await {
        let refused = answer.status.is_client_error()
            || (answer.status.is_success() && matches!(reply(&answer).0, Reply::Error(_)));
        exam.judge(check, &at, refused, expected, shape(&answer));
    }
}

async fn notification(exam: &mut Exam<'_>, spoken: &Spoken) {
    let at = exam.at();
    let mut ask = harmless(exam, spoken);
    let mut message = crate::seen::object(&ask.body).unwrap_or_default();
    message.remove("id");
    message.insert("method", "notifications/prokura_doctor".into());
    ask.body = message.to_vec().into();
    if spoken.modern.is_some() {
        put(&mut ask, mirrored::METHOD, "notifications/prokura_doctor");
    }
    if let Some(answer) = exam.ask(ask, &[Check::Notification]).await {
        let accepted = answer.status == 202 && answer.body.is_empty();
        let right = accepted || answer.status.is_client_error();
        exam.judge(Check::Notification, &at, right, "202 without content, or 400", shape(&answer));
    }
}

async fn get(exam: &mut Exam<'_>, spoken: &Spoken) {
    let at = exam.at();
    let mut ask = match &spoken.legacy {
        Some(session) => exam.legacy("ping", Object::new(), session.as_deref()),
        None => harmless(exam, spoken),
    };
    ask.method = Method::GET;
    ask.body = bytes::Bytes::new();
    ask.headers.remove(CONTENT_TYPE);
    put(&mut ask, ACCEPT, "text/event-stream");
    match exam.net.listen(exam.url.as_str(), ask).await {
        Ok(answer) => {
            let stream =
                answer.status == 200 && media_type(&answer.headers).as_deref() == Some("text/event-stream");
            let right = stream || answer.status == 405;
            exam.judge(Check::Get, &at, right, "405, or 200 with `text/event-stream`", shape(&answer));
        }
        Err(why) => exam.unseen(&[Check::Get], why),
    }
}

/// Parameters of a request for a tool that nobody has.
pub(crate) fn no_tool(name: &str) -> Object {
    obj([("name", name.into()), ("arguments", Object::new().into())])
}
