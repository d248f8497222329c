//! Signing keys: rotation with overlap.

use crate::world::*;
use prokura_oauth::jose::KeySet;
use prokura_oauth::json::Value;
use std::collections::BTreeSet;

const HOUR: u64 = 3600;

async fn published(world: &World) -> BTreeSet<String> {
    let jwks = world.get("/jwks").await.json();
    let keys = jwks.get("keys").unwrap().as_array().unwrap().to_vec();
    keys.iter().map(|k| k.as_object().unwrap().str("kid").unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    let header = prokura_oauth::json::parse(&bytes, &prokura_oauth::json::Limits::TOKEN).unwrap();
    header.as_object().unwrap().str("kid").unwrap().to_owned()
}

async fn signed_with(world: &World) -> String {
    kid(&world.batch().await.text("access_token"))
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_until_what_it_signed_is_over() {
    let world = World::and("\n[keys]\nrotate_every = \"24h\"\npublish_before = \"2h\"\n").await;
    let watch = world.server.keys();
    let first = signed_with(&world).await;
    assert_eq!(published(&world).await, BTreeSet::from([first.clone()]));
    for _ in 0..21 {
        world.wait(HOUR);
        world.server.maintain().await.unwrap();
    }
    assert_eq!(published(&world).await.len(), 1);
    world.wait(HOUR);
    world.server.maintain().await.unwrap();
    let both = published(&world).await;
    assert_eq!(both.len(), 2, "the next is known two hours before");
    assert!(watch.has_changed().unwrap(), "and the gateway heard of it");
    assert_eq!(signed_with(&world).await, first);
    world.wait(2 * HOUR - 1);
    assert_eq!(signed_with(&world).await, first);
    let last = world.batch().await.text("access_token");
    world.wait(1);
    world.server.maintain().await.unwrap();
    let second = signed_with(&world).await;
    assert_ne!(second, first);
    assert!(both.contains(&second));
    world.wait(298);
    world.server.maintain().await.unwrap();
    assert!(world.is_active(&last).await, "a token of the old key is good to its end");
    world.wait(200);
    world.server.maintain().await.unwrap();
    assert_eq!(published(&world).await, BTreeSet::from([second]));
}

#[tokio::test]
async fn no_private_half_is_published_or_stored_in_the_clear() {
    let world = World::new().await;
    let jwks = world.get("/jwks").await;
    for key in jwks.json().get("keys").unwrap().as_array().unwrap() {
        let members: Vec<_> = key.as_object().unwrap().keys().collect();
        assert!(!members.contains(&"d"), "{members:?}");
    }
    let keys = world.write(|tx| tx.keys(prokura_core::Timestamp::from_seconds(0))).await;
    assert!(keys[0].sealed.is_ascii() && !keys[0].public_jwk.contains("\"d\""));
}

#[tokio::test]
async fn the_algorithm_is_the_operators_and_may_change() {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("t.db").display());
    let es256 = World::on(USUAL, &database, "pep_1").await;
    let token = es256.batch().await.text("access_token");
    let eddsa = format!("{USUAL}\n[tokens]\nalgorithm = \"EdDSA\"\n");
    let eddsa = World::start(&eddsa, es256.store.clone(), es256.clock.clone()).await;
    assert_ne!(signed_with(&eddsa).await, kid(&token));
    let jwks = eddsa.get("/jwks").await.json();
    let algs: BTreeSet<_> = jwks.get("keys").unwrap().as_array().unwrap().iter().map(alg).collect();
    assert_eq!(algs, BTreeSet::from(["ES256".to_owned(), "EdDSA".to_owned()]));
    assert!(eddsa.is_active(&token).await, "tokens of the old algorithm are good to their end");
    assert_eq!(KeySet::from_jwks(&jwks, &prokura_oauth::jose::Algorithm::PUBLIC).unwrap().len(), 2);
    // Back again: a key that is about to go signs nothing more.
    let back = World::start(USUAL, eddsa.store.clone(), eddsa.clock.clone()).await;
    assert_ne!(signed_with(&back).await, kid(&token));
    let last = back.batch().await.text("access_token");
    back.wait(299);
    back.server.maintain().await.unwrap();
    assert!(back.is_active(&last).await);
}

fn alg(key: &Value) -> String {
    key.as_object().unwrap().str("alg").unwrap().to_owned()
}

#[tokio::test]
async fn two_processes_make_one_next_key() {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("t.db").display());
    let rotating = format!("{USUAL}\n[keys]\nrotate_every = \"24h\"\npublish_before = \"2h\"\n");
    let one = World::on(&rotating, &database, "pep_1").await;
    let two = World::on(&rotating, &database, "pep_2").await;
    assert_eq!(signed_with(&one).await, signed_with(&two).await);
    for world in [&one, &two] {
        world.wait(22 * HOUR);
    }
    let (a, b) = tokio::join!(one.server.maintain(), two.server.maintain());
    a.unwrap();
    b.unwrap();
    one.server.maintain().await.unwrap();
    assert_eq!(published(&one).await, published(&two).await);
    assert_eq!(published(&one).await.len(), 2);
}
