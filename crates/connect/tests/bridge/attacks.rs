//! Servers that mean harm, and people who have yet to sign in.

use crate::world::{Answer, INITIALIZED, World, code, initialize, legacy, modern, newer, result};
use prokura_connect::WireError;
use prokura_oauth::json::Value;

#[tokio::test]
async fn the_host_is_not_asked_what_it_did_not_declare() {
    for (declared, asked) in [
        ("{}", r#""elicitation/create","params":{"message":"m"}"#),
        (r#"{"elicitation":{}}"#, r#""elicitation/create","params":{"mode":"url","url":"https://evil/"}"#),
        ("{}", r#""sampling/createMessage","params":{}"#),
        (r#"{"elicitation":{},"sampling":{}}"#, r#""roots/list""#),
        (r#"{"elicitation":{},"sampling":{},"roots":{}}"#, r#""tools/call","params":{"name":"x"}"#),
    ] {
        let question = format!(r#"{{"jsonrpc":"2.0","id":9,"method":{asked}}}"#);
        let mut world = World::with(legacy(move |seen| match (seen.verb.as_str(), seen.method()) {
            ("GET", _) => {
                let (answer, events) = Answer::stream();
                events.send(&question);
                std::mem::forget(events);
                answer
            }
            ("POST", "ping") => seen.result("{}"),
            ("POST", "") => Answer::empty(202),
            _ => Answer::empty(405),
        }));
        world.ask(&initialize(declared)).await;
        world.send(INITIALIZED).await;
        let refused = world.sent(|s| s.message.contains_key("error")).await;
        assert_eq!(code(&refused.message), -32601, "{asked}");
        // The next thing that the host hears is the answer to its own question.
        result(&world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await);
    }
}

#[tokio::test]
async fn a_need_that_was_not_declared_troubles_nobody() {
    let need = r#"{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"},"b":{"method":"elicitation/create","params":{"message":"m"}}}}"#;
    let mut world = World::with(newer(move |seen| seen.result(need)));
    world.ask(&initialize(r#"{"roots":{}}"#)).await;
    // Not even the first of the two is asked for.
    let refused = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#).await;
    assert_eq!((code(&refused), refused.get("id").unwrap().as_i64()), (502, Some(1)));
    let listed = world.ask(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).await;
    assert_eq!(code(&listed), 502);
}

#[tokio::test]
async fn what_parsers_could_differ_in_does_not_reach_the_host() {
    let giant = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"x":"{}"}}}}"#, "x".repeat(5 << 20));
    for bad in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]},"result":{"tools":[1]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":1,"\u0061":2}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#,
        r#"{"jsonrpc":"2.0","id":1,"RESULT":{},"result":{}}"#,
        "not json",
        giant.as_str(),
    ] {
        let answer = bad.to_owned();
        let mut world = World::with(legacy(move |seen| match seen.method() {
            "tools/list" => Answer::json(200, &answer),
            _ => Answer::empty(405),
        }));
        world.ask(&initialize("{}")).await;
        let shown = bad.chars().take(60).collect::<String>();
        let answered = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
        assert_eq!(code(&answered), 502, "{shown}");
    }
}

#[tokio::test]
async fn e26_answer_to_another_request_is_not_taken_for_this_one() {
    let mut world = World::with(legacy(|seen| match seen.method() {
        "tools/list" => {
            let (answer, events) = Answer::stream();
            events.send(r#"{"jsonrpc":"2.0","id":2,"result":{"tools":["wrong"]}}"#);
            events.send(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#);
            answer
        }
        _ => Answer::empty(405),
    }));
    world.ask(&initialize("{}")).await;
    let listed = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(listed.to_vec(), br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#);
}

#[tokio::test]
async fn what_nobody_asked_is_not_answered_to_the_server() {
    let mut world = World::with(legacy(|seen| match seen.method() {
        "ping" => seen.result("{}"),
        _ => Answer::empty(405),
    }));
    world.ask(&initialize("{}")).await;
    world.send(r#"{"jsonrpc":"2.0","id":77,"result":{}}"#).await;
    world.send(r#"{"jsonrpc":"2.0","id":77,"error":{"code":1,"message":"m"}}"#).await;
    result(&world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await);
    let server = world.close().await;
    assert!(server.verbs().len() <= 3, "{:?}", server.verbs());
}

fn sign_in() -> Answer {
    let sentence = "Sign in to go on.".to_owned();
    Answer::failure(WireError::SignIn { address: Some("https://as.example/authorize?x=1".into()), sentence })
}

#[tokio::test]
async fn a_person_who_has_yet_to_sign_in_is_told_where() {
    let mut world = World::with(|_| sign_in());
    let refused = world.ask(&initialize("{}")).await;
    assert_eq!(code(&refused), 401);
    let error = refused.get("error").and_then(Value::as_object).unwrap();
    let url = error.get("data").and_then(Value::as_object).and_then(|d| d.str("url"));
    assert_eq!(url, Some("https://as.example/authorize?x=1"));
    assert_eq!(code(&world.ask(&modern(1, "server/discover", "", "{}")).await), 401);
}

#[tokio::test]
async fn a_host_that_can_open_pages_is_asked_to() {
    let mut signed_in = false;
    let mut world = World::with(newer(move |seen| {
        if seen.method() == "tools/call" && !std::mem::replace(&mut signed_in, true) {
            return sign_in();
        }
        seen.result(r#"{"resultType":"complete","content":[]}"#)
    }));
    let pages = r#"{"elicitation":{"url":{}}}"#;
    let needed = result(&world.ask(&modern(1, "tools/call", r#""name":"t""#, pages)).await);
    assert_eq!(needed.str("resultType"), Some("input_required"));
    let asked = needed.get("inputRequests").unwrap().to_string();
    assert!(asked.contains(r#""url":"https://as.example/authorize?x=1""#), "{asked}");
    let state = needed.get("requestState").unwrap();
    for (id, action, fine) in [(2, "decline", false), (3, "accept", true)] {
        let again = format!(
            r#""name":"t","requestState":{state},"inputResponses":{{"prokura_sign_in":{{"action":"{action}"}}}}"#
        );
        let answer = world.ask(&modern(id, "tools/call", &again, pages)).await;
        assert_eq!(answer.contains_key("result"), fine, "{action}");
    }
    let last = world.all("tools/call").pop().unwrap().params();
    assert!(!last.contains_key("requestState") && !last.contains_key("inputResponses"));
}

#[tokio::test]
async fn a_legacy_host_that_can_open_pages_is_asked_to() {
    let mut signed_in = false;
    let mut world = World::with(legacy(move |seen| match seen.method() {
        "tools/list" if !std::mem::replace(&mut signed_in, true) => sign_in(),
        "tools/list" => seen.result(r#"{"tools":[]}"#),
        _ => Answer::empty(405),
    }));
    world.ask(&initialize(r#"{"elicitation":{"url":{}}}"#)).await;
    let asked = world.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(asked.str("method"), Some("elicitation/create"));
    let id = asked.get("id").unwrap();
    result(&world.ask(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"accept"}}}}"#)).await);
}
