//! A `tools/call`: directly, through Prokura, through `mcp-proxy`.

use crate::Size;
use crate::load::{Connection, Pace, Post, json};
use crate::process::{Program, SECRET, free_port, prokura};
use crate::table::{Measured, median, show};
use crate::{disk, upstream};
use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use prokura_core::{Clock, SystemClock, SystemRng, random_id};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Value, obj};
use std::path::Path;
use std::process::Command;

/// One server, one client, one tool for everybody.
pub const CONFIG: &str = r#"
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

/// A token of that client.
pub async fn token(port: u16) -> Result<String> {
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
    let mut post = call("/", token);
    post.headers.retain(|(n, _)| !n.starts_with("mcp-"));
    post.headers.push(("mcp-protocol-version", "2025-06-18".into()));
    post.headers.push(("mcp-session-id", session.into()));
    Post { body: Bytes::from_static(body.as_bytes()), ..post }
}

/// `mcp-proxy` 0.6.0 with roles by scope. It wants its own address as audience, so its tokens are made here.
async fn peer(folder: &Path, port: u16, upstream: u16) -> Result<Program> {
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
issuer = "http://127.0.0.1:{upstream}"
audience = "http://127.0.0.1:{port}"
jwks_uri = "http://127.0.0.1:{upstream}/jwks"
[[auth.roles]]
name = "user"
allow_tools = ["bench/echo"]
[auth.role_mapping]
claim = "scope"
mapping = {{ "use" = "user" }}
[security]
admin_token = "{SECRET}"
[observability]
log_level = "error"
"#
    );
    let config = folder.join("mcp-proxy.toml");
    std::fs::write(&config, text)?;
    let mut command = Command::new(std::env::var("MCP_PROXY_BIN").context("MCP_PROXY_BIN")?);
    command.arg("--config").arg(config).env("RUST_LOG", "error");
    Program::start(command, port, "/readyz").await
}

/// A token for the peer: as long-lived and as large as ours.
fn foreign(key: &SigningKey, issuer: u16, audience: u16) -> Result<String> {
    let now = SystemClock.now().seconds();
    let claims = obj([
        ("iss", format!("http://127.0.0.1:{issuer}").into()),
        ("aud", format!("http://127.0.0.1:{audience}").into()),
        ("sub", "agt_batch".into()),
        ("client_id", "batch".into()),
        ("scope", "use".into()),
        ("iat", now.into()),
        ("exp", (now + 3600).into()),
        ("jti", random_id("t_", &SystemRng).into()),
    ]);
    Ok(key.sign("at+jwt", &claims)?)
}

/// A session at the peer.
async fn session(port: u16, token: &str) -> Result<String> {
    let body = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
    let mut connection = Connection::open(port).await?;
    let request = |body: &'static str, session: &str| {
        let mut request = http::Request::post("/")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("authorization", format!("Bearer {token}"));
        if !session.is_empty() {
            request = request.header("mcp-session-id", session).header("mcp-protocol-version", "2025-06-18");
        }
        request.body(Full::new(Bytes::from_static(body.as_bytes())))
    };
    let answer = connection.send(request(body, "")?).await?;
    let id = answer.headers.get("mcp-session-id").with_context(|| format!("{} {:?}", answer.status, answer.body))?;
    let id = id.to_str()?.to_owned();
    connection.send(request(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, &id)?).await?;
    Ok(id)
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let key = SigningKey::generate(Algorithm::Es256)?;
    let jwks = Value::Object(obj([("keys", Value::Array(vec![Value::Object(key.public().to_jwk())]))]));
    let behind = upstream::start(jwks.to_string())?;
    let config = CONFIG.replace("UPSTREAM", &behind.to_string());
    let ours = prokura(folder.path(), "sqlite:gateway.db", &config, false).await?;
    let memory = prokura(folder.path(), "sqlite::memory:", &config, false).await?;
    let port = free_port()?;
    let theirs = peer(folder.path(), port, behind).await?;
    let foreign = foreign(&key, behind, port)?;
    let (on_disk, in_memory) = (token(ours.port).await?, token(memory.port).await?);
    let session = session(theirs.port, &foreign).await?;
    let mut tables = Vec::new();
    // The last is far from saturated, as a service is: there the latency that is added shows. At full speed
    // everything waits for the two cores that load, gateway and upstream share.
    for (connections, pace) in [(1, Pace::Full), (16, Pace::Full), (64, Pace::Full), (64, Pace::PerSecond(2000))] {
        let names = ["directly", "Prokura, recorded and durable", "Prokura, recorded in memory", "mcp-proxy 0.6.0, unrecorded"];
        let mut rows: Vec<_> = names.iter().map(|n| Measured::new(*n)).collect();
        let count = match (connections, pace) {
            (1, _) => size.few * 2,
            (_, Pace::PerSecond(_)) => size.many / 4,
            _ => size.many,
        };
        let mut disk = Vec::new();
        for round in 0..=size.rounds {
            let mut spare: Vec<_> = names.iter().map(|_| Measured::default()).collect();
            let [direct, durable, volatile, peer] =
                if round == 0 { spare.first_chunk_mut() } else { rows.first_chunk_mut() }.context("rows")?;
            direct.paced(None, behind, connections, count, pace, call("/mcp", "none")).await?;
            durable.paced(Some(&ours), ours.port, connections, count, pace, call("/mcp/bench", &on_disk)).await?;
            volatile.paced(Some(&memory), memory.port, connections, count, pace, call("/mcp/bench", &in_memory)).await?;
            peer.paced(Some(&theirs), theirs.port, connections, count / 2, pace, session_call(&foreign, &session)).await?;
            disk.extend(disk::writes(folder.path(), 200)?);
        }
        disk.sort_by(f64::total_cmp);
        let p99 = disk.get(disk.len() * 99 / 100).copied().unwrap_or(f64::NAN);
        let added = |row: &Measured| row.p99() - rows[0].p99();
        let notes = vec![
            format!("One durable write of 4 KiB on this disk: {:.2} ms, p99 {p99:.2} ms.", median(&disk)),
            format!("p99 added: durable {:.2} ms, in memory {:.2} ms, mcp-proxy {:.2} ms.", added(&rows[1]), added(&rows[2]), added(&rows[3])),
        ];
        tables.push((connections, pace, rows, notes));
    }
    for (connections, pace, rows, notes) in tables {
        let (speed, file) = match pace {
            Pace::Full => ("at full speed".to_owned(), format!("gateway-{connections}")),
            Pace::PerSecond(rate) => (format!("at {rate} a second"), format!("gateway-{connections}-paced")),
        };
        show(&format!("A `tools/call`, {connections} connections, {speed}"), &file, &rows, &notes)?;
    }
    Ok(())
}
