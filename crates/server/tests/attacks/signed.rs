//! Signed requests: changed, mixed, used again, or signed for something else.

use crate::world::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::token_request::ASSERTION_TYPE;

const TYP: &str = "oauth-authz-req+jwt";

fn unsigned(jwt: &str, header: &str) -> String {
    let claims = jwt.split('.').nth(1).unwrap();
    format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header))
}

#[tokio::test]
async fn a35_an_unsigned_or_foreign_request_object_is_none() {
    let world = World::and(SIGNS).await;
    let good = world.request_object("signs", TYP, &[]);
    let mut forged = vec![
        unsigned(&good, r#"{"alg":"none","typ":"oauth-authz-req+jwt"}"#),
        unsigned(&good, r#"{"alg":"None","typ":"oauth-authz-req+jwt"}"#),
        format!("{}x", good),
        format!("{good}.x.y"),
        world.request_object("signs", "JWT", &[]),
        world.request_object("signs", TYP, &[("client_id", "web".into())]),
        world.request_object("signs", TYP, &[("iss", "web".into())]),
        world.request_object("signs", TYP, &[("aud", "https://other.example".into())]),
        world.request_object("signs", TYP, &[("jti", prokura_oauth::json::Value::Null)]),
        world.request_object("signs", TYP, &[("request_uri", "urn:x".into())]),
    ];
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(good.split('.').nth(1).unwrap()).unwrap();
    let claims = prokura_oauth::json::parse(&claims, &prokura_oauth::json::Limits::TOKEN).unwrap();
    forged.push(other.sign(TYP, claims.as_object().unwrap()).unwrap());
    for jwt in &forged {
        let answer = world.bring_signed("signs", jwt, &[("redirect_uri", CB)]).await;
        assert_eq!(answer.status, 400, "no redirect is trusted before the signature: {jwt}");
        world.refused_for("request_object").await;
        let pushed = world.form("/par", None, &[("client_id", "signs"), ("request", jwt)]).await;
        assert_eq!(pushed.error(), "400 invalid_request_object");
    }
    assert_eq!(world.bring_signed("signs", &good, &[]).await.status, 303);
}

#[tokio::test]
async fn a35_a_client_without_keys_signs_nothing() {
    let world = World::new().await;
    let jwt = world.request_object("web", TYP, &[]);
    let answer = world.bring_signed("web", &jwt, &request(&[])[2..]).await;
    assert_eq!(answer.status, 400, "what stands beside is not taken in its place");
    world.refused_for("request_object").await;
}

#[tokio::test]
async fn a35_nothing_beside_a_signed_request_counts() {
    let world = World::and(SIGNS).await;
    let beside = [
        ("redirect_uri", "https://evil.example/cb"),
        ("scope", "read write"),
        ("code_challenge", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("state", "forged"),
        ("prompt", "none"),
    ];
    let jwt = world.request_object("signs", TYP, &[]);
    let (to, p) = world.bring_signed("signs", &jwt, &beside).await.redirect();
    assert_eq!((to.as_str(), p["state"].as_str()), (CB, "st"));
    assert_eq!(world.redeem(&p["code"], &[("client_id", "signs")]).await.text("scope"), "read");
    // What the object leaves out is not taken from beside it either.
    let bare = world.request_object("signs", TYP, &[("code_challenge", prokura_oauth::json::Value::Null)]);
    let (_, p) = world.bring_signed("signs", &bare, &beside).await.redirect();
    assert_eq!(p["error"], "invalid_request");
}

#[tokio::test]
async fn a35_two_requests_in_one_are_none() {
    let world = World::and(SIGNS).await;
    let pushed = |jwt: String| {
        let world = &world;
        async move { world.form("/par", None, &[("client_id", "signs"), ("request", &jwt)]).await }
    };
    let uri = pushed(world.request_object("signs", TYP, &[])).await.text("request_uri");
    let jwt = world.request_object("signs", TYP, &[]);
    assert_eq!(world.bring_signed("signs", &jwt, &[("request_uri", &uri)]).await.status, 400);
    let both = [("client_id", "signs"), ("request", jwt.as_str()), ("request_uri", uri.as_str())];
    assert_eq!(world.form("/par", None, &both).await.error(), "400 invalid_request");
    let elsewhere = [("client_id", "signs"), ("request_uri", "https://evil.example/request.jwt")];
    assert_eq!(
        world.get(&format!("/authorize?{}", encode(&elsewhere))).await.status,
        400,
        "nothing is fetched"
    );
    world.refused_for("request_uri").await;
}

#[tokio::test]
async fn a35_a_request_object_counts_once() {
    let world = World::and(SIGNS).await;
    let jwt = world.request_object("signs", TYP, &[]);
    assert_eq!(world.bring_signed("signs", &jwt, &[]).await.status, 303);
    assert_eq!(world.bring_signed("signs", &jwt, &[]).await.status, 400);
    world.refused_for("request_object_replayed").await;
    let pushed = world.form("/par", None, &[("client_id", "signs"), ("request", &jwt)]).await;
    assert_eq!(pushed.error(), "400 invalid_request_object");
}

#[tokio::test]
async fn a35_what_is_signed_for_one_purpose_is_not_taken_for_another() {
    let world = World::new().await;
    let object = world.request_object("signer", TYP, &[("sub", "signer".into())]);
    let asked = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", object.as_str()),
    ];
    assert_eq!(world.form("/token", None, &asked).await.error(), "401 invalid_client");
    let assertion = world.assertion("client-authentication+jwt", &[("client_id", "signer".into())]);
    assert_eq!(world.bring_signed("signer", &assertion, &[]).await.status, 400);
}
