//! A: the authorization endpoint and what comes of it.

use crate::world::*;
use http::header::LOCATION;

#[tokio::test]
async fn a01_a_code_without_its_verifier_is_worth_nothing() {
    let world = World::new().await;
    let code = world.code("web").await;
    assert_eq!(world.redeem(&code, &[("code_verifier", "")]).await.error(), "400 invalid_grant");
    world.refused_for("verifier_malformed").await;
    let wrong = "x".repeat(43);
    assert_eq!(world.redeem(&code, &[("code_verifier", &wrong)]).await.error(), "400 invalid_grant");
    world.refused_for("verifier_wrong").await;
}

#[tokio::test]
async fn a02_no_client_goes_without_a_challenge() {
    let world = World::new().await;
    for client in ["web", "basic", CIMD] {
        let redirect = if client == CIMD { "https://planner.example/cb" } else { CB };
        let changes = [("client_id", client), ("redirect_uri", redirect), ("code_challenge", "")];
        let (to, p) = world.authorize(&changes).await.redirect();
        assert_eq!((to.as_str(), p["error"].as_str()), (redirect, "invalid_request"), "{client}");
        assert!(!p.contains_key("code"));
    }
    world.refused_for("pkce").await;
}

#[tokio::test]
async fn a03_only_s256() {
    let world = World::new().await;
    for method in ["", "plain", "none", "s256", "S512"] {
        let (_, p) = world.authorize(&[("code_challenge_method", method)]).await.redirect();
        assert_eq!(p["error"], "invalid_request", "{method}");
    }
    let metadata = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata.get("code_challenge_methods_supported").unwrap().to_vec(), br#"["S256"]"#);
}

#[tokio::test]
async fn a05_redirect_uri_unchecked() {
    let world = World::new().await;
    for uri in ["https://evil.example/cb", "https://app.example/cb/evil", "https://app.example"] {
        let answer = world.authorize(&[("redirect_uri", uri)]).await;
        assert_eq!(answer.status, 400, "{uri}");
        assert!(!answer.headers.contains_key(LOCATION), "{uri}");
        world.refused_for("redirect_unknown").await;
    }
    // Two are registered, so leaving it out means neither.
    let answer = world.authorize(&[("redirect_uri", "")]).await;
    assert_eq!((answer.status.as_u16(), answer.headers.contains_key(LOCATION)), (400, false));
}

#[tokio::test]
async fn a06_redirect_parser_tricks() {
    let world = World::new().await;
    let odd = [
        "https://app.example@evil.example/cb",
        "https://a@b@evil.example/cb",
        "https://app.example/..%2fcb",
        "https://app.example/x/../cb",
        "https://app.example/cb#f",
        "https://app.example./cb",
        "https://APP.example/cb",
        "https://app.example:443/cb",
        "https://app.example/cb?",
        "https://app.example/cb/",
        "https://app.example\\@evil.example/cb",
    ];
    for uri in odd {
        let answer = world.authorize(&[("redirect_uri", uri)]).await;
        assert_eq!((answer.status.as_u16(), answer.headers.contains_key(LOCATION)), (400, false), "{uri}");
    }
    for (uri, fine) in [
        ("http://127.0.0.1:49152/cb", true),
        ("http://127.0.0.1/cb", true),
        ("http://localhost:49152/cb", false),
        ("http://127.0.0.1.evil.example/cb", false),
        ("http://127.0.0.1:80@evil.example/cb", false),
        ("http://127.0.0.1:49152/cb/", false),
        ("https://127.0.0.1:49152/cb", false),
    ] {
        let answer = world.authorize(&[("client_id", "native"), ("redirect_uri", uri)]).await;
        assert_eq!(answer.status == 303, fine, "{uri}");
    }
}

