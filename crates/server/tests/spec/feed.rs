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
    // Heartbeats of before may still be on their way.
    let another = async { while kid(&feed.raw().await.unwrap().1) == before {} };
    tokio::time::timeout(Duration::from_secs(60), another).await.unwrap();
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
    let ends = async { while feed.raw().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), ends).await.unwrap();
    assert_eq!(refused(Some(token), "").await, "401 invalid_token");
    let token = world.feed_token("gw2").await;
    let mut feed = world.follow(&token, "", None).await;
    assert!(feed.raw().await.is_some());
    world.wait(301);
    let ends = async { while feed.raw().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), ends).await.unwrap();
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

/// The page that answers this question, verified; or the status.
async fn page(world: &World, token: &str, query: &str) -> Result<prokura_oauth::json::Object, u16> {
    use http::header::AUTHORIZATION;
    let request = http::Request::builder().uri(format!("/feed/relations?nonce={NONCE}{query}"));
    let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    let answer = world.send(request, "").await;
    if answer.status != 200 {
        return Err(answer.status.as_u16());
    }
    assert_eq!(answer.headers["content-type"], "application/jwt");
    let keys = world.server.keys().borrow().clone();
    let asked = (ISSUER, NONCE, "relations");
    Ok(prokura_oauth::feed::FeedPage::verify(&answer.body, &keys, asked).unwrap().page)
}

/// F2: who may follow relations is told all of them, then what changes; who may follow revocations alone is told nothing.
#[tokio::test]
async fn f02_relations_are_told_to_whom_the_operator_named_and_as_they_are_now() {
    use prokura_decider::relations::{Change, Followed, Page, RelationsFault};
    use prokura_ledger::{Event, EventKind, Outcome};
    let config = followed().replacen("scopes = [\"feed\"]", "scopes = [\"feed\", \"relations\"]", 1);
    let world = World::with(&config).await;
    let (token, other) = (world.feed_token("gw").await, world.feed_token("gw2").await);
    assert_eq!(page(&world, &other, "").await, Err(401));
    assert_eq!(page(&world, "no.token.atall", "").await, Err(401));
    for bad in ["&after=7", "&model=x", "&nonce=0123456789abcdef"] {
        assert_eq!(page(&world, &token, bad).await, Err(400), "{bad}");
    }
    let relations = world.server.relations();
    let trace = prokura_core::TraceId::random(&prokura_core::SeededRng::new(1));
    let event = Event::new(EventKind::Administration, "test", Outcome::Permit, world.clock.now(), trace);
    let model = "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user]\n";
    relations.put_model(model.to_owned(), "test".to_owned(), event.clone()).await.unwrap();
    let tuple = |user: &str| prokura_relations::Tuple::parse(user, "member", "group:hr").unwrap();
    let change = Change { writes: vec![tuple("user:anne")], ..Change::default() };
    relations.write(change, event.clone()).await.unwrap();
    let mut heard = Followed::default();
    let catch_up = async |heard: &mut Followed| {
        for _ in 0..10 {
            let (after, model) = heard.asks();
            let after: String = url::form_urlencoded::byte_serialize(after.as_bytes()).collect();
            let told = page(&world, &token, &format!("&after={after}&model={model}")).await.unwrap();
            if heard.take(Page::read(&told).unwrap(), world.clock.now()).unwrap() {
                return;
            }
        }
        panic!("there is no end of pages");
    };
    let is =
        |heard: &Followed, user: &str| heard.view().ask(world.clock.now(), |ask| ask.check(&tuple(user).key));
    assert_eq!(is(&heard, "user:anne"), Err(RelationsFault::Stale));
    catch_up(&mut heard).await;
    assert_eq!((is(&heard, "user:anne"), is(&heard, "user:bob")), (Ok(true), Ok(false)));
    let change = Change {
        writes: vec![tuple("user:bob")],
        deletes: vec![tuple("user:anne").key],
        ..Change::default()
    };
    relations.write(change, event).await.unwrap();
    catch_up(&mut heard).await;
    assert_eq!((is(&heard, "user:anne"), is(&heard, "user:bob")), (Ok(false), Ok(true)));
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(is(&heard, "user:bob"), Err(RelationsFault::Stale));
    // Who may not follow any more is told nothing more.
    world.clock.advance(Duration::from_secs(400));
    assert_eq!(page(&world, &token, "").await, Err(401));
}
