//! The legacy era: sessions, streams that listen, streams that are resumed.

use crate::world::{Post, Reply, Seen, TokenFor, World, alice, mallory};
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::sync::mpsc;

fn data(id: &str, value: &Value) -> String {
    format!("id: {id}\ndata: {value}\n\n")
}

fn bare<'a>(world: &'a World, method: Method, token: &str) -> Post<'a> {
    world.request(method, "crm").header("authorization", &format!("Bearer {token}"))
}

/// The second entry of the record, which comes when it comes, but not after a thousand looks.
async fn second_entry(world: &World) -> prokura_ledger::Event {
    for _ in 0..1000 {
        if let Some(entry) = world.record().await.into_iter().nth(1) {
            return entry.event;
        }
        tokio::task::yield_now().await;
    }
    panic!("no outcome in the record")
}

/// Begins sessions, streams on GET, breaks off the stream of a list before its answer.
fn server(seen: &Seen) -> Reply {
    let message = seen.json();
    match (seen.method.as_str(), seen.mcp().as_str()) {
        ("DELETE", _) => Reply::Status(204),
        ("GET", _) if seen.header("last-event-id") == Some("list-1") => {
            let list = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "read_report"}, {"name": "secret_tool"}]}});
            Reply::Sse(vec![data("list-2", &list)])
        }
        ("GET", _) => Reply::Sse(vec![
            data(
                "get-1",
                &json!({"jsonrpc": "2.0", "id": 9, "method": "sampling/createMessage", "params": {}}),
            ),
            data("get-2", &json!({"jsonrpc": "2.0", "id": 1, "result": {"canary": true}})),
            data(
                "get-3",
                &json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "secret/x"}}),
            ),
            data(
                "get-4",
                &json!({"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": {"taskId": "canary"}}),
            ),
            data("get-5", &json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})),
        ]),
        (_, "initialize") => Reply::WithSession(
            json!({"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": message["params"]["protocolVersion"]}}),
            "raw-session".into(),
        ),
        (_, "tools/list") => Reply::Sse(vec!["id: list-1\nretry: 5\ndata:\n\n".into()]),
        _ => Reply::echo(seen),
    }
}

async fn begin(world: &World, token: &str) -> String {
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = world.legacy(token, "initialize", params).without("mcp-protocol-version").send().await;
    assert_eq!(answer.json()["result"]["protocolVersion"], "2025-06-18");
    answer.header("mcp-session-id").unwrap().to_owned()
}

#[tokio::test]
async fn a_session_lives_and_ends() {
    let world = World::with(server).await;
    let token = world.token(&alice());
    let session = begin(&world, &token).await;
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    let answer = world
        .post(&token, note)
        .header("mcp-session-id", &session)
        .header("mcp-protocol-version", "2025-06-18")
        .send()
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let seen = world.upstream.last();
    assert_eq!(
        (seen.header("mcp-session-id"), seen.header("mcp-protocol-version")),
        (Some("raw-session"), Some("2025-06-18"))
    );
    let reply = json!({"jsonrpc": "2.0", "id": 9, "result": {"role": "assistant"}}).to_string();
    assert_eq!(world.post(&token, reply).header("mcp-session-id", &session).send().await.status, 202);
    let ended = bare(&world, Method::DELETE, &token).header("mcp-session-id", &session).send().await;
    assert_eq!(ended.status, 204);
    assert_eq!(bare(&world, Method::DELETE, &token).send().await.status, 400, "nothing to end");
    let lines = world.record_lines().await;
    assert_eq!(lines[..2], ["decision mcp:initialize permit protocol_only", "outcome mcp:initialize permit"]);
    assert!(lines.contains(&"decision mcp:end_session permit protocol_only".to_owned()));
}

