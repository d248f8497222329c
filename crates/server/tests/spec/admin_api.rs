//! The administration API: who gets in, and what everybody else reads (RFC 9457, 6750, 9449).

use crate::world::proof::Prover;
use crate::world::*;
use http::header::AUTHORIZATION;
use http::{Method, Request};
use prokura_core::Clock as _;
use prokura_oauth::dpop::Statement;

pub(crate) const API: &str = "http://localhost:9400/api/admin/v1";

/// A client that may see facts and another that may say them.
pub(crate) const ADMINS: &str = r#"
    [[client]]
    id = "looker"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["facts:read"]
    [[client]]
    id = "edr"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["facts:read", "facts:write"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
"#;

/// A token of `client` for the API.
pub(crate) async fn token(world: &World, client: &str) -> String {
    let asked = [("grant_type", "client_credentials"), ("resource", API)];
    let answer = world.form("/token", Some(&format!("{client}:{SECRET}")), &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.text("access_token")
}

async fn me(world: &World, authorization: &str) -> Answer {
    let request = Request::builder().uri("/api/admin/v1/me").header(AUTHORIZATION, authorization);
    world.send(request, "").await
}

fn problem(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert!(body.str("trace").unwrap().starts_with("tr_") && !body.str("detail").unwrap().is_empty());
    assert_eq!(body.get("status").unwrap().as_u64(), Some(answer.status.as_u16().into()));
    format!("{} {}", answer.status.as_u16(), body.str("code").unwrap())
}

#[tokio::test]
async fn a_client_with_a_grant_gets_a_token_and_is_known_by_it() {
    let world = World::and(ADMINS).await;
    let edr = token(&world, "edr").await;
    let answer = me(&world, &format!("Bearer {edr}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body, r#"{"client":"edr","agent":"agt_edr","scopes":["facts:read","facts:write"]}"#);
    // Who has authority there alone need not name it.
    let asked = [("grant_type", "client_credentials"), ("scope", "facts:read")];
    let answer = world.form("/token", Some(&format!("looker:{SECRET}")), &asked).await;
    let answer = me(&world, &format!("Bearer {}", answer.text("access_token"))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn nobody_gets_more_than_the_configuration_says() {
    let world = World::and(ADMINS).await;
    let ask = async |client: &str, more: &[(&str, &str)]| {
        let mut asked = vec![("grant_type", "client_credentials"), ("resource", API)];
        asked.extend(more);
        world.form("/token", Some(&format!("{client}:{SECRET}")), &asked).await.error()
    };
    assert_eq!(ask("looker", &[("scope", "facts:write")]).await, "400 invalid_scope");
    assert_eq!(ask("batch", &[]).await, "400 unauthorized_client");
    let answer = world.authorize(&[("resource", API), ("scope", "facts:read")]).await;
    assert_eq!(answer.redirect().1["error"], "invalid_target", "no user is asked for it");
}

#[tokio::test]
async fn only_a_token_for_the_api_opens_it() {
    let world = World::and(ADMINS).await;
    let edr = token(&world, "edr").await;
    let (of_user, _) = world.tokens().await;
    let sales = world.batch().await.text("access_token");
    for bad in [
        "",
        "Basic eA==",
        "Bearer x",
        &format!("Bearer {sales}"),
        &format!("Bearer {of_user}"),
        &format!("DPoP {edr}"),
    ] {
        let answer = me(&world, bad).await;
        assert_eq!(problem(&answer), "401 admin_token", "{bad}");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
        world.refused_for("admin_token").await;
    }
    let used_elsewhere = world.form("/userinfo", None, &[]).await;
    assert_eq!(used_elsewhere.status, 401);
    let request = Request::builder().uri("/userinfo").header(AUTHORIZATION, format!("Bearer {edr}"));
    assert_eq!(world.send(request, "").await.status, 401, "it is good nowhere else");
    world.disable_client("edr").await;
    assert_eq!(problem(&me(&world, &format!("Bearer {edr}")).await), "401 admin_token");
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_its_grant() {
    let world = World::and(ADMINS).await;
    let edr = token(&world, "edr").await;
    let looker = token(&world, "looker").await;
    let grant = world.record().await.into_iter().find_map(|e| e.grant).unwrap();
    world.revoke_grant(&grant).await;
    assert_eq!(problem(&me(&world, &format!("Bearer {looker}")).await), "401 admin_token");
    assert_eq!(me(&world, &format!("Bearer {edr}")).await.status, 200);
    world.wait(400);
    assert_eq!(problem(&me(&world, &format!("Bearer {edr}")).await), "401 admin_token");
}

#[tokio::test]
async fn a_bound_token_needs_its_key_and_each_proof_counts_once() {
    let world = World::and(&format!("{ADMINS}[admin]\nrequire_dpop = true")).await;
    let asked = [("grant_type", "client_credentials"), ("resource", API)];
    let edr = format!("edr:{SECRET}");
    let refused = world.form("/token", Some(&edr), &asked).await;
    assert_eq!(refused.error(), "400 invalid_dpop_proof", "{}", refused.body);
    let prover = Prover::new();
    let proof = prover.proof(&world, "/token");
    let token = world.proven("/token", Some(&edr), &asked, &[&proof]).await.text("access_token");
    let ask = async |scheme: &str, proof: &str| {
        let request =
            Request::builder().uri("/api/admin/v1/me").header(AUTHORIZATION, format!("{scheme} {token}"));
        let request = if proof.is_empty() { request } else { request.header("dpop", proof) };
        world.send(request, "").await
    };
    let made = |uri: &str, method: &str, id: &str| {
        let (token, now) = (Some(token.as_str()), world.clock.now());
        prover.sign(&Statement { method, uri, token, nonce: None, id, now })
    };
    assert_eq!(problem(&ask("Bearer", "").await), "401 admin_token");
    assert_eq!(problem(&ask("DPoP", "").await), "401 admin_token");
    let elsewhere = made(&format!("{API}/you"), "GET", "a");
    assert_eq!(problem(&ask("DPoP", &elsewhere).await), "401 proof_invalid");
    let otherwise = made(&format!("{API}/me"), "POST", "b");
    assert_eq!(problem(&ask("DPoP", &otherwise).await), "401 proof_invalid");
    let good = made(&format!("{API}/me"), "GET", "c");
    assert_eq!(ask("DPoP", &good).await.status, 200);
    let again = ask("DPoP", &good).await;
    assert_eq!(problem(&again), "401 proof_replayed");
    assert!(again.header("www-authenticate").starts_with("DPoP error=\"invalid_dpop_proof\""));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_the_rest_is_off_without_a_grant() {
    let world = World::and(ADMINS).await;
    let bearer = token(&world, "edr").await;
    let bearer = Some(bearer.as_str());
    let ask =
        async |method: Method, path: &str, body: &str| problem(&world.json(method, path, bearer, body).await);
    assert_eq!(ask(Method::GET, "/api/admin/v1/nothing", "").await, "404 no_route");
    assert_eq!(ask(Method::GET, "/api/admin/v1/me/too/deep", "").await, "404 no_route");
    assert_eq!(ask(Method::DELETE, "/api/admin/v1/me", "").await, "405 method");
    assert_eq!(ask(Method::GET, "/api/admin/v1/me", "{}").await, "400 body_unwanted");
    assert_eq!(ask(Method::GET, "/api/admin/v1/me?x=1", "").await, "400 query");
    assert_eq!(ask(Method::GET, "/api/admin/v1/me?x=%zz", "").await, "400 query");
    let document = world.get("/api/openapi.json").await;
    assert_eq!((document.status.as_u16(), document.body.contains("\"/me\"")), (200, true));
    let off = World::new().await;
    assert_eq!(off.get("/api/admin/v1/me").await.status, 404);
    assert_eq!(off.get("/api/openapi.json").await.status, 404);
}
