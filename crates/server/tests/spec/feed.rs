//! The feed of revocations.

use crate::world::feed::{NONCE, followed};
use crate::world::*;
use prokura_core::Clock as _;
use prokura_oauth::feed::Line;
use std::time::Duration;

#[tokio::test]
async fn a_follower_hears_what_there_is_and_then_what_changes() {
    let world = World::with(&followed()).await;
    let metadata = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata.str("revocation_feed_endpoint"), Some("http://localhost:9400/feed/revocations"));
    world.say_words(0, 3).await;
    let token = world.feed_token("gw").await;
    let mut feed = world.follow(&token, &format!("?nonce={NONCE}"), None).await;
    let mut line = Line::new(ISSUER, NONCE, 0);
    let ids = feed.all(&mut line).await;
    assert_eq!(ids, ["cli_nobody_0", "cli_nobody_1", "cli_nobody_2"]);
    let (token, _) = world.tokens().await;
    let grant = world.verified(&token).grant.id;
    world.revoke_grant(&grant).await;
    let event = feed.words().await;
    let word = &event.words[0];
    assert_eq!((event.seq, event.seq), (word.seq, event.newest));
    assert_eq!(
        (word.kind.as_str(), word.id.as_str(), word.word.as_str()),
        ("grant", grant.as_str(), "revoked")
    );
    assert!(word.until.unwrap() > world.clock.now());
}

#[tokio::test]
async fn a_heartbeat_comes_without_a_change_and_tells_how_long_ago_it_was_so() {
    let world = World::with(&followed()).await;
    let token = world.feed_token("gw").await;
    let mut feed = world.follow(&token, &format!("?nonce={NONCE}"), None).await;
    let mut line = Line::new(ISSUER, NONCE, 0);
    let mut up = Duration::ZERO;
    for _ in 0..3 {
        let event = feed.next().await;
        line.next(&event).unwrap();
        assert!(event.words.is_empty() && event.is_all() && event.up >= up, "{event:?}");
        up = event.up;
    }
    assert!(up > Duration::ZERO);
}

#[tokio::test]
async fn a_follower_that_was_away_hears_what_it_missed_and_nothing_twice() {
    let world = World::with(&followed()).await;
    let token = world.feed_token("gw").await;
    let mut line = Line::new(ISSUER, NONCE, 0);
    world.follow(&token, &format!("?nonce={NONCE}"), None).await.all(&mut line).await;
    let n = line.seq();
    world.say_words(0, 5).await;
    let mut feed = world.follow(&token, &format!("?nonce={NONCE}&since={}", n + 3), None).await;
    let mut line = Line::new(ISSUER, NONCE, n + 3);
    assert_eq!(feed.all(&mut line).await, ["cli_nobody_3", "cli_nobody_4"]);
    drop(feed);
    world.say_words(5, 6).await;
    let mut feed = world.follow(&token, &format!("?nonce={NONCE}"), Some(&(n + 5).to_string())).await;
    assert_eq!(feed.all(&mut Line::new(ISSUER, NONCE, n + 5)).await, ["cli_nobody_5"]);
    // Who followed another database is told everything, and can see that.
    let mut feed = world.follow(&token, &format!("?nonce={NONCE}&since=99"), None).await;
    let event = feed.next().await;
    assert_eq!((event.previous, event.seq, event.words.len()), (0, n + 6, 6));
    assert!(Line::new(ISSUER, NONCE, 99).next(&event).unwrap_err().loses());
}

#[tokio::test]
async fn a_snapshot_of_many_words_comes_in_pages_while_others_write() {
    const MANY: usize = 5_000;
    let world = World::with(&followed()).await;
    world.say_words(0, MANY).await;
    let token = world.feed_token("gw").await;
    let mut feed = world.follow(&token, &format!("?nonce={NONCE}"), None).await;
    let mut line = Line::new(ISSUER, NONCE, 0);
    let first = feed.next().await;
    line.next(&first).unwrap();
    assert!(!first.is_all() && first.words.len() < MANY);
    // What changes meanwhile comes after, each once, the changed ones under their new number.
    world.say_words(MANY, MANY + 10).await;
    let mut ids: Vec<_> = first.words.iter().map(|w| w.id.clone()).collect();
    while ids.len() < MANY + 10 {
        ids.extend(feed.all(&mut line).await);
    }
    let all: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), all.len()), (MANY + 10, MANY + 10));
}

