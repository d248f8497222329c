//! What leaves: few requests, bounded in size and time, to addresses that the person named or that are public.

use crate::Options;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use prokura_core::{Clock, Timestamp};
use prokura_egress::{
    AllowList, Answer, Ask, Egress, EgressConfig, EgressError, FetchUrl, InvalidUrl, Reading, Resolver,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// No examination makes more requests.
const MOST_REQUESTS: u32 = 250;
/// No examination goes on for longer.
const LONGEST: Duration = Duration::from_secs(180);
/// So many requests without an answer one after the other, and nobody is there any more.
const MOST_SILENCES: u32 = 3;

const READING: Reading = Reading {
    max_bytes: 256 * 1024,
    deadline: Duration::from_secs(10),
    enough: |head, body| event_came(head, body),
};

/// A stream that nobody writes to is looked at for so long.
const LISTENING: Reading = Reading { max_bytes: 4096, deadline: Duration::from_secs(3), enough: |_, _| true };

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The address cannot be asked.
    #[error("`{0}` cannot be asked: {1}")]
    Url(String, InvalidUrl),
    /// Nothing came back, or it may not be asked.
    #[error("{}", said(.0))]
    Egress(EgressError),
    /// Enough was asked.
    #[error("the examination was ended: it asks {MOST_REQUESTS} times at most, for {} s", LONGEST.as_secs())]
    Spent,
    /// It asks for fewer requests (RFC 6585 §4).
    #[error("the server takes no more requests for now (429)")]
    Enough,
    /// Nothing answers any more.
    #[error("the server stopped answering")]
    Silent,
}

/// Speaks HTTP for one examination.
pub(crate) struct Net {
    base: EgressConfig,
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
    ends: Timestamp,
    /// The server that the person named: its host is trusted wherever it is.
    named: FetchUrl,
    extra: Vec<String>,
    asked: AtomicU32,
    silences: AtomicU32,
}

impl Net {
    pub(crate) fn new(named: FetchUrl, options: &Options, clock: Arc<dyn Clock>) -> Self {
        Self {
            base: EgressConfig { trust: options.trust.clone(), ..EgressConfig::default() },
            resolver: Arc::clone(&options.resolver),
            ends: clock.now().after(LONGEST),
            clock,
            named,
            extra: options.allow.clone(),
            asked: AtomicU32::new(0),
            silences: AtomicU32::new(0),
        }
    }

    /// How many requests were made.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) async fn ask(&self, url: &str, ask: Ask) -> Result<Answer, Unanswered> {
        self.read(url, ask, &READING).await
    }

    /// Opens a stream, and waits no longer than for its beginning.
    pub(crate) async fn listen(&self, url: &str, ask: Ask) -> Result<Answer, Unanswered> {
        self.read(url, ask, &LISTENING).await
    }

    async fn read(&self, url: &str, ask: Ask, reading: &Reading) -> Result<Answer, Unanswered> {
        let parsed = url::Url::parse(url).map_err(|_| InvalidUrl::Malformed);
        let url =
            parsed.and_then(FetchUrl::try_from).map_err(|e| Unanswered::Url(crate::words::quoted(url), e))?;
        if self.silences.load(Ordering::Relaxed) >= MOST_SILENCES {
            return Err(Unanswered::Silent);
        }
        if self.asked() >= MOST_REQUESTS || self.clock.now() > self.ends {
            return Err(Unanswered::Spent);
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let config = EgressConfig { allow: self.allowed(&url), ..self.base.clone() };
        let answer = Egress::new(config, Arc::clone(&self.resolver)).ask(&url, ask, reading).await;
        let silent = matches!(answer, Err(EgressError::Deadline { .. }));
        self.silences
            .store(if silent { self.silences.load(Ordering::Relaxed) + 1 } else { 0 }, Ordering::Relaxed);
        match answer {
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => Err(Unanswered::Enough),
            answer => answer.map_err(Unanswered::Egress),
        }
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Answer, Unanswered> {
        self.get_with(url, &[]).await
    }

    /// A document, asked for with these further headers.
    pub(crate) async fn get_with(
        &self,
        url: &str,
        more: &[(HeaderName, &str)],
    ) -> Result<Answer, Unanswered> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/html;q=0.1"));
        put(&mut headers, more);
        self.ask(url, Ask { method: Method::GET, headers, body: Bytes::new() }).await
    }

    /// Posts a form, as a client does at the token endpoint.
    pub(crate) async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        more: &[(HeaderName, &str)],
    ) -> Result<Answer, Unanswered> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        put(&mut headers, more);
        self.ask(url, Ask { method: Method::POST, headers, body: body.into() }).await
    }

    /// What is trusted although it is not public: what the person named; and where that is this machine, this machine.
    fn allowed(&self, url: &FetchUrl) -> AllowList {
        let extra = AllowList::parse(&self.extra).unwrap_or_default();
        match (url.host() == self.named.host(), is_loopback(&self.named)) {
            (true, _) => extra.and_named(url),
            (false, true) => extra.and_loopback(),
            (false, false) => extra,
        }
    }
}

fn put(headers: &mut HeaderMap, more: &[(HeaderName, &str)]) {
    for (name, value) in more {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

/// Whether the host is this machine.
pub(crate) fn is_loopback(url: &FetchUrl) -> bool {
    url.address().map_or_else(|| url.host() == "localhost", |a| a.is_loopback())
}

/// Whether an address is `https`, or of this machine.
pub(crate) fn is_secure(url: &str) -> bool {
    let Ok(mut url) = url::Url::parse(url) else { return false };
    url.set_fragment(None);
    url.scheme() == "https" || FetchUrl::try_from(url).is_ok_and(|u| is_loopback(&u))
}

/// Of a stream, one event that is a message is enough.
fn event_came(head: &HeaderMap, body: &[u8]) -> bool {
    let stream = crate::seen::media_type(head) == Some("text/event-stream".to_owned());
    stream && crate::seen::events(body).iter().any(|data| data.contains("\"jsonrpc\""))
}

/// What went wrong, for a person who is not this program's administrator.
fn said(error: &EgressError) -> String {
    match error {
        EgressError::Http { authority } => {
            format!("`{authority}` is not asked over plain http; say `--allow {authority}` if it is yours")
        }
        EgressError::Port { host, port } => {
            format!("`{host}` is not asked at port {port}; say `--allow {host}:{port}` if you trust it")
        }
        EgressError::Forbidden { host, address, class } => {
            format!("`{host}` leads to {address}, which is {class}; say `--allow {host}` if it is yours")
        }
        EgressError::Tls { host, cause } => format!("no TLS with `{host}`: {cause}"),
        other => other.to_string(),
    }
}
