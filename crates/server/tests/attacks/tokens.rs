//! C20 to C22, C25, C26, C29: what tokens are taken for.

use crate::world::*;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::jose::{Algorithm, SigningKey};

#[tokio::test]
async fn c20_an_access_token_is_for_one_resource() {
    let world = World::and(SECOND).await;
    let changes = [("resource", SALES)];
    let code = world.authorize(&changes).await.redirect().1.remove("code").unwrap();
    let token = world.verified(&world.redeem(&code, &[]).await.text("access_token"));
    assert_eq!(token.audience.as_str(), SALES);
    for (resource, error) in [
        ("http://localhost:9400/mcp", "invalid_target"),
        ("http://localhost:9400/mcp/salesx", "invalid_target"),
        ("http://localhost:9400/mcp/sales#x", "invalid_target"),
        ("", "invalid_target"),
    ] {
        let (_, p) = world.authorize(&[("resource", resource)]).await.redirect();
        assert_eq!(p["error"], error, "{resource}");
    }
}

#[tokio::test]
async fn c21_a_token_of_another_server_is_not_active() {
    let world = World::new().await;
    let (access, _) = world.tokens().await;
    let token = world.verified(&access);
    let foreign = SigningKey::generate(Algorithm::Es256).unwrap();
    assert!(!world.is_active(&token.sign(&foreign).unwrap()).await);
    let staging = World::new().await;
    assert!(!staging.is_active(&access).await);
}

#[tokio::test]
async fn c22_no_other_class_of_token_is_an_access_token() {
    let world = World::new().await;
    let (access, refresh) = world.tokens().await;
    let code = world.code("web").await;
    for other in [refresh.as_str(), code.as_str(), &world.assertion("JWT", &[]), "", "x"] {
        let answer = world.form("/introspect", Some(&format!("rs:{SECRET}")), &[("token", other)]).await;
        assert!(!answer.body.contains("\"active\":true"), "{other}");
    }
    assert!(world.is_active(&access).await);
    let typed = AccessToken::from_claims(&world.verified(&access).claims()).unwrap();
    assert_eq!(typed.scopes.to_string(), "read");
}

#[tokio::test]
async fn c25_only_its_own_tokens_are_a_clients_to_revoke() {
    let world = World::new().await;
    let (access, refresh) = world.tokens().await;
    let revoke = |token: String, client: &'static str| {
        let world = &world;
        async move { world.form("/revoke", None, &[("client_id", client), ("token", &token)]).await }
    };
    for token in [&access, &refresh] {
        assert_eq!(revoke(token.clone(), "native").await.status, 200);
    }
    assert!(world.is_active(&access).await);
    assert_eq!(revoke("nonsense".into(), "web").await.status, 200);
    assert_eq!(revoke(refresh.clone(), "web").await.status, 200);
    assert!(!world.is_active(&access).await);
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    let (access, refresh) = world.tokens().await;
    assert_eq!(revoke(access.clone(), "web").await.status, 200);
    assert!(!world.is_active(&access).await);
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    assert_eq!(world.count("grant:revoke").await, 2);
}

#[tokio::test]
async fn c26_introspection_answers_only_the_resource_itself() {
    let world = World::and(SECOND).await;
    let code = world.authorize(&[("resource", SALES)]).await.redirect().1.remove("code").unwrap();
    let access = world.redeem(&code, &[]).await.text("access_token");
    let seen = world.introspect("rs", &access).await;
    assert_eq!(seen.get("active").unwrap().as_bool(), Some(true));
    assert_eq!(seen.str("sub"), Some("usr_alice"));
    assert!(seen.get("act").unwrap().as_object().unwrap().str("sub").unwrap().starts_with("agt_"));
    assert!(seen.get("grant").unwrap().as_object().unwrap().str("id").unwrap().starts_with("g_"));
    let inactive = br#"{"active":false}"#;
    assert_eq!(world.introspect("hr-rs", &access).await.to_vec(), inactive);
    assert_eq!(world.introspect("batch", &access).await.to_vec(), inactive);
    assert_eq!(world.introspect("rs", "nonsense").await.to_vec(), inactive);
    let public = world.form("/introspect", None, &[("client_id", "web"), ("token", &access)]).await;
    assert_eq!(public.error(), "401 invalid_client");
    world.wait(311);
    assert_eq!(world.introspect("rs", &access).await.to_vec(), inactive);
}

#[tokio::test]
async fn c29_nothing_with_a_secret_may_be_kept() {
    let world = World::and(OPEN_REGISTRATION).await;
    let register = format!(r#"{{"redirect_uris":["{CB}"]}}"#);
    let answers = [
        world.redeem(&world.code("web").await, &[]).await,
        world.redeem("nonsense", &[]).await,
        world.batch().await,
        world.form("/revoke", None, &[("client_id", "web"), ("token", "x")]).await,
        world.form("/introspect", Some(&format!("rs:{SECRET}")), &[("token", "x")]).await,
        world.form("/par", None, &request(&[])).await,
        world.json(http::Method::POST, "/register", None, &register).await,
        world.authorize(&[("client_id", "nobody")]).await,
        world.authorize(&[]).await,
    ];
    for answer in &answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{} {}", answer.status, answer.body);
    }
}

/// E39 here: what was sent as a secret stands nowhere in the record.
#[tokio::test]
async fn e39_no_secret_is_on_record() {
    let world = World::and(OPEN_REGISTRATION).await;
    let code = world.code("web").await;
    let first = world.redeem(&code, &[]).await;
    world.redeem(&code, &[]).await;
    let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
    world.refresh(&refresh, &[]).await;
    world.batch().await;
    world.form("/token", Some("batch:wrong-secret-canary"), &[("grant_type", "client_credentials")]).await;
    let register = format!(r#"{{"redirect_uris":["{CB}"]}}"#);
    let registered = world.json(http::Method::POST, "/register", None, &register).await;
    let record = format!("{:?}", world.record().await);
    for secret in [
        code.as_str(),
        &access,
        &refresh,
        SECRET,
        VERIFIER,
        "wrong-secret-canary",
        &registered.text("client_secret"),
        &registered.text("registration_access_token"),
    ] {
        assert!(!record.contains(secret), "{secret}");
    }
}
