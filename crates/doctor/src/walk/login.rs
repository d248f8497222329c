//! With somebody who signs in: the code, the tokens, their renewal (OAuth 2.1 §4.1.3, §4.3).

use super::Client;
use super::authorize::{Request, answered, parameter, verifier};
use super::resource::Resource;
use super::server::Server;
use crate::exam::Exam;
use crate::seen::{is_not_kept, object};
use crate::table::Check;
use crate::words::quoted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use prokura_egress::Answer;
use prokura_oauth::json::{Object, Value};

/// What a login shows only.
const OF_LOGIN: [Check; 5] = [
    Check::TokenAnswer,
    Check::TokenAnswerKept,
    Check::CodeReuse,
    Check::RefreshRotation,
    Check::RefreshReuse,
];
/// What is done on purpose only.
const INVASIVE: &str = "it ends the login that it is tried with: `--invasive`";

/// A login, as far as it has to be ended.
pub(crate) struct Login {
    /// How the code was redeemed.
    redeemed: Vec<(&'static str, String)>,
    /// Refresh tokens, the oldest first.
    refresh: Vec<String>,
    access: String,
}

pub(crate) async fn look(
    exam: &mut Exam<'_>,
    server: &Server,
    client: Option<&Client>,
    resource: &Resource,
) -> Option<Login> {
    let Some(person) = exam.options.person.clone() else {
        exam.unseen(&OF_LOGIN, "somebody has to sign in: `--login`");
        return None;
    };
    let Some(client) = client else {
        exam.unseen(&OF_LOGIN, crate::exam::NEEDS_CLIENT);
        return None;
    };
    exam.watch("signing in; your browser is asked");
    let verifier = verifier(exam)?;
    let request = Request::new(exam, client, resource, &verifier);
    let at = server.endpoint("authorization_endpoint")?.to_owned();
    let back = match person.sign_in(&request.address(&at)?).await {
        Ok(back) => back,
        Err(why) => {
            exam.unseen(&OF_LOGIN, format!("nobody signed in: {why}"));
            return None;
        }
    };
    let back = url::Url::parse(&back).ok()?;
    answered(exam, &at, server, &back, request.get("state"));
    let Some(code) = parameter(&back, "code") else {
        let error = parameter(&back, "error").unwrap_or_default();
        exam.unseen(&OF_LOGIN, format!("the server answered the login with {}", quoted(&error)));
        return None;
    };
    let redeemed = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code),
        ("redirect_uri", client.redirect_uri.clone()),
        ("client_id", client.id.clone()),
        ("code_verifier", verifier.reveal().to_owned()),
        ("resource", resource.identifier.clone()),
    ];
    redeem(exam, server, client, redeemed).await
}

