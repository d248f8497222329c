//! A legacy host at a legacy server: messages go through, sessions and streams are kept up.

use crate::world::{Answer, Events, INITIALIZED, World, code, initialize, legacy, result};
use http::Method;
use std::sync::{Arc, Mutex};

type Kept = Arc<Mutex<Option<Events>>>;

fn kept() -> Kept {
    Arc::default()
}

#[tokio::test]
async fn the_session_is_the_servers_own() {
    let mut world = World::with(legacy(|seen| match seen.method() {
        "tools/list" => seen.result(r#"{"tools":[],"x":1}"#),
        _ => Answer::empty(405),
    }));
    let opened = result(&world.ask(&initialize(r#"{"roots":{"listChanged":true}}"#)).await);
    assert_eq!(opened.str("instructions"), Some("Go."));
    world.send(INITIALIZED).await;
    let listed = world.ask(r#"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#).await;
    assert_eq!(listed.to_vec(), br#"{"jsonrpc":"2.0","id":"a","result":{"tools":[],"x":1}}"#);
    let first = world.sent(|s| s.method() == "initialize").await;
    assert_eq!((first.header("mcp-session-id"), first.header("mcp-protocol-version")), (None, None));
    assert_eq!(first.params().get("capabilities").unwrap().to_vec(), br#"{"roots":{"listChanged":true}}"#);
    let list = world.sent(|s| s.method() == "tools/list").await;
    assert_eq!(list.header("mcp-session-id"), Some("s1"));
    assert_eq!(list.header("mcp-protocol-version"), Some("2025-11-25"));
    assert_eq!(list.header("accept"), Some("application/json, text/event-stream"));
    assert!(list.header("mcp-method").is_none());
    let server = world.close().await;
    assert_eq!(server.verbs().last(), Some(&Method::DELETE));
}

#[tokio::test]
async fn a_forgotten_session_is_opened_again_and_goes_on_like_the_old() {
    let mut calls = 0;
    let mut world = World::with(legacy(move |seen| match seen.method() {
        "logging/setLevel" | "resources/subscribe" => seen.result("{}"),
        "tools/call" => {
            calls += 1;
            if calls == 1 { Answer::empty(404) } else { seen.result(r#"{"content":[]}"#) }
        }
        _ => Answer::empty(405),
    }));
    world.ask(&initialize("{}")).await;
    world.send(INITIALIZED).await;
    world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#).await;
    world.ask(r#"{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"x:y"}}"#).await;
    let called = world.ask(r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t"}}"#).await;
    result(&called);
    assert_eq!((world.all("initialize").len(), world.all("tools/call").len()), (2, 2));
    assert_eq!((world.all("logging/setLevel").len(), world.all("resources/subscribe").len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_taken_up_where_it_stood() {
    let mut world = World::with(legacy(|seen| match (seen.verb.as_str(), seen.method()) {
        ("POST", "tools/call") => {
            let (answer, events) = Answer::stream();
            events.raw("id: e1\nretry: 500\ndata:\n\n");
            events.raw(
                "id: e2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n\n",
            );
            answer
        }
        ("GET", _) if seen.header("last-event-id") == Some("e2") => {
            let (answer, events) = Answer::stream();
            events.send(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#);
            answer
        }
        _ => Answer::empty(405),
    }));
    world.ask(&initialize("{}")).await;
    let progress = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#).await;
    assert_eq!(progress.str("method"), Some("notifications/progress"));
    result(&world.read().await);
    assert_eq!(world.all("tools/call").len(), 1);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_not_repeated() {
    let mut world = World::with(legacy(|seen| match seen.method() {
        "tools/call" => Answer::stream().0,
        _ => Answer::empty(405),
    }));
    world.ask(&initialize("{}")).await;
    let lost = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#).await;
    assert_eq!(code(&lost), 502);
    assert_eq!(world.all("tools/call").len(), 1);
}

#[tokio::test]
async fn questions_and_answers_go_through() {
    let stream = kept();
    let keep = stream.clone();
    let mut world = World::with(legacy(move |seen| match (seen.verb.as_str(), seen.method()) {
        ("POST", "tools/call") => {
            let (answer, events) = Answer::stream();
            events.send(r#"{"jsonrpc":"2.0","id":9,"method":"elicitation/create","params":{"message":"m","requestedSchema":{}}}"#);
            *keep.lock().unwrap() = Some(events);
            answer
        }
        ("POST", "") => Answer::empty(202),
        _ => Answer::empty(405),
    }));
    world.ask(&initialize(r#"{"elicitation":{}}"#)).await;
    let asked = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#).await;
    assert_eq!(
        (asked.str("method"), asked.get("id").unwrap().as_i64()),
        (Some("elicitation/create"), Some(9))
    );
    world.send(r#"{"jsonrpc":"2.0","id":9,"result":{"action":"accept","content":{}}}"#).await;
    let answer = world.sent(|s| s.message.contains_key("result")).await;
    assert_eq!(
        answer.message.to_vec(),
        br#"{"jsonrpc":"2.0","id":9,"result":{"action":"accept","content":{}}}"#
    );
    stream.lock().unwrap().as_ref().unwrap().send(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#);
    result(&world.read().await);
}

#[tokio::test]
async fn what_is_cancelled_is_cancelled_at_the_server() {
    let mut world = World::with(legacy(|seen| match seen.method() {
        "tools/call" => {
            let (answer, events) = Answer::stream();
            std::mem::forget(events);
            answer
        }
        "notifications/cancelled" => Answer::empty(202),
        "ping" => seen.result("{}"),
        _ => Answer::empty(405),
    }));
    world.ask(&initialize("{}")).await;
    world.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#).await;
    world.sent(|s| s.method() == "tools/call").await;
    world
        .send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"r"}}"#)
        .await;
    let told = world.sent(|s| s.method() == "notifications/cancelled").await;
    assert_eq!(told.params().to_vec(), br#"{"requestId":1,"reason":"r"}"#);
    // Its id is free again, and nothing more is said of it.
    let pong = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
    assert_eq!(pong.get("id").unwrap().as_i64(), Some(1));
    result(&pong);
}

#[tokio::test]
async fn what_the_server_says_of_its_own_accord_reaches_the_host() {
    let mut world = World::with(legacy(|seen| match seen.verb.as_str() {
        "GET" => {
            let (answer, events) = Answer::stream();
            events.send(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
            events.send(r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#);
            std::mem::forget(events);
            answer
        }
        "POST" => Answer::empty(202),
        _ => Answer::empty(405),
    }));
    world.ask(&initialize("{}")).await;
    let told = world.ask(INITIALIZED).await;
    assert_eq!(told.str("method"), Some("notifications/tools/list_changed"));
    let ping = world.read().await;
    assert_eq!((ping.str("method"), ping.get("id").unwrap().as_i64()), (Some("ping"), Some(5)));
    world.send(r#"{"jsonrpc":"2.0","id":5,"result":{}}"#).await;
    world.sent(|s| s.message.contains_key("result")).await;
}

#[tokio::test]
async fn a_host_begins_with_initialize_and_does_it_once() {
    let mut world = World::with(legacy(|_| Answer::empty(405)));
    assert_eq!(code(&world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await), -32600);
    result(&world.ask(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#).await);
    result(&world.ask(&initialize("{}")).await);
    assert_eq!(code(&world.ask(&initialize("{}")).await), -32600);
}
