//! A legacy host at a modern server.

use crate::world::{Answer, INITIALIZED, World, code, initialize, newer, result};
use prokura_oauth::json::Value;

const NEEDS: &str = r#"{"resultType":"input_required","requestState":"s","inputRequests":{
    "who":{"method":"elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{}}},
    "where":{"method":"roots/list"}}}"#;

#[tokio::test]
async fn initialize_is_answered_from_what_the_server_says_of_itself() {
    let mut world = World::with(newer(|seen| {
        seen.result(r#"{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public"}"#)
    }));
    let opened = result(&world.ask(&initialize(r#"{"roots":{"listChanged":true}}"#)).await);
    assert_eq!(opened.str("protocolVersion"), Some("2025-11-25"));
    assert_eq!(opened.get("serverInfo").unwrap().as_object().unwrap().str("name"), Some("new"));
    let listed = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(listed.to_vec(), br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#);
    let seen = world.sent(|s| s.method() == "tools/list").await;
    let meta = seen.params().remove("_meta").unwrap().into_object().unwrap();
    assert_eq!(meta.str("io.modelcontextprotocol/protocolVersion"), Some("2026-07-28"));
    assert_eq!(meta.get("io.modelcontextprotocol/clientCapabilities").unwrap().to_vec(), br#"{"roots":{}}"#);
    assert_eq!(seen.header("mcp-method"), Some("tools/list"));
    result(&world.ask(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#).await);
    assert!(world.all("ping").is_empty());
}

#[tokio::test]
async fn input_that_is_needed_is_asked_of_the_host() {
    let mut world = World::with(newer(|seen| match seen.params().get("inputResponses") {
        None => seen.result(&NEEDS.replace('\n', " ")),
        Some(_) => seen.result(r#"{"resultType":"complete","content":[]}"#),
    }));
    world.ask(&initialize(r#"{"roots":{},"elicitation":{}}"#)).await;
    let who = world
        .ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":1}}}"#)
        .await;
    assert_eq!(who.str("method"), Some("elicitation/create"));
    assert!(!who.get("params").unwrap().as_object().unwrap().contains_key("mode"));
    let id = who.get("id").unwrap();
    let place = world
        .ask(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"accept","content":{{"n":1}}}}}}"#))
        .await;
    assert_eq!(place.str("method"), Some("roots/list"));
    let id = place.get("id").unwrap();
    let done = world.ask(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"roots":[]}}}}"#)).await;
    assert_eq!(done.to_vec(), br#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#);
    let calls = world.all("tools/call");
    let again = calls[1].params();
    assert_eq!((again.str("requestState"), again.str("name")), (Some("s"), Some("t")));
    let given = again.get("inputResponses").unwrap().to_vec();
    assert_eq!(given, br#"{"who":{"action":"accept","content":{"n":1}},"where":{"roots":[]}}"#);
    assert_ne!(calls[0].id(), calls[1].id());
}

#[tokio::test]
async fn a_host_that_gives_no_answer_to_a_form_has_cancelled_it() {
    let mut world = World::with(newer(|seen| {
        match seen.params().get("inputResponses") {
        None => seen.result(r#"{"resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"m"}}}}"#),
        Some(_) => seen.result(r#"{"resultType":"complete","content":[]}"#),
    }
    }));
    world.ask(&initialize(r#"{"elicitation":{}}"#)).await;
    let who = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#).await;
    let id = who.get("id").unwrap();
    result(
        &world
            .ask(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32603,"message":"no"}}}}"#))
            .await,
    );
    let given = world.all("tools/call")[1].params();
    assert_eq!(given.get("inputResponses").unwrap().to_vec(), br#"{"who":{"action":"cancel"}}"#);
    assert!(!given.contains_key("requestState"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_without_end_is_left() {
    let mut world =
        World::with(newer(|seen| seen.result(r#"{"resultType":"input_required","requestState":"s"}"#)));
    world.ask(&initialize("{}")).await;
    let left = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#).await;
    assert_eq!((code(&left), world.all("tools/call").len()), (502, 16));
}

#[tokio::test]
async fn the_level_of_log_messages_is_said_with_each_request() {
    let mut world = World::with(newer(|seen| seen.result(r#"{"resultType":"complete","tools":[]}"#)));
    world.ask(&initialize("{}")).await;
    result(
        &world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#).await,
    );
    result(&world.ask(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).await);
    let meta = world.all("tools/list")[0].params().remove("_meta").unwrap();
    assert_eq!(meta.as_object().unwrap().str("io.modelcontextprotocol/logLevel"), Some("info"));
    assert!(world.all("logging/setLevel").is_empty());
    assert_eq!(
        code(&world.ask(r#"{"jsonrpc":"2.0","id":3,"method":"tasks/get","params":{"taskId":"x"}}"#).await),
        -32601
    );
    let task = r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"t","task":{}}}"#;
    assert_eq!(code(&world.ask(task).await), -32602);
}

#[tokio::test]
async fn changes_are_told_as_a_session_tells_them() {
    let mut world = World::with(newer(|seen| {
        let wanted = seen.params().get("notifications").cloned().unwrap_or_default();
        let uris = wanted.as_object().and_then(|w| w.get("resourceSubscriptions")).and_then(Value::as_array);
        if uris.is_some_and(|u| u.contains(&"x:no".into())) {
            return seen.error(403, r#"{"code":403,"message":"no"}"#);
        }
        let meta = format!(r#""_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}"#, seen.id());
        let (answer, events) = Answer::stream();
        events.send(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{{meta},"notifications":{wanted}}}}}"#));
        let told = if uris.is_some() {
            r#"resources/updated","params":{"uri":"x:y","#
        } else {
            r#"tools/list_changed","params":{"#
        };
        events.send(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/{told}{meta}}}}}"#));
        std::mem::forget(events);
        answer
    }));
    world.ask(&initialize("{}")).await;
    let told = world.ask(INITIALIZED).await;
    assert_eq!(
        told.to_vec(),
        br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}"#
    );
    world.send(r#"{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"x:y"}}"#).await;
    let (mut answered, mut updated) = (false, false);
    for _ in 0..2 {
        let message = world.read().await;
        answered |= message.contains_key("result");
        updated |= message.str("method") == Some("notifications/resources/updated");
    }
    assert!(answered && updated);
    // What the server refuses leaves what is subscribed to as it was.
    let refused =
        world.ask(r#"{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"x:no"}}"#).await;
    assert_eq!(code(&refused), 403);
    let count = world.all("subscriptions/listen").len();
    assert_eq!(count, 3);
}
