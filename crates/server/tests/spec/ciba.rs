//! OpenID Connect Client-Initiated Backchannel Authentication Core 1.0.

use crate::world::backchannel::{DESKS, TOKEN, Told, approval, authorization, desks};
use crate::world::person::without_dev;
use crate::world::*;
use http::StatusCode;
use prokura_oauth::json::Value;

#[tokio::test]
async fn a_client_gets_its_token_when_its_user_agrees_elsewhere() {
    let world = desks("").await;
    let begun = world.call("desk", &[("scope", "read write"), ("binding_message", "W4SCT 20,00")]).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    assert_eq!(begun.header("cache-control"), "no-store");
    let o = begun.json();
    assert_eq!(o.get("expires_in").unwrap().as_u64(), Some(600));
    assert_eq!(o.get("interval").unwrap().as_u64(), Some(5));
    let request = begun.text("auth_req_id");
    assert!(request.len() >= 22 && request.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    assert_eq!(world.hear("desk", &request).await.error(), "400 authorization_pending");

    let mut alice = world.person();
    let address = world.waiting(&mut alice).await;
    let list = alice.get("/account/approvals").await;
    assert!(list.body.contains("Travel desk asks for access") && list.body.contains("W4SCT 20,00"));
    let began = alice.get(&address).await;
    let question = alice.follow(began).await;
    for shown in ["Travel desk", "W4SCT 20,00", "It asks from elsewhere", "127.0.0.1"] {
        assert!(question.body.contains(shown), "{shown}: {}", question.body);
    }
    let end = alice.answer(&question, "allow", &["read"]).await;
    assert_eq!(end.header("location"), "/account/approvals?done=allowed");
    let list = alice.follow(end).await;
    assert!(list.body.contains("You allowed it") && list.body.contains("Nothing waits for you"));

    let answer = world.hear("desk", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.text("scope"), "read", "what the user took away stays away");
    let token = world.verified(&answer.text("access_token"));
    assert_eq!(token.client.as_str(), "desk");
    assert!(token.subject.as_str().starts_with("usr_") && token.authentication.is_some());
    assert!(answer.json().str("refresh_token").is_some() && answer.json().str("id_token").is_none());
    assert_eq!(world.hear("desk", &request).await.error(), "400 invalid_grant", "once");
    world.refused_for("ciba_used").await;
    for action in ["backchannel:issue", "consent:allow", "grant:make", "token:ciba"] {
        assert_eq!(world.count(action).await, 1, "{action}");
    }
}

#[tokio::test]
async fn who_asks_for_openid_hears_who_signed_in() {
    let world = desks("").await;
    let request = world.called(&[("scope", "openid read"), ("resource", SALES)]).await;
    world.decide("allow", &["openid", "read"]).await;
    let answer = world.hear("desk", &request).await;
    let id_token = answer.text("id_token");
    let later = world.called(&[("login_hint", ""), ("id_token_hint", &id_token)]).await;
    assert_eq!(world.hear("desk", &later).await.error(), "400 authorization_pending");
    let others = world.call("other", &[("login_hint", ""), ("id_token_hint", &id_token)]).await;
    assert_eq!(others.error(), "400 unknown_user_id", "it was given to another client");
}

#[tokio::test]
async fn a_no_is_told_and_nothing_is_made() {
    let world = desks("").await;
    let request = world.called(&[]).await;
    let end = world.decide("no", &[]).await;
    assert_eq!(end.header("location"), "/account/approvals?done=said-no");
    assert_eq!(world.hear("desk", &request).await.error(), "400 access_denied");
    world.refused_for("ciba_refused").await;
    assert_eq!(world.count("grant:make").await, 0);
}

#[tokio::test]
async fn who_asks_too_soon_waits_longer_and_waiting_is_not_on_record() {
    let world = desks("").await;
    let request = world.called(&[]).await;
    let before = world.record().await.len();
    assert_eq!(world.hear("desk", &request).await.error(), "400 authorization_pending");
    assert_eq!(world.hear("desk", &request).await.error(), "400 slow_down");
    world.wait(5);
    assert_eq!(world.hear("desk", &request).await.error(), "400 slow_down", "it is ten seconds now");
    world.wait(15);
    assert_eq!(world.hear("desk", &request).await.error(), "400 authorization_pending");
    assert_eq!(world.record().await.len(), before);
}

#[tokio::test]
async fn a_request_lasts_as_long_as_was_asked_and_no_longer_than_the_operator_lets_it() {
    let world = desks("[ciba]\nwaits = \"2m\"\n").await;
    let short = world.call("desk", &[("requested_expiry", "30")]).await;
    assert_eq!(short.json().get("expires_in").unwrap().as_u64(), Some(30));
    let long = world.call("desk", &[("requested_expiry", "86400")]).await;
    assert_eq!(long.json().get("expires_in").unwrap().as_u64(), Some(120));
    world.wait(30);
    let short = short.text("auth_req_id");
    assert_eq!(world.hear("desk", &short).await.error(), "400 expired_token");
    assert_eq!(world.hear("desk", &long.text("auth_req_id")).await.error(), "400 authorization_pending");
    world.wait(3600);
    world.server.maintain().await.unwrap();
    assert_eq!(world.hear("desk", &short).await.error(), "400 invalid_grant", "it is forgotten");
}

#[tokio::test]
async fn what_is_asked_for_may_be_one_tool_with_these_arguments() {
    let world = desks("").await;
    let details = r#"[{"type":"mcp_tool","actions":["read"]}]"#;
    let request =
        world.called(&[("authorization_details", details), ("resource", SALES), ("scope", "")]).await;
    let mut alice = world.person();
    let address = world.waiting(&mut alice).await;
    let began = alice.get(&address).await;
    let question = alice.follow(began).await;
    let fields = [("answer", "allow"), ("seconds", "3600"), ("detail", "0")];
    alice.post(&question, "/interaction/", &fields).await;
    let answer = world.hear("desk", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = world.verified(&answer.text("access_token"));
    assert!(token.details.tools().contains("read") && token.scopes.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_words_of_the_standard() {
    let world = desks("").await;
    for (more, error) in [
        (&[("login_hint", "")][..], "400 invalid_request"),
        (&[("id_token_hint", "x")], "400 invalid_request"),
        (&[("login_hint_token", "x")], "400 invalid_request"),
        (&[("login_hint", "nobody")], "400 unknown_user_id"),
        (&[("login_hint", ""), ("id_token_hint", "x.y.z")], "400 unknown_user_id"),
        (&[("binding_message", "see http://evil.example")], "400 invalid_binding_message"),
        (&[("requested_expiry", "-1")], "400 invalid_request"),
        (&[("scope", "other")], "400 invalid_scope"),
        (&[("resource", "https://elsewhere.example/mcp")], "400 invalid_target"),
        (&[("authorization_details", "[{\"type\":\"payment\"}]")], "400 invalid_authorization_details"),
        (&[("acr_values", "urn:other")], "400 unmet_authentication_requirements"),
        (&[("request", "a.b.c")], "400 invalid_request_object"),
    ] {
        assert_eq!(world.call("desk", more).await.error(), error, "{more:?}");
    }
    assert_eq!(
        world.form("/bc-authorize", None, &[("client_id", "desk")]).await.error(),
        "401 invalid_client"
    );
    assert_eq!(world.call("basic", &[]).await.error(), "400 unauthorized_client");
    assert_eq!(world.hear("basic", "bca_x").await.error(), "400 unauthorized_client");
    assert_eq!(world.hear("desk", "bca_x").await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn a_client_that_signs_is_heard_only_if_it_signed() {
    let signs = r#"
        [[client]]
        id = "signer-elsewhere"
        auth = "client_secret_basic"
        secret = { env = "SECRET" }
        jwks_file = "signer.json"
        grant_types = ["ciba"]
        backchannel_authentication_request_signing_alg = "ES256"
    "#;
    let world = desks(signs).await;
    assert_eq!(world.call("signer-elsewhere", &[]).await.error(), "400 invalid_request");
    let null = Value::Null;
    let claims = [("scope", Value::from("read")), ("login_hint", "alice".into()), ("redirect_uri", null)];
    let jwt = world.request_object("signer-elsewhere", "oauth-authz-req+jwt", &claims);
    let basic = format!("signer-elsewhere:{SECRET}");
    let beside = [("request", jwt.as_str()), ("login_hint", "nobody"), ("scope", "write")];
    let begun = world.form("/bc-authorize", Some(&basic), &beside).await;
    assert_eq!(begun.status, 200, "what stands beside counts for nothing: {}", begun.body);
    let again = world.form("/bc-authorize", Some(&basic), &beside).await;
    assert_eq!(again.error(), "400 invalid_request_object", "it counts once");
}

#[tokio::test]
async fn a_client_that_wants_it_is_told_once_somebody_has_answered() {
    let mut told = Told::new();
    let world = told.world("").await;
    told.open(StatusCode::NO_CONTENT);
    let missing = world.call("bell", &[]).await;
    assert_eq!(missing.error(), "400 invalid_request", "it says by what it knows us");
    let begun = world.call("bell", &[("client_notification_token", TOKEN)]).await;
    let request = begun.text("auth_req_id");
    assert_eq!(world.server.signals_once().await, Vec::<String>::new());
    assert_eq!(told.times(), 0, "nobody has answered");
    world.decide("allow", &["read"]).await;
    world.server.signals_once().await;
    let (headers, body) = told.last();
    assert_eq!(authorization(&headers), format!("Bearer {TOKEN}"));
    assert_eq!(headers.get("content-type").unwrap(), "application/json");
    assert_eq!(body, format!(r#"{{"auth_req_id":"{request}"}}"#), "it says nothing of the answer");
    world.wait(3600);
    world.server.signals_once().await;
    assert_eq!(told.times(), 1, "it was heard");
}

#[tokio::test]
async fn a_no_is_told_as_a_yes_is_and_a_deaf_client_is_told_again() {
    let mut told = Told::new();
    let world = told.world("").await;
    told.open(StatusCode::SERVICE_UNAVAILABLE);
    let begun = world.call("bell", &[("client_notification_token", TOKEN)]).await;
    world.decide("no", &[]).await;
    for (seconds, times) in [(0, 1), (0, 1), (1, 2), (1, 2), (1, 3)] {
        world.wait(seconds);
        world.server.signals_once().await;
        assert_eq!(told.times(), times, "after a second, and then after two");
    }
    assert_eq!(world.hear("bell", &begun.text("auth_req_id")).await.error(), "400 access_denied");
}

#[tokio::test]
async fn an_approval_is_learned_of_by_asking_and_by_being_told() {
    let mut told = Told::new();
    let world = told.world("").await;
    told.open(StatusCode::NO_CONTENT);
    let alice = world.named("alice").await;
    let task = world.call_that_waits(&alice, "bell", "apt_1").await;
    let details = approval("apt_1");
    let more = [
        ("scope", ""),
        ("login_hint", ""),
        ("authorization_details", details.as_str()),
        ("client_notification_token", TOKEN),
    ];
    let begun = world.call("bell", &more).await;
    assert_eq!(begun.status, 200, "nobody need be named: {}", begun.body);
    assert_eq!(begun.json().get("expires_in").unwrap().as_u64(), Some(600));
    let request = begun.text("auth_req_id");
    assert_eq!(world.hear("bell", &request).await.error(), "400 authorization_pending");
    world.server.signals_once().await;
    assert_eq!(told.times(), 0);
    world.vote(&task, true).await;
    world.server.signals_once().await;
    assert_eq!(told.last().1, format!(r#"{{"auth_req_id":"{request}"}}"#));
    let answer = world.hear("bell", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = world.verified(&answer.text("access_token"));
    assert_eq!(
        token.grant.id.as_str(),
        "g_apt_1",
        "the call is made by the authority that it was asked with"
    );
    let tools: Vec<_> = token.details.tools().into_iter().collect();
    assert_eq!(tools, ["write"], "and with nothing else");
    assert!(answer.json().str("refresh_token").is_none());
    assert_eq!(world.hear("bell", &request).await.error(), "400 invalid_grant", "once");
}

#[tokio::test]
async fn an_approval_that_is_refused_or_over_gives_nothing() {
    let world = desks("").await;
    let alice = world.named("alice").await;
    for (id, agrees) in [("apt_1", true), ("apt_2", false)] {
        let task = world.call_that_waits(&alice, "desk", id).await;
        let details = approval(id);
        let request = world.called(&[("scope", ""), ("authorization_details", &details)]).await;
        world.vote(&task, agrees).await;
        if agrees {
            world.wait(300);
            assert_eq!(world.hear("desk", &request).await.error(), "400 expired_token", "nobody called");
        } else {
            assert_eq!(world.hear("desk", &request).await.error(), "400 access_denied");
        }
    }
    let details = approval("apt_1");
    for more in [&[("login_hint", "nobody")][..], &[("login_hint", "carol")]] {
        world.call_that_waits(&alice, "desk", &format!("apt_{}", more[0].1)).await;
        let details = approval(&format!("apt_{}", more[0].1));
        let all = [("scope", ""), ("authorization_details", details.as_str()), more[0]];
        assert_eq!(world.call("desk", &all).await.error(), "400 unknown_user_id", "{more:?}");
    }
    let over = world.call("desk", &[("authorization_details", &details)]).await;
    assert_eq!(over.error(), "400 invalid_authorization_details", "it is over");
}

#[tokio::test]
async fn metadata_say_what_is_served_and_nothing_if_it_is_off() {
    let on = World::and(DESKS).await.get("/.well-known/openid-configuration").await.json();
    assert_eq!(on.str("backchannel_authentication_endpoint"), Some("http://localhost:9400/bc-authorize"));
    let list = |name: &str| String::from_utf8(on.get(name).unwrap().to_vec()).unwrap();
    assert_eq!(list("backchannel_token_delivery_modes_supported"), r#"["poll","ping"]"#);
    assert_eq!(list("backchannel_user_code_parameter_supported"), "false");
    assert!(list("grant_types_supported").contains("urn:openid:params:grant-type:ciba"));
    assert!(list("authorization_details_types_supported").contains("mcp_approval"));
    let world = World::and("[ciba]\nclients = \"off\"\n").await;
    let off = world.get("/.well-known/openid-configuration").await;
    assert!(
        !off.body.contains("backchannel") && !off.body.contains("ciba") && !off.body.contains("mcp_approval")
    );
    assert_eq!(world.form("/bc-authorize", None, &[]).await.status, 404);
}

#[tokio::test]
async fn who_registers_may_ask_only_where_the_operator_lets_anybody() {
    let body = r#"{"client_name":"Desk","grant_types":["urn:openid:params:grant-type:ciba"],
        "backchannel_token_delivery_mode":"ping",
        "backchannel_client_notification_endpoint":"https://desk.example/told"}"#;
    let closed = World::and(OPEN_REGISTRATION).await;
    assert_eq!(closed.json(http::Method::POST, "/register", None, body).await.status, 400);
    let config = format!("{USUAL}{OPEN_REGISTRATION}[ciba]\nclients = \"any\"\n");
    let open = World::with(&without_dev(&config)).await;
    open.add_user("alice").await;
    let made = open.json(http::Method::POST, "/register", None, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.text("backchannel_token_delivery_mode"), "ping");
    let basic = format!("{}:{}", made.text("client_id"), made.text("client_secret"));
    let asks = [("scope", "read"), ("login_hint", "alice"), ("client_notification_token", TOKEN)];
    assert_eq!(open.form("/bc-authorize", Some(&basic), &asks).await.status, 200);
}
