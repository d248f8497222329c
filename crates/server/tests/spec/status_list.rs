//! Token Status Lists (draft-ietf-oauth-status-list), as a verifier outside sees them: it has the keys, and asks nobody else.

use crate::world::exchange::*;
use crate::world::*;
use http::Request;
use prokura_core::{Clock as _, GrantId};
use prokura_oauth::jose::{Algorithm, KeySet};
use prokura_oauth::status_list::{CLAIM, Status, StatusListToken};
use std::sync::Arc;

fn config() -> String {
    format!("{USUAL}[status_list]\nenabled = true\n{CHAIN}")
}

/// Fetches the list that a token names, and looks what stands at its place.
async fn seen(world: &World, token: &str) -> Status {
    let place = read(token).status.unwrap();
    let path = place.uri.strip_prefix(ISSUER).unwrap();
    let answer = world.get(path).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/statuslist+jwt"));
    let keys = KeySet::from_jwks(&world.get("/jwks").await.json(), &Algorithm::PUBLIC).unwrap();
    let list = StatusListToken::verify(&answer.body, &keys, &place.uri, world.clock.now()).unwrap();
    list.list.get(place.index).unwrap()
}

fn grant(token: &str) -> GrantId {
    read(token).grant.id
}

/// A user's token and one that was exchanged for it.
async fn two() -> (World, String, String) {
    let world = World::with(&config()).await;
    let root = world.planned().await;
    let child = world.pass("sales-api", &root, &[("resource", CRM)]).await.text("access_token");
    assert_eq!(read(&child).grant.ancestors, [grant(&root)]);
    (world, root, child)
}

#[tokio::test]
async fn a_token_names_its_place_in_a_list_and_introspection_says_so() {
    let (world, root, child) = two().await;
    let place = read(&root).status.unwrap();
    assert_eq!(place.uri, format!("{ISSUER}/status/0"));
    assert_ne!(read(&child).status.unwrap(), place);
    assert_eq!((seen(&world, &root).await, seen(&world, &child).await), (Status::Valid, Status::Valid));
    let told = world.introspect("rs", &root).await;
    assert_eq!(told.get(CLAIM).unwrap().as_object(), Some(&place.to_object()));
    // Another token of the same chain has the same place: what it says of one it says of the other.
    let again = world.pass("sales-api", &root, &[("resource", CRM)]).await.text("access_token");
    assert_eq!(read(&again).status, read(&child).status);
}

#[tokio::test]
async fn c11_what_ends_or_pauses_above_shows_at_every_place_below() {
    let (world, root, child) = two().await;
    let both = async || [seen(&world, &root).await, seen(&world, &child).await];
    assert_eq!(both().await, [Status::Valid; 2]);
    world.suspend_on_record(&grant(&root)).await;
    assert_eq!(both().await, [Status::Suspended; 2]);
    world.resume(&grant(&root)).await;
    assert_eq!(both().await, [Status::Valid; 2]);
    world.revoke_on_record(&grant(&child)).await;
    assert_eq!(both().await, [Status::Valid, Status::Invalid]);
    world.revoke_on_record(&grant(&root)).await;
    assert_eq!(both().await, [Status::Invalid; 2]);
}

#[tokio::test]
async fn c11_what_was_narrowed_is_invalid_for_the_tokens_of_before_and_below() {
    let (world, root, child) = two().await;
    world.narrow_on_record(&grant(&root), "read").await;
    assert_eq!((seen(&world, &root).await, seen(&world, &child).await), (Status::Invalid, Status::Invalid));
    assert!(!world.is_active(&root).await);
}

#[tokio::test]
async fn whoever_is_disabled_is_suspended_and_what_has_expired_is_invalid() {
    let (world, root, child) = two().await;
    world.disable_client("sales-api").await;
    assert_eq!((seen(&world, &root).await, seen(&world, &child).await), (Status::Valid, Status::Suspended));
    world.wait(400 * 24 * 3600);
    assert_eq!((seen(&world, &root).await, seen(&world, &child).await), (Status::Invalid, Status::Invalid));
}

#[tokio::test]
async fn places_outlive_the_server_and_are_drawn_at_random() {
    let (world, root, child) = two().await;
    let place = |token: &str| read(token).status.unwrap().index;
    // Of one world the places are always the same, and not the first ones: nobody reads from them who came when.
    assert!(place(&root) > 1 && place(&child).abs_diff(place(&root)) > 1);
    let world = World::start(&config(), world.store.clone(), Arc::clone(&world.clock)).await;
    assert_eq!(seen(&world, &root).await, Status::Valid);
    let again = world.pass("sales-api", &root, &[("resource", CRM)]).await.text("access_token");
    assert_eq!(place(&again), place(&child));
}

#[tokio::test]
async fn a_list_may_be_kept_says_for_how_long_and_is_open_to_pages() {
    let (world, root, _) = two().await;
    let first = world.get("/status/0").await;
    assert_eq!(first.header("cache-control"), "public, max-age=60");
    assert_eq!(first.header("access-control-allow-origin"), "*");
    let claims = said(&first.body);
    let number = |name: &str| claims.get(name).unwrap().as_i64().unwrap();
    assert_eq!((claims.str("sub"), number("ttl")), (Some(&*format!("{ISSUER}/status/0")), 60));
    assert_eq!(number("exp") - number("iat"), 120);
    // It is signed once, until something changes or its time is over.
    assert_eq!(world.get("/status/0").await.body, first.body);
    world.revoke_on_record(&grant(&root)).await;
    let second = world.get("/status/0").await;
    assert_ne!(second.body, first.body);
    world.wait(60);
    assert_ne!(world.get("/status/0").await.body, second.body);
}

#[tokio::test]
async fn there_are_no_lists_but_those_that_are_named_and_no_others_are_told() {
    let (world, ..) = two().await;
    let metadata = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata.str("status_list_aggregation_endpoint"), Some(&*format!("{ISSUER}/status")));
    let all = world.get("/status").await;
    assert_eq!(all.body, format!(r#"{{"status_lists":["{ISSUER}/status/0"]}}"#));
    for none in ["1", "00", "+0", "-1", "x", "18446744073709551615", "99999999999999999999999"] {
        let answer = world.get(&format!("/status/{none}")).await;
        assert_eq!(answer.error(), "404 invalid_request", "{none}");
    }
    assert_eq!(world.get("/status/0?time=1686925000").await.error(), "404 invalid_request");
    let preflight = world.send(Request::builder().method("OPTIONS").uri("/status/0"), "").await;
    assert_eq!(preflight.status, 204);
}

#[tokio::test]
async fn where_lists_are_off_no_token_names_one_and_there_is_none() {
    let world = World::chained().await;
    assert_eq!(read(&world.planned().await).status, None);
    let metadata = world.get("/.well-known/oauth-authorization-server").await.json();
    assert!(!metadata.contains_key("status_list_aggregation_endpoint"));
    assert_eq!(world.get("/status/0").await.status, 404);
    assert_eq!(world.get("/status").await.status, 404);
}
