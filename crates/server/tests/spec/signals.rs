//! Shared signals that are received: RFC 8935, CAEP 1.0.

use crate::world::signals::*;
use crate::world::*;
use prokura_core::{AgentId, Clock as _, Grant, GrantId};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::signals::TYP;

fn agent_of(world: &World, token: &str) -> AgentId {
    world.verified(token).actor().unwrap().clone()
}

#[tokio::test]
async fn a_revoked_session_suspends_what_the_user_allowed_until_the_next_sign_in() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let (token, refresh) = world.tokens().await;
    let alice = world.alice_at(&acme.issuer()).await;
    let answer = acme.revoked(&world, iss_sub(&acme.issuer(), "U1")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (202, ""));
    assert!(!world.is_active(&token).await, "at the next question");
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    let (outcome, effects) = world.told().await;
    let grant = world.verified(&token).grant.id;
    assert_eq!(
        (outcome.as_str(), effects.contains(&format!("hold grant:{grant}"))),
        ("done", true),
        "{effects:?}"
    );
    assert!(world.sessions_of(&alice).await.is_empty());
    // Whoever signs in anew has what there was.
    world.wait(60);
    world.tokens().await;
    assert!(world.is_active(&token).await || world.count("grant:resume").await == 1);
    assert_eq!(world.count("grant:resume").await, 1);
}

#[tokio::test]
async fn what_happened_before_a_new_sign_in_does_not_end_it() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    world.tokens().await;
    let alice = world.alice_at(&acme.issuer()).await;
    world.begin_session(&alice, "old").await;
    let happened = world.clock.now();
    world.wait(3600);
    world.begin_session(&alice, "new").await;
    let subject = iss_sub(&acme.issuer(), "U1");
    let claims = acme.claims(&world, "session-revoked", subject, happened, Object::new());
    assert_eq!(post(&world, &acme.key.sign(TYP, &claims).unwrap()).await.status, 202);
    let left = world.sessions_of(&alice).await;
    assert_eq!(left.iter().map(|s| s.way.as_str()).collect::<Vec<_>>(), ["new"]);
}

#[tokio::test]
async fn an_agent_is_disabled_by_risk_and_acts_again_when_it_is_low() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let token = world.batch().await.text("access_token");
    let subject = || opaque(world.verified(&token).subject.as_str());
    let agent = agent_subject(&world, &token);
    for (level, active) in [("MEDIUM", true), ("HIGH", false), ("MEDIUM", false), ("LOW", true)] {
        world.wait(1);
        assert_eq!(acme.risk(&world, subject(), level).await.status, 202);
        assert_eq!(world.is_active(&token).await, active, "{level}");
        // In the very word that policies and `PUT /facts` use.
        let name = prokura_core::FactName::parse("risk.level").unwrap();
        let known = world.store.facts().fact(prokura_store::FactKind::Agent, agent.as_str(), &name);
        assert_eq!(known.map(|f| f.value.to_string()).as_deref(), Some(level));
    }
    // What an operator stopped stays so.
    world.wait(1);
    acme.risk(&world, subject(), "HIGH").await;
    let now = world.clock.now();
    let id = agent.clone();
    world.write(move |tx| tx.disable_agent(&id, true, "operator", "left", now)).await;
    world.wait(1);
    acme.risk(&world, subject(), "LOW").await;
    assert!(!world.is_active(&token).await);
    assert_eq!(world.told().await.0, "done", "the fact is kept, though");
}

fn agent_subject(world: &World, token: &str) -> AgentId {
    AgentId::parse(world.verified(token).subject.as_str()).unwrap()
}

#[tokio::test]
async fn a_device_that_does_not_comply_is_a_fact_and_stops_what_the_configuration_says() {
    let acme = Teller::start().await;
    let world = acme.world("device_compliance_change = { users = \"record\", software = \"suspend\" }").await;
    let token = world.batch().await.text("access_token");
    let status = |previous: &str, current: &str| {
        obj([("previous_status", previous.into()), ("current_status", current.into())])
    };
    let subject = |id: &str| obj([("format", "complex".into()), ("device", Value::Object(opaque(id)))]);
    let me = world.verified(&token).subject.as_str().to_owned();
    let bad = status("compliant", "not-compliant");
    assert_eq!(acme.tell(&world, "device-compliance-change", subject(&me), bad).await.status, 202);
    assert!(!world.is_active(&token).await);
    assert!(world.told().await.1.iter().any(|e| e == &format!("fact posture.compliant=false agent:{me}")));
    world.wait(1);
    let good = status("not-compliant", "compliant");
    acme.tell(&world, "device-compliance-change", subject(&me), good).await;
    assert!(world.is_active(&token).await);
    let host = acme.tell(
        &world,
        "device-compliance-change",
        subject("node:n1"),
        status("compliant", "not-compliant"),
    );
    assert_eq!(host.await.status, 202);
    assert_eq!(world.told().await.1, ["fact posture.compliant=false host:node:n1"]);
}

