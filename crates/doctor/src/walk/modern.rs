//! The modern era: what every request says of itself (MCP 2026-07-28, "Request Metadata").

use super::transport::no_tool;
use crate::exam::{Exam, LEGACY, MODERN, SESSION, put, shape};
use crate::seen::{Reply, media_type, reply, texts};
use crate::table::Check;
use crate::words::quoted;
use http::HeaderName;
use prokura_egress::{Answer, Ask};
use prokura_mcp::{header as mirrored, meta};
use prokura_oauth::json::{Object, Value};

/// What can be seen in this era only.
pub(crate) const CHECKS: [Check; 12] = [
    Check::VersionError,
    Check::VersionMismatch,
    Check::MethodMismatch,
    Check::MethodMissing,
    Check::NameMismatch,
    Check::NameEncoded,
    Check::MetaMissing,
    Check::MethodUnknown,
    Check::Discover,
    Check::StreamBuffering,
    Check::SessionMinted,
    Check::InitializeRefusal,
];

/// Header and body differ (SEP-2243).
const MISMATCH: i64 = -32020;
/// The version is not served.
const UNSUPPORTED: i64 = -32022;
/// A tool that nobody has.
const NO_TOOL: &str = "prokura-doctor-no-such-tool";
/// One whose name has to be encoded in a header.
const NO_TOOL_EITHER: &str = "prokura-doctor-kein-wérkzeug";

/// What `server/discover` told, if that is an answer of the modern era.
pub(crate) fn discovered(exam: &mut Exam<'_>, answer: &Answer) -> Option<Object> {
    let result = match reply(answer).0 {
        Reply::Result(result) => result,
        // Only a modern server knows this error.
        Reply::Error(e) if e.code == UNSUPPORTED => return None,
        _ => return None,
    };
    let versions = texts(&result, "supportedVersions").unwrap_or_default();
    exam.versions
        .extend(versions.iter().map(|v| v.chars().filter(char::is_ascii_graphic).take(16).collect()));
    Some(result)
}

pub(crate) async fn look(exam: &mut Exam<'_>, told: &Object, is_legacy_too: bool) {
    let at = exam.at();
    let versions = texts(told, "supportedVersions").unwrap_or_default();
    let capabilities = told.get("capabilities").and_then(Value::as_object);
    let right = versions.contains(&MODERN) && capabilities.is_some();
    let got = quoted(&told.keys().collect::<Vec<_>>().join(", "));
    exam.judge(
        Check::Discover,
        &at,
        right,
        format!("`supportedVersions` with {MODERN}, `capabilities`"),
        got,
    );
    answer(exam).await;
    version(exam).await;
    mirrored_method(exam).await;
    if capabilities.is_some_and(|c| c.contains_key("tools")) {
        mirrored_name(exam).await;
    } else {
        exam.unseen(&[Check::NameMismatch, Check::NameEncoded], "the server has no tools");
    }
    meta_missing(exam).await;
    unknown(exam).await;
    if is_legacy_too {
        exam.unseen(&[Check::InitializeRefusal], "the server takes `initialize`");
    } else {
        initialize(exam).await;
    }
}

async fn answer(exam: &mut Exam<'_>) {
    let at = exam.at();
    let ask = exam.modern("server/discover", Object::new());
    let Some(answer) = exam.ask(ask, &[Check::SessionMinted, Check::StreamBuffering]).await else { return };
    let minted = answer.headers.contains_key(SESSION);
    exam.judge(Check::SessionMinted, &at, !minted, "no `Mcp-Session-Id`", "one");
    if media_type(&answer.headers).as_deref() == Some("text/event-stream") {
        const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
        let right = answer.headers.get(BUFFERING).is_some_and(|v| v == "no");
        exam.judge(Check::StreamBuffering, &at, right, "`X-Accel-Buffering: no`", "none");
    } else {
        exam.unseen(&[Check::StreamBuffering], "the server answered with no stream");
    }
}

