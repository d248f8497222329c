//! Inject and forward: the only place from which anything goes to an upstream.
//!
//! Invariant: nothing of the client's request is copied. The body is the parsed message written out again; the
//! headers are made here from what was parsed. Token, cookies, forwarding headers and anything else a client
//! sends cannot reach an upstream, because no code carries them there.

use crate::decide::Warrant;
use crate::envelope::Message;
use crate::fault::Fault;
use crate::mirror::{self, PARAM};
use crate::scene::Scene;
use crate::version::Version;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use prokura_egress::{UpstreamBody, UpstreamError};
use prokura_mcp::header::mirrored_name;
use prokura_oauth::transaction_token;

/// `Mcp-Session-Id`.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// `Last-Event-ID`.
pub(crate) const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// `Txn-Token`.
const TRANSACTION: HeaderName = HeaderName::from_static(transaction_token::HEADER);

/// What goes to an upstream.
pub(crate) struct Outbound {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The protocol version, if the client named one.
    pub(crate) version: Option<Version>,
    /// Whether the mirrored headers are made: in the modern era.
    pub(crate) mirrored: bool,
    /// The upstream's session id.
    pub(crate) session: Option<String>,
    /// The upstream's event id, to resume a stream.
    pub(crate) last_event: Option<String>,
    /// The headers that mirror a tool's parameters.
    pub(crate) params: HeaderMap,
    /// The transaction token, made here.
    pub(crate) transaction: Option<HeaderValue>,
    /// The message.
    pub(crate) message: Option<Message>,
}

impl Outbound {
    /// A message or request of this kind with nothing else.
    pub(crate) fn new(method: Method, message: Option<Message>) -> Self {
        Self {
            method,
            version: None,
            mirrored: false,
            session: None,
            last_event: None,
            params: HeaderMap::new(),
            transaction: None,
            message,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let accept = if self.method == Method::GET {
            "text/event-stream"
        } else {
            "application/json, text/event-stream"
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if self.message.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(version) = self.version {
            headers.insert(mirror::VERSION, HeaderValue::from_static(version.as_str()));
        }
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if let Some(session) = &self.session {
            put(SESSION, session);
        }
        if let Some(event) = &self.last_event {
            put(LAST_EVENT, event);
        }
        if let Some(call) = self.message.as_ref().filter(|_| self.mirrored).and_then(Message::call) {
            put(mirror::METHOD, &call.method);
            let name = mirrored_name(&call.method).and_then(|n| call.params.as_ref()?.str(n));
            if let Some(name) = name {
                put(mirror::NAME, &mirror::encode(name));
            }
        }
        headers.extend(self.params.clone());
        if let Some(transaction) = &self.transaction {
            headers.insert(TRANSACTION, transaction.clone());
        }
        headers
    }
}

/// The headers of a request that mirror a tool's parameters, without those that its `Connection` names as its own.
pub(crate) fn param_headers(headers: &HeaderMap) -> HeaderMap {
    let hop_by_hop = |name: &HeaderName| {
        headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .any(|v| v.split(',').any(|token| token.trim().eq_ignore_ascii_case(name.as_str())))
    };
    let mirrors = |name: &&HeaderName| name.as_str().starts_with(PARAM) && !hop_by_hop(name);
    headers.keys().filter(mirrors).filter_map(|n| Some((n.clone(), headers.get(n)?.clone()))).collect()
}

/// Forwards once what was permitted: the warrant is spent here.
pub(crate) async fn forward(
    scene: &Scene,
    warrant: Warrant,
    outbound: Outbound,
) -> Result<Response<UpstreamBody>, Fault> {
    drop(warrant);
    send(scene, outbound).await
}

/// Sends a message: one that was permitted, or the gateway's own question which tools there are.
pub(crate) async fn send(scene: &Scene, outbound: Outbound) -> Result<Response<UpstreamBody>, Fault> {
    let headers = outbound.headers();
    let body = outbound.message.map(Message::into_bytes).unwrap_or_default();
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = outbound.method;
    *request.uri_mut() = scene.route.upstream.clone();
    *request.headers_mut() = headers;
    let sent = scene.inner.upstream.send(request);
    match tokio::time::timeout(scene.inner.bounds.upstream_timeout, sent).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(failure(scene, &error)),
        Err(_) => Err(Fault::UpstreamTimeout),
    }
}

fn failure(scene: &Scene, error: &UpstreamError) -> Fault {
    tracing::warn!(%error, resource = %scene.route.name, trace = %scene.trace, "an upstream did not answer");
    Fault::UpstreamDown
}
