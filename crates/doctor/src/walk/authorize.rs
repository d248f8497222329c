//! The authorization endpoint, asked as a browser would, without anybody signing in (OAuth 2.1 §4.1).

use super::Client;
use super::resource::Resource;
use super::server::Server;
use crate::exam::{Exam, NEEDS_CLIENT, STRANGER};
use crate::net::Unanswered;
use crate::seen::header;
use crate::table::Check;
use crate::words::quoted;
use http::HeaderMap;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY, COOKIE, LOCATION, ORIGIN, SET_COOKIE,
    X_FRAME_OPTIONS,
};
use prokura_egress::Answer;
use prokura_oauth::pkce::CodeVerifier;
use std::collections::BTreeMap;
use std::fmt;
use url::Url;

/// Redirects within the server that are followed.
const MOST_HOPS: usize = 8;

/// What became of a request.
enum Came {
    /// The browser was sent to another place.
    Sent(Url),
    /// A page.
    Page(Box<Page>),
    /// A refusal by status.
    Refused(u16),
}

/// A page, and what tells it from another.
struct Page {
    answer: Answer,
    path: String,
    title: String,
}

impl Page {
    fn is_like(&self, other: &Self) -> bool {
        self.answer.status == other.answer.status && self.path == other.path && self.title == other.title
    }
}

/// A request that would be right.
pub(crate) struct Request {
    parameters: Vec<(&'static str, String)>,
}

impl Request {
    /// A right request of a client.
    pub(crate) fn new(
        exam: &Exam<'_>,
        client: &Client,
        resource: &Resource,
        verifier: &CodeVerifier,
    ) -> Self {
        let mut parameters = vec![
            ("response_type", "code".to_owned()),
            ("client_id", client.id.clone()),
            ("redirect_uri", client.redirect_uri.clone()),
            ("code_challenge", verifier.challenge().as_str().to_owned()),
            ("code_challenge_method", "S256".to_owned()),
            ("state", exam.fresh("doctor-")),
            ("resource", resource.identifier.clone()),
        ];
        if !resource.scopes.is_empty() {
            parameters.push(("scope", resource.scopes.join(" ")));
        }
        Self { parameters }
    }

    fn with(&self, name: &'static str, value: &str) -> Self {
        let mut all = self.without(&[name]).parameters;
        all.push((name, value.to_owned()));
        Self { parameters: all }
    }

    fn without(&self, names: &[&str]) -> Self {
        let kept = self.parameters.iter().filter(|(n, _)| !names.contains(n));
        Self { parameters: kept.cloned().collect() }
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v)
    }

    /// The address where a browser begins.
    pub(crate) fn address(&self, endpoint: &str) -> Option<String> {
        let mut url = Url::parse(endpoint).ok()?;
        url.query_pairs_mut().extend_pairs(&self.parameters);
        Some(url.into())
    }
}

pub(crate) async fn look(exam: &mut Exam<'_>, server: &Server, client: Option<&Client>, resource: &Resource) {
    let Some(at) = server.endpoint("authorization_endpoint").map(str::to_owned) else { return };
    exam.watch("the authorization endpoint");
    let Some(verifier) = verifier(exam) else { return };
    let nobody = Client {
        id: exam.fresh("prokura-doctor-"),
        redirect_uri: format!("https://{STRANGER}/callback"),
        secret: None,
        registration: None,
        registered_at: None,
    };
    let refusal = unknown(exam, &at, &Request::new(exam, &nobody, resource, &verifier)).await;
    let Some(client) = client else {
        return exam.unseen(&WITH_CLIENT, NEEDS_CLIENT);
    };
    let right = Request::new(exam, client, resource, &verifier);
    if let Some(usual) = goes_on(exam, &at, &right).await {
        if refusal.is_some_and(|r| usual.as_ref().is_some_and(|u| r.is_like(u))) {
            let why = "every request is answered with the same page, which says nothing of what comes of it";
            return exam.unseen(&WITH_CLIENT, why);
        }
        redirects(exam, &at, &right, usual.as_deref()).await;
        refusals(exam, &at, server, &right, usual.as_deref()).await;
    }
}

/// What can be seen with a client only.
const WITH_CLIENT: [Check; 10] = [
    Check::AuthorizeForeignRedirect,
    Check::AuthorizeExactRedirect,
    Check::AuthorizePkce,
    Check::AuthorizePlain,
    Check::AuthorizeImplicit,
    Check::AuthorizeResource,
    Check::AuthorizeState,
    Check::AuthorizeIss,
    Check::AuthorizeIssSaid,
    Check::AuthorizeFrame,
];

/// A verifier of 44 characters.
pub(crate) fn verifier(exam: &Exam<'_>) -> Option<CodeVerifier> {
    CodeVerifier::parse(format!("{}{}", exam.fresh(""), exam.fresh(""))).ok()
}

