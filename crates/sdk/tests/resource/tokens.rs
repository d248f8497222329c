//! Who gets in, and what the others are told.

use crate::issuer::object;
use crate::world::{RESOURCE, World};
use http::Method;
use prokura_sdk::resource::{BuildError, Profile, Resource, Trust};

#[tokio::test]
async fn the_metadata_are_served_and_everything_else_is_closed() {
    let world = World::new().await;
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let answer = world.get(path, &[]).await;
        assert_eq!(
            (answer.status, answer.headers["content-type"].to_str().unwrap()),
            (200, "application/json")
        );
        let document = object(&answer.body);
        assert_eq!(document.str("resource"), Some(RESOURCE));
        assert_eq!(document.str("resource_name"), Some("Tools"));
        assert!(answer.body.contains(&format!(r#""authorization_servers":["{}"]"#, world.issuer.issuer)));
        assert!(answer.body.contains(r#""scopes_supported":["read"]"#));
    }
    assert_eq!(
        world.request(Method::POST, "/.well-known/oauth-protected-resource", &[], "").await.status,
        405
    );
    assert!(world.get("/healthz", &[]).await.body.starts_with("nobody"));
    for path in ["/mcp", "/", "/healthz/", "/HEALTHZ", "/anything", "/.well-known/oauth-protected-resource/x"]
    {
        let answer = world.get(path, &[]).await;
        assert_eq!(answer.status, 401, "{path}");
        let challenges = answer.challenges();
        assert_eq!(
            challenges[0],
            r#"Bearer scope="read", resource_metadata="https://tools.example/.well-known/oauth-protected-resource/mcp""#
        );
        assert!(challenges[1].starts_with("DPoP algs="), "{challenges:?}");
    }
}

#[tokio::test]
async fn a_caller_stands_in_the_request_and_the_token_does_not() {
    let world = World::new().await;
    let answer = world.call(&world.token("read"), "read_report").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.starts_with("Person alice by desk via desk [read] token=false {"), "{}", answer.body);
    let mut acted = world.claims("read");
    acted.insert("act", object(r#"{"sub":"planner","act":{"sub":"front"}}"#).into());
    let answer = world.call(&world.issuer.sign("at+jwt", &acted), "read_report").await;
    assert!(answer.body.contains("via planner,front"), "{}", answer.body);
    let mut own = world.claims("read");
    own.insert("sub", "desk".into());
    let answer = world.call(&world.issuer.sign("at+jwt", &own), "read_report").await;
    assert!(answer.body.starts_with("Software desk by desk"), "{}", answer.body);
}

#[tokio::test]
async fn c20_c22_a_token_of_another_resource_class_or_time_is_refused() {
    let world = World::new().await;
    let with = |name: &'static str, value: prokura_oauth::json::Value| {
        let mut claims = world.claims("read");
        claims.insert(name, value);
        world.issuer.sign("at+jwt", &claims)
    };
    let refused = [
        ("another audience", with("aud", "https://tools.example/mcp/".into())),
        ("another issuer", with("iss", "https://other.example".into())),
        ("expired", with("exp", 1_799_999_000_i64.into())),
        ("an ID token", world.issuer.sign("JWT", &world.claims("read"))),
        ("nothing", "a.b.c".to_owned()),
        ("opaque and unknown", "opaque".to_owned()),
    ];
    for (what, token) in refused {
        let answer = world.call(&token, "read_report").await;
        assert_eq!(answer.status, 401, "{what}");
        assert!(answer.challenges()[0].contains("invalid_token"), "{what}");
        assert!(!answer.body.contains("audience") && !answer.body.contains("issuer"), "{}", answer.body);
    }
    for (headers, status) in [
        (vec![("authorization", "Bearer a"), ("authorization", "Bearer a")], 400),
        (vec![("authorization", "Bearer a b")], 400),
        (vec![("authorization", "Basic eDp5")], 401),
    ] {
        assert_eq!(world.get("/mcp", &headers).await.status, status, "{headers:?}");
    }
    let in_query = format!("/mcp?access_token={}", world.token("read"));
    assert_eq!(world.get(&in_query, &[]).await.status, 401, "C23: a token in the query is none");
}

#[tokio::test]
async fn an_opaque_token_is_asked_about_and_an_issuer_that_is_down_is_no_verdict() {
    let world = World::new().await;
    let answer =
        format!(r#"{{"active":true,"aud":"{RESOURCE}","sub":"bob","client_id":"desk","scope":"read"}}"#);
    world.issuer.with(|s| s.answers.insert("opaque".into(), object(&answer)));
    assert_eq!(world.call("opaque", "read_report").await.status, 200);
    world.issuer.with(|s| s.up = false);
    assert_eq!(world.call("opaque", "read_report").await.status, 200, "it is remembered for 30 s");
    let answer = world.call("other", "read_report").await;
    assert_eq!((answer.status, answer.challenges().len()), (503, 0));
    assert_eq!(answer.headers["retry-after"], "1");
}

#[test]
fn c20_what_cannot_be_safe_is_not_built() {
    let trust = || Trust::new("https://as.example", Profile::Rfc9068);
    let build = |trusted: Vec<Trust>| {
        let resource = Resource::at(RESOURCE).unwrap();
        trusted.into_iter().fold(resource, Resource::trust).build().map(drop).unwrap_err()
    };
    assert_eq!(build(vec![]), BuildError::NoIssuer);
    assert!(matches!(build(vec![trust()]), BuildError::NoAudience(_)));
    assert!(matches!(build(vec![trust().audience(" ")]), BuildError::NoAudience(_)));
    assert!(matches!(build(vec![trust().audience("a"), trust().audience("b")]), BuildError::Twice(_)));
    let other = Trust::new("https://b.example", Profile::Rfc9068).audience("b").introspect("c", "s");
    assert_eq!(build(vec![trust().audience("a").introspect("c", "s"), other]), BuildError::TwoIntrospect);
    assert!(matches!(Resource::at("https://tools.example/mcp/"), Err(BuildError::Resource(_))));
    let odd = Resource::at(RESOURCE).unwrap().trust(trust().audience("a")).scope("read", &["files:*"]);
    assert!(matches!(odd.build(), Err(BuildError::Action(_))));
}
