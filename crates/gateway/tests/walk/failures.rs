//! Upstreams that fail: the client learns that they do and nothing else, and the record has it.

use crate::world::{Reply, World, alice};
use serde_json::json;

#[tokio::test]
async fn what_an_upstream_says_of_itself_is_not_relayed() {
    let canary = || "canary: stack trace".to_owned();
    type Case = (fn(String) -> Reply, u16, &'static str);
    let cases: [Case; 9] = [
        (|t| Reply::Text(500, "text/plain", t), 502, "upstream_bad"),
        (|t| Reply::Text(401, "text/plain", t), 502, "upstream_bad"),
        (|t| Reply::Text(403, "application/json", t), 502, "upstream_bad"),
        (|t| Reply::Text(302, "text/plain", t), 502, "upstream_bad"),
        (|t| Reply::Text(200, "text/html", t), 502, "upstream_bad"),
        (|t| Reply::Text(200, "application/json", t), 502, "upstream_bad"),
        (|t| Reply::Text(400, "text/plain", t), 400, "upstream_refused"),
        (|t| Reply::Text(404, "application/json", t), 404, "upstream_refused"),
        (
            |t| Reply::Json(200, json!({"jsonrpc": "2.0", "id": 1, "result": {"t": t.repeat(20_000)}})),
            502,
            "upstream_bad",
        ),
    ];
    for (reply, status, word) in cases {
        let world = World::with(move |_| reply(canary())).await;
        let answer = world.read_report(&world.token(&alice())).send().await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.json()["id"], 1);
        assert!(!answer.body.contains("canary") && answer.header("www-authenticate").is_none(), "{answer:?}");
        let expected = format!("outcome tool:read_report error {word}");
        assert_eq!(
            world.record_lines().await,
            ["decision tool:read_report permit scope_allows", expected.as_str()]
        );
    }
}

#[tokio::test]
async fn an_upstream_that_is_down() {
    let config = r#"
issuer = "http://ADDRESS"
database = "sqlite::memory:"
[[resource]]
name = "crm"
upstream = "http://127.0.0.1:1/mcp"
[resource.scopes]
read = { title = "Read", actions = ["tool:read_report"] }
"#;
    let world = World::with_config(Reply::echo, config).await;
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert_eq!((answer.status, answer.code()), (502, Some(-32603)));
    assert!(!answer.body.contains("127.0.0.1:1"));
    assert_eq!(world.record_lines().await[1], "outcome tool:read_report error upstream_down");
}

#[tokio::test]
async fn a_modern_stream_without_an_answer_gets_one() {
    let world = World::with(|_| Reply::Sse(vec![": nothing\n\n".into()])).await;
    let answer =
        world.modern(&world.token(&alice()), "tools/call", json!({"name": "read_report"})).send().await;
    assert_eq!(answer.events()[0]["error"]["code"], -32603);
    assert_eq!(answer.events()[0]["id"], 1);
}

#[tokio::test]
async fn a_notification_that_is_not_taken_is_said_so() {
    let world = World::new().await;
    let token = world.token(&alice());
    let note = |method: &str| json!({"jsonrpc": "2.0", "method": method}).to_string();
    assert_eq!(world.post(&token, note("notifications/initialized")).send().await.status, 202);
    let odd = world.post(&token, note("notifications/odd")).send().await;
    assert_eq!((odd.status, odd.code()), (400, Some(-32601)));
    assert_eq!(world.upstream.seen().len(), 1);
}
