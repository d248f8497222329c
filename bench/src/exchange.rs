//! Tokens by exchange (RFC 8693): a client with a secret, a subject token of somebody else's authority, an actor token of its
//! own; a child of the grant that is used again, recorded and durable.

use crate::Size;
use crate::load::{Connection, Post, json};
use crate::process::{SECRET, prokura};
use crate::table::{Measured, show};
use anyhow::{Context, Result};
use bytes::Bytes;
use http::header;
use http_body_util::Full;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Planner's authority at `bench`, a part of which the server of `bench` gets at `store`. Tokens live long enough for all
/// rounds.
const CONFIG: &str = r#"
[tokens]
access = "1h"
[[client]]
id = "planner"
secret = { env = "BATCH_SECRET" }
auth = "client_secret_post"
grant_types = ["client_credentials"]
[[client.grant]]
resource = "bench"
scopes = ["use"]
[[client]]
id = "server"
secret = { env = "BATCH_SECRET" }
auth = "client_secret_post"
grant_types = ["client_credentials", "token_exchange"]
introspects = ["bench"]
[[client.grant]]
resource = "store"
scopes = ["read"]
[[resource]]
name = "bench"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"use" = { title = "Use it", actions = ["tool:*"] }
[[resource]]
name = "store"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"read" = { title = "Read it", actions = ["tool:*"] }
[[delegation]]
name = "downstream"
at = "bench"
to = ["server"]
resource = "store"
give = { use = ["read"] }
"#;

/// A token of a client's own authority.
async fn own(port: u16, client: &str) -> Result<String> {
    let place = format!("http%3A%2F%2Flocalhost%3A{port}%2Fmcp%2F{}", place(client));
    let form =
        format!("grant_type=client_credentials&client_id={client}&client_secret={SECRET}&resource={place}");
    let request = http::Request::post("/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))?;
    let answer = Connection::open(port).await?.send(request).await?;
    json(&answer)?["access_token"].as_str().map(str::to_owned).with_context(|| format!("{:?}", answer.body))
}

fn place(client: &str) -> &'static str {
    if client == "planner" { "bench" } else { "store" }
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ours = prokura(folder.path(), "sqlite:exchange.db", CONFIG, false).await?;
    let (subject, actor) = (own(ours.port, "planner").await?, own(ours.port, "server").await?);
    let ask = || {
        Post {
        path: "/token".into(),
        headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
        body: format!(
            "grant_type={EXCHANGE}&client_id=server&client_secret={SECRET}&audience=store\
             &subject_token={subject}&subject_token_type={ACCESS}&actor_token={actor}&actor_token_type={ACCESS}"
        )
        .into(),
        word: "access_token",
    }
    };
    let mut rows = vec![
        Measured::new("Prokura, recorded and durable, 64 connections"),
        Measured::new("Prokura, recorded and durable, 1 connection"),
    ];
    for round in 0..=size.rounds {
        // The first round only warms up.
        let mut spare = [Measured::default(), Measured::default()];
        let [wide, narrow] = if round == 0 { &mut spare } else { rows.first_chunk_mut().context("rows")? };
        wide.round(Some(&ours), ours.port, 64, size.many, ask()).await?;
        narrow.round(Some(&ours), ours.port, 1, size.few, ask()).await?;
    }
    show("A token by exchange (budget: 150 µs at 64 connections)", "exchange", &rows, &[])
}