#[tokio::test]
async fn a_credential_that_was_deleted_ends_sessions_and_one_that_was_made_ends_nothing() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let (token, _) = world.tokens().await;
    world.alice_at(&acme.issuer()).await;
    let agent = agent_of(&world, &token);
    for (change, stopped) in [("create", false), ("update", false), ("delete", true)] {
        world.wait(1);
        let members = obj([("credential_type", "x509".into()), ("change_type", change.into())]);
        acme.tell(&world, "credential-change", opaque(agent.as_str()), members.clone()).await;
        acme.tell(&world, "credential-change", iss_sub(&acme.issuer(), "U1"), members).await;
        assert_eq!(world.store.revoked().agent_disabled(&agent), stopped, "{change}");
    }
    assert_eq!(world.count("agent:disable").await, 1);
}

#[tokio::test]
async fn an_application_narrows_what_is_meant_of_a_user() {
    let acme = Teller::start().await;
    let world = acme.world("session_revoked = { users = \"revoke\", software = \"record\" }").await;
    let (token, _) = world.tokens().await;
    world.alice_at(&acme.issuer()).await;
    let about = |application: &str| {
        obj([
            ("format", "complex".into()),
            ("user", Value::Object(iss_sub(&acme.issuer(), "U1"))),
            ("application", Value::Object(opaque(application))),
            ("tenant", Value::Object(opaque("t1"))),
        ])
    };
    acme.revoked(&world, about("basic")).await;
    assert!(world.is_active(&token).await, "another client");
    acme.revoked(&world, about("nobody")).await;
    assert_eq!((world.is_active(&token).await, world.told().await.0.as_str()), (true, "unknown_subject"));
    world.wait(1);
    acme.revoked(&world, about("web")).await;
    assert!(!world.is_active(&token).await);
    assert_eq!(world.count("grant:revoke").await, 1);
}

/// Children are made with every assertion and exchange, and stay on the books after their time.
#[tokio::test]
async fn what_ends_all_that_a_user_allowed_finds_it_among_much_that_is_newer() {
    let acme = Teller::start().await;
    let world = acme.world("session_revoked = { users = \"revoke\", software = \"record\" }").await;
    let (token, _) = world.tokens().await;
    world.alice_at(&acme.issuer()).await;
    world.wait(1);
    let (root, now) = (world.verified(&token).grant.id, world.clock.now());
    world
        .write(move |tx| {
            let above = tx.grant(&root)?.unwrap();
            for n in 0..1000 {
                let id = GrantId::parse(format!("g_old_{n}")).unwrap();
                let parents = vec![root.clone()];
                tx.insert_grant(&Grant { id, parents, not_before: now, ..above.clone() })?;
            }
            Ok(())
        })
        .await;
    acme.revoked(&world, iss_sub(&acme.issuer(), "U1")).await;
    assert!(!world.is_active(&token).await);
    assert_eq!(world.count("grant:revoke").await, 1, "one grant, with all below it");
}

#[tokio::test]
async fn whom_nobody_knows_and_what_means_nothing_is_taken_and_does_nothing() {
    let acme = Teller::start().await;
    let world = acme.world("email_domains = [\"example.com\"]").await;
    let (token, _) = world.tokens().await;
    world.alice_at("https://other.example").await;
    let email = |e: &str| obj([("format", "email".into()), ("email", e.into())]);
    for subject in [
        iss_sub(&acme.issuer(), "U2"),
        iss_sub("https://other.example", "U1"),
        email("alice@example.org"),
        email("alice@example.com"),
        opaque("usr_nobody"),
        obj([("format", "catalog_item".into())]),
    ] {
        assert_eq!(acme.revoked(&world, subject).await.status, 202);
        assert_eq!(world.told().await.0, "unknown_subject");
    }
    let mut claims = acme.claims(&world, "session-revoked", opaque("x"), world.clock.now(), Object::new());
    claims.insert(
        "events",
        Value::Object(obj([("https://events.example/other", Value::Object(Object::new()))])),
    );
    assert_eq!(post(&world, &acme.key.sign(TYP, &claims).unwrap()).await.status, 202);
    assert_eq!(world.told().await.0, "unknown_event");
    assert!(world.is_active(&token).await);
}

#[tokio::test]
async fn a_verification_says_what_was_asked_for() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let verification = |stream: &str, state: Option<&str>| {
        let mut claims =
            acme.claims(&world, "session-revoked", opaque(stream), world.clock.now(), Object::new());
        let members = state.map_or(Object::new(), |s| obj([("state", s.into())]));
        let uri = "https://schemas.openid.net/secevent/ssf/event-type/verification";
        let mut events = Object::new();
        events.insert(uri, Value::Object(members));
        claims.insert("events", Value::Object(events));
        acme.key.sign(TYP, &claims).unwrap()
    };
    assert_eq!(post(&world, &verification("stream-1", None)).await.status, 202);
    let wrong = post(&world, &verification("stream-2", None)).await;
    assert_eq!((wrong.status.as_u16(), wrong.text("err").as_str()), (400, "invalid_request"));
    let guessed = post(&world, &verification("stream-1", Some("guess"))).await;
    assert_eq!(guessed.text("err"), "invalid_state");
    let now = world.clock.now();
    let kind = prokura_store::ArtifactKind::SignalState;
    world
        .write(move |tx| {
            tx.put_artifact(kind, "acme\nword", None, &[], now.after(std::time::Duration::from_secs(60)))
        })
        .await;
    assert_eq!(post(&world, &verification("stream-1", Some("word"))).await.status, 202);
    assert_eq!(post(&world, &verification("stream-1", Some("word"))).await.text("err"), "invalid_state");
}
