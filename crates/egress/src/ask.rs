//! Asking as the caller writes it, for who has to see the whole answer: clients of a protocol, and the doctor. The
//! addresses, the redirects, the size and the time are bounded as for a document.

use crate::fetch::{converse, late};
use crate::{Egress, EgressError, FetchUrl};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A request as the caller writes it.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The header, in which `Host` and `User-Agent` stand in for those that are put there otherwise. Length and
    /// connection are never the caller's.
    pub headers: HeaderMap,
    /// The content.
    pub body: Bytes,
}

/// How much of an answer is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// No more bytes of the content than these are kept.
    pub max_bytes: usize,
    /// From the call to the last byte.
    pub deadline: Duration,
    /// Whether what came so far is enough, after each piece: a stream of events need not end.
    pub enough: fn(&HeaderMap, &[u8]) -> bool,
}

/// An answer of any status, redirects among them, which are not followed.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header.
    pub headers: HeaderMap,
    /// The content, as far as it was read.
    pub body: Bytes,
    /// Whether that is all of it.
    pub whole: bool,
}

impl Egress {
    /// Asks, and answers with whatever comes back. Once the head is there, nothing that the content does is a
    /// failure: what came until the limit, the deadline or the end is the answer.
    ///
    /// # Errors
    /// [`EgressError`] if there is no answer.
    pub async fn ask(&self, url: &FetchUrl, ask: Ask, reading: &Reading) -> Result<Answer, EgressError> {
        let (place, deadline) = self.enter(url, reading.deadline).await?;
        let request = request(url, ask)?;
        let begun =
            timeout_at(deadline, Box::pin(async { converse(self.dial(url).await?, url, request).await }));
        let (response, driver) = begun.await.map_err(|_| late(url, reading.deadline))??;
        let (head, body) = response.into_parts();
        if head.status.is_informational() {
            return Err(EgressError::Status { host: url.host().to_owned(), status: head.status.as_u16() });
        }
        let (body, whole) = read(body, &head.headers, reading, deadline).await;
        drop((driver, place));
        Ok(Answer { status: head.status, headers: head.headers, body, whole })
    }
}

fn request(url: &FetchUrl, ask: Ask) -> Result<Request<Full<Bytes>>, EgressError> {
    let unwritable = || EgressError::Request { host: url.host().to_owned() };
    let host = HeaderValue::try_from(url.authority()).map_err(|_| unwritable())?;
    let Ask { method, mut headers, body } = ask;
    headers.entry(HOST).or_insert(host);
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("prokura/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    let mut request = Request::builder().method(method).uri(url.target());
    if let Some(to) = request.headers_mut() {
        *to = headers;
    }
    request.body(Full::new(body)).map_err(|_| unwritable())
}

/// What came of the content, and whether that is all.
async fn read(mut body: Incoming, head: &HeaderMap, reading: &Reading, deadline: Instant) -> (Bytes, bool) {
    let mut kept = BytesMut::new();
    while let Ok(next) = timeout_at(deadline, body.frame()).await {
        let Some(frame) = next else { return (kept.freeze(), true) };
        let Ok(frame) = frame else { break };
        let Ok(data) = frame.into_data() else { continue };
        let room = reading.max_bytes.saturating_sub(kept.len());
        kept.extend_from_slice(data.get(..room).unwrap_or(&data));
        if room < data.len() || (reading.enough)(head, &kept) {
            break;
        }
    }
    (kept.freeze(), false)
}
