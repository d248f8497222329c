//! The MCP server behind the gateways: as little work as possible, so that theirs shows.

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How many tools it lists besides those that are called.
pub const TOOLS: usize = 500;

fn tools() -> Vec<Value> {
    let tool = |name: String| {
        json!({ "name": name, "description": "Says it again", "inputSchema": { "type": "object" } })
    };
    let of = |n: usize| if n.is_multiple_of(2) { format!("even_{n}") } else { format!("odd_{n}") };
    ["echo".to_owned(), "staff".to_owned()].into_iter().chain((0..TOOLS).map(of)).map(tool).collect()
}

fn staff() -> Value {
    let row = |n: u32| json!({ "id": format!("e{n}"), "ssn": format!("123-45-{n:04}"), "salary": 40_000 + n });
    let staff = json!({ "employees": (0..20).map(row).collect::<Vec<_>>() });
    json!({ "content": [{ "type": "text", "text": staff.to_string() }], "structuredContent": staff })
}

/// Serves on a free port for as long as the program runs, on threads of its own; gives the port.
/// It also publishes `jwks` at `/jwks`.
pub fn start(jwks: String) -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { serve(TcpListener::from_std(listener)?, &Bytes::from(jwks)).await })
    });
    Ok(port)
}

async fn serve(listener: TcpListener, jwks: &Bytes) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let jwks = jwks.clone();
        let service = service_fn(move |request| answer(request, jwks.clone()));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: http::Request<Incoming>, jwks: Bytes) -> Result<http::Response<Full<Bytes>>, hyper::Error> {
    if request.uri().path() == "/jwks" {
        let response = http::Response::builder().header("content-type", "application/json");
        return Ok(response.body(Full::new(jwks)).unwrap_or_default());
    }
    let body = request.into_body().collect().await?.to_bytes();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": message["params"]["protocolVersion"], "capabilities": { "tools": {} },
            "serverInfo": { "name": "bench", "version": "1" },
        }),
        Some("tools/list") => json!({ "tools": tools() }),
        Some("tools/call") if message["params"]["name"] == "staff" => staff(),
        Some("tools/call") => json!({ "content": [{ "type": "text", "text": "echoed" }] }),
        _ => json!({}),
    };
    let mut response = http::Response::builder();
    if message.get("id").is_none() {
        return Ok(response.status(202).body(Full::default()).unwrap_or_default());
    }
    if message["method"] == "initialize" {
        response = response.header("mcp-session-id", "one");
    }
    let text = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
    Ok(response.header("content-type", "application/json").body(Full::new(text.into())).unwrap_or_default())
}
