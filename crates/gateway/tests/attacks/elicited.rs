//! A session that is sent to a page by error -32042 (MCP 2025-11-25): it goes on once somebody agreed, hears of it on its own
//! stream, and nobody else does.

use crate::approvals::{PAY, call, tasks, vote, world_of};
use crate::world::{Post, Reply, Seen, World, mallory};
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// The senders of the streams that sessions listen on: as long as they are kept, the streams are open.
type Streams = Arc<Mutex<Vec<mpsc::Sender<String>>>>;

fn server(streams: &Streams) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let streams = Arc::clone(streams);
    move |seen: &Seen| {
        let message = seen.json();
        match (seen.method.as_str(), seen.mcp().as_str()) {
            ("GET", _) => {
                let (sender, receiver) = mpsc::channel(1);
                streams.lock().unwrap().push(sender);
                Reply::Open(vec![], receiver, None)
            }
            (_, "initialize") => Reply::WithSession(
                json!({"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": "2025-11-25"}}),
                format!("raw-{}", message["params"]["clientInfo"]["name"].as_str().unwrap()),
            ),
            _ => Reply::echo(seen),
        }
    }
}

async fn begin(world: &World, token: &str, name: &str, capabilities: Value) -> String {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": name, "version": "1"}});
    let answer = world.legacy(token, "initialize", params).without("mcp-protocol-version").send().await;
    answer.header("mcp-session-id").unwrap().to_owned()
}

fn in_session<'a>(world: &'a World, token: &str, session: &str) -> Post<'a> {
    let post = world.post(token, call(PAY)).header("mcp-session-id", session);
    post.header("mcp-protocol-version", "2025-11-25")
}

/// Opens the stream that a session listens on.
async fn listen(world: &World, token: &str, session: &str) -> http::Response<prokura_egress::UpstreamBody> {
    let get = world.request(Method::GET, "crm").header("authorization", &format!("Bearer {token}"));
    let open = get.header("mcp-session-id", session).open().await;
    assert_eq!(open.status(), 200);
    open
}

/// What a stream says first that is no keep-alive, within so many seconds.
async fn heard(stream: &mut http::Response<prokura_egress::UpstreamBody>, seconds: u64) -> Option<Value> {
    let wait = async {
        loop {
            let data = stream.body_mut().frame().await?.ok()?.into_data().ok()?;
            let text = String::from_utf8_lossy(&data).into_owned();
            if let Some(data) = text.lines().find_map(|l| l.strip_prefix("data: ")) {
                return serde_json::from_str(data).ok();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(seconds), wait).await.ok().flatten()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e41_sent_to_the_page_agreed_there_and_sent_again_it_goes_through_once() {
    let streams = Streams::default();
    let (world, token) = world_of(server(&streams)).await;
    let can = json!({"elicitation": {"url": {}}});
    let session = begin(&world, &token, "one", can.clone()).await;
    let first = in_session(&world, &token, &session).send().await;
    assert_eq!((first.status, first.code()), (200, Some(-32042)), "{}", first.body);
    let asked = first.json()["error"]["data"]["elicitations"][0].clone();
    let id = tasks(&world).await[0].task.id.clone();
    assert_eq!((&asked["mode"], &asked["elicitationId"]), (&json!("url"), &json!(id.as_str())));
    assert!(asked["url"].as_str().unwrap().ends_with(&format!("/approve/{id}")));
    assert!(asked["message"].as_str().is_some_and(|m| !m.is_empty() && !m.contains("amount")));
    let again = in_session(&world, &token, &session).send().await;
    assert_eq!(again.code(), Some(-32042), "nobody has agreed");

    // While only others listen, somebody decides: none of them hears of it, and none takes it from whom it is for.
    let elsewhere = begin(&world, &token, "one-more", can.clone()).await;
    let mut second = listen(&world, &token, &elsewhere).await;
    let stranger = world.token(&mallory());
    let theirs = begin(&world, &stranger, "one", can).await;
    let mut foreign = listen(&world, &stranger, &theirs).await;
    vote(&world, &id, true).await;
    for other in [&mut second, &mut foreign] {
        assert_eq!(
            heard(other, 3).await,
            None,
            "another session, though it be of the same user, hears nothing"
        );
    }
    let mut own = listen(&world, &token, &session).await;
    let complete = heard(&mut own, 20).await.expect("the session is told");
    assert_eq!(
        complete,
        json!({"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": {"elicitationId": id.as_str()}})
    );
    assert_eq!(heard(&mut own, 3).await, None, "once");

    let seen = world.upstream.seen().len();
    let through = in_session(&world, &token, &session).send().await;
    assert!(through.status == 200 && through.code().is_none(), "{}", through.body);
    assert_eq!(world.upstream.seen().len(), seen + 1);
    let anew = in_session(&world, &token, &session).send().await;
    assert_eq!(anew.code(), Some(-32042), "the agreement is used up: it is asked anew");
    assert_eq!(world.upstream.seen().len(), seen + 1);
    drop(streams);
}

#[tokio::test]
async fn e41_who_did_not_say_that_it_can_send_its_user_anywhere_is_told_in_words() {
    let streams = Streams::default();
    let (world, token) = world_of(server(&streams)).await;
    for capabilities in [json!({}), json!({"elicitation": {}}), json!({"elicitation": {"form": {}}})] {
        let session = begin(&world, &token, "plain", capabilities).await;
        let told = in_session(&world, &token, &session).send().await.json();
        assert_eq!(told["result"]["isError"], json!(true), "{told}");
        assert!(told["result"]["content"][0]["text"].as_str().unwrap().contains("/approve/apt_"));
    }
}