#[tokio::test]
async fn a07_schemes_that_run() {
    let world = World::and(OPEN_REGISTRATION).await;
    for uri in [
        "jAvAsCrIpT:alert(1)",
        "data:text/html,x",
        "javascript://a.example/%0aalert(1)",
        "vbscript:x",
        "javascript:x#ja",
    ] {
        let body = format!(r#"{{"redirect_uris":["{uri}"]}}"#);
        let answer = world.json(http::Method::POST, "/register", None, &body).await;
        assert_eq!(answer.error(), "400 invalid_redirect_uri", "{uri}");
        for member in ["logo_uri", "tos_uri", "policy_uri", "client_uri", "jwks_uri"] {
            let body = format!(r#"{{"redirect_uris":["{CB}"],"{member}":"{uri}"}}"#);
            let answer = world.json(http::Method::POST, "/register", None, &body).await;
            assert_eq!(answer.error(), "400 invalid_client_metadata", "{member} {uri}");
        }
    }
}

#[tokio::test]
async fn a08_a_client_that_nobody_vouches_for_cannot_use_errors_to_lead_people_anywhere() {
    let world = World::and(OPEN_REGISTRATION).await;
    let body = format!(r#"{{"redirect_uris":["{CB}"],"token_endpoint_auth_method":"none"}}"#);
    let id = world.json(http::Method::POST, "/register", None, &body).await.text("client_id");
    let answer = world.authorize(&[("client_id", &id), ("scope", "nonsense")]).await;
    assert_eq!((answer.status.as_u16(), answer.headers.contains_key(LOCATION)), (400, false));
    // One that the operator knows gets its error.
    let (to, p) = world.authorize(&[("scope", "nonsense")]).await.redirect();
    assert_eq!((to.as_str(), p["error"].as_str()), (CB, "invalid_scope"));
}

#[tokio::test]
async fn a09_a_code_of_another_client() {
    let world = World::new().await;
    let code = world.code("web").await;
    let other = world.redeem(&code, &[("client_id", "native")]).await;
    assert_eq!(other.error(), "400 invalid_grant");
    world.refused_for("code_of_another").await;
    assert_eq!(world.redeem(&code, &[]).await.status, 200, "and the right one still has it");
}

#[tokio::test]
async fn a10_a_code_used_twice_ends_what_came_of_it() {
    let world = World::new().await;
    let code = world.code("web").await;
    let first = world.redeem(&code, &[]).await;
    let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
    assert!(world.is_active(&access).await);
    assert_eq!(world.redeem(&code, &[]).await.error(), "400 invalid_grant");
    world.refused_for("code_used").await;
    assert!(!world.is_active(&access).await);
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    assert_eq!(world.count("grant:revoke").await, 1);
}

#[tokio::test]
async fn a11_a_forged_code_ends_nothing() {
    let world = World::new().await;
    let code = world.code("web").await;
    let access = world.redeem(&code, &[]).await.text("access_token");
    let forged = format!("{}x", &code[..code.len() - 1]);
    for forged in [forged.as_str(), "code_", &code[..10], &format!("{code}x")] {
        assert_eq!(world.redeem(forged, &[]).await.error(), "400 invalid_grant");
        world.refused_for("code_unknown").await;
    }
    assert!(world.is_active(&access).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a12_two_hundred_at_once_redeem_one_code_once() {
    let world = World::new().await;
    let code = world.code("web").await;
    let all = (0..200).map(|_| world.redeem(&code, &[]));
    let answers = futures_util::future::join_all(all).await;
    let won: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(world.count("token:authorization_code").await, 1);
    assert!(!world.is_active(&won[0].text("access_token")).await, "it was used twice, so it ends");
}

#[tokio::test]
async fn a13_what_can_be_mended_does_not_burn_the_code() {
    let world = World::and(SECOND).await;
    let changes = [("resource", SALES)];
    let code = world.authorize(&changes).await.redirect().1.remove("code").unwrap();
    for (change, error) in [
        (("redirect_uri", "https://app.example/other"), "400 invalid_grant"),
        (("resource", "http://localhost:9400/mcp/hr"), "400 invalid_target"),
        (("code_verifier", "y"), "400 invalid_grant"),
    ] {
        assert_eq!(world.redeem(&code, &[change]).await.error(), error, "{change:?}");
    }
    assert_eq!(world.redeem(&code, &[("resource", SALES)]).await.status, 200);
    let code = world.authorize(&changes).await.redirect().1.remove("code").unwrap();
    world.wait(61);
    assert_eq!(world.redeem(&code, &[]).await.error(), "400 invalid_grant");
    world.refused_for("code_unknown").await;
}

#[tokio::test]
async fn a14_parameters_given_twice() {
    let world = World::new().await;
    for (twice, reason) in [
        ("client_id=web", "form"),
        ("state=x", "form"),
        ("redirect_uri=https://evil.example", "form"),
        ("resource=a&resource=b", "resource_several"),
    ] {
        let answer = world.get(&format!("/authorize?{}&{twice}", encode(&request(&[])))).await;
        assert_eq!((answer.status.as_u16(), answer.headers.contains_key(LOCATION)), (400, false), "{twice}");
        world.refused_for(reason).await;
    }
    let body = format!("{}&client_id=web", encode(&redemption("c", &[])));
    assert_eq!(world.raw_form("/token", None, &body).await.error(), "400 invalid_request");
}

#[tokio::test]
async fn a15_every_answer_names_its_issuer() {
    let world = World::new().await;
    let (_, success) = world.authorize(&[]).await.redirect();
    assert_eq!((success["iss"].as_str(), success["state"].as_str()), (ISSUER, "st"));
    for change in [("scope", "x"), ("response_type", "token"), ("prompt", "none"), ("code_challenge", "")] {
        let (_, error) = world.authorize(&[change]).await.redirect();
        assert_eq!((error["iss"].as_str(), error["state"].as_str()), (ISSUER, "st"), "{change:?}");
        assert!(error.contains_key("error"), "{change:?}");
    }
}

#[tokio::test]
async fn a19_a_posted_request_is_not_posted_on() {
    let world = World::new().await;
    let answer = world.form("/authorize", None, &request(&[])).await;
    assert_eq!(answer.status, 303);
    assert!(answer.redirect().1.contains_key("code"));
}
