//! The modern era: every request stands for itself.

use crate::world::{Reply, TokenFor, World, alice};
use http::Method;
use serde_json::json;
use tokio::sync::mpsc;

#[tokio::test]
async fn a_call_is_decided_recorded_forwarded_recorded_answered() {
    let world = World::new().await;
    let token = world.token(&alice());
    let answer = world
        .modern(&token, "tools/call", json!({"name": "read_report", "arguments": {"q": 1}}))
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["result"]["echo"]["arguments"], json!({"q": 1}));
    let record = world.record().await;
    assert_eq!(
        world.record_lines().await,
        ["decision tool:read_report permit scope_allows", "outcome tool:read_report permit"]
    );
    for entry in &record {
        let event = &entry.event;
        assert_eq!(event.subject.as_ref().unwrap().as_str(), "usr_alice");
        assert_eq!(event.actors[0].as_str(), "agt_planner");
        assert_eq!(event.client.as_ref().unwrap().as_str(), "cli_1");
        assert_eq!(event.grant.as_ref().unwrap().as_str(), "g_1");
        assert_eq!(event.resource.as_ref().unwrap().as_str(), world.resource("crm"));
        assert_eq!(event.trace, record[0].event.trace);
    }
    let seen = world.upstream.last();
    assert_eq!(
        (seen.header("mcp-method"), seen.header("mcp-name")),
        (Some("tools/call"), Some("read_report"))
    );
    assert_eq!(seen.header("accept"), Some("application/json, text/event-stream"));
}

#[tokio::test]
async fn sessions_are_none_of_this_era() {
    let world = World::with(|seen| match Reply::echo(seen) {
        Reply::Json(_, value) => Reply::WithSession(value, "raw".into()),
        other => other,
    })
    .await;
    let token = world.token(&alice());
    let answer = world
        .modern(&token, "tools/call", json!({"name": "read_report"}))
        .header("mcp-session-id", "whatever")
        .header("last-event-id", "whatever")
        .send()
        .await;
    assert_eq!((answer.status, answer.header("mcp-session-id")), (200, None));
    assert_eq!(world.upstream.last().header("mcp-session-id"), None);
    for method in [Method::GET, Method::DELETE] {
        let post = world.request(method, "crm").header("authorization", &format!("Bearer {token}"));
        let answer = post.header("mcp-protocol-version", "2026-07-28").send().await;
        assert_eq!(answer.status, 405);
    }
    let response = json!({"jsonrpc": "2.0", "id": 1, "result": {}}).to_string();
    let answer = world.post(&token, response).header("mcp-protocol-version", "2026-07-28").send().await;
    assert_eq!((answer.status, answer.code()), (400, Some(-32600)));
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn discovery_tells_only_of_versions_that_are_relayed() {
    let world = World::with(|seen| {
        Reply::result(seen, json!({"supportedVersions": ["2099-01-01", "2026-07-28"], "capabilities": {}, "cacheScope": "public"}))
    })
    .await;
    let answer = world.modern(&world.token(&alice()), "server/discover", json!({})).send().await;
    assert_eq!(answer.json()["result"]["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(answer.json()["result"]["cacheScope"], "private");
    assert_eq!(world.record_lines().await[0], "decision mcp:server/discover permit protocol_only");
}

#[tokio::test]
async fn a_subscription_is_decided_on_everything_it_names() {
    let (sender, receiver) = mpsc::channel(8);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let world = World::with(move |seen| {
        let ack = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {"notifications": seen.json()["params"]["notifications"]}});
        Reply::Open(vec![format!("data: {ack}\n\n")], receiver.lock().unwrap().take().unwrap(), None)
    })
    .await;
    let token = world.token(&alice());
    let filter = json!({"toolsListChanged": true, "resourceSubscriptions": ["report/q1", "report/q2"]});
    let listening =
        world.modern(&token, "subscriptions/listen", json!({"notifications": filter})).open().await;
    assert_eq!(listening.status(), 200);
    let update = |uri: &str| {
        format!(
            "data: {}\n\n",
            json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}})
        )
    };
    for uri in ["report/q1", "secret/x", "draft/x", "report/q2"] {
        sender.send(update(uri)).await.unwrap();
    }
    drop(sender);
    let body = http_body_util::BodyExt::collect(listening.into_body()).await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("report/q1") && text.contains("report/q2"), "{text}");
    assert!(!text.contains("secret") && !text.contains("draft"), "{text}");
    let lines = world.record_lines().await;
    assert_eq!(
        lines[..2],
        [
            "decision resource:report/q1 permit scope_allows",
            "decision resource:report/q2 permit scope_allows"
        ]
    );

    let wide = json!({"resourceSubscriptions": ["report/q1", "draft/q1"]});
    let answer = world.modern(&token, "subscriptions/listen", json!({"notifications": wide})).send().await;
    assert_eq!(answer.status, 403);
    assert!(answer.header("www-authenticate").unwrap().contains("scope=\"read write\""));
}

#[tokio::test]
async fn a_task_of_the_extension_has_a_handle() {
    let world = World::with(|seen| match seen.mcp().as_str() {
        "tools/call" => Reply::result(seen, json!({"resultType": "task", "taskId": "raw-task", "status": "working"})),
        "tasks/get" => Reply::result(seen, json!({"resultType": "complete", "taskId": "raw-task", "status": "completed", "result": {"content": []}})),
        _ => Reply::result(seen, json!({"resultType": "complete"})),
    })
    .await;
    let token = world.token(&alice());
    let made = world.modern(&token, "tools/call", json!({"name": "read_report"})).send().await.json();
    let task = made["result"]["taskId"].as_str().unwrap().to_owned();
    let got = world.modern(&token, "tasks/get", json!({"taskId": task})).send().await;
    assert_eq!(got.json()["result"]["taskId"], task.as_str());
    let seen = world.upstream.last();
    assert_eq!(
        (seen.header("mcp-name"), seen.json()["params"]["taskId"].as_str()),
        (Some("raw-task"), Some("raw-task"))
    );
    let updated =
        world.modern(&token, "tasks/update", json!({"taskId": task, "inputResponses": {}})).send().await;
    assert_eq!(updated.status, 200);
    assert_eq!(
        world.record_lines().await[2],
        "decision tool:read_report permit scope_allows",
        "a poll is decided like the call"
    );
    let other = world.token(&TokenFor { user: "usr_bob", ..alice() });
    assert_eq!(world.modern(&other, "tasks/get", json!({"taskId": task})).send().await.code(), Some(-32602));
}

#[tokio::test]
async fn an_error_keeps_its_status_and_gets_the_id() {
    let world = World::with(|_| {
        Reply::Json(400, json!({"jsonrpc": "2.0", "error": {"code": -32021, "message": "m", "data": {"requiredCapabilities": {}}}}))
    })
    .await;
    let answer =
        world.modern(&world.token(&alice()), "tools/call", json!({"name": "read_report"})).send().await;
    assert_eq!((answer.status, answer.code(), answer.json()["id"].as_i64()), (400, Some(-32021), Some(1)));
    assert_eq!(world.record_lines().await[1], "outcome tool:read_report error");
}
