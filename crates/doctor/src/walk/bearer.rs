//! What the server does with tokens that it must not take, and with the one that it must (MCP 2026-07-28, "Token
//! Handling").

use super::challenge::{challenges, shown};
use super::resource::Resource;
use super::server::Server;
use crate::exam::{Exam, NEEDS_TOKEN, bearer, put, shape};
use crate::forge;
use crate::report::Protection;
use crate::seen::reply;
use crate::table::Check;
use crate::words::quoted;
use http::StatusCode;
use http::header::AUTHORIZATION;
use prokura_egress::{Answer, Ask};
use prokura_oauth::json::{Object, Value, obj};

/// An hour, in seconds: the longest that an access token should live.
const HOUR: i64 = 3600;

/// What can be seen with a token only.
const WITH_TOKEN: [Check; 7] = [
    Check::TokenWorks,
    Check::TokenScheme,
    Check::TokenQuery,
    Check::TokenTampered,
    Check::TokenForeign,
    Check::TokenAudience,
    Check::TokenLife,
];

pub(crate) async fn look(
    exam: &mut Exam<'_>,
    resource: Option<&Resource>,
    server: Option<&Server>,
    keys: &[Object],
) {
    if exam.protection != Protection::Token {
        return;
    }
    exam.watch("what it does with tokens that are not valid");
    let token = exam.token.take();
    garbage(exam).await;
    if let (Some(resource), Some(server)) = (resource, server) {
        forged(exam, resource, server, keys).await;
    }
    match token {
        Some(token) => with(exam, token, resource).await,
        None => exam.unseen(&WITH_TOKEN, NEEDS_TOKEN),
    }
}

/// A request that changes nothing, without a token.
fn question(exam: &mut Exam<'_>) -> Ask {
    exam.modern("server/discover", Object::new())
}

async fn garbage(exam: &mut Exam<'_>) {
    let at = exam.at();
    let mut ask = question(exam);
    bearer(&mut ask, &exam.fresh("prokura-doctor-"));
    if let Some(answer) = exam.ask(ask, &[Check::TokenGarbage, Check::TokenChallenge]).await {
        exam.judge(Check::TokenGarbage, &at, answer.status == 401, "401", shape(&answer));
        let all = challenges(&answer.headers).unwrap_or_default();
        let said = all.iter().any(|c| c.parameter("error") == Some("invalid_token"));
        let expected = "`error=\"invalid_token\"`";
        exam.judge(
            Check::TokenChallenge,
            &at,
            said || answer.status != 401,
            expected,
            shown(&answer.headers),
        );
    }
    for value in ["Bearer", "Basic cHJva3VyYTpkb2N0b3I="] {
        let mut ask = question(exam);
        put(&mut ask, AUTHORIZATION, value);
        if let Some(answer) = exam.ask(ask, &[Check::TokenEmpty]).await {
            let right = matches!(answer.status.as_u16(), 400 | 401);
            let got = format!("{} for {}", shape(&answer), quoted(value));
            exam.judge(Check::TokenEmpty, &at, right, "400 or 401", got);
        }
    }
}

/// What a token of the issuer would say.
fn claims(exam: &Exam<'_>, resource: &Resource, server: &Server) -> Object {
    let now = exam.clock.now().micros() / 1_000_000;
    obj([
        ("iss", server.issuer.as_str().into()),
        ("aud", resource.identifier.as_str().into()),
        ("sub", "prokura-doctor".into()),
        ("client_id", "prokura-doctor".into()),
        ("scope", resource.scopes.join(" ").into()),
        ("jti", exam.fresh("doctor-").into()),
        ("iat", now.into()),
        ("exp", (now + 300).into()),
    ])
}

async fn forged(exam: &mut Exam<'_>, resource: &Resource, server: &Server, keys: &[Object]) {
    let claims = claims(exam, resource, server);
    let kid = keys.iter().find_map(|k| k.str("kid")).unwrap_or("prokura-doctor");
    let all = [
        (Check::TokenUnsigned, Some(forge::unsigned(&claims))),
        (Check::TokenForged, forge::forged(kid, &claims)),
        (Check::TokenOwnKey, forge::with_own_key(&claims)),
        (Check::TokenConfused, keys.iter().find_map(|k| forge::confused(k, &claims))),
    ];
    for (check, token) in all {
        match token {
            Some(token) => refuses(exam, check, &token).await,
            None => exam.unseen(&[check], "the server has no key of RSA or on P-256"),
        }
    }
}

