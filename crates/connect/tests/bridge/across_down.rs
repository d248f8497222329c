//! A modern host at a legacy server.

use crate::world::{Answer, Events, World, code, legacy, modern, result};
use prokura_oauth::json::{Object, Value};

const FORM: &str = r#"{"elicitation":{}}"#;
const QUESTION: &str = r#"{"jsonrpc":"2.0","id":9,"method":"elicitation/create","params":{"message":"m","requestedSchema":{},"elicitationId":"e"}}"#;

fn meta(result: &Object) -> Object {
    result.get("_meta").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A server that asks before it answers a call, and answers with what it was told.
fn asks() -> impl FnMut(&crate::world::Seen) -> Answer + Send {
    let mut open: Option<(Events, Value)> = None;
    legacy(move |seen| match (seen.verb.as_str(), seen.method()) {
        ("POST", "tools/call" | "tools/list") => {
            let (answer, events) = Answer::stream();
            events.send(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p1","progress":1}}"#);
            events.send(QUESTION);
            open = Some((events, seen.id()));
            answer
        }
        ("POST", "") => {
            let (events, id) = open.take().unwrap();
            events.send(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p1","progress":2}}"#);
            let said = seen.message.get("result").or(seen.message.get("error")).unwrap();
            events.send(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[],"said":{said}}}}}"#));
            Answer::empty(202)
        }
        _ => Answer::empty(405),
    })
}

