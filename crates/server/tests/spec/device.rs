//! RFC 8628.

use crate::world::person::without_dev;
use crate::world::*;
use http::Method;

/// A world where `alice` has a password and says Yes by hand.
async fn asked_by_hand() -> World {
    let world = World::with(&without_dev(&format!("{USUAL}{DEVICES}"))).await;
    world.add_user("alice").await;
    world
}

#[tokio::test]
async fn a_device_gets_its_token_when_its_person_agrees() {
    let world = asked_by_hand().await;
    let begun = world.begin_device(&[("scope", "read write")]).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    assert_eq!(begun.header("cache-control"), "no-store");
    let o = begun.json();
    assert_eq!(o.get("expires_in").unwrap().as_u64(), Some(600));
    assert_eq!(o.get("interval").unwrap().as_u64(), Some(5));
    let (device, user) = (begun.text("device_code"), begun.text("user_code"));
    assert_eq!(begun.text("verification_uri"), format!("{ISSUER}/device"));
    assert_eq!(begun.text("verification_uri_complete"), format!("{ISSUER}/device?user_code={user}"));
    assert_eq!(world.poll(&device).await.error(), "400 authorization_pending");

    let mut person = world.person();
    let typed = user.to_lowercase().replace('-', " ");
    let question = person.question(&typed).await;
    assert!(question.body.contains("Television") && question.body.contains(&user), "{}", question.body);
    world.wait(5);
    assert_eq!(world.poll(&device).await.error(), "400 authorization_pending", "nobody has answered yet");
    let end = person.answer(&question, "allow", &["read"]).await;
    assert_eq!(end.header("location"), "/device/allowed");
    assert!(person.follow(end).await.body.contains("Go back to your device"));

    world.wait(5);
    let answer = world.poll(&device).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.text("scope"), "read", "what the person took away stays away");
    let token = world.verified(&answer.text("access_token"));
    assert_eq!(token.client.as_str(), "tv");
    assert!(token.subject.as_str().starts_with("usr_"));
    let renewed = [
        ("grant_type", "refresh_token"),
        ("client_id", "tv"),
        ("refresh_token", &answer.text("refresh_token")),
    ];
    assert_eq!(world.form("/token", None, &renewed).await.text("scope"), "read");
    assert_eq!(world.poll(&device).await.error(), "400 invalid_grant", "once");
    world.refused_for("device_used").await;
    for action in ["device:issue", "consent:allow", "grant:make", "token:device_code"] {
        assert_eq!(world.count(action).await, 1, "{action}");
    }
}

#[tokio::test]
async fn in_development_mode_a_code_is_agreed_to_by_itself() {
    let world = World::and(DEVICES).await;
    let begun = world.begin_device(&[]).await;
    let end = world.person().enter(&begun.text("user_code")).await;
    assert_eq!(end.header("location"), "/device/allowed");
    assert_eq!(world.poll(&begun.text("device_code")).await.status, 200);
}

#[tokio::test]
async fn who_asks_too_soon_waits_longer_and_waiting_is_not_on_record() {
    let world = World::and(DEVICES).await;
    let device = world.begin_device(&[]).await.text("device_code");
    let before = world.record().await.len();
    assert_eq!(world.poll(&device).await.error(), "400 authorization_pending");
    assert_eq!(world.poll(&device).await.error(), "400 slow_down");
    world.wait(5);
    assert_eq!(world.poll(&device).await.error(), "400 slow_down", "it is ten seconds now");
    world.wait(10);
    assert_eq!(world.poll(&device).await.error(), "400 slow_down", "it is fifteen seconds now");
    world.wait(20);
    assert_eq!(world.poll(&device).await.error(), "400 authorization_pending");
    assert_eq!(world.record().await.len(), before);
}

#[tokio::test]
async fn an_answer_is_told_at_once_however_soon_the_device_asks() {
    let world = World::and(DEVICES).await;
    let begun = world.begin_device(&[]).await;
    world.poll(&begun.text("device_code")).await;
    world.person().enter(&begun.text("user_code")).await;
    assert_eq!(world.poll(&begun.text("device_code")).await.status, 200);
}

#[tokio::test]
async fn a_no_is_told_to_the_device() {
    let world = asked_by_hand().await;
    let begun = world.begin_device(&[]).await;
    let mut person = world.person();
    let question = person.question(&begun.text("user_code")).await;
    let end = person.answer(&question, "no", &[]).await;
    assert_eq!(end.header("location"), "/device/refused");
    assert!(person.follow(end).await.body.contains("Nothing was allowed"));
    let device = begun.text("device_code");
    assert_eq!(world.poll(&device).await.error(), "400 access_denied");
    world.refused_for("device_refused").await;
    assert_eq!(world.count("grant:make").await, 0);
    let again = person.enter(&begun.text("user_code")).await;
    assert_eq!(again.status, 422, "an answered code is not asked about again");
}

