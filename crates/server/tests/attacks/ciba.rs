//! Attacks on questions that are put before users who are elsewhere.

use crate::world::backchannel::{CIBA_GRANT, TOKEN, Told, approval, desks};
use crate::world::person::without_dev;
use crate::world::*;
use http::StatusCode;
use std::sync::Arc;

#[tokio::test]
async fn a36_a_request_of_another_client_is_like_none() {
    let world = desks("").await;
    let request = world.called(&[]).await;
    world.decide("allow", &["read"]).await;
    let stolen = world.hear("other", &request).await;
    assert_eq!(stolen.error(), "400 invalid_grant");
    assert_eq!(
        stolen.text("error_description"),
        world.hear("other", "bca_x").await.text("error_description")
    );
    assert_eq!(world.hear("desk", &request).await.status, 200, "nothing was spent by it");
}

#[tokio::test]
async fn a36_of_two_hundred_polls_at_once_one_gets_a_token() {
    let world = Arc::new(desks("").await);
    let request = world.called(&[]).await;
    world.decide("allow", &["read"]).await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (world, request) = (Arc::clone(&world), request.clone());
        all.spawn(async move { world.hear("desk", &request).await.error() });
    }
    let answers = all.join_all().await;
    assert_eq!(answers.iter().filter(|a| *a == "200 ").count(), 1, "{answers:?}");
    assert!(answers.iter().all(|a| a == "200 " || a == "400 invalid_grant"));
    assert_eq!(world.count("token:ciba").await, 1);
}

#[tokio::test]
async fn a37_only_who_was_named_sees_the_question_and_answers_it() {
    let world = desks("").await;
    world.add_user("bob").await;
    let request = world.called(&[]).await;
    let mut alice = world.person();
    let address = world.waiting(&mut alice).await;
    let mut bob = world.person();
    bob.login = "bob".into();
    let list = bob.get("/account/approvals").await;
    let list = bob.signed_in(list).await;
    assert!(!list.body.contains("/asks/"), "{}", list.body);
    assert_eq!(bob.get(&address).await.status, 404, "as if there were none");
    assert_eq!(bob.get("/asks/ask_nothing").await.status, 404);
    // The interaction that Alice began, in her own browser, where somebody else has signed in since.
    let began = alice.get(&address).await;
    let question = alice.follow(began).await;
    let switched = alice.post(&question, "/interaction/", &[("answer", "x")]).await;
    assert!(switched.status.is_redirection(), "what is no yes is a no");
    assert_eq!(world.hear("desk", &request).await.error(), "400 access_denied");
}

#[tokio::test]
async fn a37_a_question_is_answered_once_and_in_time() {
    let world = desks("").await;
    let request = world.called(&[("requested_expiry", "60")]).await;
    let mut alice = world.person();
    let address = world.waiting(&mut alice).await;
    let began = alice.get(&address).await;
    let first = alice.follow(began).await;
    let began = alice.get(&address).await;
    let second = alice.follow(began).await;
    alice.answer(&first, "no", &[]).await;
    let late = alice.answer(&second, "allow", &["read"]).await;
    assert_eq!(late.status, 410, "the other tab changes nothing");
    assert_eq!(alice.get(&address).await.status, 404);
    assert_eq!(world.hear("desk", &request).await.error(), "400 access_denied");

    let request = world.called(&[("requested_expiry", "60")]).await;
    let address = world.waiting(&mut alice).await;
    let began = alice.get(&address).await;
    let question = alice.follow(began).await;
    world.wait(60);
    assert_eq!(alice.answer(&question, "allow", &["read"]).await.status, 410);
    assert_eq!(alice.get(&address).await.status, 404);
    assert_eq!(world.hear("desk", &request).await.error(), "400 expired_token");
    assert_eq!(world.count("grant:make").await, 0);
}

#[tokio::test]
async fn a37_an_agreement_by_this_way_is_not_remembered() {
    let world = desks("").await;
    for _ in 0..2 {
        let request = world.called(&[]).await;
        assert_eq!(world.hear("desk", &request).await.error(), "400 authorization_pending");
        world.decide("allow", &["read"]).await;
        assert_eq!(world.hear("desk", &request).await.status, 200);
    }
    assert_eq!(world.count("grant:make").await, 2, "each was asked, and is a grant of its own");
}

