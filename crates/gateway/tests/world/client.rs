//! A client that says exactly what a test wants it to.

use super::World;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The code of a JSON-RPC error.
    pub fn code(&self) -> Option<i64> {
        self.json()["error"]["code"].as_i64()
    }

    /// The data of the events of a stream.
    pub fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|l| l.strip_prefix("data: "));
        data.filter_map(|d| serde_json::from_str(d).ok()).collect()
    }

    /// The ids of the events of a stream.
    pub fn event_ids(&self) -> Vec<&str> {
        self.body.lines().filter_map(|l| l.strip_prefix("id: ")).collect()
    }
}

/// What a modern request says of itself.
pub fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}
    })
}

/// A request under construction.
pub struct Post<'a> {
    world: &'a World,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl World {
    /// A request with the headers that every MCP client sends, and nothing else.
    pub fn request(&self, method: Method, resource: &str) -> Post<'_> {
        let headers = vec![
            ("content-type".into(), "application/json".into()),
            ("accept".into(), "application/json, text/event-stream".into()),
        ];
        Post { world: self, method, path: format!("/mcp/{resource}"), headers, body: Bytes::new() }
    }

    /// Raw bytes as a body.
    pub fn post(&self, token: &str, body: impl Into<Bytes>) -> Post<'_> {
        let mut post = self.request(Method::POST, "crm").header("authorization", &format!("Bearer {token}"));
        post.body = body.into();
        post
    }

    /// A legacy request.
    pub fn legacy(&self, token: &str, method: &str, params: Value) -> Post<'_> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.post(token, body.to_string()).header("mcp-protocol-version", "2025-11-25")
    }

    /// A modern request with its mirrored headers.
    pub fn modern(&self, token: &str, method: &str, mut params: Value) -> Post<'_> {
        if params.get("_meta").is_none() {
            params["_meta"] = meta();
        }
        let name = params.get("name").or_else(|| params.get("uri")).or_else(|| params.get("taskId"));
        let name = name.and_then(Value::as_str).map(str::to_owned);
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let post = self
            .post(token, body.to_string())
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        match name {
            Some(name) => post.header("mcp-name", &name),
            None => post,
        }
    }

    /// Calls the tool that Alice may call, in the legacy era.
    pub fn read_report(&self, token: &str) -> Post<'_> {
        self.legacy(token, "tools/call", json!({"name": "read_report", "arguments": {}}))
    }
}

impl Post<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Replaces a header.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.header(name, value)
    }

    /// Leaves a header out.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self
    }

    /// Goes to another resource.
    pub fn at(mut self, resource: &str) -> Self {
        self.path = format!("/mcp/{resource}");
        self
    }

    /// Goes to another path.
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// The request, to be sent to another process.
    pub fn into_request(self) -> Request<Full<Bytes>> {
        let uri = format!("http://{}{}", self.world.address, self.path);
        let mut request = Request::builder().method(self.method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body)).unwrap()
    }

    /// Sends it and leaves the body unread.
    pub async fn open(self) -> http::Response<prokura_egress::UpstreamBody> {
        let world = self.world;
        world.http.send(self.into_request()).await.unwrap()
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let (parts, body) = self.open().await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}
