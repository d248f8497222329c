//! C1 to C8, C18, C19, C27, C28: how clients prove who they are, and what they send.

use crate::world::*;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::Value;
use prokura_oauth::token_request::ASSERTION_TYPE;

#[tokio::test]
async fn c01_the_audience_is_the_issuer_alone() {
    let world = World::new().await;
    for typ in ["client-authentication+jwt", "JWT"] {
        assert_eq!(world.assert(&world.assertion(typ, &[])).await.status, 200, "{typ}");
    }
    let both = Value::Array(vec![ISSUER.into(), "http://localhost:9400/token".into()]);
    for aud in [
        "http://localhost:9400/token".into(),
        "http://localhost:9400/".into(),
        Value::Array(vec![ISSUER.into()]),
        both,
        Value::Null,
    ] {
        let answer = world.assert(&world.assertion("JWT", &[("aud", aud.clone())])).await;
        assert_eq!(answer.error(), "401 invalid_client", "{aud}");
        world.refused_for("assertion_invalid").await;
    }
    // Old clients, where the operator says so.
    let old = World::and("\n[tokens]\naccept_token_endpoint_audience = true\n").await;
    let jwt = old.assertion("JWT", &[("aud", "http://localhost:9400/token".into())]);
    assert_eq!(old.assert(&jwt).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c02_an_assertion_authenticates_once() {
    let world = World::new().await;
    let jwt = world.assertion("JWT", &[]);
    let answers = futures_util::future::join_all((0..200).map(|_| world.assert(&jwt))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|a| a.error() == "401 invalid_client").count(), 199);
    world.wait(60);
    assert_eq!(world.assert(&jwt).await.error(), "401 invalid_client", "to the end of its life");
    world.refused_for("assertion_replayed").await;
}

#[tokio::test]
async fn c02_an_assertion_authenticates_once_on_all_processes_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("t.db").display());
    let one = World::on(USUAL, &database, "pep_1").await;
    let jwt = one.assertion("JWT", &[]);
    assert_eq!(one.assert(&jwt).await.status, 200);
    let two = one.again().await;
    assert_eq!(two.assert(&jwt).await.error(), "401 invalid_client");
    two.refused_for("assertion_replayed").await;
}

#[tokio::test]
async fn c03_what_is_missing_old_or_far() {
    let world = World::new().await;
    let now = 1_800_000_000_i64;
    for (name, value) in [
        ("sub", Value::Null),
        ("sub", "web".into()),
        ("iss", "web".into()),
        ("jti", Value::Null),
        ("exp", Value::Null),
        ("exp", (now - 11).into()),
        ("exp", (now + 3600).into()),
    ] {
        let answer = world.assert(&world.assertion("JWT", &[(name, value.clone())])).await;
        assert_eq!(answer.error(), "401 invalid_client", "{name} {value}");
    }
    assert_eq!(world.assert("x.y.z").await.error(), "401 invalid_client");
}

#[tokio::test]
async fn c04_only_the_registered_key_and_algorithm() {
    let world = World::new().await;
    let jwt = world.assertion("JWT", &[]);
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let claims = |jwt: &str| {
        use base64::Engine as _;
        let part = jwt.split('.').nth(1).unwrap();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        prokura_oauth::json::parse(&bytes, &prokura_oauth::json::Limits::TOKEN)
            .unwrap()
            .into_object()
            .unwrap()
    };
    assert_eq!(world.assert(&other.sign("JWT", &claims(&jwt)).unwrap()).await.error(), "401 invalid_client");
    let none = "eyJhbGciOiJub25lIn0";
    let unsigned = format!("{none}.{}.", jwt.split('.').nth(1).unwrap());
    assert_eq!(world.assert(&unsigned).await.error(), "401 invalid_client");
    assert_eq!(world.assert(&jwt).await.status, 200);
}

