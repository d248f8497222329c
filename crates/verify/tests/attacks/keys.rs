//! Signed tokens, and the keys of several issuers.

use crate::issuer::FakeIssuer;
use crate::world::{AUDIENCE, World};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_verify::{IssuerOptions, Refusal};
use std::time::Duration;

#[tokio::test]
async fn c21_a_token_of_one_issuer_with_a_key_of_another_is_refused() {
    let (a, b) = (FakeIssuer::start("/a").await, FakeIssuer::start("/b").await);
    let world = World::believing(&[&a, &b]);
    assert!(world.takes(&world.token(&a)).await && world.takes(&world.token(&b)).await);
    // B is believed, and signs a token in A's name with a key that only B publishes.
    let in_the_name_of_a = b.sign("at+jwt", &a.claims(AUDIENCE, &*world.clock));
    assert!(matches!(world.verifier.verify(&in_the_name_of_a).await, Err(Refusal::Invalid(_))));
    // The same `kid` at both leads to each one's own key.
    let in_the_name_of_b = a.sign("at+jwt", &b.claims(AUDIENCE, &*world.clock));
    assert!(!world.takes(&in_the_name_of_b).await);
    let stranger = FakeIssuer::start("/c").await;
    let refused = world.verifier.verify(&world.token(&stranger)).await;
    assert!(matches!(refused, Err(Refusal::UnknownIssuer)));
    assert_eq!(stranger.with(|s| s.keys_asked + s.metadata_asked), 0, "nobody asks who is not believed");
}

#[tokio::test]
async fn c21_an_audience_of_one_issuer_is_none_of_another() {
    let (a, b) = (FakeIssuer::start("/a").await, FakeIssuer::start("/b").await);
    let world = World::believing(&[&a]);
    let other = a.sign("at+jwt", &a.claims("https://rs.example/other", &*world.clock));
    assert!(!world.takes(&other).await);
    assert!(!world.takes(&world.token(&b)).await);
}

#[tokio::test]
async fn c05_made_up_key_ids_lead_to_few_fetches() {
    let (issuer, forger) = (FakeIssuer::start("").await, FakeIssuer::start("").await);
    let world = World::believing(&[&issuer]);
    assert!(world.takes(&world.token(&issuer)).await);
    for _ in 0..50 {
        forger.rotate(true);
        let forged = forger.sign("at+jwt", &issuer.claims(AUDIENCE, &*world.clock));
        assert!(!world.takes(&forged).await);
    }
    assert_eq!(issuer.with(|s| s.keys_asked), 1, "the first fetch is half a minute away at most");
    world.later(31);
    for _ in 0..50 {
        forger.rotate(true);
        let forged = forger.sign("at+jwt", &issuer.claims(AUDIENCE, &*world.clock));
        assert!(!world.takes(&forged).await);
    }
    assert_eq!(issuer.with(|s| s.keys_asked), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_takes_its_tokens_along() {
    let issuer = FakeIssuer::start("").await;
    let world = World::believing(&[&issuer]);
    let old = world.token(&issuer);
    assert!(world.takes(&old).await);
    issuer.rotate(true);
    world.later(31);
    assert!(world.verifier.recall(&old).is_some(), "nobody has heard of it yet");
    assert!(world.takes(&world.token(&issuer)).await, "an unknown key is looked for");
    assert!(world.verifier.recall(&old).is_none());
    assert!(!world.takes(&old).await, "its key was withdrawn");
}

#[tokio::test]
async fn keys_that_stay_the_same_leave_what_is_remembered() {
    let issuer = FakeIssuer::start("").await;
    let world = World::believing(&[&issuer]);
    let token = world.token(&issuer);
    let first = world.verifier.verify(&token).await.unwrap();
    world.later(70);
    assert!(world.verifier.recall(&token).is_some(), "it is used while the keys are fetched anew");
    while issuer.with(|s| s.keys_asked) < 2 {
        tokio::task::yield_now().await;
    }
    let again = world.verifier.verify(&token).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again));
}

#[tokio::test]
async fn b13_keys_that_cannot_be_confirmed_are_not_used_for_ever() {
    let issuer = FakeIssuer::start("").await;
    issuer.with(|s| s.cache_control = "max-age=315360000");
    let world = World::with(&[&issuer], |options| IssuerOptions {
        keys_max_age: Duration::from_secs(3600),
        ..options
    });
    assert!(world.takes(&world.token(&issuer)).await);
    issuer.with(|s| s.up = false);
    for _ in 0..59 {
        world.later(60);
        assert!(world.takes(&world.token(&issuer)).await, "it may be down for a while");
    }
    let remembered = world.token(&issuer);
    assert!(world.takes(&remembered).await);
    world.later(61);
    assert!(matches!(world.verifier.verify(&world.token(&issuer)).await, Err(Refusal::Unavailable(_))));
    assert!(world.verifier.recall(&remembered).is_none(), "not even for what was verified before");
    issuer.with(|s| s.up = true);
    world.later(3);
    assert!(world.takes(&world.token(&issuer)).await);
}

#[tokio::test]
async fn b14_whoever_serves_metadata_of_another_issuer_is_not_believed() {
    let issuer = FakeIssuer::start("/tenant").await;
    issuer.with(|s| s.names_itself = format!("http://{}/other", issuer.address));
    let world = World::believing(&[&issuer]);
    let refused = world.verifier.verify(&world.token(&issuer)).await;
    assert!(matches!(refused, Err(Refusal::Unavailable(_))), "{:?}", refused.err());
    assert_eq!(issuer.with(|s| s.keys_asked), 0);
}

#[tokio::test]
async fn c06_a_header_never_leads_to_an_address_or_a_key() {
    let (issuer, forger) = (FakeIssuer::start("").await, FakeIssuer::start("").await);
    let world = World::believing(&[&issuer, &forger]);
    assert!(world.takes(&world.token(&issuer)).await);
    let claims = URL_SAFE_NO_PAD.encode(issuer.claims(AUDIENCE, &*world.clock).to_vec());
    let (der, kid) = issuer.with(|s| (s.keys[0].to_pkcs8().unwrap(), s.keys[0].kid().to_owned()));
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
    let signed = |more: &str| {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"{more}}}"#);
        let text = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
        let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    assert!(world.takes(&signed("")).await, "the forged headers are else in order");
    let jku = format!(r#","jku":"{}/jwks""#, forger.issuer);
    for more in [&jku, r#","jwk":{"kty":"EC"}"#, r#","x5u":"https://x.example""#, r#","crit":["exp"]"#] {
        assert!(!world.takes(&signed(more)).await, "{more}");
    }
    assert_eq!(forger.with(|s| s.keys_asked), 0);
}
