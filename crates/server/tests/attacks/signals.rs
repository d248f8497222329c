//! Events that somebody forges, repeats or holds back.

use crate::world::signals::*;
use crate::world::*;
use prokura_core::Clock as _;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::signals::TYP;
use std::time::Duration;

async fn err(world: &World, set: &str) -> (u16, String) {
    let answer = post(world, set).await;
    (answer.status.as_u16(), answer.text("err"))
}

#[tokio::test]
async fn d11_a_forged_event_stops_nobody() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let token = world.batch().await.text("access_token");
    let subject = || opaque(world.verified(&token).subject.as_str());
    let claims = || acme.claims(&world, "session-revoked", subject(), world.clock.now(), Object::new());
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims.insert(name, value);
        acme.key.sign(TYP, &claims).unwrap()
    };
    let other = SigningKey::generate(Algorithm::Rs256).unwrap();
    let invalid = |code: &str| (400, code.to_owned());
    assert_eq!(err(&world, &other.sign(TYP, &claims()).unwrap()).await, invalid("invalid_key"));
    assert_eq!(err(&world, &with("iss", "https://evil.example".into())).await, invalid("invalid_issuer"));
    assert_eq!(err(&world, &with("aud", "https://other.example".into())).await, invalid("invalid_audience"));
    for (name, value) in [
        ("exp", Value::from(1_900_000_000_i64)),
        ("sub", "alice".into()),
        ("iat", world.clock.now().after(Duration::from_secs(3600)).seconds().into()),
        ("iat", world.clock.now().before(Duration::from_secs(8 * 86_400)).seconds().into()),
        ("jti", "".into()),
    ] {
        assert_eq!(err(&world, &with(name, value)).await, invalid("invalid_request"), "{name}");
    }
    for typ in ["JWT", "at+jwt", "logout+jwt"] {
        let set = acme.key.sign(typ, &claims()).unwrap();
        assert_eq!(err(&world, &set).await, invalid("invalid_request"), "{typ}");
    }
    let whole = acme.key.sign(TYP, &claims()).unwrap();
    let unsigned = format!("{}.", whole.rsplit_once('.').unwrap().0);
    assert_eq!(err(&world, &unsigned).await.0, 400);
    assert_eq!(err(&world, &"x".repeat(70_000)).await, invalid("invalid_request"));
    assert_eq!(err(&world, "no token at all").await, invalid("invalid_request"));
    assert!(world.is_active(&token).await);
    assert!(world.count("signal:session-revoked").await == 0);
}

#[tokio::test]
async fn d11_who_is_not_the_transmitter_is_not_heard() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let token = world.batch().await.text("access_token");
    let subject = opaque(world.verified(&token).subject.as_str());
    let claims = acme.claims(&world, "session-revoked", subject, world.clock.now(), Object::new());
    let set = acme.key.sign(TYP, &claims).unwrap();
    for wrong in ["", "guess", &SECRET[1..]] {
        let answer = post_as(&world, wrong, &set).await;
        assert_eq!((answer.status.as_u16(), answer.text("err").as_str()), (401, "authentication_failed"));
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let unknown = world.json(http::Method::POST, "/signals/other", Some(SECRET), "{}").await;
    assert_eq!(unknown.status, 401, "whether there is such a transmitter is not said");
    assert!(world.is_active(&token).await);
}

#[tokio::test]
async fn d12_a_repeated_event_does_nothing() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let token = world.batch().await.text("access_token");
    let subject = || opaque(world.verified(&token).subject.as_str());
    let members = obj([("principal", "USER".into()), ("current_level", "HIGH".into())]);
    let claims = acme.claims(&world, "risk-level-change", subject(), world.clock.now(), members);
    let set = acme.key.sign(TYP, &claims).unwrap();
    for _ in 0..2 {
        assert_eq!(post(&world, &set).await.status, 202, "a repetition is acknowledged");
    }
    assert_eq!(world.count("signal:risk-level-change").await, 1);
    world.wait(1);
    acme.risk(&world, subject(), "LOW").await;
    assert_eq!(post(&world, &set).await.status, 202);
    assert!(world.is_active(&token).await, "what was replayed stops nobody again");
}

#[tokio::test]
async fn d13_an_older_event_undoes_no_newer_one() {
    let acme = Teller::start().await;
    let world = acme.world("").await;
    let token = world.batch().await.text("access_token");
    let subject = || opaque(world.verified(&token).subject.as_str());
    let level = |level: &str| obj([("principal", "USER".into()), ("current_level", level.into())]);
    let early = world.clock.now();
    world.wait(60);
    acme.risk(&world, subject(), "HIGH").await;
    world.wait(60);
    // It was low before it was high; that comes late, with a fresh `jti` and `iat`.
    let late = acme.claims(&world, "risk-level-change", subject(), early, level("LOW"));
    assert_eq!(post(&world, &acme.key.sign(TYP, &late).unwrap()).await.status, 202);
    assert_eq!((world.is_active(&token).await, world.told().await.0.as_str()), (false, "older"));
    // Of two at the same moment the one that restricts is believed, in whichever order they come.
    world.wait(60);
    let now = world.clock.now();
    for word in ["LOW", "HIGH", "LOW"] {
        let claims = acme.claims(&world, "risk-level-change", subject(), now, level(word));
        post(&world, &acme.key.sign(TYP, &claims).unwrap()).await;
    }
    assert!(!world.is_active(&token).await);
    // What has not happened yet would hide everything until then.
    let future = now.after(Duration::from_secs(3600));
    let claims = acme.claims(&world, "risk-level-change", subject(), future, level("LOW"));
    assert_eq!(err(&world, &acme.key.sign(TYP, &claims).unwrap()).await.0, 400);
}

#[tokio::test]
async fn d14_events_are_posted_to_nobody_inside() {
    use crate::world::streams::*;
    let world = World::with(&sends(ISSUER)).await;
    let token = world.stream_token(ISSUER, "receiver").await;
    for inside in [
        "http://127.0.0.1:22/",
        "http://receiver.example/events",
        "https://receiver.example:8443/events",
        "https://user:secret@receiver.example/",
        "file:///etc/passwd",
    ] {
        let body = obj([("delivery", Value::Object(push(inside)))]);
        let answer = world.ssf(http::Method::POST, "/ssf/streams", &token, &body).await;
        assert_eq!(answer.status, 400, "{inside}: {}", answer.body);
    }
    // An address is judged when it is asked, for what a name stands for may change: nothing is connected to.
    for inside in [
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://localhost/e",
    ] {
        let stream = world.stream(&token, push(inside)).await;
        let verify = obj([("stream_id", stream.as_str().into())]);
        assert_eq!(world.ssf(http::Method::POST, "/ssf/verify", &token, &verify).await.status, 204);
        world.server.signals_once().await;
        let known = world.write(move |tx| tx.stream(&stream)).await.unwrap();
        let error = known.last_error.unwrap();
        assert!(known.failures == 1 && error.contains("egress.allow"), "{inside}: {error}");
    }
}