#[tokio::test]
async fn c08_claims_of_another_type() {
    let world = World::new().await;
    for (name, value) in [
        ("exp", Value::from("never")),
        ("nbf", "9".into()),
        ("aud", 1_i64.into()),
        ("jti", 1_i64.into()),
        ("sub", Value::Array(vec!["signer".into()])),
    ] {
        let answer = world.assert(&world.assertion("JWT", &[(name, value.clone())])).await;
        assert_eq!(answer.error(), "401 invalid_client", "{name} {value}");
    }
}

#[tokio::test]
async fn c18_exactly_the_registered_method_and_only_one() {
    let world = World::new().await;
    let grant = ("grant_type", "client_credentials");
    let form = |parameters: Vec<(&'static str, &'static str)>, basic: Option<&'static str>| {
        let (world, grant) = (&world, grant);
        async move {
            let mut all = vec![grant];
            all.extend(parameters);
            world.form("/token", basic.map(|b| format!("{b}:{SECRET}")).as_deref(), &all).await.error()
        }
    };
    assert_eq!(
        form(vec![("client_id", "signer"), ("client_secret", SECRET)], None).await,
        "401 invalid_client"
    );
    world.refused_for("auth_method").await;
    assert_eq!(form(vec![], Some("signer")).await, "401 invalid_client");
    assert_eq!(form(vec![("client_id", "signer")], None).await, "401 invalid_client");
    assert_eq!(
        form(vec![("client_id", "batch"), ("client_secret", SECRET)], None).await,
        "401 invalid_client"
    );
    assert_eq!(form(vec![], Some("post")).await, "401 invalid_client");
    assert_eq!(form(vec![("client_secret", SECRET)], Some("batch")).await, "400 invalid_request");
    assert_eq!(form(vec![("client_id", "web"), ("client_secret", SECRET)], None).await, "401 invalid_client");
    let jwt = world.assertion("JWT", &[]);
    let two = [
        grant,
        ("client_assertion", jwt.as_str()),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_secret", "x"),
    ];
    assert_eq!(world.form("/token", None, &two).await.error(), "400 invalid_request");
    for wrong in ["batch:wrong", "batch:", &format!("batch:{SECRET}x"), "nobody:x"] {
        let answer = world.form("/token", Some(wrong), &[grant]).await;
        assert_eq!(answer.error(), "401 invalid_client", "{wrong}");
        assert!(answer.header("www-authenticate").starts_with("Basic "));
        assert_eq!(answer.text("error_description"), "client authentication failed");
    }
    assert_eq!(world.batch().await.status, 200);
}

#[tokio::test]
async fn c19_one_content_type() {
    let world = World::new().await;
    let body =
        encode(&[("grant_type", "client_credentials"), ("client_id", "batch"), ("client_secret", SECRET)]);
    for types in [
        &["application/json, application/x-www-form-urlencoded"][..],
        &["application/json"],
        &["application/x-www-form-urlencoded", "application/json"],
        &["text/plain"],
        &[],
    ] {
        let mut request = http::Request::builder().method(Method::POST).uri("/token");
        for value in types {
            request = request.header(CONTENT_TYPE, *value);
        }
        assert_eq!(world.send(request, body.clone()).await.error(), "400 invalid_request", "{types:?}");
        world.refused_for("content_type").await;
    }
}

#[tokio::test]
async fn c23_two_authorization_headers() {
    let world = World::new().await;
    let request = http::Request::builder()
        .method(Method::POST)
        .uri("/token")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, "Basic YTpi")
        .header(AUTHORIZATION, "Basic YTpi");
    assert_eq!(world.send(request, "grant_type=client_credentials").await.error(), "401 invalid_client");
}

#[tokio::test]
async fn c28_a_list_of_scopes_without_end() {
    let world = World::new().await;
    let basic = format!("batch:{SECRET}");
    for (count, error) in [(100_000, "400 invalid_request"), (65, "400 invalid_scope")] {
        let scopes: Vec<_> = (0..count).map(|i| format!("s{i}")).collect();
        let parameters = [("grant_type", "client_credentials"), ("scope", &scopes.join(" "))];
        assert_eq!(world.form("/token", Some(&basic), &parameters).await.error(), error);
    }
}
