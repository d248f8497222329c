//! RFC 9701.

use crate::world::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use prokura_oauth::jose::{Audience, Expected, verify};
use prokura_oauth::json::{self, Limits, Object};

async fn asks(world: &World, client: &str, token: &str, accept: &str) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri("/introspect")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{client}:{SECRET}"))))
        .header(ACCEPT, accept);
    world.send(request, encode(&[("token", token)])).await
}

/// The claims of a signed answer for `client`, verified.
fn claims(world: &World, client: &str, answer: &Answer) -> Object {
    assert_eq!(answer.header("content-type"), "application/token-introspection+jwt");
    assert_eq!(answer.header("cache-control"), "no-store");
    let keys = world.server.keys();
    // It has no `exp`, so only the signature is verified by the library; the rest is read here.
    let jws = prokura_oauth::jose::verify_jws(
        &answer.body,
        &keys.borrow(),
        &prokura_oauth::jose::Algorithm::PUBLIC,
    );
    let jws = jws.unwrap();
    assert_eq!(jws.header.str("typ"), Some("token-introspection+jwt"));
    let claims = json::parse(&jws.payload, &Limits::TOKEN).unwrap().into_object().unwrap();
    assert_eq!((claims.str("iss"), claims.str("aud")), (Some(ISSUER), Some(client)));
    let names: Vec<_> = claims.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["iss", "aud", "iat", "token_introspection"]);
    claims.get("token_introspection").unwrap().as_object().unwrap().clone()
}

#[tokio::test]
async fn who_asks_for_a_signed_answer_gets_the_same_signed() {
    let world = World::and(SECOND).await;
    let answer = world.redeem(&world.authorize(&[("resource", SALES)]).await.redirect().1["code"], &[]).await;
    let token = answer.text("access_token");
    let plain = asks(&world, "rs", &token, "application/json").await;
    assert_eq!(plain.header("content-type"), "application/json");
    let signed = asks(&world, "rs", &token, "application/token-introspection+jwt").await;
    assert_eq!(claims(&world, "rs", &signed), plain.json());
    for (client, token) in [("hr-rs", token.as_str()), ("rs", "nothing")] {
        let signed = asks(&world, client, token, "application/token-introspection+jwt").await;
        assert_eq!(claims(&world, client, &signed).to_vec(), br#"{"active":false}"#, "{client}");
    }
}

#[tokio::test]
async fn c30_an_answer_is_never_a_token() {
    let world = World::new().await;
    let token = world.tokens().await.0;
    let signed = asks(&world, "rs", &token, "application/token-introspection+jwt").await.body;
    assert!(!world.is_active(&signed).await);
    let (keys, now) = (world.server.keys(), prokura_core::Clock::now(&*world.clock));
    let expected = Expected::new(&["at+jwt", "JWT", ""], now).issuer(ISSUER).audience(Audience::Any);
    assert!(verify(&signed, &keys.borrow(), &expected).is_err());
    let mut parts = signed.split('.');
    let header = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
    assert!(String::from_utf8(header).unwrap().contains("token-introspection+jwt"));
}
