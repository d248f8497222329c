//! The legacy era: `initialize`, and sessions where the server has them (MCP 2025-11-25, "Session Management").

use crate::exam::{Exam, LEGACY, SESSION, put, shape};
use crate::seen::{Reply, header, reply};
use crate::table::Check;
use crate::words::quoted;
use http::Method;
use http::header::AUTHORIZATION;
use prokura_egress::{Answer, Ask};
use prokura_mcp::header as mirrored;
use prokura_oauth::json::Object;

/// What can be seen in this era only.
pub(crate) const CHECKS: [Check; 6] = [
    Check::Initialize,
    Check::InitializeVersion,
    Check::SessionId,
    Check::SessionMissing,
    Check::SessionEnded,
    Check::SessionToken,
];

/// A version that never was.
const NONE: &str = "1900-01-01";

/// The session that was begun, if `initialize` was answered, and if sessions are.
pub(crate) async fn initialized(exam: &mut Exam<'_>, answer: &Answer) -> Option<Option<String>> {
    let Reply::Result(result) = reply(answer).0 else { return None };
    let at = exam.at();
    let whole = ["protocolVersion", "capabilities", "serverInfo"].iter().all(|m| result.contains_key(m));
    let got = quoted(&result.keys().collect::<Vec<_>>().join(", "));
    exam.judge(Check::Initialize, &at, whole, "`protocolVersion`, `capabilities`, `serverInfo`", got);
    if let Some(version) = result.str("protocolVersion") {
        exam.versions.push(version.chars().filter(char::is_ascii_graphic).take(16).collect());
    }
    let id = answer.headers.get(SESSION);
    let visible =
        id.is_none_or(|id| !id.is_empty() && id.as_bytes().iter().all(|b| (0x21..=0x7e).contains(b)));
    exam.judge(Check::SessionId, &at, visible, "visible ASCII characters", "others");
    let session = header(&answer.headers, &SESSION).map(str::to_owned);
    greet(exam, session.as_deref()).await;
    Some(session)
}

/// Says that the client is ready, as every client does.
async fn greet(exam: &mut Exam<'_>, session: Option<&str>) {
    let mut ask = exam.legacy("notifications/initialized", Object::new(), session);
    without_id(&mut ask);
    let _ = exam.ask(ask, &[]).await;
}

fn without_id(ask: &mut Ask) {
    let mut message = crate::seen::object(&ask.body).unwrap_or_default();
    message.remove("id");
    ask.body = message.to_vec().into();
}

pub(crate) async fn look(exam: &mut Exam<'_>, session: Option<&str>) {
    let at = exam.at();
    let mut ask = exam.legacy("ping", Object::new(), session);
    put(&mut ask, mirrored::VERSION, NONE);
    if let Some(answer) = exam.ask(ask, &[Check::VersionUnknown]).await {
        exam.judge(Check::VersionUnknown, &at, answer.status == 400, "400", shape(&answer));
    }
    negotiation(exam).await;
    match session {
        Some(session) => sessions(exam, session).await,
        None => {
            let all = [Check::SessionMissing, Check::SessionEnded, Check::SessionToken];
            exam.unseen(&all, "the server begins no sessions");
        }
    }
}

async fn negotiation(exam: &mut Exam<'_>) {
    let at = exam.at();
    let ask = exam.initialize(NONE);
    let Some(answer) = exam.ask(ask, &[Check::InitializeVersion]).await else { return };
    let version = match reply(&answer).0 {
        Reply::Result(result) => result.str("protocolVersion").map(str::to_owned),
        _ => None,
    };
    let right = version.as_deref().is_some_and(|v| v != NONE);
    let got = version.as_deref().map_or_else(|| shape(&answer), quoted);
    exam.judge(Check::InitializeVersion, &at, right, format!("a version that is served, like {LEGACY}"), got);
    if let Some(session) = header(&answer.headers, &SESSION).map(str::to_owned) {
        end(exam, &session).await;
    }
}

async fn sessions(exam: &mut Exam<'_>, session: &str) {
    let at = exam.at();
    let ask = exam.legacy("ping", Object::new(), None);
    if let Some(answer) = exam.ask(ask, &[Check::SessionMissing]).await {
        // A server that needs none may take the request.
        let right = answer.status == 400 || answer.status.is_success();
        exam.judge(Check::SessionMissing, &at, right, "400", shape(&answer));
    }
    without_token(exam, session).await;
    let Some(ended) = end(exam, session).await else { return };
    if !ended.status.is_success() {
        let why = format!("the server lets nobody end a session ({})", ended.status.as_u16());
        return exam.unseen(&[Check::SessionEnded], why);
    }
    let ask = exam.legacy("ping", Object::new(), Some(session));
    if let Some(answer) = exam.ask(ask, &[Check::SessionEnded]).await {
        exam.judge(Check::SessionEnded, &at, answer.status == 404, "404", shape(&answer));
    }
}

async fn without_token(exam: &mut Exam<'_>, session: &str) {
    if exam.token.is_none() {
        return exam.unseen(&[Check::SessionToken], "the server asks for no token");
    }
    let at = exam.at();
    let mut ask = exam.legacy("ping", Object::new(), Some(session));
    ask.headers.remove(AUTHORIZATION);
    if let Some(answer) = exam.ask(ask, &[Check::SessionToken]).await {
        let refused = matches!(answer.status.as_u16(), 401 | 403);
        exam.judge(Check::SessionToken, &at, refused, "401", shape(&answer));
    }
}

/// Ends a session that was begun here.
async fn end(exam: &mut Exam<'_>, session: &str) -> Option<Answer> {
    let mut ask = exam.legacy("ping", Object::new(), Some(session));
    ask.method = Method::DELETE;
    ask.body = bytes::Bytes::new();
    exam.ask(ask, &[Check::SessionEnded]).await
}
