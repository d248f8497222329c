//! What providers say of groups, as tuples of relations.

use crate::provider::{ada, back, href, sign_in, world};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// What a provider says of groups is said for a time, and by an account: when either is over, the tuples count no more.
#[tokio::test]
async fn c11_groups_as_tuples_end_with_their_time_and_with_the_account_that_said_them() {
    use prokura_decider::relations::{Relations, Revision, Vouching};
    use prokura_ledger::{Event, EventKind, Outcome};
    let more = "groups = { staff = \"staff\" }\ngroups_last = \"1h\"\n[relations]\nprovider_groups = true";
    let (world, idp) = world(more).await;
    let alice = world.add("alice").await;
    ada(&idp);
    idp.says(|s| s.claims["groups"] = json!(["staff"]));
    let config = crate::world::config("https://as.example", &idp.config(more));
    let clock: Arc<dyn prokura_core::Clock> = world.clock.clone();
    let relations = Relations::new(world.store.clone(), clock).with_vouching(Vouching::of(&config));
    let trace = prokura_core::TraceId::random(&prokura_core::SeededRng::new(1));
    let event = Event::new(EventKind::Administration, "test", Outcome::Permit, world.clock_now(), trace);
    let model = "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user]\n";
    relations.put_model(model.to_owned(), "test".to_owned(), event).await.unwrap();
    let user = format!("user:{alice}");
    let is_staff = async || {
        let key = prokura_relations::Key::parse(&user, "member", "group:staff").unwrap();
        relations.ask(Revision(0), move |ask| ask.check(&key)).await.unwrap().0
    };
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    let page = browser.get("/account/security").await;
    let there = browser.get(&href(&page, "/account/identities/corp/connect")).await;
    let page = browser.get(&back(&idp.authorize(there.location()))).await;
    assert!(browser.follow(page).await.html.contains("The account was connected."));
    assert_eq!(sign_in(&mut world.browser(), &idp).await.location(), "/account");
    assert!(is_staff().await);
    world.clock.advance(Duration::from_secs(3600));
    assert!(!is_staff().await, "nobody signed in, and yet");
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    let page = browser.get("/account/security").await;
    let page = browser.post(page.form("/account/identities/")).await;
    assert!(browser.follow(page).await.html.contains("The account was disconnected."));
    let left = world.store.read(|tx| tx.relation_tuples(("", "", "", ""), None, 10)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}