#[tokio::test]
async fn codes_end() {
    let world = asked_by_hand().await;
    let begun = world.begin_device(&[]).await;
    let mut person = world.person();
    let question = person.question(&begun.text("user_code")).await;
    world.wait(599);
    let late = world.begin_device(&[]).await;
    world.wait(1);
    assert_eq!(world.poll(&begun.text("device_code")).await.error(), "400 expired_token");
    let end = person.answer(&question, "allow", &["read"]).await;
    assert_eq!(end.status, 410, "an answer that comes too late makes nothing");
    assert_eq!(world.count("grant:make").await, 0);
    assert_eq!(person.enter(&begun.text("user_code")).await.status, 422);

    world.wait(598);
    let question = person.question(&late.text("user_code")).await;
    person.answer(&question, "allow", &["read"]).await;
    world.wait(5);
    world.server.maintain().await.unwrap();
    let answer = world.poll(&late.text("device_code")).await;
    assert_eq!(answer.status, 200, "the answer came in time, so the device hears of it: {}", answer.body);
    world.wait(3600);
    world.server.maintain().await.unwrap();
    assert_eq!(world.poll(&begun.text("device_code")).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn resource_and_scope_are_those_of_the_first_request() {
    let world = World::and(&format!("{DEVICES}{SECOND}")).await;
    for (more, error) in [
        (&[][..], "400 invalid_target"),
        (&[("resource", "http://localhost:9400/mcp/none")], "400 invalid_target"),
        (&[("resource", SALES), ("scope", "hr:read")], "400 invalid_scope"),
    ] {
        assert_eq!(world.begin_device(more).await.error(), error, "{more:?}");
    }
    let begun = world.begin_device(&[("resource", SALES), ("scope", "read")]).await;
    world.person().enter(&begun.text("user_code")).await;
    let code = begun.text("device_code");
    let poll = |resource: &'static str| {
        let parameters = [
            ("grant_type", DEVICE_GRANT),
            ("client_id", "tv"),
            ("device_code", code.as_str()),
            ("resource", resource),
        ];
        let body = encode(&parameters);
        let world = &world;
        async move { world.raw_form("/token", None, &body).await }
    };
    assert_eq!(poll("http://localhost:9400/mcp/hr").await.error(), "400 invalid_target");
    let answer = poll(SALES).await;
    assert_eq!((answer.status.as_u16(), answer.text("scope").as_str()), (200, "read"));
}

#[tokio::test]
async fn a_client_authenticates_by_its_own_method() {
    let world = World::and(DEVICES).await;
    let asked = [("client_id", "box")];
    assert_eq!(world.form("/device_authorization", None, &asked).await.error(), "401 invalid_client");
    let basic = format!("box:{SECRET}");
    let begun = world.form("/device_authorization", Some(&basic), &[]).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    world.person().enter(&begun.text("user_code")).await;
    let code = begun.text("device_code");
    let poll = [("grant_type", DEVICE_GRANT), ("device_code", code.as_str())];
    let answer = world.form("/token", Some(&basic), &poll).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.json().contains_key("refresh_token"), "it did not register that grant type");
}

#[tokio::test]
async fn who_may_ask_is_the_operators_decision() {
    let world = World::and(&format!("{DEVICES}{OPEN_REGISTRATION}")).await;
    let ask = [("client_id", "web")];
    assert_eq!(world.form("/device_authorization", None, &ask).await.error(), "400 unauthorized_client");
    let body = format!(r#"{{"token_endpoint_auth_method":"none","grant_types":["{DEVICE_GRANT}"]}}"#);
    assert_eq!(
        world.json(Method::POST, "/register", None, &body).await.error(),
        "400 invalid_client_metadata"
    );

    let world = World::and(&format!("{OPEN_REGISTRATION}[device]\nclients = \"any\"\n")).await;
    let own = world.json(Method::POST, "/register", None, &body).await;
    assert_eq!(own.status, 201, "{}", own.body);
    let id = own.text("client_id");
    let begun = world.form("/device_authorization", None, &[("client_id", &id)]).await;
    assert_eq!(begun.status, 200, "{}", begun.body);

    let world = World::and(&format!("{DEVICES}[device]\nclients = \"off\"\n")).await;
    assert_eq!(world.begin_device(&[]).await.status, 404);
    assert_eq!(world.get("/device").await.status, 404);
    assert_eq!(world.poll("dc_1").await.error(), "400 unauthorized_client");
    let metadata = world.get("/.well-known/oauth-authorization-server").await.body;
    assert!(!metadata.contains("device"), "{metadata}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_polls_at_once_get_one_token() {
    let world = World::and(DEVICES).await;
    let begun = world.begin_device(&[]).await;
    world.person().enter(&begun.text("user_code")).await;
    let code = begun.text("device_code");
    let answers = futures_util::future::join_all((0..200).map(|_| world.poll(&code))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    assert_eq!(world.count("token:device_code").await, 1);
}

#[tokio::test]
async fn what_ended_before_the_device_asked_gives_no_token() {
    let world = World::and(DEVICES).await;
    let begun = world.begin_device(&[]).await;
    world.person().enter(&begun.text("user_code")).await;
    let made = world.record().await.into_iter().find(|e| e.action == "grant:make").unwrap();
    world.revoke_grant(&made.grant.unwrap()).await;
    assert_eq!(world.poll(&begun.text("device_code")).await.error(), "400 invalid_grant");
    world.refused_for("grant_over").await;
}
