//! The refusal of a request without a token (RFC 6750 §3, RFC 9728 §5.1).

use super::reach::Reached;
use crate::exam::{Exam, STRANGER};
use crate::table::Check;
use crate::words::quoted;
use http::HeaderMap;
use http::header::{HeaderName, WWW_AUTHENTICATE};
use prokura_egress::Answer;
use prokura_oauth::challenge::Received;
use prokura_oauth::json::Object;

/// What a proxy says of the host that was asked.
pub(crate) const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Judges the refusal; answers where it says the metadata are.
pub(crate) async fn look(exam: &mut Exam<'_>, reached: &Reached) -> Option<String> {
    let refusal = reached.refusal.as_ref()?;
    exam.watch("the refusal of a request without a token");
    let at = exam.at();
    let status = refusal.status.as_u16();
    exam.judge(Check::ChallengeStatus, &at, status == 401, "401", status);
    let present = refusal.headers.contains_key(WWW_AUTHENTICATE);
    exam.judge(Check::ChallengeHeader, &at, present || status != 401, "`WWW-Authenticate`", "none");
    let hint = if present { header(exam, refusal) } else { None };
    forwarded(exam).await;
    hint
}

fn header(exam: &mut Exam<'_>, refusal: &Answer) -> Option<String> {
    let at = exam.at();
    let line = shown(&refusal.headers);
    let read = challenges(&refusal.headers);
    let why = read.as_ref().err().cloned().unwrap_or_default();
    exam.judge(
        Check::ChallengeForm,
        &at,
        read.is_ok(),
        "`Bearer name=\"value\", …`",
        format!("{line}: {why}"),
    );
    let all = read.ok()?;
    // Where only bound tokens are taken, it is `DPoP` (RFC 9449 §7.1).
    let bearer = all.iter().find(|c| c.is("Bearer")).or_else(|| all.iter().find(|c| c.is("DPoP")));
    exam.judge(Check::ChallengeScheme, &at, bearer.is_some(), "`Bearer`", &line);
    let bearer = bearer?;
    let metadata = bearer.parameter("resource_metadata").map(str::to_owned);
    exam.judge(Check::ChallengeMetadata, &at, metadata.is_some(), "`resource_metadata`", &line);
    let scope = bearer.parameter("scope");
    exam.judge(Check::ChallengeScope, &at, scope.is_some(), "`scope`", &line);
    let offline = scope.is_some_and(|s| s.split(' ').any(|s| s == "offline_access"));
    exam.judge(Check::ChallengeOffline, &at, !offline, "a scope without `offline_access`", &line);
    let error = bearer.parameter("error");
    exam.judge(Check::ChallengeError, &at, error.is_none(), "no `error`", &line);
    metadata
}

/// The challenges of an answer, or why they cannot be read.
pub(crate) fn challenges(headers: &HeaderMap) -> Result<Vec<Received>, String> {
    Received::read(headers.get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::as_bytes))
        .map_err(|e| e.to_string())
}

/// The header for a person.
pub(crate) fn shown(headers: &HeaderMap) -> String {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter();
    let all: Vec<_> = lines.map(|l| quoted(&String::from_utf8_lossy(l.as_bytes()))).collect();
    if all.is_empty() { "no `WWW-Authenticate`".to_owned() } else { all.join(" and ") }
}

/// Whether the challenge repeats what the request says of its host.
async fn forwarded(exam: &mut Exam<'_>) {
    let token = exam.token.take();
    let mut ask = exam.modern("server/discover", Object::new());
    exam.token = token;
    crate::exam::put(&mut ask, FORWARDED_HOST, STRANGER);
    crate::exam::put(&mut ask, http::header::FORWARDED, &format!("host={STRANGER}"));
    let Some(answer) = exam.ask(ask, &[]).await else { return };
    let line = shown(&answer.headers);
    let at = exam.at();
    exam.judge(
        Check::ResourceForwarded,
        &at,
        !line.contains(STRANGER),
        "the host of the configuration",
        line,
    );
}