#[tokio::test]
async fn listening_hears_what_may_be_heard() {
    let world = World::with(server).await;
    let token = world.token(&alice());
    let session = begin(&world, &token).await;
    let heard = bare(&world, Method::GET, &token).header("mcp-session-id", &session).send().await;
    let methods: Vec<_> =
        heard.events().iter().map(|e| e["method"].as_str().unwrap_or("none").to_owned()).collect();
    assert_eq!(methods, ["sampling/createMessage", "notifications/tools/list_changed"]);
    assert!(!heard.body.contains("canary") && !heard.body.contains("secret") && !heard.body.contains("get-"));
    let html = bare(&world, Method::GET, &token).set("accept", "text/html").send().await;
    assert_eq!(html.status, 406);
}

#[tokio::test]
async fn a_resumed_stream_is_decided_and_filtered_as_what_it_belongs_to() {
    let world = World::with(server).await;
    let token = world.token(&alice());
    let session = begin(&world, &token).await;
    let broken =
        world.legacy(&token, "tools/list", json!({})).header("mcp-session-id", &session).send().await;
    assert!(broken.events().is_empty() && broken.body.contains("retry: 5"));
    let last = broken.event_ids()[0].to_owned();
    assert!(!last.contains("list"));
    let resume = |token: &str, id: &str| {
        bare(&world, Method::GET, token).header("mcp-session-id", &session).header("last-event-id", id)
    };
    let resumed = resume(&token, &last).send().await;
    assert_eq!(
        resumed.events()[0]["result"]["tools"],
        json!([{"name": "read_report"}]),
        "filtered like the list it is"
    );
    assert_eq!(world.upstream.last().header("last-event-id"), Some("list-1"));

    for forged in ["list-1", "", &last[1..]] {
        assert_eq!(resume(&token, forged).send().await.status, 404, "{forged}");
    }
    // An event id of another caller is none, even where the session would open.
    let foreign = world.token(&mallory());
    let theirs = begin(&world, &foreign).await;
    let stolen =
        bare(&world, Method::GET, &foreign).header("mcp-session-id", &theirs).header("last-event-id", &last);
    assert_eq!(stolen.send().await.status, 404);
}

#[tokio::test]
async fn a_stream_of_a_call_is_resumed_only_while_the_call_is_permitted() {
    let world = World::with(|seen| match seen.mcp().as_str() {
        "tools/call" => Reply::Sse(vec!["id: e1\ndata:\n\n".into()]),
        _ => server(seen),
    })
    .await;
    let wide = world.token(&TokenFor { scopes: "read write", ..alice() });
    let broken = world.legacy(&wide, "tools/call", json!({"name": "write_report"})).send().await;
    let last = broken.event_ids()[0].to_owned();
    let narrow =
        bare(&world, Method::GET, &world.token(&alice())).header("last-event-id", &last).send().await;
    assert_eq!(narrow.status, 403);
    assert!(narrow.header("www-authenticate").unwrap().contains("insufficient_scope"));
}

#[tokio::test]
async fn going_away_closes_the_connection_to_the_upstream() {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Mutex::new(Some(receiver));
    let world = World::with(move |_| {
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}});
        Reply::Open(vec![data("1", &progress)], receiver.lock().unwrap().take().unwrap(), None)
    })
    .await;
    let token = world.token(&alice());
    let mut open = world.read_report(&token).open().await;
    let first = open.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("progress"));
    assert!(!sender.is_closed());
    drop(open);
    sender.closed().await;
    let outcome = second_entry(&world).await;
    assert_eq!(outcome.details.str("ended"), Some("client_closed"));
    assert_eq!(outcome.outcome.as_str(), "error");
}

#[tokio::test]
async fn going_away_before_the_answer_begins_is_an_outcome() {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Mutex::new(Some(receiver));
    let world = World::with(move |_| Reply::Never(receiver.lock().unwrap().take().unwrap())).await;
    let token = world.token(&alice());
    {
        let mut waiting = Box::pin(world.read_report(&token).send());
        while world.upstream.is_untouched() {
            let poll = futures_util::poll!(&mut waiting);
            assert!(poll.is_pending());
            tokio::task::yield_now().await;
        }
    }
    sender.closed().await;
    let outcome = second_entry(&world).await;
    assert_eq!((outcome.kind.as_str(), outcome.outcome.as_str()), ("outcome", "error"));
    assert_eq!(outcome.details.str("ended"), Some("client_closed"));
}