/// Answers with the page that a client gets which nobody knows.
async fn unknown(exam: &mut Exam<'_>, at: &str, request: &Request) -> Option<Box<Page>> {
    let address = request.address(at)?;
    let page = format!("https://{STRANGER}");
    match exam.net.get_with(&address, &[(ORIGIN, &page)]).await {
        Ok(answer) => {
            let status = answer.status.as_u16();
            let serves = !matches!(status, 404 | 405) && status < 500;
            exam.judge(Check::AuthorizeGet, at, serves, "a page, a redirect or a refusal", status);
            let allowed = header(&answer.headers, &ACCESS_CONTROL_ALLOW_ORIGIN);
            let got = allowed.map_or_else(String::new, quoted);
            exam.judge(Check::AuthorizeCors, at, allowed.is_none(), "no `Access-Control-Allow-Origin`", got);
        }
        Err(why) => exam.unseen(&[Check::AuthorizeGet, Check::AuthorizeCors], why),
    }
    match come(exam, &address, request).await {
        Ok(came) => {
            stays(exam, Check::AuthorizeUnknownClient, at, &came, request, None);
            if let Came::Page(page) = came { Some(page) } else { None }
        }
        Err(why) => {
            exam.unseen(&[Check::AuthorizeUnknownClient], why);
            None
        }
    }
}

/// Notes whether the browser was kept from an address that is not the client's.
fn stays(exam: &mut Exam<'_>, check: Check, at: &str, came: &Came, request: &Request, usual: Option<&Page>) {
    let goes = match came {
        Came::Sent(to) => leads_to(to, request.get("redirect_uri")),
        Came::Page(page) => usual.is_some_and(|usual| usual.is_like(page)),
        Came::Refused(_) => false,
    };
    exam.judge(check, at, !goes, "an error page", told(came));
}

/// Whether a right request goes on, and to which page. If it does not, the refusal of a wrong one would say nothing.
async fn goes_on(exam: &mut Exam<'_>, at: &str, request: &Request) -> Option<Option<Box<Page>>> {
    let came = match ask(exam, at, request).await {
        Ok(came) => came,
        Err(why) => {
            exam.unseen(&WITH_CLIENT, why);
            return None;
        }
    };
    if let Came::Page(page) = &came {
        let policy = header(&page.answer.headers, &CONTENT_SECURITY_POLICY).unwrap_or_default();
        let framed =
            !policy.contains("frame-ancestors") && !page.answer.headers.contains_key(X_FRAME_OPTIONS);
        exam.judge(Check::AuthorizeFrame, at, !framed, "`frame-ancestors` or `X-Frame-Options`", "neither");
    }
    let refused = match &came {
        Came::Refused(status) => Some(status.to_string()),
        Came::Sent(to) => parameter(to, "error").map(|e| quoted(&e)),
        Came::Page(_) => None,
    };
    if let Some(why) = refused {
        exam.unseen(&WITH_CLIENT, format!("a right request of this client is refused with {why}"));
        return None;
    }
    Some(if let Came::Page(page) = came { Some(page) } else { None })
}

async fn redirects(exam: &mut Exam<'_>, at: &str, right: &Request, usual: Option<&Page>) {
    let foreign = right.with("redirect_uri", &format!("https://{STRANGER}/callback"));
    let longer = right.with("redirect_uri", &format!("{}/prokura-doctor", right.get("redirect_uri")));
    for (check, request) in
        [(Check::AuthorizeForeignRedirect, foreign), (Check::AuthorizeExactRedirect, longer)]
    {
        match ask(exam, at, &request).await {
            Ok(came) => stays(exam, check, at, &came, &request, usual),
            Err(why) => exam.unseen(&[check], why),
        }
    }
}

async fn refusals(exam: &mut Exam<'_>, at: &str, server: &Server, right: &Request, usual: Option<&Page>) {
    let mut wrong = vec![
        (Check::AuthorizePkce, right.without(&["code_challenge", "code_challenge_method"])),
        (Check::AuthorizeResource, right.with("resource", &format!("https://{STRANGER}/mcp"))),
    ];
    if !server.lists("code_challenge_methods_supported", "plain") {
        wrong.push((Check::AuthorizePlain, right.with("code_challenge_method", "plain")));
    }
    if !server.lists("response_types_supported", "token") {
        wrong.push((Check::AuthorizeImplicit, right.with("response_type", "token")));
    }
    for (check, request) in wrong {
        match ask(exam, at, &request).await {
            Ok(came) => {
                let refused = is_refusal(&came, usual);
                exam.judge(check, at, refused, "a refusal", told(&came));
                if let Came::Sent(to) = &came {
                    answered(exam, at, server, to, request.get("state"));
                }
            }
            Err(why) => exam.unseen(&[check], why),
        }
    }
}

