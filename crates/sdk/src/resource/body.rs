//! Reading a message, and writing it out again.

use super::refusal::Refusal;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use prokura_mcp::envelope::Message;
use prokura_oauth::json::Limits;
use std::error::Error;

/// A body that can be read here.
pub(super) type Broken = Box<dyn Error + Send + Sync>;

/// Reads one message of at most `max` bytes. What two parsers could read differently is refused.
pub(super) async fn read<B>(headers: &HeaderMap, body: B, max: usize) -> Result<Message, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Broken>,
{
    if !is_json(headers) {
        return Err(Refusal::MediaType);
    }
    if body.size_hint().lower() > max as u64 {
        return Err(Refusal::Body(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let whole = Limited::new(body, max).collect().await.map_err(|error| {
        let large = error.is::<http_body_util::LengthLimitError>();
        Refusal::Body(if large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST })
    })?;
    let limits = Limits { max_bytes: max, ..Limits::MESSAGE };
    Message::parse(&whole.to_bytes(), &limits).map_err(Refusal::Malformed)
}

/// One `Content-Type`, `application/json`, and nothing done to the content.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let essence = types.next().and_then(|v| v.to_str().ok()).map(|v| v.split(';').next().unwrap_or(v).trim());
    let encoded = headers.get_all(header::CONTENT_ENCODING).iter().any(|v| v.as_bytes() != b"identity");
    essence.is_some_and(|e| e.eq_ignore_ascii_case("application/json")) && types.next().is_none() && !encoded
}

/// The message as it was understood; never the bytes that came.
pub(super) fn write(message: Message, headers: &mut HeaderMap) -> Bytes {
    let bytes = Bytes::from(message.into_bytes());
    headers.remove(header::TRANSFER_ENCODING);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    bytes
}
