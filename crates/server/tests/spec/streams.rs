//! Shared signals that are sent: SSF 1.0, RFC 8935, RFC 8936.

use crate::world::streams::*;
use crate::world::*;
use http::Method;
use prokura_core::{Clock as _, UserId};
use prokura_oauth::jose::{Algorithm, KeySet};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::signals::{SecurityEvent, SetTerms, Subject};
use prokura_store::{Identity, StoreError};
use std::time::Duration;

const HERE: &str = "http://localhost:9400";

async fn disable_alice(world: &World) -> UserId {
    let now = world.clock.now();
    world
        .write(move |tx| {
            let alice = tx.user_by_name("alice")?.unwrap().id;
            tx.disable_user(&alice, true, "operator", "left the company", now)?;
            Ok(alice)
        })
        .await
}

#[tokio::test]
async fn the_metadata_say_what_there_is() {
    let world = World::with(&sends(HERE)).await;
    let o = world.get("/.well-known/ssf-configuration").await.json();
    assert_eq!((o.str("issuer"), o.str("spec_version")), (Some(HERE), Some("1_0")));
    assert_eq!(o.str("jwks_uri"), Some("http://localhost:9400/jwks"));
    let schemes = o.get("authorization_schemes").unwrap().to_string();
    assert_eq!(schemes, r#"[{"spec_urn":"urn:ietf:rfc:6749"}]"#);
    let jwks = world.get("/jwks").await.body;
    assert!(jwks.contains("RS256") && jwks.contains("ES256"), "{jwks}");
    let silent = World::new().await;
    assert_eq!(silent.get("/.well-known/ssf-configuration").await.status, 404);
    assert_eq!(silent.get("/ssf/streams").await.status, 404);
}

#[tokio::test]
async fn a_stream_is_made_read_changed_replaced_and_removed_by_its_receiver_alone() {
    let world = World::with(&sends(HERE)).await;
    let token = world.stream_token(HERE, "receiver").await;
    let revoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let body = obj([
        ("events_requested", vec![revoked, "urn:other"].into_iter().collect()),
        ("description", "mine".into()),
    ]);
    let made = world.ssf(Method::POST, "/ssf/streams", &token, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (made, id) = (made.json(), made.text("stream_id"));
    assert_eq!((made.str("iss"), made.str("aud")), (Some(HERE), Some("receiver")));
    assert_eq!(made.get("events_delivered").unwrap().to_string(), format!("[\"{revoked}\"]"));
    let delivery = made.get("delivery").unwrap().as_object().unwrap();
    assert_eq!(delivery.str("endpoint_url"), Some(&*format!("{HERE}/ssf/poll/{id}")));
    let at = format!("/ssf/streams?stream_id={id}");
    let read = |token: String, at: String| {
        let world = &world;
        async move { world.json(Method::GET, &at, Some(&token), "").await }
    };
    assert_eq!(read(token.clone(), at.clone()).await.json(), made);
    assert_eq!(read(token.clone(), "/ssf/streams".into()).await.body, format!("[{}]", made_text(&made)));
    let change = |members: Vec<(&'static str, Value)>| {
        let mut o = obj([("stream_id", id.as_str().into())]);
        members.into_iter().for_each(|(name, value)| o.insert(name, value));
        o
    };
    let patched = change(vec![("description", "yours".into()), ("aud", "receiver".into())]);
    let patched = world.ssf(Method::PATCH, "/ssf/streams", &token, &patched).await.json();
    assert_eq!(
        (patched.str("description"), patched.get("events_requested")),
        (Some("yours"), made.get("events_requested"))
    );
    let foreign = change(vec![("aud", "somebody".into())]);
    assert_eq!(world.ssf(Method::PATCH, "/ssf/streams", &token, &foreign).await.status, 400);
    let replaced = world.ssf(Method::PUT, "/ssf/streams", &token, &change(vec![])).await.json();
    assert!(!replaced.contains_key("description") && !replaced.contains_key("events_requested"));
    // Another receiver sees none of it.
    let reader = world.stream_token(HERE, "reader").await;
    assert_eq!(read(reader.clone(), at.clone()).await.status, 404);
    assert_eq!(read(reader.clone(), "/ssf/streams".into()).await.body, "[]");
    assert_eq!(
        world.ssf(Method::PUT, "/ssf/streams", &reader, &change(vec![])).await.error(),
        "403 insufficient_scope"
    );
    assert_eq!(world.json(Method::GET, &at, None, "").await.error(), "401 invalid_token");
    let wrong = world.batch().await.text("access_token");
    assert_eq!(read(wrong, at.clone()).await.error(), "401 invalid_token");
    let gone = world.json(Method::DELETE, &at, Some(&token), "").await;
    assert_eq!(gone.status, 204);
    assert_eq!(read(token.clone(), at).await.status, 404);
    for n in 0..11 {
        let answer = world.ssf(Method::POST, "/ssf/streams", &token, &Object::new()).await;
        assert_eq!(answer.status, if n < 10 { 201 } else { 409 }, "{n}");
    }
}

fn made_text(o: &Object) -> String {
    String::from_utf8(o.to_vec()).unwrap()
}

#[tokio::test]
async fn what_happens_is_fetched_signed_and_kept_until_it_was_taken() {
    let world = World::with(&sends(HERE)).await;
    let token = world.stream_token(HERE, "receiver").await;
    let stream = world.stream(&token, poll()).await;
    world.tokens().await;
    let alice = disable_alice(&world).await;
    world.tend_signals().await;
    let first = world.fetch(&token, &stream, &[]).await;
    let [(jti, set)] = first.as_slice() else { panic!("{first:?}") };
    let jwks = world.get("/jwks").await.json();
    let keys = KeySet::from_jwks(&jwks, &[Algorithm::Rs256]).unwrap();
    let terms = SetTerms {
        issuer: HERE,
        audience: "receiver",
        algorithms: &[Algorithm::Rs256],
        max_age: Duration::from_secs(60),
        now: world.clock.now(),
    };
    let told = SecurityEvent::verify(set, &keys, &terms).unwrap();
    assert_eq!((&told.id, &told.subject), (jti, &Subject::iss_sub(HERE, alice.as_str())));
    assert_eq!(told.circumstances.said_to_admins(), Some("left the company"));
    assert_eq!(world.fetch(&token, &stream, &[]).await.len(), 1, "not taken, so it is there");
    assert!(world.fetch(&token, &stream, std::slice::from_ref(jti)).await.is_empty());
    assert!(world.fetch(&token, &stream, &[]).await.is_empty());
    let reader = world.stream_token(HERE, "reader").await;
    let others = world.ssf(Method::POST, &format!("/ssf/poll/{stream}"), &reader, &Object::new()).await;
    assert_eq!(others.status, 404);
}

#[tokio::test]
async fn what_a_user_signs_out_of_and_changes_is_told() {
    let world = World::with(&sends(HERE)).await;
    let token = world.stream_token(HERE, "receiver").await;
    let stream = world.stream(&token, poll()).await;
    let (access, _) = world.tokens().await;
    let grant = world.verified_at(HERE, &access);
    world.revoke_grant(&grant).await;
    world.tend_signals().await;
    let sets = world.fetch(&token, &stream, &[]).await;
    let subject = claims(&sets[0].1);
    let subject = subject.get("sub_id").unwrap().to_string();
    assert!(event(&sets[0].1) == "session-revoked" && subject.contains(grant.as_str()), "{subject}");
    assert!(
        subject.contains("\"complex\"")
            && subject.contains("\"user\"")
            && subject.contains("\"application\"")
    );
}

#[tokio::test]
async fn a_paused_stream_holds_a_disabled_one_drops_and_a_full_one_is_paused() {
    let world = World::with(&sends(HERE).replace("enabled = true", "enabled = true\nqueue = 2")).await;
    let token = world.stream_token(HERE, "receiver").await;
    let stream = world.stream(&token, poll()).await;
    world.tokens().await;
    let turn = |status: &'static str| obj([("stream_id", stream.as_str().into()), ("status", status.into())]);
    let (server, token, turn) = (&world, &token, &turn);
    let said =
        |word: &'static str| async move { server.ssf(Method::POST, "/ssf/status", token, &turn(word)).await };
    assert_eq!(said("paused").await.text("status"), "paused");
    let alice = disable_alice(&world).await;
    world.tend_signals().await;
    assert!(world.fetch(token, &stream, &[]).await.is_empty());
    said("enabled").await;
    assert_eq!(world.fetch(token, &stream, &[]).await.len(), 1, "it was held");
    said("disabled").await;
    said("enabled").await;
    assert!(world.fetch(token, &stream, &[]).await.is_empty(), "it was dropped");
    let now = world.clock.now();
    for n in 0..6 {
        let alice = alice.clone();
        world.write(move |tx| tx.disable_user(&alice, n % 2 == 1, "operator", "again", now)).await;
    }
    world.tend_signals().await;
    let at = format!("/ssf/status?stream_id={stream}");
    let status = world.json(Method::GET, &at, Some(token), "").await;
    assert_eq!(
        (status.text("status"), status.text("reason")),
        ("paused".into(), "too many events wait to be taken".into())
    );
    let told = world.fetch(token, &stream, &[]).await;
    assert_eq!((told.len(), event(&told[0].1).as_str()), (1, "stream-updated"));
    assert_eq!(said("nonsense").await.status, 400);
}

#[tokio::test]
async fn who_is_taken_out_of_a_stream_is_not_told_of() {
    let world = World::with(&sends(HERE)).await;
    let token = world.stream_token(HERE, "receiver").await;
    let stream = world.stream(&token, poll()).await;
    world.tokens().await;
    let alice = world.read_user("alice").await;
    let subject = obj([("format", "iss_sub".into()), ("iss", HERE.into()), ("sub", alice.as_str().into())]);
    let body = obj([("stream_id", stream.as_str().into()), ("subject", Value::Object(subject))]);
    assert_eq!(world.ssf(Method::POST, "/ssf/subjects/remove", &token, &body).await.status, 204);
    disable_alice(&world).await;
    world.tend_signals().await;
    assert!(world.fetch(&token, &stream, &[]).await.is_empty());
    assert_eq!(world.ssf(Method::POST, "/ssf/subjects/add", &token, &body).await.status, 200);
    let now = world.clock.now();
    let id = alice.clone();
    world.write(move |tx| tx.disable_user(&id, false, "operator", "", now)).await;
    disable_alice(&world).await;
    world.tend_signals().await;
    assert_eq!(world.fetch(&token, &stream, &[]).await.len(), 1);
    let odd = obj([("stream_id", stream.as_str().into()), ("subject", "alice".into())]);
    assert_eq!(world.ssf(Method::POST, "/ssf/subjects/remove", &token, &odd).await.status, 400);
}

#[tokio::test]
async fn a_stream_shows_that_it_works_by_the_word_that_it_was_given() {
    let world = World::with(&sends(HERE)).await;
    let token = world.stream_token(HERE, "receiver").await;
    let stream = world.stream(&token, poll()).await;
    let body = obj([("stream_id", stream.as_str().into()), ("state", "word".into())]);
    assert_eq!(world.ssf(Method::POST, "/ssf/verify", &token, &body).await.status, 204);
    assert_eq!(world.ssf(Method::POST, "/ssf/verify", &token, &body).await.status, 429);
    let sets = world.fetch(&token, &stream, &[]).await;
    assert_eq!(event(&sets[0].1), "verification");
    assert!(claims(&sets[0].1).get("events").unwrap().to_string().contains("\"state\":\"word\""));
}

#[tokio::test]
async fn what_is_posted_comes_again_until_it_was_taken_even_after_a_kill() {
    let hook = Hook::start();
    let folder = std::env::temp_dir().join(format!("prokura-streams-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let database = format!("sqlite:{}", folder.join("a.db").display());
    let start = |point: &'static str| World::that_reaches_as(&hook.host, &database, point);
    let world = start("pep_one").await;
    let token = world.stream_token(HERE, "receiver").await;
    world.stream(&token, push(&hook.address())).await;
    world.tokens().await;
    disable_alice(&world).await;
    // Killed after what happened was answered, before anything was sent.
    drop(world);
    let world = start("pep_two").await;
    hook.answer(500);
    world.server.signals_once().await;
    assert_eq!(hook.take().len(), 1);
    drop(world);
    let world = start("pep_three").await;
    world.wait(600);
    hook.answer(202);
    world.tend_signals().await;
    let came = hook.take();
    let [(headers, set)] = came.as_slice() else { panic!("{}", came.len()) };
    assert_eq!(headers["authorization"], "Bearer hook-secret");
    assert_eq!(headers["content-type"], "application/secevent+jwt");
    assert_eq!(event(set), "session-revoked");
    world.wait(600);
    world.tend_signals().await;
    assert!(hook.take().is_empty(), "it was taken");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn what_a_receiver_will_never_take_does_not_hold_up_the_rest() {
    let hook = Hook::start();
    let world = World::that_reaches(&hook.host, &sends(HERE), "sqlite::memory:", "pep_test").await;
    let token = world.stream_token(HERE, "receiver").await;
    world.stream(&token, push(&hook.address())).await;
    world.tokens().await;
    disable_alice(&world).await;
    hook.answer(400);
    world.tend_signals().await;
    assert_eq!((hook.take().len(), world.count("stream:refused").await), (1, 1));
    world.wait(600);
    world.tend_signals().await;
    assert!(hook.take().is_empty());
}

/// Two servers: what happens at one takes effect at the other.
async fn two(delivery: &str) {
    let (door_a, door_b) = (Door::new(), Door::new());
    let (a, b) = (door_a.issuer(), door_b.issuer());
    let first = World::that_reaches(&door_b.host, &sends(&a), "sqlite::memory:", "pep_a").await;
    let config = receives(&b, &a, delivery);
    let second = World::that_reaches(&door_a.host, &config, "sqlite::memory:", "pep_b").await;
    door_a.serve(first.server.router());
    door_b.serve(second.server.router());
    let resource = format!("{b}/mcp/sales");
    let code = second.authorize(&[("resource", &resource)]).await.redirect().1.remove("code").unwrap();
    let token = second.redeem(&code, &[("resource", "")]).await;
    let token = token.text("access_token");
    let theirs = first.authorize(&[("resource", &format!("{a}/mcp/sales"))]).await.redirect().1;
    assert!(theirs.contains_key("code"));
    let (there, here, now) =
        (first.read_user("alice").await, second.read_user("alice").await, second.clock.now());
    let issuer = a.clone();
    let subject = there.as_str().to_owned();
    second
        .write(move |tx| {
            tx.insert_identity(&Identity {
                issuer: issuer.clone(),
                subject: subject.clone(),
                user: here.clone(),
                provider: "acme".into(),
                label: "alice".into(),
                groups: Vec::new(),
                created_at: now,
                last_used_at: None,
            })
        })
        .await;
    for world in [&second, &first, &second] {
        world.tend_signals().await;
    }
    let verified = second.write(|tx| tx.setting("signals.verified.acme")).await;
    assert!(verified.is_some(), "the round trip of the verification");
    assert!(second.is_active(&token).await);
    disable_alice(&first).await;
    for world in [&first, &second] {
        world.tend_signals().await;
    }
    assert!(!second.is_active(&token).await, "{delivery}");
    let waits = first.store.read::<_, StoreError>(|tx| {
        let streams = tx.streams(None)?;
        tx.count_queued(&streams[0].id)
    });
    assert_eq!(waits.await.unwrap(), 0, "everything was acknowledged");
}

#[tokio::test]
async fn one_server_posts_to_another() {
    two("push").await;
}

#[tokio::test]
async fn one_server_fetches_from_another() {
    two("poll").await;
}

impl World {
    async fn that_reaches_as(host: &str, database: &str, point: &str) -> Self {
        Self::that_reaches(host, &sends(HERE), database, point).await
    }

    async fn read_user(&self, name: &'static str) -> UserId {
        self.write(move |tx| Ok(tx.user_by_name(name)?.unwrap().id)).await
    }

    fn verified_at(&self, _issuer: &str, token: &str) -> prokura_core::GrantId {
        self.verified(token).grant.id
    }
}
