//! An MCP server on rmcp, protected by the layer; its tool says who calls.
//!
//! ```sh
//! cargo run -p prokura-sdk --example rmcp_resource -- ISSUER http://127.0.0.1:9500/mcp
//! ```
//! Without arguments it only shows that it builds.
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use axum::Router;
use prokura_sdk::resource::{Caller, Profile, Resource, Trust};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, ErrorData};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler, tool, tool_handler, tool_router};
use std::error::Error;
use std::sync::Arc;

#[derive(Clone)]
struct Tools;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[tool_router]
impl Tools {
    /// Says who calls.
    #[tool(description = "Says who calls")]
    async fn who_am_i(
        &self,
        Parameters(Nothing {}): Parameters<Nothing>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let parts = context.extensions.get::<http::request::Parts>();
        let said = match parts.and_then(|p| Caller::of(&p.extensions)) {
            Some(caller) => format!("{} by {}", caller.subject(), caller.client()),
            None => "nobody".to_owned(),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(said)]))
    }
}

#[tool_handler]
impl ServerHandler for Tools {}

fn app(issuer: &str, address: &str) -> Result<Router, Box<dyn Error>> {
    let guard = Resource::at(address)?
        .trust(Trust::new(issuer, Profile::Rfc9068).audience(address))
        .scope("tools:use", &["tool:who_am_i"])
        .build()?;
    let sessions = Arc::new(LocalSessionManager::default());
    let mcp = StreamableHttpService::new(|| Ok(Tools), sessions, StreamableHttpServerConfig::default());
    Ok(Router::new().nest_service("/mcp", mcp).layer(guard))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(issuer), Some(address)) = (arguments.next(), arguments.next()) else {
        drop(app("https://sso.example", "https://tools.example/mcp")?);
        println!("usage: rmcp_resource ISSUER ADDRESS");
        return Ok(());
    };
    let port = address.split(':').next_back().and_then(|p| p.split('/').next()).and_then(|p| p.parse().ok());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.unwrap_or(9500))).await?;
    axum::serve(listener, app(&issuer, &address)?).await?;
    Ok(())
}
