//! E25, E27, E28: handles are of use to nobody but the caller they were made for.

use crate::world::{Post, Reply, Seen, TokenFor, World, alice, mallory};
use http::Method;
use prokura_core::GrantId;
use serde_json::{Value, json};
use std::time::Duration;

/// An upstream with one session for everybody, one task and one request state.
fn stateful(seen: &Seen) -> Reply {
    let message = seen.json();
    let id = message["id"].clone();
    match (seen.method.as_str(), seen.mcp().as_str()) {
        ("DELETE", _) => Reply::Status(200),
        (_, "initialize") => Reply::WithSession(
            json!({"jsonrpc": "2.0", "id": id, "result": {"protocolVersion": "2025-11-25", "capabilities": {"tasks": {"list": {}, "cancel": {}}}}}),
            "raw-session".into(),
        ),
        (_, "tools/call") if message["params"]["task"].is_object() => {
            Reply::result(seen, json!({"task": {"taskId": "raw-task", "status": "working"}}))
        }
        (_, "tools/call")
            if message["params"]["arguments"]["ask"].is_string()
                && message["params"]["requestState"].is_null() =>
        {
            Reply::result(seen, json!({"resultType": "input_required", "requestState": "raw-state"}))
        }
        (_, "tasks/get" | "tasks/cancel") => {
            Reply::result(seen, json!({"taskId": message["params"]["taskId"], "status": "working"}))
        }
        _ => Reply::echo(seen),
    }
}

async fn begin(world: &World, token: &str) -> String {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = world.legacy(token, "initialize", params).without("mcp-protocol-version").send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["result"]["capabilities"]["tasks"], json!({"cancel": {}}));
    let session = answer.header("mcp-session-id").unwrap().to_owned();
    assert!(!session.contains("raw"));
    session
}

#[tokio::test]
async fn e25_legacy_session_of_another() {
    let world = World::with(stateful).await;
    let token = world.token(&alice());
    let session = begin(&world, &token).await;
    assert_eq!(world.read_report(&token).header("mcp-session-id", &session).send().await.status, 200);
    assert_eq!(world.upstream.last().header("mcp-session-id"), Some("raw-session"));
    let before = world.upstream.seen().len();

    let foreign = [
        ("another user", world.token(&mallory())),
        ("another client of the same user", world.token(&TokenFor { client: "cli_2", ..alice() })),
    ];
    for (who, token) in &foreign {
        let requests = [
            world.read_report(token),
            world.request(Method::GET, "crm").header("authorization", &format!("Bearer {token}")),
            world.request(Method::DELETE, "crm").header("authorization", &format!("Bearer {token}")),
        ];
        for post in requests {
            let answer = post.header("mcp-session-id", &session).send().await;
            assert_eq!(answer.status, 404, "{who}");
        }
    }
    let hr = world.token(&TokenFor { resource: "hr", scopes: "people", ..alice() });
    let elsewhere = world.read_report(&hr).at("hr").header("mcp-session-id", &session);
    assert_eq!(elsewhere.send().await.status, 404, "another route");
    for forged in ["raw-session", "", "AAAA", &session[1..], &session.to_uppercase()] {
        let answer = world.read_report(&token).header("mcp-session-id", forged).send().await;
        assert_eq!(answer.status, 404, "{forged}");
    }
    assert_eq!(world.upstream.seen().len(), before);
}

#[tokio::test]
async fn e25_session_ends_with_the_grant_it_was_made_under() {
    let world = World::with(stateful).await;
    world.insert_grant("g_1").await;
    let session = begin(&world, &world.token(&alice())).await;
    // More scopes for the same user, client and agent, in the middle of the session.
    let wider = world.token(&TokenFor { grant: "g_9", scopes: "read write", ..alice() });
    let call = || world.read_report(&wider).header("mcp-session-id", &session);
    assert_eq!(call().send().await.status, 200);
    world.revoke(GrantId::parse("g_1").unwrap()).await;
    assert_eq!(call().send().await.status, 404);
}

#[tokio::test]
async fn e27_task_of_another() {
    let world = World::with(stateful).await;
    let token = world.token(&alice());
    let made =
        world.legacy(&token, "tools/call", json!({"name": "read_report", "task": {}})).send().await.json();
    let task = made["result"]["task"]["taskId"].as_str().unwrap().to_owned();
    assert!(!task.contains("raw"));
    let poll = |token: &str, task: &str| world.legacy(token, "tasks/get", json!({"taskId": task}));
    let mine = poll(&token, &task).send().await;
    assert_eq!(mine.json()["result"]["taskId"], task.as_str(), "the same task has the same handle");
    assert_eq!(world.upstream.last().json()["params"]["taskId"], "raw-task");
    let before = world.upstream.seen().len();

    for (method, params) in [
        ("tasks/get", json!({"taskId": task})),
        ("tasks/result", json!({"taskId": task})),
        ("tasks/cancel", json!({"taskId": task})),
    ] {
        let answer = world.legacy(&world.token(&mallory()), method, params).send().await;
        assert_eq!(answer.code(), Some(-32602), "{method}");
        assert!(answer.body.contains("not found"));
    }
    for forged in ["raw-task", "", "x", &task[1..]] {
        let answer = poll(&token, forged).send().await;
        assert!(matches!(answer.code(), Some(-32602)), "{forged}");
    }
    let listen = json!({"notifications": {"taskIds": [task]}});
    assert_eq!(
        world.modern(&world.token(&mallory()), "subscriptions/listen", listen).send().await.code(),
        Some(-32602)
    );
    assert_eq!(world.upstream.seen().len(), before);
    assert!(world.record_lines().await.contains(&"decision mcp:tasks/get deny unknown_task".to_owned()));
}

