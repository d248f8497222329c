//! A gateway elsewhere: what the issuer revokes is heard over its feed, and nothing else is believed.

use crate::world::issuer::{Connected, Elsewhere, word};
use crate::world::rules::permit_if;
use crate::world::{TokenFor, World, alice};
use prokura_core::{Clock as _, GrantId, ManualClock, PointId, Timestamp};
use prokura_decider::relations::{Change, Relations};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::feed::FeedEvent;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_relations::Tuple;
use prokura_store::{DatabaseUrl, Store};
use std::sync::Arc;
use std::time::Duration;

/// The status of a call, once it is `wanted`; or what it stays at.
async fn status(world: &World, token: &str, wanted: u16) -> u16 {
    let mut status = 0;
    for _ in 0..3000 {
        status = world.read_report(token).send().await.status;
        if status == wanted {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    status
}

/// A gateway that heard everything, its issuer, their connection, and a token.
async fn connected() -> (Elsewhere, World, Connected, String) {
    let mut issuer = Elsewhere::start().await;
    let world = issuer.world("60s").await;
    let token = world.claims(&alice()).sign(&issuer.key).unwrap();
    assert_eq!(world.read_report(&token).send().await.status, 503, "nothing was heard yet");
    let mut line = issuer.connected().await;
    assert_eq!(line.since, 0);
    line.say(&world, &issuer.key, vec![word(7, "grant", "g_old", "revoked")]);
    assert_eq!(status(&world, &token, 200).await, 200);
    (issuer, world, line, token)
}

fn token_of(issuer: &Elsewhere, world: &World, of: &TokenFor) -> String {
    world.claims(of).sign(&issuer.key).unwrap()
}

#[tokio::test]
async fn what_the_issuer_revokes_counts_here_at_once_with_everything_below_it() {
    let (issuer, world, mut line, token) = connected().await;
    let below = token_of(&issuer, &world, &TokenFor { grant: "g_2", ancestors: vec!["g_top"], ..alice() });
    assert_eq!(world.read_report(&below).send().await.status, 200);
    line.say(&world, &issuer.key, vec![word(9, "grant", "g_top", "suspended")]);
    assert_eq!(status(&world, &below, 401).await, 401);
    assert_eq!(world.read_report(&token).send().await.status, 200);
    line.say(
        &world,
        &issuer.key,
        vec![word(10, "grant", "g_top", "active"), word(11, "user", "usr_alice", "disabled")],
    );
    assert_eq!(status(&world, &token, 401).await, 401);
    line.say(&world, &issuer.key, vec![word(12, "user", "usr_alice", "active")]);
    assert_eq!(status(&world, &below, 200).await, 200);
    // Narrowed: what was made before counts no more, what is made after does.
    let narrowed = prokura_oauth::feed::Word { floor: 2, ..word(13, "grant", "g_1", "active") };
    line.say(&world, &issuer.key, vec![narrowed]);
    assert_eq!(status(&world, &token, 401).await, 401);
    let mut claims = world.claims(&alice());
    claims.grant.revisions = vec![2];
    assert_eq!(world.read_report(&claims.sign(&issuer.key).unwrap()).send().await.status, 200);
    // The operator of this gateway may stop whom the issuer lets act.
    world.insert_grant("g_2").await;
    world.revoke(GrantId::parse("g_2").unwrap()).await;
    assert_eq!(world.read_report(&below).send().await.status, 401);
}

#[tokio::test]
async fn a_budget_is_not_drawn_where_it_is_not_reached() {
    let (issuer, world, _line, _) = connected().await;
    let mut claims = world.claims(&alice());
    claims.grant.budgets = vec![claims.grant.id.clone()];
    let answer = world.read_report(&claims.sign(&issuer.key).unwrap()).send().await;
    assert_eq!(answer.status, 403);
    assert!(world.record_lines().await.iter().any(|l| l.ends_with("budget_elsewhere")));
}

/// What an event becomes on its way.
type Touched = Box<dyn Fn(FeedEvent) -> FeedEvent>;

#[tokio::test]
async fn an_event_that_was_touched_ends_the_connection_and_says_nothing() {
    let changes: Vec<(&str, Touched)> = vec![
        (
            "replayed from another connection",
            Box::new(|e| FeedEvent { nonce: Some("fedcba9876543210".into()), ..e }),
        ),
        ("of another issuer", Box::new(|e| FeedEvent { issuer: "https://other.example".into(), ..e })),
        ("with one left out before it", Box::new(|e| FeedEvent { place: e.place + 1, ..e })),
        ("a second time", Box::new(|e| FeedEvent { place: e.place - 1, ..e })),
    ];
    for (what, change) in changes {
        let (mut issuer, world, mut line, token) = connected().await;
        let next = change(line.next(&world, vec![word(9, "grant", "g_1", "revoked")]));
        line.send(&next, &issuer.key);
        let again = issuer.connected().await;
        assert_eq!(again.since, 7, "{what}: it goes on after what it believed");
        assert_eq!(world.read_report(&token).send().await.status, 200, "{what}");
    }
    let (mut issuer, world, mut line, token) = connected().await;
    let forger = SigningKey::generate(Algorithm::Es256).unwrap();
    let next = line.next(&world, vec![word(9, "grant", "g_1", "active")]);
    line.send(&next, &forger);
    assert_eq!(issuer.connected().await.since, 7);
    assert_eq!(world.read_report(&token).send().await.status, 200);
}

#[tokio::test]
async fn after_a_gap_everything_is_heard_anew_and_nothing_is_believed_until_then() {
    let (mut issuer, world, mut line, token) = connected().await;
    let next = FeedEvent { previous: 8, ..line.next(&world, vec![word(9, "grant", "g_2", "revoked")]) };
    line.send(&next, &issuer.key);
    let mut again = issuer.connected().await;
    assert_eq!((again.since, world.read_report(&token).send().await.status), (0, 503));
    // As long as more follows, it is not whole.
    let first = FeedEvent { newest: 9, ..again.next(&world, vec![word(8, "grant", "g_2", "revoked")]) };
    again.send(&first, &issuer.key);
    let below = token_of(&issuer, &world, &TokenFor { grant: "g_2", ..alice() });
    for _ in 0..10 {
        assert_eq!(world.read_report(&token).send().await.status, 503);
    }
    again.say(&world, &issuer.key, vec![word(9, "grant", "g_3", "revoked")]);
    assert_eq!(status(&world, &token, 200).await, 200);
    assert_eq!(world.read_report(&below).send().await.status, 401);
}

#[tokio::test]
async fn a_revoke_while_the_connection_is_cut_is_heard_when_it_is_back() {
    let (mut issuer, world, line, token) = connected().await;
    drop(line);
    let mut again = issuer.connected().await;
    assert_eq!(again.since, 7);
    again.say(&world, &issuer.key, vec![word(8, "grant", "g_1", "revoked")]);
    assert_eq!(status(&world, &token, 401).await, 401);
}

#[tokio::test]
async fn a_feed_that_is_silent_or_held_back_is_stale() {
    let mut issuer = Elsewhere::start().await;
    let world = issuer.world("1s").await;
    let token = world.claims(&alice()).sign(&issuer.key).unwrap();
    let mut line = issuer.connected().await;
    line.say(&world, &issuer.key, vec![]);
    assert_eq!(status(&world, &token, 200).await, 200);
    assert_eq!(status(&world, &token, 503).await, 503, "nothing more came");
    // Events go on, but tell of a time that is over: somebody holds them back.
    for _ in 0..5 {
        line.say(&world, &issuer.key, vec![]);
        assert_eq!(world.read_report(&token).send().await.status, 503);
    }
    let new = FeedEvent { up: Duration::from_secs(60), ..line.next(&world, vec![]) };
    line.send(&new, &issuer.key);
    assert_eq!(status(&world, &token, 200).await, 200);
}

#[tokio::test]
async fn no_clock_has_to_agree_with_the_issuers() {
    let (issuer, world, mut line, _) = connected().await;
    for (client, now) in [("cli_back", 0), ("cli_ahead", 4_000_000_000)] {
        world.clock.set(Timestamp::from_seconds(now));
        let mut claims = world.claims(&TokenFor { client, ..alice() });
        let token = claims.sign(&issuer.key).unwrap();
        assert_eq!(world.read_report(&token).send().await.status, 200, "{:?}", world.clock.now());
        let seq = line.next(&world, vec![]).seq + 1;
        line.say(&world, &issuer.key, vec![word(seq, "grant", &format!("g_{client}"), "revoked")]);
        claims.grant.id = GrantId::parse(format!("g_{client}")).unwrap();
        assert_eq!(status(&world, &claims.sign(&issuer.key).unwrap(), 401).await, 401);
    }
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_taken_in_the_midst_of_it() {
    let (mut issuer, world, mut line, _) = connected().await;
    world.clock.advance(Duration::from_secs(5));
    issuer.rotate();
    line.say(&world, &issuer.key, vec![word(9, "grant", "g_2", "revoked")]);
    let token = token_of(&issuer, &world, &alice());
    assert_eq!(status(&world, &token, 200).await, 200);
    let below = token_of(&issuer, &world, &TokenFor { grant: "g_2", ..alice() });
    assert_eq!(world.read_report(&below).send().await.status, 401);
}

const MODEL: &str =
    "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user, group#member]\n";

/// Changes relations at the issuer: `+` writes, `-` deletes.
async fn change(relations: &Relations, changes: &[&str]) {
    let trace = prokura_core::TraceId::random(&prokura_core::SeededRng::new(1));
    let at = Timestamp::from_seconds(crate::world::NOW);
    let event = Event::new(EventKind::Administration, "test", Outcome::Permit, at, trace);
    if relations.view().model().is_none() {
        relations.put_model(MODEL.to_owned(), "test".to_owned(), event.clone()).await.unwrap();
    }
    let mut change = Change::default();
    for text in changes {
        let (user, group) = text[1..].split_once(" in ").unwrap();
        let tuple = Tuple::parse(user, "member", group).unwrap();
        if text.starts_with('+') { change.writes.push(tuple) } else { change.deletes.push(tuple.key) }
    }
    relations.write(change, event).await.unwrap();
}

/// F2: a gateway elsewhere decides by the issuer's relations as they are; what it heard too long ago, or from somebody else, it
/// does not know, and what it does not know permits nothing, though revocations are heard.
#[tokio::test]
async fn f02_the_issuers_relations_are_asked_and_refuse_where_they_are_not_heard() {
    let mut issuer = Elsewhere::start().await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(crate::world::NOW)));
    let point = PointId::parse("pep_issuer").unwrap();
    let store = Store::open(&DatabaseUrl::memory(), point, clock.clone()).await.unwrap();
    let relations = Relations::new(store, clock);
    change(&relations, &["+group:staff#member in group:hr"]).await;
    let world = issuer.world_with("60s", relations.clone()).await;
    world.rule(|q| permit_if(q.subject.parents.iter().any(|p| p.id() == "hr")));
    let token = world.claims(&alice()).sign(&issuer.key).unwrap();
    let mut line = issuer.connected().await;
    line.say(&world, &issuer.key, vec![word(7, "grant", "g_old", "revoked")]);
    assert_eq!(status(&world, &token, 403).await, 403);
    for (step, expected) in [
        (&["+user:usr_alice in group:staff"][..], 200),
        (&["-user:usr_alice in group:staff"], 403),
        (&["+user:usr_alice in group:hr"], 200),
        (&["-user:usr_alice in group:hr", "+user:usr_alice in group:other"], 403),
        (&["+user:usr_alice in group:hr"], 200),
    ] {
        change(&relations, step).await;
        assert_eq!(status(&world, &token, expected).await, expected, "{step:?}");
    }
    // Nobody tells any more. What was heard counts for a minute, and then nothing does.
    let telling = Arc::clone(&issuer.telling);
    telling.lock().unwrap().relations = None;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(world.read_report(&token).send().await.status, 200);
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.read_report(&token).send().await.status, 403);
    // An answer to another question, or by a key that is not the issuer's, is none.
    let key = {
        let mut telling = telling.lock().unwrap();
        (telling.relations, telling.nonce) = (Some(relations.clone()), Some("0123456789abcdef".to_owned()));
        telling.key.take()
    };
    telling.lock().unwrap().key = Some(SigningKey::generate(Algorithm::Es256).unwrap());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.read_report(&token).send().await.status, 403);
    telling.lock().unwrap().key = key;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.read_report(&token).send().await.status, 403);
    telling.lock().unwrap().nonce = None;
    assert_eq!(status(&world, &token, 200).await, 200);
}
