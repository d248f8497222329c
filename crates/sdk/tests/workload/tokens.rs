//! From evidence to a token, and to the next one.

use crate::doubles::{Double, surroundings, token};
use crate::world::World;
use bytes::Bytes;
use http::Request;
use prokura_core::Platform;
use prokura_sdk::client::{Client, ClientError, Dpop, Secret, Software, Way};
use prokura_sdk::workload::{Options, Workload};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(crate) async fn call(client: &Client) -> Result<u16, ClientError> {
    let request = Request::post(client.server().as_url().as_str()).body(Bytes::new()).unwrap();
    Ok(client.send(request).await?.status().as_u16())
}

/// A job on GitHub.
pub(crate) fn job(double: &Double, options: &[&str]) -> Workload {
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "{}/actions/token"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of the job"),
    ];
    let around = surroundings(double, &variables, "/nonexistent".into());
    Workload::of(Platform::Github, around, Options::parse(options).unwrap())
}

#[tokio::test]
async fn a_workload_gets_a_token_without_being_registered() {
    let (world, double) = (World::start().await, Double::start().await);
    let client =
        world.client().way(Way::Workload(Arc::new(job(&double, &[])))).dpop(Dpop::Never).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    let facts = world.facts();
    let asked = &facts.tokens[0];
    assert_eq!(
        (asked["grant_type"].as_str(), asked["assertion"].as_str()),
        (BEARER, token(&world.origin).as_str())
    );
    assert_eq!(asked["resource"], world.address());
    assert!(facts.registered.is_empty() && !asked.contains_key("client_id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_is_there_before_the_old_one_ends_and_by_new_evidence() {
    let (world, double) = (World::start().await, Double::start().await);
    let client =
        world.client().way(Way::Workload(Arc::new(job(&double, &[])))).dpop(Dpop::Never).build().unwrap();
    call(&client).await.unwrap();
    world.clock.advance(Duration::from_secs(200));
    call(&client).await.unwrap();
    assert_eq!((world.count(BEARER), double.asked().len()), (1, 1), "it is kept while it is good");
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(call(&client).await.unwrap(), 200, "nobody waits for the new one");
    let renewed = async {
        while world.count(BEARER) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), renewed).await.unwrap();
    assert_eq!(double.asked().len(), 2, "evidence is fetched again");
}

#[tokio::test]
async fn a_client_that_was_registered_is_vouched_for_by_its_platform() {
    let (world, double) = (World::start().await, Double::start().await);
    let with = |secret: Option<Secret>| {
        let client = world.client().software(Software::named("test").known("reports", secret));
        client.way(Way::Workload(Arc::new(job(&double, &[])))).dpop(Dpop::Never).build().unwrap()
    };
    assert_eq!(call(&with(None)).await.unwrap(), 200);
    {
        let facts = world.facts();
        let asked = &facts.tokens[0];
        assert_eq!(
            (asked["grant_type"].as_str(), asked["client_id"].as_str()),
            ("client_credentials", "reports")
        );
        assert_eq!(asked["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert_eq!(asked["client_assertion"], token(&world.origin));
        assert!(!asked.contains_key("assertion"));
    }
    assert_eq!(call(&with(Some(Secret::new("s")))).await.unwrap(), 200);
    assert_eq!(
        world.count(BEARER),
        1,
        "who has a secret proves itself by that, and the evidence is the grant"
    );
}
