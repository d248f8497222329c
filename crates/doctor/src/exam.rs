//! One examination under way: what was asked, what held, what did not.

use crate::net::Net;
use crate::report::{Finding, Protection, Report, Trouble};
use crate::seen::{Reply, reply};
use crate::table::Check;
use crate::{Options, Watch};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use prokura_core::{Clock, Rng, random_id};
use prokura_egress::{Answer, Ask, FetchUrl};
use prokura_mcp::{header as mirrored, meta};
use prokura_oauth::json::{Object, Value, obj};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

/// The modern version that is spoken here.
pub(crate) const MODERN: &str = "2026-07-28";
/// The legacy version that is spoken here.
pub(crate) const LEGACY: &str = "2025-11-25";
/// A host that can never exist (RFC 6761 §6.4).
pub(crate) const STRANGER: &str = "prokura-doctor.invalid";
/// Why much cannot be seen without a login.
pub(crate) const NEEDS_TOKEN: &str = "a token is needed: `--token-file FILE`, or `--login`";
/// Why much of the authorization endpoint cannot be seen.
pub(crate) const NEEDS_CLIENT: &str = "a client is needed: `--client-id ID`, or `--register`";

pub(crate) struct Exam<'a> {
    pub(crate) net: Net,
    pub(crate) options: &'a Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    watch: &'a dyn Watch,
    /// The address of the server, as it was named.
    pub(crate) url: FetchUrl,
    /// The token that lets requests in, once there is one.
    pub(crate) token: Option<String>,
    pub(crate) protection: Protection,
    pub(crate) issuers: Vec<String>,
    pub(crate) versions: Vec<String>,
    findings: Vec<Finding>,
    held: BTreeSet<Check>,
    unseen: BTreeMap<Check, String>,
    next_id: u64,
}

