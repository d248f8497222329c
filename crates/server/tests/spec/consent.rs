//! Consent at the protocol's side: what administrators allow, agents that are named besides, clients that change.

use super::admin_api::{API, token};
use crate::world::person::without_dev;
use crate::world::*;
use http::Method;
use prokura_core::{AgentId, Evidence, Grant, GrantState, MayAct};

const ADMIN: &str = r#"
    [[client]]
    id = "admin"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["consents:read", "consents:write"]
    [[group]]
    name = "staff"
    members = ["alice"]
"#;
const ACTION: &str = "grant_management_action";

async fn call(world: &World, method: Method, path: &str, body: &str) -> Answer {
    let bearer = token(world, "admin").await;
    let path = format!("{}{path}", API.strip_prefix(ISSUER).unwrap());
    world.json(method, &path, Some(&bearer), body).await
}

async fn grants(world: &World) -> Vec<Grant> {
    world.store.read(|tx| tx.newest_grants()).await.unwrap()
}

async fn of_alice(world: &World) -> Vec<Grant> {
    grants(world).await.into_iter().filter(|g| g.user().is_some()).collect()
}

const WEB: &str = r#"{"groups":["staff"],"clients":["web"],"resource":"sales","scopes":["read"]}"#;

#[tokio::test]
async fn c11_what_an_administrator_ends_ends_for_everybody_at_once() {
    let world = World::and(ADMIN).await;
    assert_eq!(call(&world, Method::PUT, "/consents/web", WEB).await.status, 200);
    let (access, refresh) = world.tokens().await;
    let grant = of_alice(&world).await.remove(0);
    assert_eq!(grant.evidence, Evidence::Administrator { consent: "web".into() });
    let renewed = world.refresh(&refresh, &[]).await;
    assert_eq!(renewed.status, 200, "{}", renewed.body);
    let listed = call(&world, Method::GET, "/consents", "").await;
    assert!(listed.body.contains(r#""from":"store""#) && listed.body.contains(r#""stored_by":"admin""#));
    let ended = call(&world, Method::DELETE, "/consents/web", "").await;
    assert_eq!((ended.status.as_u16(), ended.body.as_str()), (200, r#"{"ended":1}"#));
    assert!(!world.is_active(&access).await, "the token ends with it");
    let refresh = renewed.text("refresh_token");
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    assert!(matches!(of_alice(&world).await.remove(0).state, GrantState::Revoked(_)));
    assert_eq!(call(&world, Method::DELETE, "/consents/web", "").await.status, 404);
    for action in ["consent:put", "consent:end"] {
        assert_eq!(world.count(action).await, 1, "{action}");
    }
    // Who allows it again gives it again.
    call(&world, Method::PUT, "/consents/web", WEB).await;
    world.tokens().await;
    assert_eq!(of_alice(&world).await.iter().filter(|g| g.state == GrantState::Active).count(), 1);
}

#[tokio::test]
async fn a_consent_that_gives_less_ends_what_it_gave() {
    let world = World::and(ADMIN).await;
    let wide = WEB.replace("[\"read\"]", "[\"read\",\"write\"]");
    call(&world, Method::PUT, "/consents/web", &wide).await;
    let (access, _) = world.tokens().await;
    call(&world, Method::PUT, "/consents/web", WEB).await;
    assert!(!world.is_active(&access).await, "the grant held more than is given now");
    // More is no loss: what was given stays.
    world.tokens().await;
    let before = of_alice(&world).await.into_iter().find(|g| g.state == GrantState::Active).unwrap();
    call(&world, Method::PUT, "/consents/web", &wide).await;
    let after = of_alice(&world).await.into_iter().find(|g| g.state == GrantState::Active).unwrap();
    assert_eq!(before.id, after.id);
}

#[tokio::test]
async fn what_leads_nowhere_is_not_stored() {
    let world = World::and(ADMIN).await;
    for (find, replace, says) in [
        ("staff", "stuff", "no group `stuff`"),
        (r#""clients":["web"],"#, "", "name the `clients`"),
        (r#"["read"]"#, r#"["delete"]"#, "no scope `delete`"),
        (r#""resource""#, r#""details":"[]","resource""#, "at least one object"),
        (r#""groups""#, r#""grups":1,"groups""#, "unknown field `grups`"),
    ] {
        let answer = call(&world, Method::PUT, "/consents/web", &WEB.replace(find, replace)).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{find}: {}", answer.status);
        assert!(answer.body.contains(says), "{find}: {}", answer.body);
    }
    assert_eq!(call(&world, Method::GET, "/consents", "").await.body, r#"{"consents":[]}"#);
}

#[tokio::test]
async fn what_users_cannot_allow_is_seen_by_administrators() {
    let config = format!("{}\n[consent]\nmode = \"enterprise\"\n{ADMIN}", without_dev(USUAL));
    let world = World::with(&config).await;
    world.add_user("alice").await;
    let mut alice = world.person();
    let asked = alice.get(&format!("/authorize?{}", encode(&request(&[])))).await;
    let page = alice.signed_in(asked).await;
    assert!(page.body.contains("Your organisation decides about this"), "{}", page.body);
    let answer = call(&world, Method::GET, "/consent-requests", "").await;
    let all = answer.json();
    let [one] = all.get("requests").unwrap().as_array().unwrap() else { panic!("{}", answer.body) };
    let one = one.as_object().unwrap();
    assert_eq!(
        (one.str("client"), one.str("scope"), one.str("resource")),
        (Some("web"), Some("read"), Some(SALES))
    );
    assert!(one.str("user").unwrap().starts_with("usr_"));
}

/// Registered clients describe themselves, and may describe themselves otherwise at any time (RFC 7592).
#[tokio::test]
async fn b13_a_client_that_changed_gets_nothing_until_its_user_agreed_again() {
    let world = World::and(OPEN_REGISTRATION).await;
    let body = r#"{"redirect_uris":["https://app.example/cb"],"client_name":"Planner",
        "token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"]}"#;
    let registered = world.json(Method::POST, "/register", None, body).await;
    let (id, manage) = (registered.text("client_id"), registered.text("registration_access_token"));
    let become_ = async |name: &str, version: &str| {
        let update = body
            .replace(
                "{\"redirect",
                &format!("{{\"client_id\":\"{id}\",\"software_version\":\"{version}\",\"redirect"),
            )
            .replace("Planner", name);
        let answer = world.json(Method::PUT, &format!("/register/{id}"), Some(&manage), &update).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let code = world.code(&id).await;
    let tokens = world.redeem(&code, &[("client_id", &id)]).await;
    let refresh = tokens.text("refresh_token");
    let renew = async |token: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", id.as_str())];
        world.form("/token", None, &form).await
    };
    become_("Planner", "2").await;
    let renewed = renew(&refresh).await;
    assert_eq!(renewed.status, 200, "a new version is the same software: {}", renewed.body);
    let refresh = renewed.text("refresh_token");
    let pending = world.code(&id).await;
    become_("Your Bank", "2").await;
    let refused = renew(&refresh).await;
    assert_eq!(refused.error(), "400 invalid_grant");
    assert!(refused.body.contains("description changed since the user agreed"), "{}", refused.body);
    assert_eq!(world.redeem(&pending, &[("client_id", &id)]).await.error(), "400 invalid_grant");
    world.refused_for("client_changed").await;
    // The user agrees to what it is now (development mode does); what was refused was not spent.
    world.code(&id).await;
    assert_eq!(renew(&refresh).await.status, 200);
}

#[tokio::test]
async fn d01_agents_besides_are_known_named_by_the_user_and_never_hidden_in_a_pushed_request() {
    let world = World::new().await;
    for (actors, why) in [
        (vec![("requested_actor", "agt_nobody")], "nobody knows it"),
        (vec![("requested_actor", "usr_alice")], "no agent"),
        (vec![("requested_actor", "agt_batch agt_nobody")], "one of two"),
    ] {
        assert_eq!(world.authorize(&actors).await.redirect().1["error"], "invalid_request", "{why}");
    }
    let (batch, rs) = (AgentId::parse("agt_batch").unwrap(), AgentId::parse("agt_rs").unwrap());
    world
        .authorize(&[("requested_actor", "agt_batch agt_rs agt_web")])
        .await
        .redirect()
        .1
        .remove("code")
        .unwrap();
    let named = of_alice(&world).await.remove(0).terms.may_act;
    assert_eq!(named, MayAct::Only([batch.clone(), rs].into()), "its own agent acts anyway");
    // Pushed, and given twice in place of a list.
    let mut pushed = encode(&request(&[("client_id", "")]));
    pushed.push_str("&requested_actor=agt_batch&requested_actor=agt_batch");
    let basic = format!("basic:{SECRET}");
    let uri = world.raw_form("/par", Some(&basic), &pushed).await.text("request_uri");
    let bring = encode(&[("client_id", "basic"), ("request_uri", &uri)]);
    world.get(&format!("/authorize?{bring}")).await.redirect().1.remove("code").unwrap();
    let all = of_alice(&world).await;
    assert!(all.iter().any(|g| g.terms.may_act == MayAct::Only([batch.clone()].into())), "{all:?}");
    // Who may do nothing is nobody to name.
    let now = prokura_core::Clock::now(&*world.clock);
    world.write(move |tx| tx.disable_agent(&batch, true, "operator", "x", now)).await;
    let refused = world.authorize(&[("requested_actor", "agt_batch")]).await.redirect().1;
    assert_eq!(refused["error"], "invalid_request");
}

#[tokio::test]
async fn a_merge_joins_details_with_details_and_nothing_else() {
    let world = World::new().await;
    let details = |tool: &str| format!(r#"[{{"type":"mcp_tool","actions":["{tool}"]}}]"#);
    let basic = format!("basic:{SECRET}");
    let ask = async |more: &[(&str, &str)]| {
        let mut all = vec![("client_id", "basic")];
        all.extend(more);
        let (_, p) = world.authorize(&all).await.redirect();
        match p.get("code") {
            Some(code) => {
                Ok(world.form("/token", Some(&basic), &redemption(code, &[("client_id", "")])).await)
            }
            None => Err(p["error"].clone()),
        }
    };
    let (read, write) = (details("read"), details("write"));
    let first =
        ask(&[(ACTION, "create"), ("scope", "read"), ("authorization_details", &read)]).await.ok().unwrap();
    let name = first.text("grant_id");
    let merge = [(ACTION, "merge"), ("grant_id", name.as_str()), ("scope", "write")];
    assert_eq!(
        ask(&merge).await.err().as_deref(),
        Some("invalid_request"),
        "whole scopes beside bounded tools"
    );
    let mut with = merge.to_vec();
    with.push(("authorization_details", &write));
    let merged = ask(&with).await.ok().unwrap();
    assert_eq!((merged.text("scope"), merged.text("grant_id")), ("read write".to_owned(), name));
    assert!(merged.body.contains(r#""actions":["read"]"#) && merged.body.contains(r#""actions":["write"]"#));
    assert!(world.is_active(&first.text("access_token")).await, "what was issued stays within it");
    let grant = of_alice(&world).await.remove(0);
    assert_eq!((grant.details.iter().len(), grant.actions.to_string()), (2, "read write".to_owned()));
}
