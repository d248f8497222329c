//! Limits on calls: for each caller, and for public resources by address.

use crate::world::{Reply, TokenFor, World, alice};
use serde_json::json;
use std::time::Duration;

const CONFIG: &str = r#"
issuer = "http://ADDRESS"
database = "sqlite::memory:"
[[resource]]
name = "crm"
upstream = "http://UPSTREAM/mcp"
rate = { calls = 3, per = "30s" }
[resource.scopes]
read = { title = "Read", actions = ["tool:read_report"] }
[[resource]]
name = "open"
upstream = "http://UPSTREAM/mcp"
public = true
rate = { calls = 3, per = "30s" }
[resource.scopes]
all = { title = "All", actions = ["tool:read_report"] }
"#;

#[tokio::test]
async fn a_caller_has_so_many_calls_and_a_flood_is_recorded_once() {
    let world = World::with_config(Reply::echo, CONFIG).await;
    let (token, bob) = (world.token(&alice()), world.token(&TokenFor { user: "usr_bob", ..alice() }));
    for _ in 0..3 {
        assert_eq!(world.read_report(&token).send().await.status, 200);
    }
    for _ in 0..5 {
        let answer = world.read_report(&token).send().await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("10")));
    }
    assert_eq!(world.read_report(&bob).send().await.status, 200, "another caller");
    let refusals = world.record_lines().await.into_iter().filter(|l| l.contains("rate_limited")).count();
    assert_eq!(refusals, 1);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.read_report(&token).send().await.status, 200);
    assert_eq!(world.read_report(&token).send().await.status, 429);
    assert_eq!(world.upstream.seen().len(), 5);
}

#[tokio::test]
async fn public_resources_are_limited_by_address_and_recorded() {
    let world = World::with_config(Reply::echo, CONFIG).await;
    let call =
        || world.legacy("", "tools/call", json!({"name": "read_report"})).without("authorization").at("open");
    for _ in 0..3 {
        assert_eq!(call().send().await.status, 200);
    }
    assert_eq!(call().send().await.status, 429);
    let record = world.record().await;
    assert_eq!(record[0].event.subject, None);
    assert_eq!(
        world.record_lines().await[..2],
        ["decision tool:read_report permit public_resource", "outcome tool:read_report permit"]
    );
}

#[tokio::test]
async fn guessing_tokens_is_limited_too() {
    let world = World::with_config(Reply::echo, CONFIG).await;
    let statuses = [401, 401, 401, 429, 429];
    for (n, status) in statuses.into_iter().enumerate() {
        assert_eq!(world.read_report(&format!("a.b.{n}")).send().await.status, status, "{n}");
    }
    assert_eq!(
        world.read_report(&world.token(&alice())).send().await.status,
        200,
        "who has a token is another caller"
    );
}
