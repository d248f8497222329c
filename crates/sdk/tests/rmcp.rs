//! `rmcp` with this client below it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "each test file uses its part of the world")]

mod world;

use rmcp::ServiceExt;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use world::World;

#[tokio::test]
async fn rmcp_sees_the_tools_and_none_of_the_challenges() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    let config = StreamableHttpClientTransportConfig::with_uri(world.address());
    let service = ().serve(StreamableHttpClientTransport::with_client(client, config)).await.unwrap();
    let tools = service.list_all_tools().await.unwrap();
    assert_eq!(tools.iter().map(|t| t.name.to_string()).collect::<Vec<_>>(), ["hammer"]);
    service.cancel().await.unwrap();
    let facts = world.facts();
    assert_eq!(facts.presented.iter().filter(|p| p.is_none()).count(), 1, "{:?}", facts.presented);
}
