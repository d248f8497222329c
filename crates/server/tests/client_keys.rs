//! Keys at `jwks_uri`: how often they are fetched, and how a new one is found.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod publisher;

use prokura_core::{ManualClock, Timestamp};
use prokura_oauth::jose::{Algorithm, KeySet};
use prokura_server::clients::{ClientKeySets, KeysError};
use publisher::Publisher;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

struct Scene {
    publisher: Publisher,
    clock: Arc<ManualClock>,
    sets: Arc<ClientKeySets>,
    address: Url,
}

impl Scene {
    async fn new() -> Self {
        let publisher = Publisher::start().await;
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let sets = Arc::new(ClientKeySets::new(publisher.egress(), clock.clone()));
        let address = publisher.address.parse().unwrap();
        Self { publisher, clock, sets, address }
    }

    /// Publishes keys of these names.
    fn publish(&self, cache: &'static str, kids: &[&str]) {
        // The public key of RFC 7517 appendix A.1.
        let point = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;
        let keys: Vec<_> =
            kids.iter().map(|kid| format!(r#"{{{point},"alg":"ES256","kid":"{kid}"}}"#)).collect();
        self.publisher.publish(cache, format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
    }

    async fn has(&self, kid: &str) -> bool {
        has(&self.sets.find(&self.address, Some(kid)).await.unwrap(), kid)
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn has(keys: &KeySet, kid: &str) -> bool {
    keys.find(Some(kid), Algorithm::Es256).is_some()
}

#[tokio::test]
async fn keys_are_fetched_once_by_all_who_ask_and_then_kept() {
    let scene = Scene::new().await;
    scene.publish("max-age=600", &["a"]);
    let ask = || {
        tokio::spawn({
            let (s, at) = (scene.sets.clone(), scene.address.clone());
            async move { s.find(&at, Some("a")).await.is_ok() }
        })
    };
    let all: Vec<_> = (0..50).map(|_| ask()).collect();
    for one in all {
        assert!(one.await.unwrap());
    }
    scene.wait(599);
    assert!(scene.has("a").await);
    assert_eq!(scene.publisher.hits(), 1);
    scene.wait(1);
    assert!(scene.has("a").await);
    assert_eq!(scene.publisher.hits(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_made_up_ones_cost_little() {
    let scene = Scene::new().await;
    scene.publish("max-age=3600", &["a"]);
    assert!(scene.has("a").await);
    scene.publish("max-age=3600", &["a", "b"]);
    for made_up in 0..100 {
        assert!(!scene.has(&format!("x{made_up}")).await);
    }
    assert_eq!(scene.publisher.hits(), 1, "just fetched");
    scene.wait(30);
    assert!(scene.has("b").await, "a new key is found without waiting for the old set to end");
    assert_eq!(scene.publisher.hits(), 2);
    for made_up in 0..100 {
        assert!(!scene.has(&format!("y{made_up}")).await);
    }
    assert_eq!(scene.publisher.hits(), 2);
}

#[tokio::test]
async fn when_a_fetch_fails_keys_that_are_fresh_go_on_and_old_ones_do_not() {
    let scene = Scene::new().await;
    scene.publish("max-age=3600", &["a"]);
    assert!(scene.has("a").await);
    scene.publisher.fail(500);
    scene.wait(30);
    assert!(!scene.has("b").await);
    assert!(scene.has("a").await);
    assert!(!scene.has("b").await);
    assert_eq!(scene.publisher.hits(), 2, "a failure counts as a try");
    scene.wait(3600);
    let refused = scene.sets.find(&scene.address, Some("a")).await.map(drop).unwrap_err();
    assert!(matches!(*refused, KeysError::Fetch(_)), "{refused}");
}

#[tokio::test]
async fn b13_a_withdrawn_key_is_refused_after_an_hour_whatever_max_age_says() {
    let scene = Scene::new().await;
    scene.publish("max-age=315360000", &["a"]);
    assert!(scene.has("a").await);
    scene.publish("max-age=315360000", &["b"]);
    scene.wait(3599);
    assert!(scene.has("a").await);
    scene.wait(1);
    assert!(!scene.has("a").await);
}

#[tokio::test]
async fn what_is_no_key_set_is_refused_and_not_kept() {
    let scene = Scene::new().await;
    for odd in ["", "[]", "{}", r#"{"keys":7}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"}]}"#] {
        scene.publisher.publish("max-age=3600", odd);
        let found = scene.sets.find(&scene.address, Some("a")).await;
        assert!(found.is_err() || found.is_ok_and(|keys| !has(&keys, "a")), "{odd}");
        scene.wait(3600);
    }
    let inside = "https://169.254.169.254/jwks".parse().unwrap();
    let refused = scene.sets.find(&inside, None).await.map(drop).unwrap_err();
    assert!(matches!(*refused, KeysError::Fetch(_)), "{refused}");
}
