//! What an MCP server is told of who calls, and that nobody but the gateway tells it.

use crate::world::{CONFIG, Reply, World, alice};
use prokura_core::{AgentId, Clock as _, GrantId, TrustDomain};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::secret::sha256_base64url;
use prokura_oauth::transaction_token::{InvalidTransaction, TransactionToken};
use serde_json::json;

/// A world in which `crm` wants to know who calls, and `hr` does not.
async fn world() -> World {
    let wants = "default_scopes = [\"read\"]\ntransaction_tokens = true\n";
    let config = CONFIG.replacen("default_scopes = [\"read\"]\n", wants, 1);
    World::with_config(
        Reply::echo,
        &format!("{config}[transaction_tokens]\ntrust_domain = \"tools.example\"\n"),
    )
    .await
}

fn read(world: &World, compact: &str) -> Result<TransactionToken, InvalidTransaction> {
    let domain = TrustDomain::parse("tools.example").unwrap();
    let keys = world.keys.borrow().clone();
    TransactionToken::verify(compact, &keys, world.issuer.as_str(), &domain, world.clock.now())
}

/// Alice's token, held by the second agent of a chain.
fn chain(world: &World) -> String {
    let mut claims = world.claims(&alice());
    claims.actors = ["agt_planner", "agt_front"].map(|a| AgentId::parse(a).unwrap()).into();
    claims.grant.ancestors = vec![GrantId::parse("g_0").unwrap()];
    claims.sign(&world.key).unwrap()
}

#[tokio::test]
async fn e24_every_call_says_who_acts_for_whom_and_which_arguments_it_has() {
    let world = world().await;
    let token = chain(&world);
    let arguments = json!({"b": 1.50, "a": {"y": "é", "x": []}});
    let call = json!({"name": "read_report", "arguments": arguments});
    assert_eq!(world.legacy(&token, "tools/call", call).send().await.status, 200);
    let seen = world.upstream.last();
    let told = read(&world, seen.header("txn-token").unwrap()).unwrap();
    let actors: Vec<_> = told.actors.iter().map(AgentId::as_str).collect();
    assert_eq!((told.subject.as_str(), actors), ("usr_alice", vec!["agt_planner", "agt_front"]));
    assert_eq!(
        (told.context.str("action"), told.context.str("method")),
        (Some("tool:read_report"), Some("tools/call"))
    );
    // What RFC 8785 makes of the arguments, written down by hand.
    let canonical = r#"{"a":{"x":[],"y":"é"},"b":1.5}"#;
    assert_eq!(told.context.str("arguments_sha256"), Some(sha256_base64url(canonical.as_bytes()).as_str()));
    assert_eq!(
        (told.scopes.to_string().as_str(), told.requester.as_str()),
        ("read", world.resource("crm").as_str())
    );
    assert_eq!(told.grants().map(GrantId::as_str).collect::<Vec<_>>(), ["g_1", "g_0"]);
    // It is found in the record by the same word, with all who act.
    let entry = world.record().await.remove(0).event;
    assert_eq!((entry.trace, entry.actors.len()), (told.txn, 2));
    assert_eq!(entry.details.get("anc").unwrap().to_vec(), br#"["g_0"]"#);
    // The access token goes nowhere.
    assert!(seen.headers.values().all(|v| !v.to_str().unwrap().contains(&token)));
    let list = world.legacy(&token, "tools/list", json!({})).send().await;
    assert_eq!(list.status, 200);
    let told = read(&world, world.upstream.last().header("txn-token").unwrap()).unwrap();
    assert_eq!((told.context.str("action"), told.context.str("method")), (None, Some("tools/list")));
}

#[tokio::test]
async fn e20_a_transaction_token_that_a_client_sends_is_never_forwarded() {
    let world = world().await;
    let token = chain(&world);
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let stolen = world.upstream.last().header("txn-token").unwrap().to_owned();
    for sent in [stolen.as_str(), "nonsense"] {
        for name in ["txn-token", "Txn-Token"] {
            assert_eq!(world.read_report(&token).header(name, sent).send().await.status, 200);
            let seen = world.upstream.last();
            assert_eq!(seen.headers.get_all("txn-token").iter().count(), 1);
            let told = seen.header("txn-token").unwrap();
            assert_ne!(told, sent);
            assert!(read(&world, told).is_ok());
        }
    }
    // Where none is wanted, none arrives, whatever is sent.
    let hr = world.token(&crate::world::TokenFor { resource: "hr", scopes: "people", ..alice() });
    let call = world.legacy(&hr, "tools/call", json!({"name": "list"})).at("hr").header("txn-token", &stolen);
    assert_eq!(call.send().await.status, 200);
    assert_eq!(world.upstream.last().header("txn-token"), None);
}

#[tokio::test]
async fn c22_a_transaction_token_opens_no_gateway() {
    let world = world().await;
    let token = chain(&world);
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let told = world.upstream.last().header("txn-token").unwrap().to_owned();
    let calls = world.upstream.seen().len();
    assert_eq!(world.read_report(&told).send().await.status, 401);
    assert_eq!(world.upstream.seen().len(), calls);
    let keys = world.keys.borrow().clone();
    assert!(
        AccessToken::verify_any_resource(&told, &keys, world.issuer.as_str(), world.clock.now()).is_err()
    );
    // And an access token is no transaction token.
    assert!(read(&world, &token).is_err());
}

#[tokio::test]
async fn a_session_says_it_too() {
    let world = world().await;
    let token = chain(&world);
    let listen = world.request(http::Method::GET, "crm").header("authorization", &format!("Bearer {token}"));
    let _answer = listen.header("mcp-protocol-version", "2025-11-25").send().await;
    let told = read(&world, world.upstream.last().header("txn-token").unwrap()).unwrap();
    assert_eq!(told.context.str("method"), Some("listen"));
}