impl<'a> Exam<'a> {
    pub(crate) fn new(
        url: FetchUrl,
        options: &'a Options,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        watch: &'a dyn Watch,
    ) -> Self {
        Self {
            net: Net::new(url.clone(), options, Arc::clone(&clock)),
            options,
            clock,
            rng,
            watch,
            url,
            token: options.token.as_ref().map(|t| t.trim().to_owned()),
            protection: Protection::Unknown,
            issuers: Vec::new(),
            versions: Vec::new(),
            findings: Vec::new(),
            held: BTreeSet::new(),
            unseen: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// Says what is looked at now.
    pub(crate) fn watch(&self, what: &str) {
        self.watch.looks_at(what);
    }

    /// Notes whether a check holds at a place.
    pub(crate) fn judge(
        &mut self,
        check: Check,
        at: &str,
        holds: bool,
        expected: impl Display,
        received: impl Display,
    ) {
        if holds {
            self.held.insert(check);
            return;
        }
        let (expected, received) = (expected.to_string(), received.to_string());
        let finding = Finding { check, at: at.to_owned(), expected, received };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Notes why a check could not be made.
    pub(crate) fn unseen(&mut self, checks: &[Check], why: impl Display) {
        for check in checks {
            self.unseen.entry(*check).or_insert_with(|| why.to_string());
        }
    }

    /// The address of the server.
    pub(crate) fn at(&self) -> String {
        self.url.as_str().to_owned()
    }

    /// A name that nobody else uses.
    pub(crate) fn fresh(&self, prefix: &str) -> String {
        random_id(prefix, &*self.rng)
    }

    /// A modern request, with the token if there is one.
    pub(crate) fn modern(&mut self, method: &str, params: Object) -> Ask {
        let meta = obj([
            (meta::VERSION, MODERN.into()),
            (meta::CLIENT, software().into()),
            (meta::CAPABILITIES, Object::new().into()),
        ]);
        let mut params = params;
        params.insert("_meta", meta.into());
        let mut ask = self.message(method, params);
        put(&mut ask, mirrored::VERSION, MODERN);
        put(&mut ask, mirrored::METHOD, method);
        ask
    }

    /// A legacy request in a session, with the token if there is one.
    pub(crate) fn legacy(&mut self, method: &str, params: Object, session: Option<&str>) -> Ask {
        let mut ask = self.message(method, params);
        if method != "initialize" {
            put(&mut ask, mirrored::VERSION, LEGACY);
        }
        if let Some(session) = session {
            put(&mut ask, SESSION, session);
        }
        ask
    }

    /// `initialize` of the legacy era.
    pub(crate) fn initialize(&mut self, version: &str) -> Ask {
        let params = obj([
            ("protocolVersion", version.into()),
            ("capabilities", Object::new().into()),
            ("clientInfo", software().into()),
        ]);
        self.legacy("initialize", params, None)
    }

    fn message(&mut self, method: &str, params: Object) -> Ask {
        self.next_id += 1;
        let message = obj([
            ("jsonrpc", "2.0".into()),
            ("id", self.next_id.into()),
            ("method", method.into()),
            ("params", params.into()),
        ]);
        self.post(message.to_vec())
    }

    /// A POST of these bytes to the server, with the token if there is one.
    pub(crate) fn post(&self, body: Vec<u8>) -> Ask {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let mut ask = Ask { method: Method::POST, headers, body: Bytes::from(body) };
        if let Some(token) = &self.token {
            bearer(&mut ask, token);
        }
        ask
    }

    /// Asks the server; without an answer, the checks cannot be seen.
    pub(crate) async fn ask(&mut self, ask: Ask, for_checks: &[Check]) -> Option<Answer> {
        match self.net.ask(self.url.as_str(), ask).await {
            Ok(answer) => Some(answer),
            Err(why) => {
                self.unseen(for_checks, why);
                None
            }
        }
    }

    /// Ends the examination.
    pub(crate) fn report(self, trouble: Option<Trouble>) -> Report {
        let Self { net, url, mut findings, mut held, mut unseen, protection, issuers, versions, .. } = self;
        findings.sort_by_key(|f| f.check);
        for finding in &findings {
            held.remove(&finding.check);
        }
        let seen = |c: &Check| held.contains(c) || findings.iter().any(|f| f.check == *c);
        unseen.retain(|c, _| !seen(c));
        let rest: Vec<_> =
            Check::ALL.iter().filter(|c| !seen(c) && !unseen.contains_key(*c)).copied().collect();
        for check in rest {
            unseen.insert(check, "nothing of this server led there".to_owned());
        }
        Report {
            url: url.as_str().to_owned(),
            trouble,
            protection,
            issuers,
            versions,
            findings,
            held: held.into_iter().collect(),
            unseen: unseen.into_iter().collect(),
            requests: net.asked(),
        }
    }
}

/// `Mcp-Session-Id` of the legacy era.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

fn software() -> Object {
    obj([("name", "prokura-doctor".into()), ("version", env!("CARGO_PKG_VERSION").into())])
}

/// Sets a header of a request.
pub(crate) fn put(ask: &mut Ask, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        ask.headers.insert(name, value);
    }
}

/// Puts a token into a request.
pub(crate) fn bearer(ask: &mut Ask, token: &str) {
    if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {token}")) {
        value.set_sensitive(true);
        ask.headers.insert(AUTHORIZATION, value);
    }
}

/// In a few words, what an answer is.
pub(crate) fn shape(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let kind = crate::seen::media_type(&answer.headers);
    match (reply(answer).0, kind) {
        (Reply::Result(_), _) => format!("{status} with a result"),
        (Reply::Error(e), _) => {
            format!("{status} with error {}: {}", e.code, crate::words::quoted(&e.message))
        }
        (Reply::None, Some(kind)) if !answer.body.is_empty() => {
            format!("{status} with {}", crate::words::quoted(&kind))
        }
        (Reply::None, _) => status.to_string(),
    }
}

/// The id of a message, as it was sent.
pub(crate) fn id_of(ask: &Ask) -> Option<Value> {
    crate::seen::object(&ask.body)?.remove("id")
}
