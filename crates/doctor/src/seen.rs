//! Reading answers: types, JSON, streams of events, messages.

use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use prokura_egress::Answer;
use prokura_oauth::json::{Limits, Object, Problem, Value, parse};

/// The media type, without parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = header(headers, &CONTENT_TYPE)?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The first value of a header, if it is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// Whether nobody may keep the answer.
pub(crate) fn is_not_kept(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|l| l.split(',')).any(|d| d.trim().eq_ignore_ascii_case("no-store"))
}

/// What a document is.
#[derive(Debug)]
pub(crate) enum Json {
    /// An object.
    Object(Object),
    /// An object in which a member stands twice; not read further.
    Twice,
    /// Something else, in these words.
    None(String),
}

/// Reads the content as one JSON object.
pub(crate) fn json(body: &[u8]) -> Json {
    match parse(body, &Limits::MESSAGE) {
        Ok(Value::Object(object)) => Json::Object(object),
        Ok(_) => Json::None("JSON, but no object".to_owned()),
        Err(e) if e.problem() == Problem::DuplicateMember => Json::Twice,
        Err(_) if body.is_empty() => Json::None("nothing".to_owned()),
        Err(e) if crate::words::looks_like_a_page(body) => Json::None(format!("a web page ({e})")),
        Err(e) => Json::None(e.to_string()),
    }
}

/// The object, if the content is one.
pub(crate) fn object(body: &[u8]) -> Option<Object> {
    match json(body) {
        Json::Object(object) => Some(object),
        _ => None,
    }
}

/// The data of each whole event of a stream (HTML, "Server-sent events").
pub(crate) fn events(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n").replace('\r', "\n");
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    let data = |event: &str| {
        let lines = event.lines().filter_map(|l| l.strip_prefix("data:"));
        lines.map(|d| d.strip_prefix(' ').unwrap_or(d)).collect::<Vec<_>>().join("\n")
    };
    whole.split("\n\n").map(data).filter(|d| !d.is_empty()).collect()
}

/// What the answer to a JSON-RPC request is.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A result.
    Result(Object),
    /// An error.
    Error(RpcError),
    /// No JSON-RPC response.
    None,
}

/// The error of a JSON-RPC response.
#[derive(Debug)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Object,
}

impl Reply {
    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    pub(crate) fn code(&self) -> Option<i64> {
        match self {
            Self::Error(e) => Some(e.code),
            _ => None,
        }
    }
}

/// The response in an answer, whether it came as JSON or as an event; with the whole message.
pub(crate) fn reply(answer: &Answer) -> (Reply, Option<Object>) {
    let message = if media_type(&answer.headers).as_deref() == Some("text/event-stream") {
        let events = events(&answer.body);
        let objects = events.iter().filter_map(|e| object(e.as_bytes()));
        objects.into_iter().find(|o| o.contains_key("result") || o.contains_key("error"))
    } else {
        object(&answer.body)
    };
    let Some(message) = message else { return (Reply::None, None) };
    let reply = match (message.get("result"), message.get("error").and_then(Value::as_object)) {
        (Some(Value::Object(result)), None) => Reply::Result(result.clone()),
        (None, Some(error)) => Reply::Error(RpcError {
            code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
            message: error.str("message").unwrap_or_default().to_owned(),
            data: error.get("data").and_then(Value::as_object).cloned().unwrap_or_default(),
        }),
        _ => Reply::None,
    };
    (reply, Some(message))
}

/// The texts of an array; `None` if it is none.
pub(crate) fn texts<'a>(object: &'a Object, name: &str) -> Option<Vec<&'a str>> {
    object.get(name)?.as_array()?.iter().map(Value::as_str).collect()
}

/// The names of members that are empty lists.
pub(crate) fn empty_lists(object: &Object) -> Vec<&str> {
    object.iter().filter(|(_, v)| v.as_array().is_some_and(<[Value]>::is_empty)).map(|(k, _)| k).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_when_they_are_whole() {
        let stream = b": hello\n\ndata: {\"a\":1}\r\n\r\nid: 4\ndata: one\ndata: two\n\ndata: not whole\n";
        assert_eq!(events(stream), ["{\"a\":1}", "one\ntwo"]);
        assert!(events(b"data: x\n").is_empty());
    }

    #[test]
    fn a_member_that_stands_twice_is_told_from_nonsense() {
        assert!(matches!(json(br#"{"a":1}"#), Json::Object(_)));
        assert!(matches!(json(br#"{"a":1,"a":2}"#), Json::Twice));
        for (odd, said) in [(&b"[]"[..], "no object"), (b"", "nothing"), (b"<!doctype html>", "a web page")] {
            assert!(matches!(json(odd), Json::None(why) if why.contains(said)));
        }
    }
}