fn is_refusal(came: &Came, usual: Option<&Page>) -> bool {
    match came {
        Came::Refused(_) => true,
        Came::Sent(to) => parameter(to, "error").is_some(),
        Came::Page(page) => !usual.is_some_and(|usual| usual.is_like(page)),
    }
}

/// Judges what an answer to the client carries.
pub(crate) fn answered(exam: &mut Exam<'_>, at: &str, server: &Server, to: &Url, state: &str) {
    if parameter(to, "error").is_none() && parameter(to, "code").is_none() {
        return;
    }
    let got = parameter(to, "state");
    let shown = got.as_deref().map_or_else(|| "none".to_owned(), quoted);
    exam.judge(Check::AuthorizeState, at, got.as_deref() == Some(state), quoted(state), shown);
    let iss = parameter(to, "iss");
    if server.says("authorization_response_iss_parameter_supported") {
        exam.judge(Check::AuthorizeIssSaid, at, true, "", "");
        let right = iss.as_deref() == Some(&server.issuer);
        let shown = iss.as_deref().map_or_else(|| "none".to_owned(), quoted);
        exam.judge(Check::AuthorizeIss, at, right, quoted(&server.issuer), shown);
    } else {
        let said = "`authorization_response_iss_parameter_supported: true`";
        exam.judge(Check::AuthorizeIssSaid, at, iss.is_none(), said, "nothing, though `iss` is sent");
    }
}

/// A parameter of the query or, as of old, of the fragment.
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    let fragment = url.fragment().unwrap_or_default().as_bytes();
    let mut all = url.query_pairs().chain(url::form_urlencoded::parse(fragment));
    all.find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

async fn ask(exam: &Exam<'_>, at: &str, request: &Request) -> Result<Came, Unanswered> {
    match request.address(at) {
        Some(address) => come(exam, &address, request).await,
        None => Ok(Came::Refused(0)),
    }
}

/// Follows the browser within the server until there is a page, or it is sent away; with the cookies that it is given
/// on the way, which are forgotten afterwards.
async fn come(exam: &Exam<'_>, address: &str, request: &Request) -> Result<Came, Unanswered> {
    let mut address = address.to_owned();
    let mut cookies = Cookies::default();
    for _ in 0..MOST_HOPS {
        let sent = cookies.to_string();
        let more = (!sent.is_empty()).then_some((COOKIE, sent.as_str()));
        let answer = exam.net.get_with(&address, more.as_slice()).await?;
        cookies.take(&answer.headers);
        let status = answer.status.as_u16();
        if status >= 400 {
            return Ok(Came::Refused(status));
        }
        let to = header(&answer.headers, &LOCATION).filter(|_| answer.status.is_redirection());
        let here = Url::parse(&address).ok();
        let Some(to) = to.and_then(|to| here.as_ref()?.join(to).ok()) else {
            let path = here.map(|u| u.path().to_owned()).unwrap_or_default();
            return Ok(Came::Page(Box::new(Page { title: title(&answer.body), path, answer })));
        };
        let within = here.is_some_and(|here| here.origin() == to.origin());
        if !within || leads_to(&to, request.get("redirect_uri")) {
            return Ok(Came::Sent(to));
        }
        address = to.into();
    }
    Ok(Came::Refused(0))
}

/// The cookies of one visit: by name alone, for the visit stays within one origin.
#[derive(Default)]
struct Cookies(BTreeMap<String, String>);

impl Cookies {
    fn take(&mut self, headers: &HeaderMap) {
        let set = headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
        for (name, value) in set.filter_map(|c| c.split(';').next()?.split_once('=')) {
            match value.trim() {
                "" => drop(self.0.remove(name.trim())),
                value => drop(self.0.insert(name.trim().to_owned(), value.to_owned())),
            }
        }
    }
}

impl fmt::Display for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
        f.write_str(&pairs.join("; "))
    }
}

/// Whether an address is this redirect URI, but for what was added to it.
fn leads_to(to: &Url, redirect_uri: &str) -> bool {
    let Ok(wanted) = Url::parse(redirect_uri) else { return false };
    to.origin() == wanted.origin() && to.path() == wanted.path()
}

fn told(came: &Came) -> String {
    match came {
        Came::Sent(to) => match parameter(to, "error") {
            Some(error) => format!("sent on to {} with {}", quoted(&place(to)), quoted(&error)),
            None if parameter(to, "code").is_some() => {
                format!("sent on to {} with a code", quoted(&place(to)))
            }
            None => format!("sent on to {}", quoted(&place(to))),
        },
        Came::Page(page) => {
            format!("{}: a page for people, as if the request was right", page.answer.status.as_u16())
        }
        Came::Refused(status) => status.to_string(),
    }
}

/// What stands in the title of a page.
fn title(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let inner = text.split_once("<title").and_then(|(_, rest)| rest.split_once('>'));
    inner
        .and_then(|(_, rest)| rest.split_once("</"))
        .map(|(title, _)| title.trim().to_owned())
        .unwrap_or_default()
}

fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}
