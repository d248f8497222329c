//! What can change under a token that was verified before.

use crate::world::{Reply, World, alice};
use http_body_util::BodyExt;
use prokura_config::Span;
use prokura_core::{AgentId, ClientId, Clock, GrantId, UserId};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_store::{Agent, StoreError, Tx, User};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

#[tokio::test]
async fn a_key_that_is_withdrawn_takes_its_tokens_along() {
    let world = World::new().await;
    let token = world.token(&alice());
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let next = SigningKey::generate(Algorithm::Es256).unwrap();
    world.keys.send(Arc::new(KeySet::of(vec![world.key.public(), next.public()]).unwrap())).unwrap();
    assert_eq!(world.read_report(&token).send().await.status, 200, "a key was added");
    let new = world.claims(&alice()).sign(&next).unwrap();
    assert_eq!(world.read_report(&new).send().await.status, 200);
    world.keys.send(Arc::new(KeySet::of(vec![next.public()]).unwrap())).unwrap();
    assert_eq!(world.read_report(&token).send().await.status, 401, "its key is gone");
}

#[tokio::test]
async fn a_stream_ends_with_its_grant() {
    let (sender, receiver) = mpsc::channel(8);
    let receiver = Mutex::new(Some(receiver));
    let world =
        World::with(move |_| Reply::Open(vec![], receiver.lock().unwrap().take().unwrap(), None)).await;
    world.insert_grant("g_1").await;
    let token = world.token(&alice());
    let mut open = world
        .modern(&token, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}))
        .open()
        .await;
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    sender.send(format!("data: {changed}\n\n")).await.unwrap();
    let heard = open.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&heard).contains("list_changed"));
    world.revoke(GrantId::parse("g_1").unwrap()).await;
    // Nobody sends anything more: the stream finds out by itself.
    let body = open.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("authorization was ended"), "{text}");
    sender.closed().await;
    assert_eq!(
        world.record_lines().await.last().unwrap(),
        "outcome mcp:subscriptions/listen error grant_revoked"
    );
}

#[tokio::test]
async fn a_stream_that_listens_ends_with_its_token() {
    let (sender, receiver) = mpsc::channel::<String>(8);
    let receiver = Mutex::new(Some(receiver));
    let world =
        World::with(move |_| Reply::Open(vec![], receiver.lock().unwrap().take().unwrap(), None)).await;
    let open = world
        .modern(&world.token(&alice()), "subscriptions/listen", json!({"notifications": {}}))
        .open()
        .await;
    world.clock.advance(std::time::Duration::from_secs(301));
    let body = open.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("expired"));
    sender.closed().await;
}

/// Whether Alice's call goes through after this is done to the register.
async fn after(
    done: impl Fn(&mut Tx<'_>, prokura_core::Timestamp) -> Result<(), StoreError> + Send + 'static,
) -> u16 {
    let world = World::new().await;
    let token = world.token(&alice());
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let now = world.clock.now();
    world.store.transact(move |tx| done(tx, now)).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    world.read_report(&token).send().await.status
}

#[tokio::test]
async fn who_is_disabled_stops_at_the_next_call() {
    let user = after(|tx, now| {
        let id = UserId::parse("usr_alice").unwrap();
        let user = User {
            id: id.clone(),
            name: "alice".into(),
            display_name: "Alice".into(),
            password_hash: None,
            email: None,
            disabled: false,
            created_at: now,
        };
        tx.insert_user(&user)?;
        tx.disable_user(&id, true, "operator", "test", now).map(drop)
    });
    assert_eq!(user.await, 401);
    let agent = after(|tx, now| {
        let id = AgentId::parse("agt_planner").unwrap();
        tx.insert_agent(&Agent { id: id.clone(), name: "p".into(), disabled: false, created_at: now })?;
        tx.disable_agent(&id, true, "operator", "test", now).map(drop)
    });
    assert_eq!(agent.await, 401);
    let client =
        after(|tx, now| tx.disable_client(&ClientId::parse("cli_1").unwrap(), true, "operator", "test", now));
    assert_eq!(client.await, 401);
    let other =
        after(|tx, now| tx.disable_client(&ClientId::parse("cli_2").unwrap(), true, "operator", "test", now));
    assert_eq!(other.await, 200);
}

#[tokio::test]
async fn what_is_not_known_freshly_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_file(&directory.path().join("p.db"), Some(Span::seconds(0))).await;
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.body.contains("not known freshly enough"), "{}", answer.body);
    assert!(world.upstream.is_untouched());
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_forwarded() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("p.db");
    let world = World::in_file(&file, None).await;
    let token = world.token(&alice());
    assert_eq!(world.read_report(&token).send().await.status, 200);
    rusqlite::Connection::open(&file).unwrap().execute("DROP TABLE ledger", []).unwrap();
    let answer = world.read_report(&token).send().await;
    assert_eq!(
        (answer.status, answer.json()["error"]["data"]["error"].as_str()),
        (503, Some("not_recorded"))
    );
    assert_eq!(world.upstream.seen().len(), 1);
}
