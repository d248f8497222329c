//! With an HTTP client of your own, here `reqwest`: lists the tools of the server whose address is given.
//!
//! ```text
//! cargo run --example reqwest -- http://localhost:3000/mcp
//! ```

use http::Method;
use prokura_sdk::client::{Client, Heeded, Loopback, Software, Way};
use std::error::Error;
use std::sync::Arc;

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{
    "io.modelcontextprotocol/protocolVersion":"2026-07-28",
    "io.modelcontextprotocol/clientInfo":{"name":"example","version":"1"},
    "io.modelcontextprotocol/clientCapabilities":{}}}}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("the address of an MCP server is missing")?;
    let client = Client::to(&address)?
        .software(Software::named("reqwest example"))
        .way(Way::Browser(Arc::new(Loopback::default())))
        .build()?;
    let web = reqwest::Client::new();
    let mut call = client.call(Method::POST, client.server().as_url().clone());
    let answer = loop {
        let request = web
            .post(&address)
            .headers(call.headers().await?)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/list")
            .body(LIST);
        let answer = request.send().await?;
        if call.heed(answer.status(), answer.headers()).await? == Heeded::Done {
            break answer;
        }
    };
    eprintln!("{} {}", answer.status(), answer.text().await?);
    Ok(())
}