#[tokio::test]
async fn e27_task_of_a_call_that_is_no_longer_permitted() {
    let world = World::with(stateful).await;
    let wide = world.token(&TokenFor { scopes: "read write", ..alice() });
    let made =
        world.legacy(&wide, "tools/call", json!({"name": "write_report", "task": {}})).send().await.json();
    let task = made["result"]["task"]["taskId"].clone();
    let narrow = world.token(&alice());
    let answer = world.legacy(&narrow, "tasks/get", json!({"taskId": task})).send().await;
    assert_eq!(answer.status, 403);
    assert!(answer.header("www-authenticate").unwrap().contains("scope=\"read write\""));
}

#[tokio::test]
async fn e27_cursor_of_another() {
    let world = World::with(stateful).await;
    let token = world.token(&alice());
    let page = world.legacy(&token, "resources/list", json!({})).send().await;
    assert!(!page.body.contains("secret"), "a cursor tells what was filtered");
    let cursor = page.json()["result"]["nextCursor"].as_str().unwrap().to_owned();
    let next = |token: &str, method: &str| world.legacy(token, method, json!({"cursor": cursor}));
    assert_eq!(next(&token, "resources/list").send().await.status, 200);
    assert_eq!(world.upstream.last().json()["params"]["cursor"], "secret/next");
    let before = world.upstream.seen().len();
    assert_eq!(next(&world.token(&mallory()), "resources/list").send().await.code(), Some(-32602));
    assert_eq!(next(&token, "tools/list").send().await.code(), Some(-32602));
    let raw = world.legacy(&token, "resources/list", json!({"cursor": "secret/next"})).send().await;
    assert_eq!(raw.code(), Some(-32602));
    assert_eq!(world.upstream.seen().len(), before);
}

#[tokio::test]
async fn e28_request_state() {
    let world = World::with(stateful).await;
    let token = world.token(&alice());
    let ask = |token: &str, name: &str, ask: &str, state: Option<&str>| -> Post<'_> {
        let mut params = json!({"name": name, "arguments": {"ask": ask}});
        if let Some(state) = state {
            params["requestState"] = state.into();
        }
        world.modern(token, "tools/call", params)
    };
    let first = ask(&token, "read_report", "a", None).send().await.json();
    let state = first["result"]["requestState"].as_str().unwrap().to_owned();
    assert!(!state.contains("raw"));
    let before = world.upstream.seen().len();
    let mallory = world.token(&mallory());
    let wide = world.token(&TokenFor { scopes: "read write", ..alice() });
    let mut tampered = state.clone().into_bytes();
    tampered[20] ^= 1;
    let tampered = String::from_utf8_lossy(&tampered).into_owned();
    let rejected = [
        ("another user", ask(&mallory, "read_report", "a", Some(&state))),
        ("another tool", ask(&wide, "write_report", "a", Some(&state))),
        ("other arguments", ask(&token, "read_report", "b", Some(&state))),
        ("tampered", ask(&token, "read_report", "a", Some(&tampered))),
        ("the upstream's own", ask(&token, "read_report", "a", Some("raw-state"))),
        (
            "another method",
            world.modern(&token, "prompts/get", json!({"name": "summary", "requestState": state})),
        ),
        ("no method that takes one", world.modern(&token, "tools/list", json!({"requestState": state}))),
        (
            "no text",
            world.modern(&token, "tools/call", json!({"name": "read_report", "requestState": {"a": 1}})),
        ),
    ];
    for (what, post) in rejected {
        let answer = post.send().await;
        assert_eq!(answer.code(), Some(-32602), "{what}: {answer:?}");
    }
    assert_eq!(world.upstream.seen().len(), before);

    let again = ask(&token, "read_report", "a", Some(&state)).send().await;
    assert_eq!((again.status, again.code()), (200, None));
    assert_eq!(world.upstream.last().json()["params"]["requestState"], Value::from("raw-state"));
    world.clock.advance(Duration::from_secs(16 * 60));
    let late = ask(&world.token(&alice()), "read_report", "a", Some(&state)).send().await;
    assert_eq!(late.code(), Some(-32602), "too late");
}
