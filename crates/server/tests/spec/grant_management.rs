//! Grant Management for OAuth 2.0, draft 03.

use crate::world::person::without_dev;
use crate::world::*;
use http::Request;
use http::header::AUTHORIZATION;
use prokura_core::{ClientId, Clock as _, GrantName};
use prokura_oauth::token_request::ASSERTION_TYPE;

const ACTION: &str = "grant_management_action";

/// The token answer for a request of `basic` with some parameters changed.
async fn agreed(world: &World, changes: &[(&str, &str)]) -> Answer {
    let mut all = vec![("client_id", "basic")];
    all.extend(changes);
    let (_, p) = world.authorize(&all).await.redirect();
    let code = p.get("code").unwrap_or_else(|| panic!("{p:?}"));
    redeemed(world, code).await
}

async fn redeemed(world: &World, code: &str) -> Answer {
    let answer = redemption(code, &[("client_id", "")]);
    let answer = world.form("/token", Some(&format!("basic:{SECRET}")), &answer).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

async fn asks(world: &World, method: &str, name: &str, authorization: &str) -> Answer {
    let request = Request::builder().method(method).uri(format!("/grants/{name}"));
    world.send(request.header(AUTHORIZATION, authorization), "").await
}

fn basic() -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("basic:{SECRET}")))
}

async fn holds(world: &World, name: &str) -> String {
    let answer = asks(world, "GET", name, &basic()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store"),
        "{}",
        answer.body
    );
    let body = answer.json();
    assert!(body.get("expires_at").unwrap().as_i64().unwrap() > 1_800_000_000);
    let scopes = body.get("scopes").unwrap().as_array().unwrap();
    let [one] = scopes else { panic!("{}", answer.body) };
    let one = one.as_object().unwrap();
    assert_eq!(one.get("resources").unwrap().to_string(), format!("[\"{SALES}\"]"));
    one.str("scope").unwrap().to_owned()
}

#[tokio::test]
async fn who_asks_for_a_name_gets_one() {
    let world = World::new().await;
    assert!(!agreed(&world, &[]).await.json().contains_key("grant_id"));
    let (first, second) =
        (agreed(&world, &[(ACTION, "create")]).await, agreed(&world, &[(ACTION, "create")]).await);
    let name = first.text("grant_id");
    assert!(name.starts_with("gid_") && name != second.text("grant_id"), "each is its own");
    assert_eq!(holds(&world, &name).await, "read");
    assert!(!first.body.contains(&world.verified(&first.text("access_token")).grant.id.to_string()[..]));
}

#[tokio::test]
async fn a_merge_adds_and_keeps_what_was_issued() {
    let world = World::new().await;
    let first = agreed(&world, &[(ACTION, "create")]).await;
    let name = first.text("grant_id");
    let merged = agreed(&world, &[(ACTION, "merge"), ("grant_id", &name), ("scope", "write")]).await;
    assert_eq!((merged.text("scope"), merged.text("grant_id")), ("read write".to_owned(), name.clone()));
    assert_eq!(holds(&world, &name).await, "read write");
    assert!(world.is_active(&first.text("access_token")).await);
    assert_eq!((world.count("grant:make").await, world.count("grant:change").await), (1, 1));
}

#[tokio::test]
async fn a_replacement_ends_what_it_drops() {
    let world = World::new().await;
    let first = agreed(&world, &[(ACTION, "create"), ("scope", "read write")]).await;
    let name = first.text("grant_id");
    let next = agreed(&world, &[(ACTION, "replace"), ("grant_id", &name), ("scope", "write")]).await;
    assert_eq!((next.text("scope"), next.text("grant_id")), ("write".to_owned(), name.clone()));
    assert_eq!(holds(&world, &name).await, "write");
    assert!(!world.is_active(&first.text("access_token")).await, "what was dropped ends at once");
    let old = first.text("refresh_token");
    let renew = [("grant_type", "refresh_token"), ("refresh_token", old.as_str())];
    let basic = format!("basic:{SECRET}");
    assert_eq!(world.form("/token", Some(&basic), &renew).await.error(), "400 invalid_grant");
    assert!(world.is_active(&next.text("access_token")).await);
    let ended = world.record().await.into_iter().find(|e| e.action == "grant:revoke").unwrap();
    assert_eq!(ended.reasons, ["grant_replaced"]);
}

