//! Asking servers for documents and answers, within bounds.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use prokura_egress::{Answer, Ask, Egress, FetchUrl, Reading};
use prokura_oauth::json::{Limits, Object, Value, parse};
use std::time::Duration;

/// What a server may take to say a document, and how long one may be.
const READING: Reading =
    Reading { max_bytes: 64 << 10, deadline: Duration::from_secs(20), enough: |_, _| false };

/// What came of asking for a document.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is there.
    Document(Object),
    /// The server says that there is none: a status of 4xx, or something that is no JSON at all.
    Nothing(String),
    /// It could not be asked, or what it says cannot be understood.
    Failed(String),
}

/// Fetches a JSON document.
pub(crate) async fn document(egress: &Egress, url: &FetchUrl) -> Found {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let ask = Ask { method: Method::GET, headers, body: Bytes::new() };
    match egress.ask(url, ask, &READING).await {
        Ok(answer) => judge(&answer),
        Err(error) => Found::Failed(error.to_string()),
    }
}

fn judge(answer: &Answer) -> Found {
    let status = answer.status;
    if status.is_client_error() {
        return Found::Nothing(format!("it answers {}", status.as_u16()));
    }
    if status.is_redirection() {
        return Found::Failed("it answers with a redirect, which is not followed".to_owned());
    }
    if status != StatusCode::OK {
        return Found::Failed(format!("it answers {}", status.as_u16()));
    }
    if !is_json(&answer.headers) {
        // Many sites answer every address with a page.
        return Found::Nothing("it answers with something that is no JSON".to_owned());
    }
    match object(answer) {
        Ok(object) => Found::Document(object),
        Err(why) => Found::Failed(why),
    }
}

/// The JSON object in an answer.
pub(crate) fn object(answer: &Answer) -> Result<Object, String> {
    if !answer.whole {
        return Err("what it answers is too long or does not end".to_owned());
    }
    match parse(&answer.body, &Limits::DOCUMENT) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("what it answers is no JSON object".to_owned()),
        Err(error) => Err(format!("what it answers is no JSON: {error}")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Posts to an endpoint and reads the whole answer, whatever its status.
#[cfg(feature = "client")]
pub(crate) async fn post(
    egress: &Egress,
    url: &FetchUrl,
    mut headers: HeaderMap,
    kind: &'static str,
    body: Vec<u8>,
) -> Result<Answer, prokura_egress::EgressError> {
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    egress.ask(url, Ask { method: Method::POST, headers, body: body.into() }, &READING).await
}
