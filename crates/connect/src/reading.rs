//! Reading what the server sends: one message, or a stream of events with a message each. Both are bounded.

use crate::fault::Fault;
use crate::wire::Flow;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use prokura_mcp::envelope::Message;
use prokura_mcp::sse::{Decoder, Event};
use prokura_oauth::json::Limits;
use std::collections::VecDeque;

/// How much of an answer that is an error is read.
const REFUSAL: usize = 64 << 10;
/// The largest message, in bytes, and the room that an event's other fields take beside it.
const MESSAGE: usize = Limits::MESSAGE.max_bytes;
const FIELDS: usize = 4 << 10;

/// An answer that is being read.
pub(crate) struct Reading {
    flow: Flow,
    kind: Kind,
    /// Where the stream can be taken up again.
    pub(crate) last_id: Option<String>,
    /// How long the server wants to be left alone before that, in milliseconds.
    pub(crate) retry: Option<u64>,
}

enum Kind {
    One { done: bool },
    Stream { decoder: Decoder, events: VecDeque<Event> },
}

impl Reading {
    /// Begins to read an answer of status 200.
    pub(crate) fn begin(response: Response<Flow>) -> Result<Self, Fault> {
        let kind = match media_type(response.headers()).as_deref() {
            Some("application/json") => Kind::One { done: false },
            Some("text/event-stream") => {
                Kind::Stream { decoder: Decoder::new(MESSAGE + FIELDS), events: VecDeque::new() }
            }
            _ => {
                return Err(Fault::Malformed(
                    "its content type is neither `application/json` nor `text/event-stream`".into(),
                ));
            }
        };
        Ok(Self { flow: response.into_body(), kind, last_id: None, retry: None })
    }

    /// The same stream, taken up again where it stood.
    pub(crate) fn after(self, last_id: String, retry: Option<u64>) -> Self {
        Self { last_id: Some(last_id), retry, ..self }
    }

    /// The next message; `None` at the end of the answer, however it ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, Fault> {
        if let Kind::One { done } = &mut self.kind {
            return if std::mem::replace(done, true) {
                Ok(None)
            } else {
                one(&mut self.flow).await.map(Some)
            };
        }
        while let Some(event) = self.event().await? {
            if let Some(message) = self.heed(event)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// What an event says of the stream, and the message in it.
    fn heed(&mut self, event: Event) -> Result<Option<Message>, Fault> {
        if let Some(id) = event.id {
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        self.retry = event.retry.or(self.retry);
        let is_message = event.event.as_deref().is_none_or(|name| name == "message");
        match event.data {
            // An event without content only says where the stream stands.
            Some(data) if is_message && !data.trim().is_empty() => parse(data.as_bytes()).map(Some),
            _ => Ok(None),
        }
    }

    async fn event(&mut self) -> Result<Option<Event>, Fault> {
        let Kind::Stream { decoder, events } = &mut self.kind else { return Ok(None) };
        loop {
            if let Some(event) = events.pop_front() {
                return Ok(Some(event));
            }
            let piece = match self.flow.frame().await {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                // A connection that broke is an end like any other: the message is there, or it is not.
                Some(Err(_)) | None => return Ok(None),
            };
            let mut out = Vec::new();
            decoder.push(&piece, &mut out).map_err(|e| Fault::Malformed(e.to_string()))?;
            events.extend(out);
        }
    }
}

async fn one(flow: &mut Flow) -> Result<Message, Fault> {
    parse(&whole(flow, MESSAGE).await.ok_or(Fault::NoAnswer)??)
}

/// All of the content; `None` if the connection broke.
async fn whole(flow: &mut Flow, limit: usize) -> Option<Result<Bytes, Fault>> {
    let mut all = BytesMut::new();
    while let Some(frame) = flow.frame().await {
        let piece = frame.ok()?.into_data().unwrap_or_default();
        if all.len() + piece.len() > limit {
            return Some(Err(Fault::Malformed("it is larger than is read".into())));
        }
        all.extend_from_slice(&piece);
    }
    Some(Ok(all.freeze()))
}

fn parse(bytes: &[u8]) -> Result<Message, Fault> {
    Message::parse(bytes, &Limits::MESSAGE).map_err(|e| Fault::Malformed(e.reason))
}

/// The message of an answer that is no success, if there is one.
pub(crate) async fn refusal(response: Response<Flow>) -> Option<Message> {
    let bytes = whole(&mut response.into_body(), REFUSAL).await?.ok()?;
    Message::parse(&bytes, &Limits::MESSAGE).ok()
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;
    use prokura_mcp::envelope::{Call, Id};
    use prokura_oauth::json::Object;

    fn answer(kind: &str, content: &'static [u8]) -> Response<Flow> {
        let flow = Full::new(Bytes::from_static(content)).map_err(|e| match e {}).boxed_unsync();
        Response::builder().header(CONTENT_TYPE, kind).body(flow).unwrap()
    }

    async fn all(kind: &str, content: &'static [u8]) -> Result<Vec<Message>, Fault> {
        let mut reading = Reading::begin(answer(kind, content))?;
        let mut messages = Vec::new();
        while let Some(message) = reading.next().await? {
            messages.push(message);
        }
        Ok(messages)
    }

    fn result(id: i64) -> Message {
        Message::Response(Some(Id::Integer(id)), Ok(Object::new()))
    }

    #[tokio::test]
    async fn one_message_or_a_stream_of_them() {
        let json = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        assert_eq!(all("application/json; charset=utf-8", json).await.unwrap(), [result(1)]);
        let stream = b"id: a\nretry: 5\ndata:\n\n: x\n\nevent: ping\ndata: {}\n\n\
            data: {\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n\nid: b\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n\n";
        let note = Message::Notification(Call { method: "n".into(), params: None });
        assert_eq!(all("text/event-stream", stream).await.unwrap(), [note, result(2)]);
        let mut reading = Reading::begin(answer("text/event-stream", stream)).unwrap();
        reading.next().await.unwrap();
        assert_eq!((reading.last_id.as_deref(), reading.retry), (Some("a"), Some(5)));
        reading.next().await.unwrap();
        assert_eq!(reading.last_id.as_deref(), Some("b"));
    }

    #[tokio::test]
    async fn what_parsers_could_differ_in_is_not_read() {
        let twice = br#"{"jsonrpc":"2.0","id":1,"id":2,"result":{}}"#;
        assert!(matches!(all("application/json", twice).await, Err(Fault::Malformed(_))));
        let batch = br#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#;
        assert!(matches!(all("application/json", batch).await, Err(Fault::Malformed(_))));
        let event = b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"result\":{}}\n\n";
        assert!(matches!(all("text/event-stream", event).await, Err(Fault::Malformed(_))));
        assert!(matches!(all("text/html", b"<p>").await, Err(Fault::Malformed(_))));
    }

    #[tokio::test]
    async fn a_giant_is_not_read() {
        let giant: &'static [u8] = Box::leak(vec![b' '; MESSAGE + 1].into_boxed_slice());
        assert!(matches!(all("application/json", giant).await, Err(Fault::Malformed(_))));
        let giant =
            Box::leak([b"data: ".as_slice(), &vec![b'x'; MESSAGE + FIELDS]].concat().into_boxed_slice());
        assert!(matches!(all("text/event-stream", giant).await, Err(Fault::Malformed(_))));
    }
}