/// Notes whether a token is answered with 401.
async fn refuses(exam: &mut Exam<'_>, check: Check, token: &str) {
    let at = exam.at();
    let mut ask = question(exam);
    bearer(&mut ask, token);
    if let Some(answer) = exam.ask(ask, &[check]).await {
        exam.judge(check, &at, answer.status == 401, "401", shape(&answer));
    }
}

/// With a token that should be right.
async fn with(exam: &mut Exam<'_>, token: String, resource: Option<&Resource>) {
    exam.watch("what it does with the token");
    let at = exam.at();
    if let Some(claims) = forge::claims(&token) {
        audience(exam, &claims, resource);
        life(exam, &claims);
    }
    let mut ask = question(exam);
    bearer(&mut ask, &token);
    let Some(answer) = exam.ask(ask, &WITH_TOKEN).await else { return };
    if answer.status.is_server_error() {
        return exam
            .unseen(&WITH_TOKEN, format!("with the token, the server answers with {}", shape(&answer)));
    }
    // 403 says that the token is known and may too little.
    let works = answer.status != 401;
    let got = format!("{}, {}", shape(&answer), shown(&answer.headers));
    exam.judge(Check::TokenWorks, &at, works, "no refusal", got);
    if !works {
        return exam.unseen(&WITH_TOKEN, "the token was not accepted");
    }
    scheme(exam, &token, answer.status).await;
    query(exam, &token).await;
    refuses(exam, Check::TokenTampered, &forge::tampered(&token)).await;
    match exam.options.foreign_token.clone() {
        Some(foreign) => refuses(exam, Check::TokenForeign, foreign.trim()).await,
        None => exam.unseen(
            &[Check::TokenForeign],
            "a token for another resource is needed: `--foreign-token-file FILE`",
        ),
    }
    exam.token = Some(token);
}

fn audience(exam: &mut Exam<'_>, claims: &Object, resource: Option<&Resource>) {
    let Some(resource) = resource else { return };
    let at = exam.at();
    let all: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let right = all.contains(&resource.identifier.as_str());
    let got = quoted(&all.join(", "));
    exam.judge(Check::TokenAudience, &at, right, quoted(&resource.identifier), got);
}

fn life(exam: &mut Exam<'_>, claims: &Object) {
    let at = exam.at();
    let time = |name| claims.get(name).and_then(Value::as_i64);
    let (Some(from), Some(until)) = (time("iat"), time("exp")) else {
        return exam.judge(Check::TokenLife, &at, false, "`iat` and `exp`", "a token without");
    };
    let seconds = until - from;
    exam.judge(Check::TokenLife, &at, seconds <= HOUR, format!("{HOUR} s at most"), format!("{seconds} s"));
}

async fn scheme(exam: &mut Exam<'_>, token: &str, usual: StatusCode) {
    let at = exam.at();
    let mut ask = question(exam);
    put(&mut ask, AUTHORIZATION, &format!("bearer {token}"));
    if let Some(answer) = exam.ask(ask, &[Check::TokenScheme]).await {
        let expected = format!("{}, as for `Bearer`", usual.as_u16());
        exam.judge(Check::TokenScheme, &at, answer.status == usual, expected, shape(&answer));
    }
}

/// The token goes to the server that it is for, but where it must not be looked for.
async fn query(exam: &mut Exam<'_>, token: &str) {
    let at = exam.at();
    let mut url = exam.url.as_url().clone();
    url.query_pairs_mut().append_pair("access_token", token);
    let ask = question(exam);
    match exam.net.ask(url.as_str(), ask).await {
        Ok(answer) => {
            let taken = answer.status.is_success() && took(&answer);
            exam.judge(Check::TokenQuery, &at, !taken, "a refusal", shape(&answer));
        }
        Err(why) => exam.unseen(&[Check::TokenQuery], why),
    }
}

fn took(answer: &Answer) -> bool {
    !matches!(reply(answer).0, crate::seen::Reply::None)
}
