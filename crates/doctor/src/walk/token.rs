//! The token endpoint, asked by a client that nobody knows (OAuth 2.1 §3.2).

use super::server::Server;
use crate::exam::{Exam, STRANGER};
use crate::seen::{is_not_kept, media_type, object};
use crate::table::Check;
use crate::words::quoted;

pub(crate) async fn look(exam: &mut Exam<'_>, server: &Server) {
    let Some(at) = server.endpoint("token_endpoint").map(str::to_owned) else { return };
    exam.watch("the token endpoint");
    refusal(exam, &at).await;
    match exam.net.get(&at).await {
        Ok(answer) => {
            let status = answer.status;
            exam.judge(Check::TokenGet, &at, !status.is_success(), "405", status.as_u16());
        }
        Err(why) => exam.unseen(&[Check::TokenGet], why),
    }
}

async fn refusal(exam: &mut Exam<'_>, at: &str) {
    let (client, code) = (exam.fresh("prokura-doctor-"), exam.fresh("code-"));
    let (verifier, callback) = ("x".repeat(43), format!("https://{STRANGER}/callback"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", callback.as_str()),
        ("client_id", client.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    let checks = [Check::TokenError, Check::TokenErrorKept, Check::TokenClient];
    let answer = match exam.net.post_form(at, &form, &[]).await {
        Ok(answer) => answer,
        Err(why) => return exam.unseen(&checks, why),
    };
    let status = answer.status.as_u16();
    let kind = media_type(&answer.headers);
    let error = object(&answer.body).and_then(|o| o.str("error").map(str::to_owned));
    let json = kind.as_deref() == Some("application/json");
    let got =
        format!("{status} with {}", quoted(error.as_deref().unwrap_or(kind.as_deref().unwrap_or("nothing"))));
    let right = matches!(status, 400 | 401) && json && error.is_some();
    exam.judge(Check::TokenError, at, right, "400 or 401, JSON with `error`", &got);
    if right {
        let kept = !is_not_kept(&answer.headers);
        exam.judge(Check::TokenErrorKept, at, !kept, "`Cache-Control: no-store`", "none");
        exam.judge(
            Check::TokenClient,
            at,
            error.as_deref() == Some("invalid_client"),
            "`invalid_client`",
            &got,
        );
    }
}