#[tokio::test]
async fn a_request_with_an_action_can_be_pushed() {
    let world = World::new().await;
    let basic = format!("basic:{SECRET}");
    let pushed = request(&[("client_id", ""), (ACTION, "create")]);
    let uri = world.form("/par", Some(&basic), &pushed).await.text("request_uri");
    let bring = encode(&[("client_id", "basic"), ("request_uri", &uri)]);
    let (_, p) = world.get(&format!("/authorize?{bring}")).await.redirect();
    let name = redeemed(&world, &p["code"]).await.text("grant_id");
    let wrong = request(&[("client_id", ""), (ACTION, "merge"), ("grant_id", "gid_none")]);
    assert_eq!(world.form("/par", Some(&basic), &wrong).await.error(), "400 invalid_grant_id");
    assert_eq!(holds(&world, &name).await, "read");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_the_redirect() {
    let world = World::and(SECOND).await;
    let name = agreed(&world, &[(ACTION, "create"), ("resource", SALES)]).await.text("grant_id");
    let hr = "http://localhost:9400/mcp/hr";
    for (changes, error) in [
        (vec![("client_id", "web"), (ACTION, "create")], "unauthorized_client"),
        (vec![(ACTION, "update"), ("grant_id", name.as_str())], "invalid_request"),
        (vec![("grant_id", name.as_str())], "invalid_request"),
        (vec![(ACTION, "create"), ("grant_id", name.as_str())], "invalid_request"),
        (vec![(ACTION, "replace")], "invalid_request"),
        (vec![(ACTION, "replace"), ("grant_id", "gid_none")], "invalid_grant_id"),
        (
            vec![(ACTION, "merge"), ("grant_id", name.as_str()), ("resource", hr), ("scope", "hr:read")],
            "invalid_target",
        ),
        (vec![(ACTION, "create"), ("prompt", "none")], "login_required"),
    ] {
        let mut all = vec![("client_id", "basic"), ("resource", SALES)];
        all.retain(|(n, _)| !changes.iter().any(|(c, _)| c == n));
        all.extend(&changes);
        assert_eq!(world.authorize(&all).await.redirect().1["error"], error, "{changes:?}");
    }
}

#[tokio::test]
async fn a_client_ends_its_grant() {
    let world = World::new().await;
    let first = agreed(&world, &[(ACTION, "create")]).await;
    let name = first.text("grant_id");
    let answer = asks(&world, "DELETE", &name, &basic()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert!(!world.is_active(&first.text("access_token")).await);
    for method in ["GET", "DELETE"] {
        assert_eq!(asks(&world, method, &name, &basic()).await.error(), "404 invalid_grant_id");
    }
    let renewed = world.authorize(&[("client_id", "basic"), (ACTION, "replace"), ("grant_id", &name)]).await;
    assert_eq!(renewed.redirect().1["error"], "invalid_grant_id");
    assert_eq!(asks(&world, "GET", "", &basic()).await.status, 404, "there is no list");
}

#[tokio::test]
async fn a_client_ends_its_grant_also_while_it_is_paused() {
    let world = World::new().await;
    let first = agreed(&world, &[(ACTION, "create")]).await;
    let (name, now) = (first.text("grant_id"), world.clock.now());
    let grant = GrantName::parse(&name).unwrap();
    let id =
        world.write(move |tx| tx.named_grant(&grant, &ClientId::parse("basic").unwrap())).await.unwrap().id;
    let paused = id.clone();
    world.write(move |tx| tx.suspend_grant(&paused, "test", "test", now)).await;
    assert_eq!(asks(&world, "GET", &name, &basic()).await.error(), "404 invalid_grant_id");
    assert_eq!(asks(&world, "DELETE", &name, &basic()).await.status, 204);
    let resumed = id.clone();
    world.write(move |tx| tx.resume_grant(&resumed, "test", "test", now)).await;
    assert!(world.store.revoked().contains(&id), "what has ended does not begin again");
}

#[tokio::test]
async fn a_token_of_its_own_is_good_for_what_its_scope_says() {
    let world = World::new().await;
    let (_, p) = world.authorize(&[("client_id", "signer"), (ACTION, "create")]).await.redirect();
    let assertion = world.assertion("client-authentication+jwt", &[]);
    let redeem = redemption(
        &p["code"],
        &[("client_id", ""), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)],
    );
    let first = world.form("/token", None, &redeem).await;
    let name = first.text("grant_id");
    let own = |scope: &'static str| {
        let assertion = world.assertion("client-authentication+jwt", &[]);
        let world = &world;
        async move {
            let asked = [
                ("grant_type", "client_credentials"),
                ("scope", scope),
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", assertion.as_str()),
            ];
            world.form("/token", None, &asked).await.text("access_token")
        }
    };
    let (query, revoke) = (own("grant_management_query").await, own("grant_management_revoke").await);
    let show = |token: &str| format!("Bearer {token}");
    assert_eq!(asks(&world, "DELETE", &name, &show(&query)).await.error(), "403 insufficient_scope");
    assert_eq!(asks(&world, "GET", &name, &show(&revoke)).await.error(), "403 insufficient_scope");
    assert_eq!(asks(&world, "GET", &name, &show(&query)).await.status, 200);
    let users = first.text("access_token");
    assert_eq!(asks(&world, "GET", &name, &show(&users)).await.error(), "401 invalid_token");
    assert_eq!(world.get(&format!("/grants/{name}")).await.error(), "401 invalid_token");
    let asked = [("resource", "http://localhost:9400/grants"), ("client_id", "basic")];
    assert_eq!(
        world.authorize(&asked).await.redirect().1["error"],
        "invalid_target",
        "no user is asked for it"
    );
    assert_eq!(asks(&world, "DELETE", &name, &show(&revoke)).await.status, 204);
}

