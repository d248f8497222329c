//! RFC 6749, RFC 8707, RFC 9068: from a code to a token and on.

use crate::world::*;

#[tokio::test]
async fn a_code_becomes_a_token_that_says_who_acts_for_whom() {
    let world = World::new().await;
    let answer = world.redeem(&world.code("web").await, &[]).await;
    assert_eq!(answer.text("token_type"), "Bearer");
    assert_eq!(answer.json().get("expires_in").unwrap().as_u64(), Some(300));
    let token = world.verified(&answer.text("access_token"));
    assert_eq!(token.subject.as_str(), "usr_alice");
    assert_eq!(token.actors.iter().map(|a| a.as_str()).collect::<Vec<_>>(), ["agt_web"]);
    assert_eq!(token.scopes.to_string(), "read");
    assert_eq!(token.grant.ancestors, []);
    let record = world.record().await;
    let issued = &record[0];
    assert_eq!((issued.action.as_str(), issued.outcome.as_str()), ("token:authorization_code", "permit"));
    assert_eq!(issued.subject.as_ref().unwrap().as_str(), "usr_alice");
    assert_eq!(issued.actors[0].as_str(), "agt_web");
    assert_eq!(issued.grant, Some(token.grant.id));
    assert_eq!(issued.resource.as_ref().unwrap().as_str(), SALES);
    // One trace leads from the consent to the token.
    let flow: Vec<_> = record.iter().filter(|e| e.trace == issued.trace).map(|e| e.action.as_str()).collect();
    assert_eq!(flow, ["token:authorization_code", "code:issue", "grant:make", "consent:allow"]);
}

#[tokio::test]
async fn every_sort_of_client_gets_its_token() {
    let world = World::new().await;
    let secret = format!("basic:{SECRET}");
    let code = world.code("basic").await;
    let answer = world.form("/token", Some(&secret), &redemption(&code, &[("client_id", "")])).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let code = world.code("post").await;
    let answer = world.redeem(&code, &[("client_id", "post"), ("client_secret", SECRET)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let code = world.code("native").await;
    let redirect = ("redirect_uri", "http://127.0.0.1:5000/cb");
    assert_eq!(world.redeem(&code, &[("client_id", "native"), redirect]).await.status, 200);
    let code = world.code(CIMD).await;
    let redirect = ("redirect_uri", "https://planner.example/cb");
    let answer = world.redeem(&code, &[("client_id", CIMD), redirect]).await;
    assert_eq!(world.verified(&answer.text("access_token")).client.as_str(), CIMD);
    let kept = world.write(|tx| tx.client_document(&prokura_core::ClientId::parse(CIMD).unwrap())).await;
    assert!(kept.is_some(), "a user let it in, so its document is kept");
}

#[tokio::test]
async fn a_request_without_scope_and_resource_means_the_only_ones() {
    let world = World::new().await;
    let (_, p) = world.authorize(&[("scope", "")]).await.redirect();
    let token = world.verified(&world.redeem(&p["code"], &[]).await.text("access_token"));
    assert_eq!((token.audience.as_str(), token.scopes.to_string().as_str()), (SALES, "read write"));
    let offline = world.authorize(&[("scope", "read offline_access")]).await.redirect().1;
    assert_eq!(world.redeem(&offline["code"], &[]).await.text("scope"), "read");
}

#[tokio::test]
async fn an_agent_of_its_own_authority_is_its_own_subject() {
    let world = World::new().await;
    let answer = world.batch().await;
    assert!(!answer.json().contains_key("refresh_token"));
    let token = world.verified(&answer.text("access_token"));
    assert_eq!((token.subject.as_str(), token.actors.len()), ("agt_batch", 0));
    assert_eq!(token.actor().unwrap().as_str(), "agt_batch");
    let again = world.verified(&world.batch().await.text("access_token"));
    assert_eq!(again.grant.id, token.grant.id, "one grant for a client and a resource");
    assert_ne!(again.id, token.id);
    assert_eq!(world.count("grant:make").await, 1);
    assert_eq!(world.count("token:client_credentials").await, 2);
    let basic = format!("batch:{SECRET}");
    let wide = [("grant_type", "client_credentials"), ("scope", "read write")];
    assert_eq!(world.form("/token", Some(&basic), &wide).await.error(), "400 invalid_scope");
    let rs = format!("rs:{SECRET}");
    let none = world.form("/token", Some(&rs), &[("grant_type", "client_credentials")]).await;
    assert_eq!(none.error(), "400 unauthorized_client");
}

#[tokio::test]
async fn what_the_configuration_gives_changes_with_it() {
    let world = World::new().await;
    let before = world.verified(&world.batch().await.text("access_token"));
    let wider = USUAL.replace("scopes = [\"read\"]", "scopes = [\"read\", \"write\"]");
    let anew = World::start(&wider, world.store.clone(), world.clock.clone()).await;
    let after = anew.verified(&anew.batch().await.text("access_token"));
    assert_eq!(after.scopes.to_string(), "read write");
    assert_eq!(after.grant.id, before.grant.id);
}

#[tokio::test]
async fn a_client_uses_only_the_grant_types_it_has() {
    let world = World::new().await;
    let asked = [("grant_type", "client_credentials"), ("client_id", "web")];
    assert_eq!(world.form("/token", None, &asked).await.error(), "400 unauthorized_client");
    let basic = format!("batch:{SECRET}");
    for (grant_type, error) in [
        ("password", "400 unsupported_grant_type"),
        ("refresh_token", "400 invalid_request"),
        ("", "400 invalid_request"),
    ] {
        let answer = world.form("/token", Some(&basic), &[("grant_type", grant_type)]).await;
        assert_eq!(answer.error(), error, "{grant_type}");
    }
    let answer = world.authorize(&[("client_id", "batch"), ("redirect_uri", "")]).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_token_never_outlives_its_grant() {
    let world = World::new().await;
    let (access, refresh) = world.tokens().await;
    let grant = world.verified(&access).grant.id;
    let until = prokura_core::Timestamp::from_seconds(1_800_000_100);
    world
        .write(move |tx| {
            let kept = tx.grant(&grant)?.unwrap();
            tx.update_grant(&prokura_core::Grant { expires_at: until, ..kept })
        })
        .await;
    let short = world.refresh(&refresh, &[]).await;
    assert_eq!(short.json().get("expires_in").unwrap().as_u64(), Some(100));
    world.wait(100);
    assert_eq!(world.refresh(&short.text("refresh_token"), &[]).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn prompt_none_without_a_session_says_so() {
    let world = World::new().await;
    assert_eq!(world.authorize(&[("prompt", "none")]).await.redirect().1["error"], "login_required");
    for (name, value) in
        [("prompt", "none login"), ("max_age", "x"), ("response_mode", "fragment"), ("prompt", "x")]
    {
        assert_eq!(
            world.authorize(&[(name, value)]).await.redirect().1["error"],
            "invalid_request",
            "{value}"
        );
    }
    assert_eq!(
        world.authorize(&[("response_type", "token")]).await.redirect().1["error"],
        "unsupported_response_type"
    );
}

#[tokio::test]
async fn a_browser_may_read_tokens_but_not_bring_cookies() {
    let world = World::new().await;
    let answer = world.batch().await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let preflight = http::Request::builder().method("OPTIONS").uri("/token").header("origin", "https://x");
    let preflight = world.send(preflight, "").await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").contains("authorization"));
    let introspect = world.form("/introspect", None, &[]).await;
    assert_eq!(introspect.header("access-control-allow-origin"), "");
}