#[tokio::test]
async fn a_new_key_signs_on_while_followers_are_connected() {
    let rotating = format!("{}\n[keys]\nrotate_every = \"24h\"\npublish_before = \"2h\"\n", followed());
    let world = World::with(&rotating).await;
    world.wait(22 * 3600 + 60);
    world.server.maintain().await.unwrap();
    world.wait(2 * 3600 - 120);
    let token = world.feed_token("gw").await;
    let mut feed = world.follow(&token, &format!("?nonce={NONCE}"), None).await;
    let kid = |compact: &str| prokura_oauth::jose::peek(compact).unwrap().kid.unwrap();
    let before = kid(&feed.raw().await.unwrap().1);
    world.wait(120);
    world.say_words(0, 1).await;
    let (_, compact) = feed.raw().await.unwrap();
    assert_ne!(kid(&compact), before);
}

#[tokio::test]
async fn only_whom_the_operator_named_may_follow_and_only_as_long() {
    let world = World::with(&followed()).await;
    let refused = |token: Option<String>, query: &'static str| {
        let world = &world;
        async move {
            world
                .json(http::Method::GET, &format!("/feed/revocations{query}"), token.as_deref(), "")
                .await
                .error()
        }
    };
    let token = world.feed_token("gw").await;
    let strange = world.batch().await.text("access_token");
    assert_eq!(refused(None, "").await, "401 invalid_token");
    assert_eq!(refused(Some(strange), "").await, "401 invalid_token");
    assert_eq!(refused(Some(token.clone()), "?since=x").await, "400 invalid_request");
    assert_eq!(refused(Some(token.clone()), "?nonce=short").await, "400 invalid_request");
    let mut feed = world.follow(&token, "", None).await;
    assert!(feed.raw().await.is_some());
    world.disable_client("gw").await;
    while feed.raw().await.is_some() {}
    assert_eq!(refused(Some(token), "").await, "401 invalid_token");
    let token = world.feed_token("gw2").await;
    let mut feed = world.follow(&token, "", None).await;
    assert!(feed.raw().await.is_some());
    world.wait(301);
    while feed.raw().await.is_some() {}
    assert_eq!(
        World::new().await.get("/feed/revocations").await.status,
        404,
        "there is none unless somebody may"
    );
}

#[tokio::test]
async fn connections_are_bounded_in_all_and_for_each_client() {
    let world = World::with(&followed()).await;
    let (one, two) = (world.feed_token("gw").await, world.feed_token("gw2").await);
    let full = |token: String| {
        let world = &world;
        async move { world.json(http::Method::GET, "/feed/revocations", Some(&token), "").await.status == 503 }
    };
    let first = world.follow(&one, "", None).await;
    let _second = world.follow(&one, "", None).await;
    assert!(full(one.clone()).await, "two for each");
    let _third = world.follow(&two, "", None).await;
    assert!(full(two).await, "three in all");
    drop(first);
    let _again = world.follow(&one, "", None).await;
}

#[tokio::test]
async fn a_follower_that_does_not_read_is_cut_and_nobody_waits_for_it() {
    let world = World::with(&followed()).await;
    let token = world.feed_token("gw").await;
    let mut slow = world.follow(&token, "", None).await;
    let mut quick = world.follow(&token, &format!("?nonce={NONCE}"), None).await;
    let mut line = Line::new(ISSUER, NONCE, 0);
    assert!(slow.raw().await.is_some());
    for round in 0..400 {
        world.say_words(round, round + 1).await;
        while line.seq() <= u64::try_from(round).unwrap() {
            line.next(&quick.next().await).unwrap();
        }
    }
    assert!(slow.raw().await.is_none(), "it was too far behind");
}