/// A world where people answer by hand, a named grant of alice's, and its token.
async fn by_hand(scope: &str) -> (World, Answer) {
    let world = World::with(&without_dev(USUAL)).await;
    world.add_user("alice").await;
    let mut alice = world.person();
    let page = alice.get(&address(&[(ACTION, "create"), ("scope", scope)])).await;
    let question = alice.signed_in(page).await;
    let scopes: Vec<_> = scope.split(' ').collect();
    let code = alice.answer(&question, "allow", &scopes).await.redirect().1.remove("code").unwrap();
    let first = redeemed(&world, &code).await;
    (world, first)
}

fn address(changes: &[(&str, &str)]) -> String {
    let mut all = vec![("client_id", "basic")];
    all.extend(changes);
    format!("/authorize?{}", encode(&request(&all)))
}

#[tokio::test]
async fn the_question_says_what_will_hold_and_what_ends() {
    let (world, first) = by_hand("read").await;
    let name = first.text("grant_id");
    let mut alice = world.person();
    let page = alice.get(&address(&[(ACTION, "replace"), ("grant_id", &name), ("scope", "write")])).await;
    let question = alice.signed_in(page).await;
    for said in [
        "This changes what you allowed before",
        "<dt>New</dt><dd><p><bdi>Write",
        "<dt>Ends at once</dt><dd><p><bdi>Read",
    ] {
        assert!(question.body.contains(said), "{said}: {}", question.body);
    }
    assert!(!question.body.contains("Allowed already"));

    let page = alice.get(&address(&[(ACTION, "merge"), ("grant_id", &name), ("scope", "write")])).await;
    let question = alice.signed_in(page).await;
    for said in ["<dt>Allowed already</dt><dd><p><bdi>Read", "<dt>New</dt><dd><p><bdi>Write"] {
        assert!(question.body.contains(said), "{said}: {}", question.body);
    }
    // What was allowed before can be taken away here too, and then it ends.
    let (_, mut p) = alice.answer(&question, "allow", &["write"]).await.redirect();
    let next = redeemed(&world, &p.remove("code").unwrap()).await;
    assert_eq!((next.text("scope"), next.text("grant_id")), ("write".to_owned(), name));
    assert!(!world.is_active(&first.text("access_token")).await);
}

