//! An MCP server that answers as it is told and remembers what it saw.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// One request, as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The MCP method.
    pub fn mcp(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// What it answers.
pub enum Reply {
    Json(u16, Value),
    Text(u16, &'static str, String),
    WithSession(Value, String),
    Sse(Vec<String>),
    /// These events, and then whatever is sent until the sender is dropped.
    Open(Vec<String>, mpsc::Receiver<String>, Option<String>),
    Status(u16),
    /// Nothing, ever; the receiver is dropped when the caller is gone.
    Never(mpsc::Receiver<()>),
}

impl Reply {
    /// A result to the request.
    pub fn result(seen: &Seen, result: Value) -> Self {
        Self::Json(200, json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": result}))
    }

    /// Everything there is, in lists; else what came in, as the result.
    pub fn echo(seen: &Seen) -> Self {
        let message = seen.json();
        if message.get("id").is_none() {
            return Self::Status(202);
        }
        let named = |names: &[&str]| names.iter().map(|n| json!({"name": n})).collect::<Vec<_>>();
        let result = match seen.mcp().as_str() {
            "tools/list" => {
                json!({"tools": named(&["read_report", "write_report", "secret_tool"]), "cacheScope": "public", "ttlMs": 5})
            }
            "prompts/list" => json!({"prompts": named(&["summary", "secret_prompt"])}),
            "resources/list" => {
                json!({"resources": [{"uri": "report/q1", "name": "a"}, {"uri": "draft/q1", "name": "b"}, {"uri": "secret/x", "name": "c"}], "nextCursor": "secret/next"})
            }
            "resources/templates/list" => {
                json!({"resourceTemplates": [{"uriTemplate": "report/{q}", "name": "a"}, {"uriTemplate": "secret/{q}", "name": "b"}]})
            }
            _ => json!({"echo": message["params"]}),
        };
        Self::result(seen, result)
    }

    fn into_response(self) -> Response {
        let build = |status: u16, kind: &str, body: Body| {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = Response::builder().status(status);
            if !kind.is_empty() {
                response = response.header("content-type", kind);
            }
            response.body(body).unwrap()
        };
        match self {
            Self::Json(status, value) => build(status, "application/json", value.to_string().into()),
            Self::Text(status, kind, text) => build(status, kind, text.into()),
            Self::WithSession(value, id) => {
                let mut response = build(200, "application/json", value.to_string().into());
                response.headers_mut().insert("mcp-session-id", id.parse().unwrap());
                response
            }
            Self::Sse(events) => build(200, "text/event-stream", events.concat().into()),
            Self::Open(events, receiver, session) => {
                let first = futures_util::stream::iter(events);
                let rest =
                    futures_util::stream::unfold(receiver, |mut r| async move { Some((r.recv().await?, r)) });
                let all = futures_util::StreamExt::chain(first, rest);
                let all = futures_util::StreamExt::map(all, Ok::<_, Infallible>);
                let mut response = build(200, "text/event-stream", Body::from_stream(all));
                if let Some(id) = session {
                    response.headers_mut().insert("mcp-session-id", id.parse().unwrap());
                }
                response
            }
            Self::Status(status) => build(status, "", Body::empty()),
            Self::Never(_) => unreachable!("it is awaited"),
        }
    }
}

/// The server.
pub struct Upstream {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&seen), Arc::new(reply));
        let handler = move |request: Request| {
            let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
                let one =
                    Seen { method: parts.method, uri: parts.uri.to_string(), headers: parts.headers, body };
                log.lock().unwrap().push(one.clone());
                match reply(&one) {
                    Reply::Never(receiver) => {
                        let _held = receiver;
                        std::future::pending().await
                    }
                    reply => reply.into_response(),
                }
            }
        };
        let router = Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, seen }
    }

    /// Everything that reached it.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Nothing reached it.
    pub fn is_untouched(&self) -> bool {
        self.seen().is_empty()
    }

    /// The last that reached it.
    pub fn last(&self) -> Seen {
        self.seen().last().cloned().expect("something reached the upstream")
    }
}