#[tokio::test]
async fn a37_nobody_is_worn_out_by_questions_and_users_are_not_found_by_guessing() {
    let world = desks("[ciba]\nper_user = 2\nper_minute = 1000\n").await;
    world.add_user("bob").await;
    world.called(&[]).await;
    world.called(&[]).await;
    let third = world.call("desk", &[]).await;
    assert_eq!(third.error(), "429 temporarily_unavailable");
    assert_eq!(world.call("other", &[]).await.status, 200, "another client's are another's");
    world.wait(600);
    world.called(&[]).await;
    let mut refused = 0;
    for n in 0..30 {
        let guess = format!("user{n}");
        refused += usize::from(world.call("other", &[("login_hint", &guess)]).await.status == 429);
    }
    assert!(refused >= 9, "{refused}");
    let known = world.call("other", &[("login_hint", "bob")]).await;
    assert_eq!(known.error(), "429 temporarily_unavailable", "who exists is not told to who guesses");
    world
        .write(|tx| {
            let bob = tx.user_by_name("bob")?.unwrap().id;
            tx.disable_user(&bob, true, "test", "test", prokura_core::Timestamp::from_seconds(1)).map(drop)
        })
        .await;
    let disabled = world.call("desk", &[("login_hint", "bob")]).await;
    let nobody = world.call("desk", &[("login_hint", "nobody")]).await;
    assert_eq!(disabled.error(), "400 unknown_user_id");
    assert_eq!(disabled.text("error_description"), nobody.text("error_description"));
}

#[tokio::test]
async fn a38_a_ping_goes_to_no_private_address_and_follows_nothing() {
    // The operator opened no address: the one that the client registered is on this machine.
    let mut told = Told::new();
    let world = World::with(&without_dev(&format!("{USUAL}{}", told.bell()))).await;
    world.add_user("alice").await;
    told.open(StatusCode::NO_CONTENT);
    let request = world.call("bell", &[("client_notification_token", TOKEN)]).await.text("auth_req_id");
    world.decide("allow", &["read"]).await;
    world.server.signals_once().await;
    assert_eq!(told.times(), 0);
    let given_up = world.record().await.into_iter().find(|e| e.action == "notice:give_up").unwrap();
    assert_eq!(given_up.reasons, ["nobody_heard"]);
    assert!(!format!("{given_up:?}").contains(&request), "what it asks with is in no record");
    assert_eq!(world.hear("bell", &request).await.status, 200, "it can ask all the same");

    let mut told = Told::new();
    let world = told.world("").await;
    told.open(StatusCode::TEMPORARY_REDIRECT);
    world.call("bell", &[("client_notification_token", TOKEN)]).await;
    world.decide("allow", &["read"]).await;
    world.server.signals_once().await;
    world.wait(60);
    world.server.signals_once().await;
    assert_eq!(told.times(), 1, "who points elsewhere is not asked again");
}

#[tokio::test]
async fn a36_an_approval_of_another_client_or_in_disguise_is_none() {
    let world = desks("").await;
    let alice = world.named("alice").await;
    let task = world.call_that_waits(&alice, "desk", "apt_1").await;
    let details = approval("apt_1");
    let asks = [("scope", ""), ("authorization_details", details.as_str())];
    assert_eq!(world.call("other", &asks).await.error(), "400 invalid_authorization_details");
    let beside = r#"[{"type":"mcp_approval","identifier":"apt_1"},{"type":"mcp_tool","actions":["read"]}]"#;
    let mixed = world.call("desk", &[("authorization_details", beside)]).await;
    assert_eq!(mixed.error(), "400 invalid_authorization_details");
    let request = world.called(&asks).await;
    world.vote(&task, true).await;
    assert_eq!(world.hear("other", &request).await.error(), "400 invalid_grant");
    // The authority ends before the client comes: what was agreed to is worth nothing.
    let now = prokura_core::Clock::now(&*world.clock);
    let grant = prokura_core::GrantId::parse("g_apt_1").unwrap();
    world.write(move |tx| tx.revoke_tree(&grant, "usr_alice", "test", now).map(drop)).await;
    let after = world.hear("desk", &request).await;
    assert_eq!(after.error(), "400 access_denied", "{}", after.body);
    assert_eq!(world.count("token:ciba").await, 0);
}

#[tokio::test]
async fn a37_a_public_client_asks_nobody() {
    let world = World::and("[ciba]\nclients = \"any\"\n").await;
    let named = [("client_id", "web"), ("scope", "read"), ("login_hint", "alice")];
    assert_eq!(world.form("/bc-authorize", None, &named).await.error(), "400 unauthorized_client");
    let polls = [("client_id", "web"), ("grant_type", CIBA_GRANT), ("auth_req_id", "bca_x")];
    assert_eq!(world.form("/token", None, &polls).await.error(), "400 unauthorized_client");
}
