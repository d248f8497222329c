use crate::svid::{bundle_text, key};
use crate::world::{Endpoint, World};
use prokura_attest::{AttestError, Refused};
use prokura_oauth::jose::{JoseError, SigningKey};
use prokura_oauth::json::{Limits, Value, parse};
use std::sync::Arc;

/// The bundle with another sequence.
fn numbered(keys: &[&SigningKey], sequence: u64) -> Vec<u8> {
    let mut bundle = parse(&bundle_text(&[], keys), &Limits::DOCUMENT).unwrap().into_object().unwrap();
    bundle.insert("spiffe_sequence", sequence.into());
    Value::from(bundle).to_vec()
}

#[tokio::test]
async fn a_bundle_is_fetched_once_and_again_when_it_says_so() {
    let k = key("k1");
    let endpoint = Endpoint::of(bundle_text(&[], &[&k])).await;
    let world = World::at(&endpoint);
    for _ in 0..20 {
        world.verify(&world.svid(&k)).await.unwrap();
    }
    world.later(299);
    world.verify(&world.svid(&k)).await.unwrap();
    assert_eq!(endpoint.asked(), 1);
    world.later(1);
    world.verify(&world.svid(&k)).await.unwrap();
    world.verify(&world.svid(&k)).await.unwrap();
    assert_eq!(endpoint.asked(), 1, "its hint is 300 seconds");
}

#[tokio::test]
async fn a_key_that_is_newer_than_the_bundle_is_fetched_at_once_and_once_for_all() {
    let (old, new) = (key("old"), key("new"));
    let endpoint = Endpoint::of(bundle_text(&[], &[&old])).await;
    let world = Arc::new(World::at(&endpoint));
    world.verify(&world.svid(&old)).await.unwrap();
    assert_eq!(endpoint.asked(), 1);
    endpoint.say(bundle_text(&[], &[&old, &new]));
    let all = (0..200).map(|number| {
        let (world, token) = (Arc::clone(&world), world.svid(if number % 3 == 0 { &old } else { &new }));
        tokio::spawn(async move { world.verify(&token).await.map(drop) })
    });
    for one in all.collect::<Vec<_>>() {
        assert!(one.await.unwrap().is_ok(), "no false refusal while keys change");
    }
    let asked = endpoint.asked();
    assert!((1..=3).contains(&asked), "{asked} fetches for 200 tokens");
}

#[tokio::test]
async fn a_key_that_the_bundle_dropped_verifies_nothing_any_more() {
    let (old, new) = (key("old"), key("new"));
    let endpoint = Endpoint::of(bundle_text(&[], &[&old])).await;
    let world = World::at(&endpoint);
    world.verify(&world.svid(&old)).await.unwrap();
    endpoint.say(bundle_text(&[], &[&new]));
    world.later(300);
    assert_eq!(world.refusal(&world.svid(&old)).await, Refused::Jose(JoseError::UnknownKey));
    world.verify(&world.svid(&new)).await.unwrap();
    endpoint.say(br#"{"keys":[]}"#.to_vec());
    world.later(300);
    assert_eq!(
        world.refusal(&world.svid(&new)).await,
        Refused::Jose(JoseError::UnknownKey),
        "all were withdrawn"
    );
}

#[tokio::test]
async fn d08_whoever_makes_up_keys_exhausts_a_budget_and_nobody_else() {
    let k = key("k1");
    let endpoint = Endpoint::of(bundle_text(&[], &[&k])).await;
    let world = World::at(&endpoint);
    world.verify(&world.svid(&k)).await.unwrap();
    let stranger = key("stranger");
    for _ in 0..200 {
        assert_eq!(world.refusal(&world.svid(&stranger)).await, Refused::Jose(JoseError::UnknownKey));
    }
    assert_eq!(endpoint.asked(), 1 + 10);
    world.verify(&world.svid(&k)).await.unwrap();
    assert_eq!(endpoint.asked(), 0);
    world.later(12);
    for _ in 0..200 {
        world.refusal(&world.svid(&stranger)).await;
    }
    assert_eq!(endpoint.asked(), 2, "one more for each six seconds");
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_waited_for_an_hour_and_not_longer() {
    let k = key("k1");
    let endpoint = Endpoint::of(bundle_text(&[], &[&k])).await;
    let world = World::at(&endpoint);
    world.verify(&world.svid(&k)).await.unwrap();
    for (status, says) in [(500, Vec::new()), (200, b"no bundle".to_vec()), (302, Vec::new())] {
        endpoint.answer_with(status);
        endpoint.say(says);
        world.later(301);
        endpoint.asked();
        for _ in 0..20 {
            world.verify(&world.svid(&k)).await.unwrap();
        }
        assert_eq!(endpoint.asked(), 1, "and it is not pressed");
    }
    world.later(3600);
    let gone = world.verify(&world.svid(&k)).await.unwrap_err();
    assert!(matches!(gone, AttestError::Unavailable { .. }) && gone.is_unavailable(), "{gone}");
    endpoint.answer_with(200);
    endpoint.say(bundle_text(&[], &[&k]));
    world.later(2);
    world.verify(&world.svid(&k)).await.unwrap();
}

#[tokio::test]
async fn d07_an_older_bundle_brings_no_withdrawn_key_back() {
    let (old, new) = (key("old"), key("new"));
    let endpoint = Endpoint::of(numbered(&[&new], 9)).await;
    let world = World::at(&endpoint);
    world.verify(&world.svid(&new)).await.unwrap();
    endpoint.say(numbered(&[&old], 8));
    world.later(300);
    assert_eq!(world.refusal(&world.svid(&old)).await, Refused::Jose(JoseError::UnknownKey));
    world.verify(&world.svid(&new)).await.unwrap();
    // A trust domain that was made anew begins to count anew: in an hour at the latest that is so here too.
    world.later(3600);
    world.verify(&world.svid(&old)).await.unwrap();
}

#[tokio::test]
async fn a_bundle_in_a_file_is_read_again() {
    let (old, new) = (key("old"), key("new"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.json");
    std::fs::write(&path, bundle_text(&[], &[&old])).unwrap();
    let world = World::of(&format!("file = \"{}\"", path.display()));
    world.verify(&world.svid(&old)).await.unwrap();
    std::fs::write(&path, bundle_text(&[], &[&new])).unwrap();
    world.verify(&world.svid(&new)).await.unwrap();
    assert_eq!(world.refusal(&world.svid(&old)).await, Refused::Jose(JoseError::UnknownKey));
    std::fs::remove_file(&path).unwrap();
    world.later(10);
    world.verify(&world.svid(&new)).await.unwrap();
}