#[tokio::test]
async fn a_question_that_is_out_of_date_changes_nothing() {
    let (world, first) = by_hand("read").await;
    let name = first.text("grant_id");
    let ask = address(&[(ACTION, "merge"), ("grant_id", &name), ("scope", "write")]);
    let mut alice = world.person();
    let page = alice.get(&ask).await;
    let early = alice.signed_in(page).await;
    let page = alice.get(&ask).await;
    let late = alice.signed_in(page).await;
    assert_eq!(alice.answer(&late, "allow", &["read", "write"]).await.status, 303);
    assert_eq!(
        alice.answer(&early, "allow", &["write"]).await.status,
        410,
        "the grant holds something else by now"
    );
    assert_eq!(holds(&world, &name).await, "read write");
}

#[tokio::test]
async fn c31_nobody_changes_another_users_grant() {
    let (world, first) = by_hand("read").await;
    let name = first.text("grant_id");
    let new = prokura_server::signin::NewUser {
        login: "bob".into(),
        name: "Bob".into(),
        password: Some(crate::world::person::PASSWORD.into()),
    };
    prokura_server::signin::add(&world.store, &*world.clock, &prokura_core::SystemRng, &new).await.unwrap();
    let mut bob = world.person();
    let page = bob.get(&address(&[(ACTION, "replace"), ("grant_id", &name), ("scope", "write")])).await;
    let page = bob.follow(page).await;
    let fields = [("login", "bob"), ("password", crate::world::person::PASSWORD)];
    let entered = bob.post(&page, "/signin/password", &fields).await;
    let (to, p) = bob.follow(entered).await.redirect();
    assert_eq!((to.as_str(), p["error"].as_str()), (CB, "invalid_grant_id"));
    assert_eq!(holds(&world, &name).await, "read");
}

#[tokio::test]
async fn c31_another_clients_name_is_none() {
    let world = World::new().await;
    let first = agreed(&world, &[(ACTION, "create")]).await;
    let name = first.text("grant_id");
    use base64::Engine as _;
    for other in ["post", "batch", "rs"] {
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("{other}:{SECRET}"));
        let (known, none) = (
            asks(&world, "GET", &name, &format!("Basic {secret}")).await,
            asks(&world, "GET", "gid_none", &format!("Basic {secret}")).await,
        );
        assert_eq!(known.error(), none.error(), "{other}");
        assert_ne!(asks(&world, "DELETE", &name, &format!("Basic {secret}")).await.status, 204, "{other}");
    }
    let batch =
        [("grant_type", "client_credentials"), ("scope", "grant_management_query grant_management_revoke")];
    let token = world.form("/token", Some(&format!("batch:{SECRET}")), &batch).await.text("access_token");
    for method in ["GET", "DELETE"] {
        let answer = asks(&world, method, &name, &format!("Bearer {token}")).await;
        assert_eq!(answer.error(), "404 invalid_grant_id");
    }
    for action in ["merge", "replace"] {
        let asked = [("client_id", "post"), (ACTION, action), ("grant_id", name.as_str())];
        assert_eq!(world.authorize(&asked).await.redirect().1["error"], "invalid_grant_id");
    }
    assert_eq!(holds(&world, &name).await, "read");
    assert!(world.is_active(&first.text("access_token")).await);
}
