//! From evidence to a token, and to the next one.

use crate::doubles::{Double, surroundings, token};
use crate::world::World;
use bytes::Bytes;
use http::Request;
use prokura_core::Platform;
use prokura_sdk::client::{Client, ClientError, Dpop, Way};
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
