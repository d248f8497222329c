//! OpenID Connect Core 1.0, RP-Initiated Logout 1.0, RFC 9470: who signed in, how surely, and signing out.

use crate::world::*;
use http::Method;
use prokura_oauth::json::{self, Limits, Object};

const USERINFO: &str = "http://localhost:9400/userinfo";

/// The claims of a JWT, whoever signed it.
fn claims(jwt: &str) -> Object {
    use base64::Engine as _;
    let payload = jwt.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    json::parse(&bytes, &Limits::TOKEN).unwrap().into_object().unwrap()
}

async fn code(world: &World, changes: &[(&str, &str)]) -> String {
    world.authorize(changes).await.redirect().1["code"].clone()
}

async fn userinfo(world: &World, authorization: &str) -> Answer {
    let request = http::Request::builder().uri("/userinfo").header("authorization", authorization);
    world.send(request, "").await
}

#[tokio::test]
async fn a_client_learns_who_signed_in_and_asks_again_at_userinfo() {
    let world = World::new().await;
    let asked = [("scope", "openid profile"), ("resource", ""), ("nonce", "n-1")];
    let answer = world.redeem(&code(&world, &asked).await, &[("resource", "")]).await;
    let (access, id) = (answer.text("access_token"), answer.text("id_token"));
    let said = claims(&id);
    assert_eq!((said.str("aud"), said.str("nonce")), (Some("web"), Some("n-1")));
    assert_eq!((said.str("sub"), said.str("preferred_username")), (Some("usr_alice"), Some("alice")));
    assert_eq!(claims(&access).str("aud"), Some(USERINFO));
    let info = userinfo(&world, &format!("Bearer {access}")).await;
    assert_eq!(info.status, 200, "{}", info.body);
    assert_eq!(info.json().str("sub"), said.str("sub"));
    assert_eq!(info.json().str("preferred_username"), Some("alice"));
    assert_eq!(info.header("cache-control"), "no-store");
    let renewed = world.refresh(&answer.text("refresh_token"), &[]).await;
    let again = claims(&renewed.text("id_token"));
    assert_eq!((again.get("auth_time"), again.str("nonce")), (said.get("auth_time"), None));
}

#[tokio::test]
async fn what_was_agreed_to_for_a_resource_says_at_userinfo_nothing() {
    let world = World::new().await;
    let answer = world.redeem(&code(&world, &[("scope", "openid read")]).await, &[]).await;
    assert_eq!(answer.text("scope"), "openid read");
    assert_eq!(claims(&answer.text("id_token")).str("sub"), Some("usr_alice"));
    let access = answer.text("access_token");
    assert_eq!(claims(&access).str("aud"), Some(SALES));
    for authorization in [format!("Bearer {access}"), format!("DPoP {access}"), "Bearer x".into()] {
        assert_eq!(userinfo(&world, &authorization).await.error(), "401 invalid_token");
    }
    let id = answer.text("id_token");
    assert_eq!(userinfo(&world, &format!("Bearer {id}")).await.error(), "401 invalid_token");
}

#[tokio::test]
async fn without_openid_there_is_no_id_token_and_no_name() {
    let world = World::new().await;
    let answer = world.redeem(&code(&world, &[]).await, &[]).await;
    assert!(!answer.json().contains_key("id_token"));
    let (_, refused) = world.authorize(&[("scope", "read profile")]).await.redirect();
    assert_eq!(refused["error"], "invalid_scope");
    let bare = world
        .redeem(&code(&world, &[("scope", "openid"), ("resource", "")]).await, &[("resource", "")])
        .await;
    assert!(!claims(&bare.text("id_token")).contains_key("name"));
}

#[tokio::test]
async fn a_revoked_grant_says_no_more_who_somebody_is() {
    let world = World::new().await;
    let asked = [("scope", "openid"), ("resource", "")];
    let answer = world.redeem(&code(&world, &asked).await, &[("resource", "")]).await;
    let access = answer.text("access_token");
    let grant = claims(&access).get("grant").unwrap().as_object().unwrap().str("id").unwrap().to_owned();
    world.revoke_grant(&prokura_core::GrantId::parse(grant).unwrap()).await;
    assert_eq!(userinfo(&world, &format!("Bearer {access}")).await.error(), "401 invalid_token");
}

#[tokio::test]
async fn access_tokens_say_how_and_when_their_user_signed_in() {
    let world = World::new().await;
    let answer = world.redeem(&code(&world, &[]).await, &[]).await;
    let first = world.verified(&answer.text("access_token")).authentication.unwrap();
    assert_eq!((first.acr.as_str(), first.amr), ("single", vec!["dev".to_owned()]));
    world.wait(120);
    let renewed = world.refresh(&answer.text("refresh_token"), &[]).await;
    let second = world.verified(&renewed.text("access_token")).authentication.unwrap();
    assert_eq!(second.at, first.at, "a renewal is no sign-in");
    assert!(world.verified(&world.batch().await.text("access_token")).authentication.is_none());
}

#[tokio::test]
async fn classes_that_are_not_known_cannot_be_met() {
    let world = World::new().await;
    let (_, refused) = world.authorize(&[("acr_values", "urn:other gold")]).await.redirect();
    assert_eq!(refused["error"], "unmet_authentication_requirements");
    let (_, fine) = world.authorize(&[("acr_values", "gold single")]).await.redirect();
    assert!(fine.contains_key("code"));
    let listed = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(listed.get("acr_values_supported").unwrap().to_vec(), br#"["single","mfa","phr"]"#);
}

#[tokio::test]
async fn a_user_comes_back_after_signing_out_only_to_an_address_of_the_client() {
    let world = World::with(&USUAL.replacen(
        r#"id = "web""#,
        "id = \"web\"\npost_logout_redirect_uris = [\"https://app.example/bye\"]",
        1,
    ))
    .await;
    let out = |query: &str| {
        let path = format!("/logout?{query}");
        let world = &world;
        async move { world.send(http::Request::builder().method(Method::GET).uri(path), "").await }
    };
    let location = |answer: &Answer| answer.header("location").to_owned();
    let fine = out("client_id=web&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=s").await;
    assert_eq!(location(&fine), "https://app.example/bye?state=s");
    for bad in [
        "client_id=web&post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F",
        "client_id=basic&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye",
        "post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye",
        "id_token_hint=x.y.z&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye",
        "",
    ] {
        assert!(location(&out(bad).await).ends_with("/signed-out"), "{bad}");
    }
}
