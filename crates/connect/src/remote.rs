//! The server as an address: what is sent there, and with which headers.

use crate::fault::Fault;
use crate::reading::{Reading, refusal};
use crate::wire::{Flow, Wire};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use prokura_mcp::envelope::Message;
use std::sync::Arc;

/// `Mcp-Session-Id`.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// `Last-Event-ID`.
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const AGENT: &str = concat!("prokura-connect/", env!("CARGO_PKG_VERSION"));

/// Where the server is, and the way there.
pub(crate) struct Remote {
    wire: Arc<dyn Wire>,
    address: Uri,
}

/// What a request gave.
pub(crate) enum Given {
    /// An answer to be read, and the headers it came with.
    Reading(Box<Reading>, HeaderMap),
    /// It was taken, and there is nothing to read.
    Taken,
    /// It was refused; with a message, if there is one.
    Refused(StatusCode, Option<Message>),
}

impl Remote {
    pub(crate) fn new(wire: Arc<dyn Wire>, address: Uri) -> Self {
        Self { wire, address }
    }

    /// Posts a message, written anew.
    pub(crate) async fn post(&self, message: Message, mut head: HeaderMap) -> Result<Given, Fault> {
        head.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.ask(Method::POST, message.into_bytes().into(), head).await
    }

    /// Opens a stream of events, or takes one up again after an event.
    pub(crate) async fn stream(&self, after: Option<&str>, mut head: HeaderMap) -> Result<Given, Fault> {
        head.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(id) = after {
            let id = HeaderValue::from_bytes(id.as_bytes());
            head.insert(LAST_EVENT, id.map_err(|_| Fault::Malformed("an event's id is no text".into()))?);
        }
        self.ask(Method::GET, Bytes::new(), head).await
    }

    /// Says that the session is not needed any more.
    pub(crate) async fn end(&self, head: HeaderMap) -> Result<Given, Fault> {
        self.ask(Method::DELETE, Bytes::new(), head).await
    }

    async fn ask(&self, method: Method, content: Bytes, head: HeaderMap) -> Result<Given, Fault> {
        let mut request = Request::new(content);
        *request.method_mut() = method;
        *request.uri_mut() = self.address.clone();
        *request.headers_mut() = head;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        given(self.wire.send(request).await?).await
    }
}

async fn given(response: Response<Flow>) -> Result<Given, Fault> {
    match response.status() {
        StatusCode::OK => {
            let head = response.headers().clone();
            Ok(Given::Reading(Box::new(Reading::begin(response)?), head))
        }
        StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Ok(Given::Taken),
        status => Ok(Given::Refused(status, refusal(response).await)),
    }
}

/// What a refusal without a message means.
pub(crate) fn status(status: StatusCode) -> Fault {
    let hint = match status.as_u16() {
        401 => ": it takes no token that could be had",
        403 => ": it does not allow this",
        404 => ": there is no MCP server at this address",
        405 => ": it does not take POST; servers of the old HTTP+SSE transport (2024-11-05) are not bridged",
        300..=399 => ": it points elsewhere, which is not followed; use the final address",
        413 => ": the message is larger than it takes",
        429 => ": it is asked too often; wait a little",
        500..=599 => ": it is not well",
        _ => "",
    };
    Fault::Status { status: status.as_u16(), hint }
}
