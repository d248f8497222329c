//! With `rmcp`: lists the tools of the server whose address is given.
//!
//! ```text
//! cargo run --features rmcp --example rmcp -- http://localhost:3000/mcp
//! ```

use prokura_sdk::client::{Client, Loopback, Software, Way};
use rmcp::ServiceExt;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("the address of an MCP server is missing")?;
    let client = Client::to(&address)?
        .software(Software::named("rmcp example"))
        .way(Way::Browser(Arc::new(Loopback::default())))
        .build()?;
    let config = StreamableHttpClientTransportConfig::with_uri(address.as_str());
    let service = ().serve(StreamableHttpClientTransport::with_client(client, config)).await?;
    for tool in service.list_all_tools().await? {
        eprintln!("{}", tool.name);
    }
    service.cancel().await?;
    Ok(())
}
