//! An axum server whose tools need scopes, before any authorization server.
//!
//! ```sh
//! cargo run -p prokura-sdk --example axum_resource -- https://sso.example/realms/tools https://127.0.0.1:9500/mcp
//! ```
//! The first argument is the issuer, the second the address by which clients know this server, which is also the
//! audience of their tokens. Listens on the port of that address; without arguments it only shows that it builds.
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use axum::routing::{get, post};
use axum::{Extension, Router};
use prokura_sdk::resource::{Caller, Profile, Resource, Trust};
use std::error::Error;

/// What stands behind the layer knows who calls.
async fn answer(Extension(caller): Extension<Caller>, body: String) -> String {
    format!("{} of {} sent {} bytes\n", caller.subject(), caller.issuer(), body.len())
}

fn app(issuer: &str, address: &str) -> Result<Router, Box<dyn Error>> {
    let guard = Resource::at(address)?
        .name("Example tools")
        .trust(Trust::new(issuer, Profile::Rfc9068).audience(address))
        .scope("report:read", &["tool:read_report", "resource:report/*"])
        .scope("report:write", &["tool:write_report"])
        .first_scopes(&["report:read"])
        .open("/healthz")
        .build()?;
    println!("metadata at {}", guard.metadata_url());
    // Outermost but for CORS: the layer closes everything that it wraps.
    Ok(Router::new().route("/mcp", post(answer)).route("/healthz", get(async || "ok\n")).layer(guard))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(issuer), Some(address)) = (arguments.next(), arguments.next()) else {
        drop(app("https://sso.example", "https://tools.example/mcp")?);
        println!("usage: axum_resource ISSUER ADDRESS");
        return Ok(());
    };
    let port = address.split(':').next_back().and_then(|p| p.split('/').next()).and_then(|p| p.parse().ok());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.unwrap_or(9500))).await?;
    axum::serve(listener, app(&issuer, &address)?).await?;
    Ok(())
}