#[tokio::test]
async fn discovery_is_answered_from_the_session() {
    let mut world = World::with(legacy(|seen| match seen.method() {
        "tools/list" => seen.result(r#"{"tools":[]}"#),
        _ => Answer::empty(405),
    }));
    let found = result(&world.ask(&modern(1, "server/discover", "", FORM)).await);
    assert!(found.get("supportedVersions").unwrap().as_array().unwrap().contains(&"2026-07-28".into()));
    assert_eq!((found.str("instructions"), found.str("resultType")), (Some("Go."), Some("complete")));
    let listed = result(&world.ask(&modern(2, "tools/list", "", FORM)).await);
    assert_eq!((listed.str("resultType"), listed.str("cacheScope")), (Some("complete"), Some("private")));
    assert!(meta(&listed).contains_key("io.modelcontextprotocol/serverInfo"));
    let seen = world.sent(|s| s.method() == "tools/list").await;
    assert_eq!(seen.params().to_vec(), br#"{"_meta":{"progressToken":"p2"}}"#);
    assert_eq!(seen.header("mcp-session-id"), Some("s1"));
    // One session for all that say the same, another for those that declare something else.
    world.ask(&modern(3, "tools/list", "", "{}")).await;
    let declared: Vec<_> =
        world.all("initialize").iter().map(|s| s.params().get("capabilities").unwrap().to_vec()).collect();
    assert_eq!(declared, [FORM.as_bytes(), b"{}"]);
    for method in ["ping", "resources/subscribe", "tasks/get"] {
        assert_eq!(
            code(&world.ask(&modern(4, method, r#""uri":"x","taskId":"t""#, FORM)).await),
            -32601,
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_question_becomes_an_input_that_is_needed() {
    let mut world = World::with(asks());
    let progress = world.ask(&modern(1, "tools/call", r#""name":"t""#, FORM)).await;
    assert_eq!(progress.get("params").unwrap().as_object().unwrap().str("progressToken"), Some("p1"));
    let needed = result(&world.read().await);
    assert_eq!(needed.str("resultType"), Some("input_required"));
    let asked = needed.get("inputRequests").unwrap().to_vec();
    assert_eq!(
        asked,
        br#"{"0":{"method":"elicitation/create","params":{"message":"m","requestedSchema":{}}}}"#
    );
    let state = needed.get("requestState").unwrap();
    let again =
        format!(r#""name":"t","requestState":{state},"inputResponses":{{"0":{{"action":"accept"}}}}"#);
    let progress = world.ask(&modern(2, "tools/call", &again, FORM)).await;
    assert_eq!(progress.get("params").unwrap().as_object().unwrap().str("progressToken"), Some("p2"));
    let done = world.read().await;
    assert_eq!(done.get("id").unwrap().as_i64(), Some(2));
    assert_eq!(result(&done).get("said").unwrap().to_vec(), br#"{"action":"accept"}"#);
    assert_eq!(world.all("tools/call").len(), 1);
    // A state is good once.
    assert_eq!(code(&world.ask(&modern(3, "tools/call", &again, FORM)).await), -32602);
}

#[tokio::test]
async fn e28_state_is_good_for_its_request_only() {
    let mut world = World::with(asks());
    world.ask(&modern(1, "tools/call", r#""name":"t","arguments":{"n":1}"#, FORM)).await;
    let needed = result(&world.read().await);
    let state = needed.get("requestState").unwrap();
    let other = format!(
        r#""name":"t","arguments":{{"n":2}},"requestState":{state},"inputResponses":{{"0":{{"action":"accept"}}}}"#
    );
    assert_eq!(code(&world.ask(&modern(2, "tools/call", &other, FORM)).await), -32602);
}

#[tokio::test]
async fn what_was_not_declared_or_takes_no_input_is_refused_to_the_server() {
    for (method, params, declared) in [("tools/call", r#""name":"t""#, "{}"), ("tools/list", "", FORM)] {
        let mut world = World::with(asks());
        world.ask(&modern(1, method, params, declared)).await;
        world.read().await;
        let done = result(&world.read().await);
        let said = done.get("said").and_then(Value::as_object).unwrap();
        assert_eq!(said.get("code").and_then(Value::as_i64), Some(-32601), "{method}");
    }
}

#[tokio::test]
async fn a_page_to_visit_is_an_input_too() {
    let mut calls = 0;
    let mut world = World::with(legacy(move |seen| match seen.method() {
        "tools/call" => {
            calls += 1;
            if calls > 1 {
                return seen.result(r#"{"content":[]}"#);
            }
            seen.error(200, r#"{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","url":"https://a/","elicitationId":"e","message":"m"}]}}"#)
        }
        _ => Answer::empty(405),
    }));
    let both = r#"{"elicitation":{"form":{},"url":{}}}"#;
    let needed = result(&world.ask(&modern(1, "tools/call", r#""name":"t""#, both)).await);
    let state = needed.get("requestState").unwrap();
    let again =
        format!(r#""name":"t","requestState":{state},"inputResponses":{{"0":{{"action":"accept"}}}}"#);
    result(&world.ask(&modern(2, "tools/call", &again, both)).await);
    assert_eq!(world.all("tools/call").len(), 2);
}

#[tokio::test]
async fn subscriptions_are_fed_from_the_session() {
    let mut world = World::with(legacy(|seen| match (seen.verb.as_str(), seen.method()) {
        ("POST", "resources/subscribe") if seen.params().str("uri") == Some("x:no") => {
            seen.error(200, r#"{"code":-32002,"message":"none"}"#)
        }
        ("POST", "resources/subscribe" | "resources/unsubscribe") => seen.result("{}"),
        ("POST", "tools/call") => {
            let (answer, events) = Answer::stream();
            for told in [
                r#"tools/list_changed""#,
                r#"prompts/list_changed""#,
                r#"resources/updated","params":{"uri":"x:y"}"#,
            ] {
                events.send(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/{told}}}"#));
            }
            events.send(&format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":[]}}}}"#, seen.id()));
            answer
        }
        _ => Answer::empty(405),
    }));
    let wanted = r#""notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["x:y","x:no"]}"#;
    let agreed = world.ask(&modern(7, "subscriptions/listen", wanted, "{}")).await;
    let agreed = agreed.get("params").and_then(Value::as_object).cloned().unwrap();
    assert_eq!(
        agreed.get("notifications").unwrap().to_vec(),
        br#"{"toolsListChanged":true,"resourceSubscriptions":["x:y"]}"#
    );
    assert_eq!(meta(&agreed).get("io.modelcontextprotocol/subscriptionId").unwrap().as_i64(), Some(7));
    world.send(&modern(8, "tools/call", r#""name":"t""#, "{}")).await;
    for method in ["notifications/tools/list_changed", "notifications/resources/updated"] {
        let told = world.read().await;
        assert_eq!(told.str("method"), Some(method));
        let params = told.get("params").and_then(Value::as_object).cloned().unwrap();
        assert_eq!(meta(&params).get("io.modelcontextprotocol/subscriptionId").unwrap().as_i64(), Some(7));
    }
    result(&world.read().await);
    world.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#).await;
    let left = world.sent(|s| s.method() == "resources/unsubscribe").await;
    assert_eq!(left.params().str("uri"), Some("x:y"));
}

#[tokio::test]
async fn taking_a_request_back_is_told_to_the_server() {
    let mut world = World::with(legacy(|seen| match seen.method() {
        "tools/call" => {
            let (answer, events) = Answer::stream();
            std::mem::forget(events);
            answer
        }
        "notifications/cancelled" => Answer::empty(202),
        _ => Answer::empty(405),
    }));
    world.send(&modern(1, "tools/call", r#""name":"t""#, "{}")).await;
    world.sent(|s| s.method() == "tools/call").await;
    world.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).await;
    let told = world.sent(|s| s.method() == "notifications/cancelled").await;
    assert_eq!(told.params().get("requestId").unwrap().as_i64(), Some(1));
    assert_eq!(told.header("mcp-session-id"), Some("s1"));
}