async fn redeem(
    exam: &mut Exam<'_>,
    server: &Server,
    client: &Client,
    form: Vec<(&'static str, String)>,
) -> Option<Login> {
    let at = server.endpoint("token_endpoint")?.to_owned();
    let answer = post(exam, &at, client, &form).await?;
    let tokens = object(&answer.body).unwrap_or_default();
    let access = tokens.str("access_token").map(str::to_owned);
    let bearer = tokens.str("token_type").is_some_and(|t| t.eq_ignore_ascii_case("Bearer"));
    let right = answer.status == 200 && access.is_some() && bearer;
    let error = tokens.str("error").map(quoted).unwrap_or_default();
    let got = format!("{} {error}", answer.status.as_u16());
    exam.judge(Check::TokenAnswer, &at, right, "200, `access_token`, `token_type` `Bearer`", got.trim());
    let access = access?;
    let kept = !is_not_kept(&answer.headers);
    exam.judge(Check::TokenAnswerKept, &at, !kept, "`Cache-Control: no-store`", "none");
    let life = tokens.get("expires_in").and_then(Value::as_i64);
    let got = life.map_or_else(|| "no `expires_in`".to_owned(), |l| format!("{l} s"));
    exam.judge(Check::TokenLife, &at, life.is_some_and(|l| l <= 3600), "`expires_in` of 3600 at most", got);
    let mut login = Login { redeemed: form, refresh: refresh_of(&tokens), access };
    renew(exam, &at, client, &mut login).await;
    exam.token = Some(login.access.clone());
    Some(login)
}

fn refresh_of(tokens: &Object) -> Vec<String> {
    tokens.str("refresh_token").map(str::to_owned).into_iter().collect()
}

/// Renews twice, so that the first refresh token is followed by two others.
async fn renew(exam: &mut Exam<'_>, at: &str, client: &Client, login: &mut Login) {
    let checks = [Check::RefreshRotation, Check::RefreshReuse];
    if login.refresh.is_empty() {
        return exam.unseen(&checks, "the server gave no refresh token");
    }
    for _ in 0..2 {
        let Some(last) = login.refresh.last().cloned() else { return };
        let Some(answer) = post(exam, at, client, &renewal(&last, client)).await else { return };
        let tokens = object(&answer.body).unwrap_or_default();
        if answer.status != 200 {
            return exam.unseen(&checks, format!("a renewal is answered with {}", answer.status.as_u16()));
        }
        if let Some(access) = tokens.str("access_token") {
            access.clone_into(&mut login.access);
        }
        let fresh = tokens.str("refresh_token").filter(|t| *t != last).map(str::to_owned);
        if client.secret.is_none() {
            let right = fresh.is_some();
            exam.judge(Check::RefreshRotation, at, right, "a new refresh token", "the same, or none");
        }
        login.refresh.extend(fresh);
    }
}

fn renewal(token: &str, client: &Client) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", token.to_owned()),
        ("client_id", client.id.clone()),
    ]
}

async fn post(exam: &Exam<'_>, at: &str, client: &Client, form: &[(&'static str, String)]) -> Option<Answer> {
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let encoded = |s: &str| url::form_urlencoded::byte_serialize(s.as_bytes()).collect::<String>();
    let basic = client.secret.as_ref().map(|secret| {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(&client.id), encoded(secret))))
    });
    let more: Vec<_> = basic.iter().map(|b| (AUTHORIZATION, b.as_str())).collect();
    exam.net.post_form(at, &form, &more).await.ok()
}

/// Ends the login: by using again what was used, if that is wanted, and by giving the tokens back (RFC 7009).
pub(crate) async fn end(exam: &mut Exam<'_>, server: &Server, client: &Client, login: Login) {
    let Some(at) = server.endpoint("token_endpoint").map(str::to_owned) else { return };
    if exam.options.invasive {
        exam.watch("whether what was used can be used again");
        if let [oldest, _, _, ..] = login.refresh.as_slice() {
            again(exam, Check::RefreshReuse, &at, client, &renewal(oldest, client)).await;
        }
        again(exam, Check::CodeReuse, &at, client, &login.redeemed).await;
    } else {
        exam.unseen(&[Check::CodeReuse, Check::RefreshReuse], INVASIVE);
    }
    let Some(at) = server.endpoint("revocation_endpoint").map(str::to_owned) else { return };
    for token in login.refresh.last().into_iter().chain([&login.access]) {
        let form = [("token", token.clone()), ("client_id", client.id.clone())];
        let _ = post(exam, &at, client, &form).await;
    }
}

async fn again(
    exam: &mut Exam<'_>,
    check: Check,
    at: &str,
    client: &Client,
    form: &[(&'static str, String)],
) {
    let Some(answer) = post(exam, at, client, form).await else { return };
    let tokens = object(&answer.body).unwrap_or_default();
    let given = answer.status.is_success() && tokens.contains_key("access_token");
    let error = tokens.str("error").map_or_else(|| "with tokens".to_owned(), quoted);
    let got = format!("{} {error}", answer.status.as_u16());
    exam.judge(check, at, !given, "400 `invalid_grant`", got);
}
