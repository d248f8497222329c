//! RFC 9101.

use crate::world::*;
use prokura_oauth::token_request::ASSERTION_TYPE;

const TYP: &str = "oauth-authz-req+jwt";

#[tokio::test]
async fn a_signed_request_is_answered_like_another() {
    let world = World::and(SIGNS).await;
    let jwt = world.request_object("signs", TYP, &[]);
    let (to, p) = world.bring_signed("signs", &jwt, &[]).await.redirect();
    assert_eq!((to.as_str(), p["state"].as_str(), p["iss"].as_str()), (CB, "st", ISSUER));
    let answer = world.redeem(&p["code"], &[("client_id", "signs")]).await;
    assert_eq!(answer.text("scope"), "read");
}

#[tokio::test]
async fn errors_leave_by_the_redirect_that_was_signed() {
    let world = World::and(SIGNS).await;
    let jwt = world.request_object("signs", TYP, &[("scope", "none".into()), ("state", "own".into())]);
    let (to, p) = world.bring_signed("signs", &jwt, &[("state", "other")]).await.redirect();
    assert_eq!((to.as_str(), p["error"].as_str(), p["state"].as_str()), (CB, "invalid_scope", "own"));
}

#[tokio::test]
async fn a_signed_request_can_be_pushed() {
    let world = World::new().await;
    let jwt = world.request_object("signer", TYP, &[]);
    let assertion = world.assertion("client-authentication+jwt", &[]);
    let pushed = [
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
        ("request", jwt.as_str()),
        ("scope", "write"),
    ];
    let answer = world.form("/par", None, &pushed).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let uri = answer.text("request_uri");
    let bring = [("client_id", "signer"), ("request_uri", uri.as_str())];
    let (_, p) = world.get(&format!("/authorize?{}", encode(&bring))).await.redirect();
    let assertion = world.assertion("client-authentication+jwt", &[]);
    let redeem = [
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
        ("client_id", "signer"),
    ];
    assert_eq!(
        world.redeem(&p["code"], &redeem).await.text("scope"),
        "read",
        "what stands beside counts for nothing"
    );
}

#[tokio::test]
async fn who_has_to_sign_is_not_heard_otherwise() {
    let world = World::and(SIGNS).await;
    assert_eq!(world.authorize(&[("client_id", "signs")]).await.status, 400);
    world.refused_for("request_object_needed").await;
    let plain = request(&[("client_id", "signs")]);
    assert_eq!(world.form("/par", None, &plain).await.error(), "400 invalid_request");
    let jwt = world.request_object("signs", TYP, &[]);
    let pushed = world.form("/par", None, &[("client_id", "signs"), ("request", jwt.as_str())]).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let uri = pushed.text("request_uri");
    let bring = [("client_id", "signs"), ("request_uri", uri.as_str())];
    assert_eq!(
        world.get(&format!("/authorize?{}", encode(&bring))).await.status,
        303,
        "it was signed when it was pushed"
    );
}

#[tokio::test]
async fn a_registered_algorithm_is_the_only_one() {
    let world = World::and(OPEN_REGISTRATION).await;
    let keys = prokura_oauth::jose::KeySet::of(vec![world.signer.public()]).unwrap().to_jwks();
    let register = |algorithm: &str| {
        format!(
            r#"{{"redirect_uris":["{CB}"],"token_endpoint_auth_method":"none","jwks":{},"request_object_signing_alg":"{algorithm}"}}"#,
            String::from_utf8(keys.to_vec()).unwrap()
        )
    };
    for (algorithm, status) in [("ES256", 303), ("PS256", 400)] {
        let own = world.json(http::Method::POST, "/register", None, &register(algorithm)).await;
        assert_eq!(own.text("request_object_signing_alg"), algorithm);
        let id = own.text("client_id");
        let jwt = world.request_object(&id, TYP, &[]);
        assert_eq!(world.bring_signed(&id, &jwt, &[]).await.status, status, "{algorithm}");
    }
    let refused = world.json(http::Method::POST, "/register", None, &register("none")).await;
    assert_eq!(refused.error(), "400 invalid_client_metadata");
}
