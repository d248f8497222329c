//! What can change under a token that was verified before.

use crate::world::{Reply, World, alice};
use prokura_core::GrantId;
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
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
    let open = world
        .modern(&token, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}))
        .open()
        .await;
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    sender.send(format!("data: {changed}\n\n")).await.unwrap();
    world.revoke(GrantId::parse("g_1").unwrap()).await;
    // Nobody sends anything more: the stream finds out by itself.
    let body = http_body_util::BodyExt::collect(open.into_body()).await.unwrap().to_bytes();
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
    let body = http_body_util::BodyExt::collect(open.into_body()).await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("expired"));
    sender.closed().await;
}
