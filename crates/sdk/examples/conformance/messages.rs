//! As much of the protocol as is needed to be asked for a token: lists the tools and calls each, in either era.

use super::Result;
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::BodyExt;
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_sdk::client::Client;

/// The first revision without `initialize`.
const MODERN: &str = "2026-07-28";

pub(crate) async fn exercise(client: &Client, address: &str, version: &str) -> Result<()> {
    let mut server = Server { client, address, version: version.to_owned(), session: None, id: 0 };
    if version < MODERN {
        let params = obj([
            ("protocolVersion", version.into()),
            ("capabilities", Object::new().into()),
            ("clientInfo", software().into()),
        ]);
        server.ask("initialize", params).await?;
        server.send("notifications/initialized", Object::new(), None).await?;
    }
    let listed = server.ask("tools/list", Object::new()).await?;
    let tools = listed.get("tools").and_then(Value::as_array).unwrap_or_default();
    for name in tools.iter().filter_map(|t| t.as_object()?.str("name")) {
        server.ask("tools/call", obj([("name", name.into()), ("arguments", Object::new().into())])).await?;
    }
    Ok(())
}

struct Server<'a> {
    client: &'a Client,
    address: &'a str,
    version: String,
    session: Option<HeaderValue>,
    id: u64,
}

impl Server<'_> {
    async fn ask(&mut self, method: &str, params: Object) -> Result<Object> {
        self.id += 1;
        let message = self.send(method, params, Some(self.id)).await?;
        if let Some(error) = message.get("error") {
            return Err(format!("{method}: {error}").into());
        }
        message
            .get("result")
            .and_then(Value::as_object)
            .cloned()
            .ok_or_else(|| format!("{method}: no result").into())
    }

    async fn send(&mut self, method: &str, mut params: Object, id: Option<u64>) -> Result<Object> {
        let mut request = Request::post(self.address)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", &self.version);
        if self.version.as_str() >= MODERN {
            request = request.header("mcp-method", method);
            if let Some(name) = params.str("name") {
                request = request.header("mcp-name", name);
            }
            params.insert("_meta", meta(&self.version).into());
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        let mut message =
            obj([("jsonrpc", "2.0".into()), ("method", method.into()), ("params", params.into())]);
        if let Some(id) = id {
            message.insert("id", id.into());
        }
        let response = self.client.send(request.body(Bytes::from(message.to_vec()))?).await?;
        if let Some(session) = response.headers().get("mcp-session-id") {
            self.session = Some(session.clone());
        }
        let (status, stream) = (response.status(), is_stream(&response));
        let body = response.into_body().collect().await?.to_bytes();
        if id.is_none() {
            return Ok(Object::new());
        }
        if !status.is_success() {
            return Err(format!("{method}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        read(&body, stream)
    }
}

fn is_stream(response: &http::Response<prokura_egress::UpstreamBody>) -> bool {
    let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok());
    kind.is_some_and(|k| k.starts_with("text/event-stream"))
}

/// The message; of a stream, the last one.
fn read(body: &[u8], stream: bool) -> Result<Object> {
    let text = std::str::from_utf8(body)?;
    let json = if stream {
        text.lines()
            .filter_map(|l| l.strip_prefix("data:"))
            .map(str::trim)
            .rfind(|d| !d.is_empty())
            .unwrap_or_default()
    } else {
        text
    };
    parse(json.as_bytes(), &Limits::MESSAGE)?.into_object().ok_or_else(|| "the answer is no object".into())
}

fn software() -> Object {
    obj([("name", "prokura-sdk-conformance".into()), ("version", env!("CARGO_PKG_VERSION").into())])
}

fn meta(version: &str) -> Object {
    obj([
        ("io.modelcontextprotocol/protocolVersion", version.into()),
        ("io.modelcontextprotocol/clientInfo", software().into()),
        ("io.modelcontextprotocol/clientCapabilities", Object::new().into()),
    ])
}
