//! How a client becomes known: documents, dynamic registration (RFC 7591, RFC 7592), or by hand.

use super::Client;
use super::server::Server;
use crate::exam::{Exam, STRANGER, put};
use crate::seen::{is_not_kept, media_type, object};
use crate::table::Check;
use crate::words::quoted;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};
use prokura_egress::{Answer, Ask};
use prokura_oauth::json::{Object, Value, obj};

/// Where refused requests of a client without a browser would lead.
const NOWHERE: &str = "http://127.0.0.1/callback";

/// Judges the ways; answers with a client to go on with, if there is one.
pub(crate) async fn look(exam: &mut Exam<'_>, server: &Server) -> Option<Client> {
    exam.watch("how clients become known");
    let documents = server.says("client_id_metadata_document_supported");
    let endpoint = server.endpoint("registration_endpoint").map(str::to_owned);
    let at = &server.issuer;
    let expected = "`client_id_metadata_document_supported` or `registration_endpoint`";
    exam.judge(Check::RegistrationWay, at, documents || endpoint.is_some(), expected, "neither");
    exam.judge(
        Check::RegistrationDocuments,
        at,
        documents,
        "`client_id_metadata_document_supported: true`",
        "none",
    );
    let made = match &endpoint {
        Some(at) => registering(exam, at).await,
        None => {
            let all = [Check::RegistrationError, Check::RegistrationAnswer, Check::RegistrationRedirect];
            exam.unseen(&all, "the server has no `registration_endpoint`");
            None
        }
    };
    known(exam, server).or(made)
}

/// The client that the person named.
fn known(exam: &Exam<'_>, server: &Server) -> Option<Client> {
    let client = exam.options.client.as_ref()?;
    let secret = client
        .secret
        .as_ref()
        .filter(|(_, issuer)| *issuer == server.issuer)
        .map(|(secret, _)| secret.clone());
    let redirect_uri =
        exam.options.person.as_ref().map_or_else(|| client.redirect_uri.clone(), |p| p.redirect_uri());
    Some(Client { id: client.id.clone(), redirect_uri, secret, registration: None, registered_at: None })
}

async fn registering(exam: &mut Exam<'_>, at: &str) -> Option<Client> {
    wrong(exam, at, &[Check::RegistrationError], "no address at all").await;
    if !exam.options.register {
        let all = [Check::RegistrationAnswer, Check::RegistrationRedirect];
        exam.unseen(&all, "a client has to be registered for it: `--register`");
        return None;
    }
    wrong(exam, at, &[Check::RegistrationRedirect], &format!("http://{STRANGER}/callback")).await;
    let redirect_uri = exam.options.person.as_ref().map_or_else(|| NOWHERE.to_owned(), |p| p.redirect_uri());
    let answer = register(exam, at, &redirect_uri, &[Check::RegistrationAnswer]).await?;
    let registered = object(&answer.body).filter(|_| answer.status == 201);
    let id = registered.as_ref().and_then(|r| r.str("client_id")).map(str::to_owned);
    let echoed = registered.as_ref().is_some_and(|r| r.contains_key("redirect_uris"));
    let kept = !is_not_kept(&answer.headers);
    let got = format!(
        "{}{}{}",
        told(&answer),
        if echoed { "" } else { ", no `redirect_uris`" },
        if kept { ", no `no-store`" } else { "" }
    );
    let right = id.is_some() && echoed && !kept;
    exam.judge(Check::RegistrationAnswer, at, right, "201, `client_id`, `redirect_uris`, `no-store`", got);
    let registered_at = Some(at.to_owned());
    Some(Client { id: id?, redirect_uri, secret: None, registration: registered, registered_at })
}

/// Registers what has to be refused.
async fn wrong(exam: &mut Exam<'_>, at: &str, check: &[Check; 1], redirect_uri: &str) {
    let Some(answer) = register(exam, at, redirect_uri, check).await else { return };
    let code = object(&answer.body).and_then(|o| o.str("error").map(str::to_owned));
    // Who may not register at all is refused before.
    let closed = matches!(answer.status.as_u16(), 401 | 403);
    let right = closed || (answer.status == 400 && code.is_some());
    exam.judge(check[0], at, right, format!("400 and `error` for {}", quoted(redirect_uri)), told(&answer));
    if let Some(made) = object(&answer.body).filter(|_| answer.status.is_success()) {
        delete(exam, at, &made).await;
    }
}

fn told(answer: &Answer) -> String {
    let code = object(&answer.body).and_then(|o| o.str("error").map(quoted));
    let kind = media_type(&answer.headers).unwrap_or_else(|| "no content".to_owned());
    format!("{} with {}", answer.status.as_u16(), code.unwrap_or_else(|| quoted(&kind)))
}

async fn register(exam: &mut Exam<'_>, at: &str, redirect_uri: &str, checks: &[Check]) -> Option<Answer> {
    let texts = |all: &[&str]| all.iter().copied().collect::<Value>();
    let body = obj([
        ("client_name", "Prokura doctor".into()),
        ("redirect_uris", texts(&[redirect_uri])),
        ("grant_types", texts(&["authorization_code", "refresh_token"])),
        ("response_types", texts(&["code"])),
        ("token_endpoint_auth_method", "none".into()),
        ("application_type", "native".into()),
    ]);
    let mut ask = Ask { method: Method::POST, headers: HeaderMap::new(), body: body.to_vec().into() };
    put(&mut ask, CONTENT_TYPE, "application/json");
    put(&mut ask, ACCEPT, "application/json");
    match exam.net.ask(at, ask).await {
        Ok(answer) => Some(answer),
        Err(why) => {
            exam.unseen(checks, why);
            None
        }
    }
}

/// Deletes the client that was registered for this (RFC 7592 §2.3).
pub(crate) async fn forget(exam: &mut Exam<'_>, client: &Client) {
    let Some(registration) = &client.registration else { return };
    let at = client.registered_at.as_deref().unwrap_or_default();
    delete(exam, at, registration).await;
}

/// The server's own token goes back to the server that gave it only.
async fn delete(exam: &Exam<'_>, issued_at: &str, registration: &Object) {
    let (Some(at), Some(token)) =
        (registration.str("registration_client_uri"), registration.str("registration_access_token"))
    else {
        return;
    };
    let origin = |u: &str| url::Url::parse(u).map(|u| u.origin());
    if origin(at).ok() != origin(issued_at).ok() {
        return;
    }
    let mut ask = Ask { method: Method::DELETE, ..Ask::default() };
    put(&mut ask, AUTHORIZATION, &format!("Bearer {token}"));
    // Whether it worked is the server's business: there is nothing more to be done.
    let _ = exam.net.ask(at, ask).await;
}
