//! Tokens by client credentials, ES256: recorded and durable here, in memory and unrecorded there.

use crate::Size;
use crate::load::Post;
use crate::process::{Program, SECRET, free_port, prokura};
use crate::table::{Measured, show};
use anyhow::{Context, Result};
use std::process::Command;

const CONFIG: &str = r#"
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
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"use" = { title = "Use it", actions = ["tool:*"] }
"#;

/// The peer on Node.
pub async fn peer() -> Result<Program> {
    let port = free_port()?;
    let mut command = Command::new(std::env::var("NODE_BIN").context("NODE_BIN")?);
    command.arg(std::env::var("OIDC_PROVIDER").context("OIDC_PROVIDER")?).arg(port.to_string());
    command.env("BATCH_SECRET", SECRET).env("NODE_ENV", "production");
    Program::start(command, port, "/.well-known/openid-configuration").await
}

fn ask(basic: bool) -> Post {
    let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
    // Each is asked in the way that costs it least.
    let (headers, credentials) = if basic {
        let basic = "YmF0Y2g6MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        (vec![kind, ("authorization", format!("Basic {basic}"))], String::new())
    } else {
        (vec![kind], format!("&client_id=batch&client_secret={SECRET}"))
    };
    let body = format!("grant_type=client_credentials&scope=use{credentials}").into();
    Post { path: "/token".into(), headers, body, word: "access_token" }
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ours = prokura(folder.path(), "sqlite:issuance.db", CONFIG, false).await?;
    let theirs = peer().await?;
    let mut rows = vec![
        Measured::new("Prokura, recorded and durable, 64 connections"),
        Measured::new("Prokura, recorded and durable, 1 connection"),
        Measured::new("oidc-provider 9.13.3, in memory, 64 connections"),
    ];
    for round in 0..=size.rounds {
        // The first round only warms up.
        let mut spare = [Measured::default(), Measured::default(), Measured::default()];
        let [wide, narrow, peer] = if round == 0 { &mut spare } else { rows.first_chunk_mut().context("rows")? };
        wide.round(Some(&ours), ours.port, 64, size.many, ask(false)).await?;
        narrow.round(Some(&ours), ours.port, 1, size.few, ask(false)).await?;
        peer.round(Some(&theirs), theirs.port, 64, size.many / 4, ask(true)).await?;
    }
    show("A token by client credentials (budget: 80 µs at 64 connections)", "issuance", &rows, &[])
}
