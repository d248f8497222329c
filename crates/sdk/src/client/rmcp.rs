//! A [`Client`] as the HTTP client of `rmcp`'s streamable transport (feature `rmcp`):
//!
//! ```no_run
//! # use prokura_sdk::client::Client;
//! # use rmcp::{ServiceExt, transport::StreamableHttpClientTransport};
//! # use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
//! # async fn connect(client: Client) -> Result<(), Box<dyn std::error::Error>> {
//! let config = StreamableHttpClientTransportConfig::with_uri(client.server().as_url().as_str());
//! let service = ().serve(StreamableHttpClientTransport::with_client(client, config)).await?;
//! # drop(service);
//! # Ok(())
//! # }
//! ```
//!
//! Challenges never reach `rmcp`: they are heeded here. What it gets is the answer, or the [`ClientError`] that says why
//! there is none.

use super::{Client, ClientError};
use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyDataStream, BodyExt, Limited};
use prokura_egress::UpstreamBody;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

type Failure = StreamableHttpError<ClientError>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";
const SESSION: &str = "mcp-session-id";
/// No answer that is no stream is larger, in bytes.
const MAX_ANSWER: usize = 16 << 20;
/// The largest event if nobody says otherwise, in bytes.
const MAX_EVENT: usize = 16 << 20;

impl StreamableHttpClient for Client {
    type Error = ClientError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let size = MAX_EVENT;
        self.post_message_with_max_sse_event_size(uri, message, session_id, auth_header, custom_headers, size)
            .await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
        max_sse_event_size: usize,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let body = Bytes::from(serde_json::to_vec(&message)?);
        let in_session = session_id.is_some();
        let mut extra = custom_headers;
        extra.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        let response = self.exchange(Method::POST, &uri, session_id, extra, body).await?;
        let status = response.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && in_session {
            return Err(StreamableHttpError::SessionExpired);
        }
        let session = text(&response, SESSION);
        let kind = text(&response, CONTENT_TYPE.as_str());
        match kind.as_deref() {
            Some(k) if k.starts_with(STREAM) && status.is_success() => {
                Ok(StreamableHttpPostResponse::Sse(events(response, max_sse_event_size), session))
            }
            Some(k) if k.starts_with(JSON) => {
                let message = read(response).await?;
                if status.is_success() || matches!(message, ServerJsonRpcMessage::Error(_)) {
                    return Ok(StreamableHttpPostResponse::Json(message, session));
                }
                Err(unexpected(status))
            }
            _ if !status.is_success() => Err(unexpected(status)),
            _ => Err(StreamableHttpError::UnexpectedContentType(kind)),
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failure> {
        let asked = self.exchange(Method::DELETE, &uri, Some(session_id), custom_headers, Bytes::new());
        match asked.await?.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportDeleteSession),
            status if status.is_success() => Ok(()),
            status => Err(unexpected(status)),
        }
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, Failure> {
        let size = MAX_EVENT;
        self.get_stream_with_max_sse_event_size(
            uri,
            session_id,
            last_event_id,
            auth_header,
            custom_headers,
            size,
        )
        .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
        max_sse_event_size: usize,
    ) -> Result<Events, Failure> {
        let mut extra = custom_headers;
        if let Some(last) = last_event_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            extra.insert(HeaderName::from_static("last-event-id"), last);
        }
        let response = self.exchange(Method::GET, &uri, session_id, extra, Bytes::new()).await?;
        let is_stream = text(&response, CONTENT_TYPE.as_str()).is_some_and(|k| k.starts_with(STREAM));
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportSse),
            status if !status.is_success() => Err(unexpected(status)),
            _ if is_stream => Ok(events(response, max_sse_event_size)),
            _ => Err(StreamableHttpError::UnexpectedContentType(text(&response, CONTENT_TYPE.as_str()))),
        }
    }
}

impl Client {
    async fn exchange(
        &self,
        method: Method,
        uri: &str,
        session: Option<Arc<str>>,
        extra: HashMap<HeaderName, HeaderValue>,
        body: Bytes,
    ) -> Result<Response<UpstreamBody>, Failure> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(headers) = request.headers_mut() {
            headers.extend(extra);
            headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
            if let Some(session) = session.and_then(|s| HeaderValue::from_str(&s).ok()) {
                headers.insert(SESSION, session);
            }
        }
        let unwritable = |_| StreamableHttpError::Client(ClientError::Unwritable);
        let request = request.body(body).map_err(unwritable)?;
        self.send(request).await.map_err(StreamableHttpError::Client)
    }
}

fn text(response: &Response<UpstreamBody>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn unexpected(status: StatusCode) -> Failure {
    StreamableHttpError::UnexpectedServerResponse(format!("the server answers {status}").into())
}

async fn read(response: Response<UpstreamBody>) -> Result<ServerJsonRpcMessage, Failure> {
    let whole = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let too_large = |_| StreamableHttpError::ResponseBodyTooLarge { max_size: MAX_ANSWER };
    Ok(serde_json::from_slice(&whole.map_err(too_large)?.to_bytes())?)
}

fn events(response: Response<UpstreamBody>, max_event: usize) -> Events {
    SseStream::from_bytes_stream(bounded(BodyDataStream::new(response.into_body()), max_event)).boxed()
}

/// The same bytes, as long as no event is larger than `limit`.
fn bounded(
    stream: BodyDataStream<UpstreamBody>,
    limit: usize,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let mut size = EventSize::default();
    stream.map(move |piece| {
        let piece = piece.map_err(io::Error::other)?;
        if size.after(&piece) > limit {
            return Err(io::Error::other(format!("an event is larger than {limit} bytes")));
        }
        Ok(piece)
    })
}

/// How many bytes the event under way has. An empty line ends one, whichever of the three line ends it has.
#[derive(Debug, Default)]
struct EventSize {
    bytes: usize,
    line: usize,
    after_cr: bool,
}

impl EventSize {
    /// The largest size that any event had while this piece came.
    fn after(&mut self, piece: &[u8]) -> usize {
        let mut largest = 0;
        for byte in piece {
            self.bytes += 1;
            let ends = *byte == b'\r' || (*byte == b'\n' && !self.after_cr);
            let is_rest = *byte == b'\n' && self.after_cr;
            self.after_cr = *byte == b'\r';
            largest = largest.max(self.bytes);
            if ends && self.line == 0 {
                self.bytes = 0;
            }
            self.line = if ends || is_rest { 0 } else { self.line + 1 };
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_measured_to_its_empty_line() {
        for end in ["\n\n", "\r\n\r\n", "\r\r"] {
            let mut size = EventSize::default();
            let events = format!("data: 12345{end}").repeat(10);
            let whole = events.bytes().map(|b| size.after(&[b])).max().unwrap();
            assert!(whole <= 16, "{end:?}: {whole}");
            assert!(EventSize::default().after(b"data: 1\ndata: 2\ndata: 3\n") >= 24);
        }
    }
}