async fn version(exam: &mut Exam<'_>) {
    const NONE: &str = "1900-01-01";
    let at = exam.at();
    let mut ask = exam.modern("server/discover", Object::new());
    put(&mut ask, mirrored::VERSION, NONE);
    say_version(&mut ask, NONE);
    if let Some(answer) = exam.ask(ask, &[Check::VersionUnknown, Check::VersionError]).await {
        exam.judge(Check::VersionUnknown, &at, answer.status == 400, "400", shape(&answer));
        let right = match reply(&answer).0 {
            Reply::Error(e) => {
                e.code == UNSUPPORTED && texts(&e.data, "supported").is_some_and(|s| !s.is_empty())
            }
            _ => false,
        };
        exam.judge(Check::VersionError, &at, right, "-32022 with `supported`", shape(&answer));
    }
    let mut ask = exam.modern("server/discover", Object::new());
    say_version(&mut ask, LEGACY);
    mismatched(exam, Check::VersionMismatch, ask).await;
}

/// Changes the version in the body.
fn say_version(ask: &mut Ask, version: &str) {
    edit(ask, |params| {
        if let Some(meta) = params.get_mut("_meta").and_then(Value::as_object_mut) {
            meta.insert(meta::VERSION, version.into());
        }
    });
}

fn edit(ask: &mut Ask, change: impl FnOnce(&mut Object)) {
    let mut message = crate::seen::object(&ask.body).unwrap_or_default();
    if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
        change(params);
    }
    ask.body = message.to_vec().into();
}

async fn mirrored_method(exam: &mut Exam<'_>) {
    let mut ask = exam.modern("server/discover", Object::new());
    put(&mut ask, mirrored::METHOD, "tools/list");
    mismatched(exam, Check::MethodMismatch, ask).await;
    let mut ask = exam.modern("server/discover", Object::new());
    ask.headers.remove(mirrored::METHOD);
    mismatched(exam, Check::MethodMissing, ask).await;
}

async fn mirrored_name(exam: &mut Exam<'_>) {
    let mut ask = exam.modern("tools/call", no_tool(NO_TOOL));
    put(&mut ask, mirrored::NAME, "prokura-doctor-another");
    mismatched(exam, Check::NameMismatch, ask).await;
    let at = exam.at();
    let mut ask = exam.modern("tools/call", no_tool(NO_TOOL_EITHER));
    put(&mut ask, mirrored::NAME, &mirrored::encode(NO_TOOL_EITHER));
    if let Some(answer) = exam.ask(ask, &[Check::NameEncoded]).await {
        let right = reply(&answer).0.code() != Some(MISMATCH);
        exam.judge(Check::NameEncoded, &at, right, "no `HeaderMismatch`", shape(&answer));
    }
}

async fn mismatched(exam: &mut Exam<'_>, check: Check, ask: Ask) {
    let at = exam.at();
    if let Some(answer) = exam.ask(ask, &[check]).await {
        let right = answer.status == 400 && reply(&answer).0.code() == Some(MISMATCH);
        exam.judge(check, &at, right, "400 with error -32020", shape(&answer));
    }
}

async fn meta_missing(exam: &mut Exam<'_>) {
    let at = exam.at();
    let mut ask = exam.modern("server/discover", Object::new());
    edit(&mut ask, |params| drop(params.remove("_meta")));
    if let Some(answer) = exam.ask(ask, &[Check::MetaMissing]).await {
        let right = answer.status == 400 && reply(&answer).0.is_error();
        exam.judge(Check::MetaMissing, &at, right, "400 with error -32602", shape(&answer));
    }
}

async fn unknown(exam: &mut Exam<'_>) {
    let at = exam.at();
    let ask = exam.modern("prokura/doctor", Object::new());
    if let Some(answer) = exam.ask(ask, &[Check::MethodUnknown]).await {
        let right = answer.status == 404 && reply(&answer).0.code() == Some(-32601);
        exam.judge(Check::MethodUnknown, &at, right, "404 with error -32601", shape(&answer));
    }
}

async fn initialize(exam: &mut Exam<'_>) {
    let at = exam.at();
    let ask = exam.initialize(LEGACY);
    if let Some(answer) = exam.ask(ask, &[Check::InitializeRefusal]).await {
        let named = String::from_utf8_lossy(&answer.body).contains(MODERN);
        exam.judge(
            Check::InitializeRefusal,
            &at,
            named,
            format!("an error that names {MODERN}"),
            shape(&answer),
        );
    }
}
