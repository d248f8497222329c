//! A `tools/call`: directly, through Prokura, through `mcp-proxy`.

use crate::Size;
use crate::load::{Connection, Post, json};
use crate::process::{Program, SECRET, free_port, prokura};
use crate::table::{Measured, median, show};
use crate::{disk, upstream};
use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use std::path::Path;
use std::process::Command;

const CONFIG: &str = r#"
[tokens]
access = "1h"
[[client]]
id = "batch"
secret = { env = "BATCH_SECRET" }
auth = "client_secret_post"
grant_types = ["client_credentials"]
[[client.grant]]
resource = "bench"
scopes = ["use"]
[[resource]]
name = "bench"
upstream = "http://127.0.0.1:UPSTREAM/mcp"
rate = { calls = 4000000000, per = "1m" }
[resource.scopes]
"use" = { title = "Use it", actions = ["tool:*"] }
"#;

async fn token(port: u16) -> Result<String> {
    let body = format!("grant_type=client_credentials&client_id=batch&client_secret={SECRET}");
    let request = http::Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(body)))?;
    let answer = json(&Connection::open(port).await?.send(request).await?)?;
    answer["access_token"].as_str().map(str::to_owned).context("no token")
}

/// A call of the modern era, with its mirrored headers.
fn call(path: &str, token: &str) -> Post {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "echo"),
    ];
    let mut headers: Vec<_> = headers.into_iter().map(|(n, v)| (n, v.to_owned())).collect();
    headers.push(("authorization", format!("Bearer {token}")));
    Post { path: path.into(), headers, body: Bytes::from_static(body.as_bytes()), word: "echoed" }
}

/// The same call in a session, as `mcp-proxy` wants it.
fn session_call(token: &str, session: &str) -> Post {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bench/echo","arguments":{"text":"hello"}}}"#;
    let mut post = call("/mcp", token);
    post.headers.retain(|(n, _)| !n.starts_with("mcp-"));
    post.headers.push(("mcp-protocol-version", "2025-06-18".into()));
    post.headers.push(("mcp-session-id", session.into()));
    Post { body: Bytes::from_static(body.as_bytes()), ..post }
}

/// `mcp-proxy` 0.6.0 that believes the tokens of `issuer`, with roles by scope.
async fn peer(folder: &Path, issuer: u16, upstream: u16) -> Result<Program> {
    let port = free_port()?;
    let text = format!(
        r#"[proxy]
name = "bench"
separator = "/"
[proxy.listen]
host = "127.0.0.1"
port = {port}
[[backends]]
name = "bench"
transport = "http"
url = "http://127.0.0.1:{upstream}/mcp"
[auth]
type = "jwt"
issuer = "http://localhost:{issuer}"
audience = "http://localhost:{issuer}/mcp/bench"
jwks_uri = "http://localhost:{issuer}/jwks"
[[auth.roles]]
name = "user"
allow_tools = ["bench/echo"]
[auth.role_mapping]
claim = "scope"
mapping = {{ "use" = "user" }}
[security]
admin_token = "{SECRET}"
"#
    );
    let config = folder.join("mcp-proxy.toml");
    std::fs::write(&config, text)?;
    let mut command = Command::new(std::env::var("MCP_PROXY_BIN").context("MCP_PROXY_BIN")?);
    command.arg("--config").arg(config).env("RUST_LOG", "error");
    Program::start(command, port, "/mcp").await
}

/// A session at the peer.
async fn session(port: u16, token: &str) -> Result<String> {
    let body = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
    let mut connection = Connection::open(port).await?;
    let request = |body: &'static str| {
        http::Request::post("/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::new(Bytes::from_static(body.as_bytes())))
    };
    let answer = connection.send(request(body)?).await?;
    let id = answer.headers.get("mcp-session-id").with_context(|| format!("{:?}", answer.body))?;
    Ok(id.to_str()?.to_owned())
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let behind = upstream::start()?;
    let config = CONFIG.replace("UPSTREAM", &behind.to_string());
    let ours = prokura(folder.path(), "sqlite:gateway.db", &config, false).await?;
    let memory = prokura(folder.path(), "sqlite::memory:", &config, false).await?;
    let theirs = peer(folder.path(), ours.port, behind).await?;
    let (on_disk, in_memory) = (token(ours.port).await?, token(memory.port).await?);
    let session = session(theirs.port, &on_disk).await?;
    let mut tables = Vec::new();
    for connections in [1, 16, 64] {
        let names = ["directly", "Prokura, recorded and durable", "Prokura, recorded in memory", "mcp-proxy 0.6.0, unrecorded"];
        let mut rows: Vec<_> = names.iter().map(|n| Measured::new(format!("{n}, {connections} connections"))).collect();
        let count = if connections == 1 { size.few * 2 } else { size.many };
        let mut disk = Vec::new();
        for round in 0..=size.rounds {
            let mut spare: Vec<_> = names.iter().map(|_| Measured::default()).collect();
            let [direct, durable, volatile, peer] =
                if round == 0 { spare.first_chunk_mut() } else { rows.first_chunk_mut() }.context("rows")?;
            direct.round(None, behind, connections, count, call("/mcp", "none")).await?;
            durable.round(Some(&ours), ours.port, connections, count, call("/mcp/bench", &on_disk)).await?;
            volatile.round(Some(&memory), memory.port, connections, count, call("/mcp/bench", &in_memory)).await?;
            peer.round(Some(&theirs), theirs.port, connections, count / 2, session_call(&on_disk, &session)).await?;
            disk.extend(disk::writes(folder.path(), 200)?);
        }
        disk.sort_by(f64::total_cmp);
        let p99 = disk.get(disk.len() * 99 / 100).copied().unwrap_or(f64::NAN);
        let added = |row: &Measured| row.p99() - rows[0].p99();
        let notes = vec![
            format!("One durable write of 4 KiB on this disk: {:.2} ms, p99 {p99:.2} ms.", median(&disk)),
            format!("p99 added: durable {:.2} ms, in memory {:.2} ms, mcp-proxy {:.2} ms.", added(&rows[1]), added(&rows[2]), added(&rows[3])),
        ];
        tables.push((connections, rows, notes));
    }
    for (connections, rows, notes) in tables {
        let title = format!("A `tools/call` at {connections} connections (budget: 100 µs; p99 added at 64: one durable write + 2 ms, 2 ms without)");
        show(&title, &format!("gateway-{connections}"), &rows, &notes)?;
    }
    Ok(())
}
