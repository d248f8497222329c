use crate::svid::{Authority, NOW, authority, bundle_text, issue, params};
use crate::world::{Endpoint, PLANNER, World};
use prokura_attest::{AttestError, ClaimValue, Refused};
use prokura_core::Timestamp;
use prokura_oauth::certificate::Certificate;
use prokura_spiffe::X509SvidError;
use std::time::Duration;

fn certificate(der: Vec<u8>) -> Certificate {
    Certificate::new(der, Vec::new()).unwrap()
}

fn planner(by: &Authority) -> Certificate {
    certificate(issue(&params(&[PLANNER], 7200), by))
}

async fn refusal(world: &World, shown: &Certificate) -> Refused {
    match world.providers.verify_certificate(shown).await {
        Err(AttestError::Refused { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_x509_svid_is_evidence_of_its_workload() {
    let ca = authority("example.org");
    let world = World::at(&*Endpoint::of(bundle_text(&[&ca], &[])).await);
    let shown = planner(&ca);
    assert_eq!(world.providers.claimed_by(&shown).unwrap().as_str(), PLANNER);
    let evidence = world.providers.verify_certificate(&shown).await.unwrap();
    assert_eq!((&*evidence.provider, evidence.subject.as_str()), ("mesh", PLANNER));
    assert_eq!(evidence.claims["trust_domain"], ClaimValue::Text("example.org".to_owned()));
    assert_eq!(evidence.expires_at, Timestamp::from_seconds(NOW.seconds() + 7200));
    assert_eq!(evidence.digest, shown.thumbprint().bytes());
}

#[tokio::test]
async fn an_authority_that_is_newer_than_the_bundle_is_fetched_at_once() {
    let (old, new) = (authority("example.org"), authority("example.org"));
    let endpoint = Endpoint::of(bundle_text(&[&old], &[])).await;
    let world = World::at(&endpoint);
    world.providers.verify_certificate(&planner(&old)).await.unwrap();
    endpoint.say(bundle_text(&[&old, &new], &[]));
    for _ in 0..5 {
        world.providers.verify_certificate(&planner(&new)).await.unwrap();
        world.providers.verify_certificate(&planner(&old)).await.unwrap();
    }
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn d09_an_authority_that_the_bundle_dropped_vouches_for_nobody_any_more() {
    let (old, new) = (authority("example.org"), authority("example.org"));
    let endpoint = Endpoint::of(bundle_text(&[&old], &[])).await;
    let world = World::at(&endpoint);
    // One certificate of one connection, asked about at each request: nothing that was believed before counts.
    let shown = planner(&old);
    world.providers.verify_certificate(&shown).await.unwrap();
    endpoint.say(bundle_text(&[&new], &[]));
    world.later(300);
    assert!(matches!(refusal(&world, &shown).await, Refused::Svid(X509SvidError::Path { .. })));
}

#[tokio::test]
async fn d07_other_trust_domains_and_other_certificates_are_nobody_here() {
    let ca = authority("example.org");
    let endpoint = Endpoint::of(bundle_text(&[&ca], &[])).await;
    let world = World::at(&endpoint);
    for uri in ["spiffe://example.org.evil.example/agents/planner", "spiffe://example.orgs/agents/planner"] {
        let shown = certificate(issue(&params(&[uri], 300), &ca));
        assert_eq!(world.providers.claimed_by(&shown), None);
        let refused = world.providers.verify_certificate(&shown).await;
        assert!(matches!(refused, Err(AttestError::UnknownTrustDomain { .. })), "{refused:?}");
    }
    for uris in [&[][..], &[PLANNER, PLANNER], &["https://example.org/x"]] {
        let shown = certificate(issue(&params(uris, 300), &ca));
        assert!(matches!(world.providers.verify_certificate(&shown).await, Err(AttestError::NoSvid)));
    }
    assert_eq!(endpoint.asked(), 0, "what cannot be is not asked for");
    let forged = planner(&authority("example.org"));
    assert!(matches!(refusal(&world, &forged).await, Refused::Svid(X509SvidError::Path { .. })));
}

#[tokio::test]
async fn d08_whoever_makes_up_certificates_exhausts_a_budget_and_what_is_over_costs_nothing() {
    let ca = authority("example.org");
    let endpoint = Endpoint::of(bundle_text(&[&ca], &[])).await;
    let world = World::at(&endpoint);
    let over = certificate(issue(&params(&[PLANNER], 10), &ca));
    world.clock.advance(Duration::from_secs(11));
    for _ in 0..20 {
        assert!(matches!(refusal(&world, &over).await, Refused::Svid(X509SvidError::Time { .. })));
    }
    assert_eq!(endpoint.asked(), 1);
    let forged = planner(&authority("example.org"));
    for _ in 0..50 {
        refusal(&world, &forged).await;
    }
    assert_eq!(endpoint.asked(), 10);
    world.providers.verify_certificate(&planner(&ca)).await.unwrap();
}
