//! Where keys come from: discovery, files, and how often anybody is asked.

use crate::issuer::FakeIssuer;
use crate::world::{World, provider, registered};
use prokura_attest::AttestError;
use prokura_oauth::jose::{KeySet, SigningKey};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_first_tokens_in_one_burst_lead_to_one_fetch() {
    let issuer = FakeIssuer::start("").await;
    let world = Arc::new(World::of("oidc", &issuer, ""));
    let tokens: Vec<_> =
        (0..10_000).map(|n| issuer.sign("JWT", &registered(&issuer.issuer, &format!("pod-{n}")))).collect();
    let mut burst = tokio::task::JoinSet::new();
    for token in tokens {
        let world = Arc::clone(&world);
        burst.spawn(async move { world.verify(&token).await.unwrap().subject });
    }
    let subjects: std::collections::HashSet<_> = burst.join_all().await.into_iter().collect();
    assert_eq!(subjects.len(), 10_000);
    assert_eq!(issuer.with(|s| (s.metadata_asked, s.keys_asked)), (1, 1));
}

#[tokio::test]
async fn d08_made_up_key_ids_lead_to_few_fetches_and_a_new_key_is_found_at_once() {
    let (issuer, forger) = (FakeIssuer::start("").await, FakeIssuer::start("").await);
    let world = World::of("oidc", &issuer, "");
    let own = || registered(&issuer.issuer, "s");
    assert!(world.verify(&issuer.sign("JWT", &own())).await.is_ok());
    // A key that appears ten seconds after the fetch is not refused for half a minute.
    world.later(10);
    issuer.rotate(false);
    assert!(world.verify(&issuer.sign("JWT", &own())).await.is_ok(), "an unknown key is looked for");
    assert_eq!(issuer.with(|s| s.keys_asked), 2);
    for _ in 0..50 {
        forger.rotate(true);
        assert!(world.verify(&forger.sign("JWT", &own())).await.is_err());
    }
    assert_eq!(issuer.with(|s| s.keys_asked), 2, "strangers make nobody fetch for half a minute");
}

#[tokio::test]
async fn a_key_that_was_withdrawn_takes_its_tokens_along() {
    let issuer = FakeIssuer::start("").await;
    let world = World::of("oidc", &issuer, "");
    let old = issuer.sign("JWT", &registered(&issuer.issuer, "s"));
    assert!(world.verify(&old).await.is_ok());
    issuer.rotate(true);
    world.later(61);
    assert!(world.verify(&issuer.sign("JWT", &registered(&issuer.issuer, "s"))).await.is_ok());
    assert!(world.verify(&old).await.is_err());
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_when_a_key_is_unknown() {
    let issuer = FakeIssuer::start("").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = || {
        let keys = issuer.with(|s| KeySet::of(s.keys.iter().map(SigningKey::public).collect()).unwrap());
        std::fs::write(file.path(), keys.to_jwks().to_vec()).unwrap();
    };
    write();
    let world = World::of("oidc", &issuer, &format!("jwks_file = \"{}\"", file.path().display()));
    let token = || issuer.sign("JWT", &registered(&issuer.issuer, "s"));
    assert!(world.verify(&token()).await.is_ok());
    world.later(5);
    issuer.rotate(true);
    write();
    assert!(world.verify(&token()).await.is_ok());
    assert_eq!(issuer.with(|s| s.keys_asked + s.metadata_asked), 0);
    std::fs::remove_file(file.path()).unwrap();
    world.later(7200);
    let refused = world.verify(&token()).await.unwrap_err();
    assert!(refused.is_unavailable() && refused.to_string().contains("cannot be read from"), "{refused}");
}

#[tokio::test]
async fn b14_metadata_of_another_issuer_are_not_believed() {
    let issuer = FakeIssuer::start("/tenant").await;
    issuer.with(|s| s.names_itself = format!("http://{}/other", issuer.address));
    let world = World::of("oidc", &issuer, "");
    let refused = world.verify(&issuer.sign("JWT", &registered(&issuer.issuer, "s"))).await;
    assert!(matches!(refused, Err(AttestError::Unavailable { .. })), "{refused:?}");
    assert_eq!(issuer.with(|s| s.keys_asked), 0);
}

#[tokio::test]
async fn d08_metadata_lead_to_no_address_inside() {
    let (issuer, inside) = (FakeIssuer::start("").await, FakeIssuer::start("").await);
    issuer.with(|s| s.keys_at = Some(format!("{}/jwks", inside.issuer)));
    let world = World::of("oidc", &issuer, "");
    let refused = world.verify(&issuer.sign("JWT", &registered(&issuer.issuer, "s"))).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    assert_eq!(inside.with(|s| s.keys_asked), 0);
}

#[tokio::test]
async fn d08_the_token_for_discovery_goes_to_nobody_that_a_document_names() {
    let (issuer, other) = (FakeIssuer::start("").await, FakeIssuer::start("").await);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret-1\n").unwrap();
    let token_file = format!("token_file = \"{}\"", file.path().display());
    let jwt = issuer.sign("JWT", &registered(&issuer.issuer, "s"));
    let world = World::of("oidc", &issuer, &token_file);
    assert!(world.verify(&jwt).await.is_ok());
    let shown = issuer.with(|s| std::mem::take(&mut s.shown));
    assert_eq!(shown, [Some("Bearer secret-1".to_owned()), Some("Bearer secret-1".to_owned())]);
    // The document leads elsewhere, where the operator allows to ask: without the token.
    issuer.with(|s| s.keys_at = Some(format!("{}/jwks", other.issuer)));
    other.with(|s| s.keys = issuer.with(|i| vec![copy(&i.keys[0])]));
    let both = format!("{}{}", provider("prod", "oidc", &issuer, &token_file), "");
    let world = World::allowing(&both, &other);
    assert!(world.verify(&jwt).await.is_ok());
    assert_eq!(other.with(|s| std::mem::take(&mut s.shown)), [None]);
}

fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_pkcs8(key.algorithm(), key.kid(), &key.to_pkcs8().unwrap()).unwrap()
}
