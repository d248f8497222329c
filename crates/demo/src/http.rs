//! One HTTP exchange on loopback, timed.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_oauth::json::{Limits, Object, parse};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Nothing here may take longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// No answer may be larger.
const MAX_ANSWER: usize = 1024 * 1024;

/// Why the story cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

impl Broken {
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Speaks HTTP to the addresses of the demo.
#[derive(Clone)]
pub(crate) struct Http(Upstream);

/// An answer, read to the end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) took: Duration,
}

impl Http {
    pub(crate) fn new() -> Self {
        Self(Upstream::new(UpstreamConfig::default()))
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Broken> {
        let asked = format!("{} {}", request.method(), request.uri());
        let begun = Instant::now();
        let exchange = async {
            let answer = self.0.send(request).await.map_err(|e| e.to_string())?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|e| e.to_string())?.to_bytes();
            Ok::<_, String>(Answer {
                status: head.status,
                headers: head.headers,
                body,
                took: begun.elapsed(),
            })
        };
        match timeout(PATIENCE, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => Err(Broken(format!("{asked}: {why}"))),
            Err(_) => Err(Broken(format!("{asked}: no answer in {} s", PATIENCE.as_secs()))),
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON object in it; of an event stream, the last message.
    pub(crate) fn object(&self) -> Result<Object, Broken> {
        let text = self.text();
        let json = if self.header(header::CONTENT_TYPE).starts_with("text/event-stream") {
            text.lines().filter_map(|l| l.strip_prefix("data:")).map(str::trim).rfind(|d| !d.is_empty())
        } else {
            Some(text.as_str())
        };
        let value = parse(json.unwrap_or_default().as_bytes(), &Limits::MESSAGE)
            .map_err(|e| Broken(format!("an answer is no JSON: {e}")))?;
        value.into_object().ok_or_else(|| Broken::because("an answer is no JSON object"))
    }
}
