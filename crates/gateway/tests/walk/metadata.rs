//! Protected resource metadata (RFC 9728).

use crate::world::{Reply, World};
use http::Method;

const PATH: &str = "/.well-known/oauth-protected-resource";

#[tokio::test]
async fn metadata_stand_at_the_inserted_path() {
    let world = World::new().await;
    let answer = world.request(Method::GET, "crm").path(&format!("{PATH}/mcp/crm")).send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let expected = format!(
        r#"{{"resource":"{0}/mcp/crm","authorization_servers":["{0}"],"scopes_supported":["read"],"bearer_methods_supported":["header"],"dpop_signing_alg_values_supported":["ES256","ES384","ES512","EdDSA","RS256","RS384","RS512","PS256","PS384","PS512","Ed25519"],"dpop_bound_access_tokens_required":false,"authorization_details_types_supported":["mcp_tool"],"resource_name":"crm"}}"#,
        world.issuer
    );
    assert_eq!(answer.body, expected);
    // Public resources need no token, so nothing says where to get one; and with several there is no root.
    for path in [format!("{PATH}/mcp/open"), format!("{PATH}/mcp/none"), PATH.to_owned()] {
        assert_eq!(world.request(Method::GET, "crm").path(&path).send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_only_resource_has_the_root_too() {
    let config = r#"
issuer = "http://ADDRESS"
database = "sqlite::memory:"
[[resource]]
name = "crm"
title = "Customers"
upstream = "http://UPSTREAM/mcp"
[resource.scopes]
read = { title = "Read", actions = ["tool:a"] }
offline_access = { title = "Stay", actions = ["tool:b"] }
"#;
    let world = World::with_config(Reply::echo, config).await;
    let root = world.request(Method::GET, "crm").path(PATH).send().await;
    let inserted = world.request(Method::GET, "crm").path(&format!("{PATH}/mcp/crm")).send().await;
    assert_eq!((root.status, root.body), (200, inserted.body.clone()));
    assert_eq!(inserted.json()["resource"], world.resource("crm"));
    assert_eq!(
        inserted.json()["scopes_supported"],
        serde_json::json!(["read"]),
        "a resource needs no offline access"
    );
}
