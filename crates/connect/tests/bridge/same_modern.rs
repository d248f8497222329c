//! A modern host at a modern server: messages go through, and say in their headers what they are.

use crate::world::{Answer, Events, World, code, modern, newer, result};
use http::Method;
use prokura_oauth::json::Value;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn a_request_says_in_its_headers_what_it_is() {
    let mut world =
        World::with(newer(|seen| seen.result(r#"{"resultType":"complete","content":[],"ttlMs":1}"#)));
    let found = result(&world.ask(&modern(1, "server/discover", "", "{}")).await);
    assert!(found.contains_key("supportedVersions"));
    let called = world.ask(&modern(2, "tools/call", r#""name":"é","arguments":{}"#, "{}")).await;
    assert_eq!(result(&called).to_vec(), br#"{"resultType":"complete","content":[],"ttlMs":1}"#);
    let seen = world.sent(|s| s.method() == "tools/call").await;
    assert_eq!(seen.header("mcp-method"), Some("tools/call"));
    assert_eq!(seen.header("mcp-name"), Some("=?base64?w6k=?="));
    assert_eq!(seen.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(seen.id().as_i64(), Some(2));
    // The server was asked what it is once, for the host's own question.
    assert_eq!(world.all("server/discover").len(), 1);
    let server = world.close().await;
    assert!(!server.verbs().contains(&Method::DELETE) && !server.verbs().contains(&Method::GET));
}

#[tokio::test]
async fn parameters_are_mirrored_once_the_tools_are_known_and_bad_tools_are_not_offered() {
    const TOOLS: &str = r#"{"resultType":"complete","tools":[
        {"name":"t","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"R"}}}},
        {"name":"bad","inputSchema":{"type":"object","properties":{"r":{"type":"number","x-mcp-header":"R"}}}}]}"#;
    let mut world = World::with(newer(|seen| match seen.method() {
        "tools/list" => seen.result(&TOOLS.replace('\n', " ")),
        _ if seen.header("mcp-param-r") == Some("us") => {
            seen.result(r#"{"resultType":"complete","content":[]}"#)
        }
        _ => seen.error(400, r#"{"code":-32020,"message":"header mismatch"}"#),
    }));
    // Before the host has listed any tools: the bridge finds out, and calls again.
    let call = r#""name":"t","arguments":{"r":"us"}"#;
    result(&world.ask(&modern(1, "tools/call", call, "{}")).await);
    assert_eq!(world.all("tools/call").len(), 2);
    let listed = result(&world.ask(&modern(2, "tools/list", "", "{}")).await);
    assert_eq!(listed.get("tools").and_then(Value::as_array).unwrap().len(), 1);
    result(&world.ask(&modern(3, "tools/call", call, "{}")).await);
    assert_eq!(world.all("tools/call").len(), 3);
}

#[tokio::test]
async fn a_result_without_a_type_is_complete() {
    let mut world = World::with(newer(|seen| seen.result(r#"{"content":[]}"#)));
    let called = result(&world.ask(&modern(1, "tools/call", r#""name":"t""#, "{}")).await);
    assert_eq!(called.to_vec(), br#"{"content":[],"resultType":"complete"}"#);
}

#[tokio::test]
async fn input_and_state_go_through_as_they_are() {
    let mut world = World::with(newer(|seen| {
        match seen.params().str("requestState") {
        Some("s\u{e9}\"") => seen.result(r#"{"resultType":"complete","content":[]}"#),
        _ => seen.result(r#"{"resultType":"input_required","requestState":"s\u00e9\"","inputRequests":{"k":{"method":"roots/list"}}}"#),
    }
    }));
    let asked = result(&world.ask(&modern(1, "tools/call", r#""name":"t""#, r#"{"roots":{}}"#)).await);
    let state = asked.get("requestState").unwrap();
    let again = format!(r#""name":"t","requestState":{state},"inputResponses":{{"k":{{"roots":[]}}}}"#);
    result(&world.ask(&modern(2, "tools/call", &again, r#"{"roots":{}}"#)).await);
}

#[tokio::test]
async fn taking_a_request_back_closes_its_stream() {
    let kept: Arc<Mutex<Option<Events>>> = Arc::default();
    let keep = kept.clone();
    let mut world = World::with(newer(move |_| {
        let (answer, events) = Answer::stream();
        *keep.lock().unwrap() = Some(events);
        answer
    }));
    world.send(&modern(1, "tools/call", r#""name":"t""#, "{}")).await;
    world.sent(|s| s.method() == "tools/call").await;
    world.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).await;
    let events = kept.lock().unwrap().take().unwrap();
    events.closed().await;
    assert!(world.all("notifications/cancelled").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_survives_its_connection() {
    let mut times = 0;
    let mut world = World::with(newer(move |seen| {
        times += 1;
        let (answer, events) = Answer::stream();
        let meta = format!(r#""_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}"#, seen.id());
        events.send(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{{meta},"notifications":{{}}}}}}"#));
        events.send(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{{{meta}}}}}"#
        ));
        if times == 2 {
            events.send(&format!(
                r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"complete"}}}}"#,
                seen.id()
            ));
        }
        answer
    }));
    world
        .send(&modern(4, "subscriptions/listen", r#""notifications":{"toolsListChanged":true}"#, "{}"))
        .await;
    let mut told = Vec::new();
    loop {
        let message = world.read().await;
        match message.str("method") {
            Some(method) => told.push(method.to_owned()),
            None => break,
        }
    }
    let changed = "notifications/tools/list_changed";
    assert_eq!(told, ["notifications/subscriptions/acknowledged", changed, changed]);
}

#[tokio::test]
async fn errors_are_those_of_the_server() {
    let mut world = World::with(newer(|seen| match seen.method() {
        "x/y" => seen.error(404, r#"{"code":-32601,"message":"none","data":{"a":1}}"#),
        _ => Answer::empty(500),
    }));
    let unknown = world.ask(&modern(1, "x/y", "", "{}")).await;
    assert_eq!(unknown.get("error").unwrap().to_vec(), br#"{"code":-32601,"message":"none","data":{"a":1}}"#);
    assert_eq!(code(&world.ask(&modern(2, "tools/list", "", "{}")).await), 502);
    let other = modern(3, "tools/list", "", "{}").replace("2026-07-28", "2031-01-01");
    assert_eq!(code(&world.ask(&other).await), -32022);
}
