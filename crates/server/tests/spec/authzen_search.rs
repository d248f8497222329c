//! Searches of the decision point (OpenID AuthZEN Authorization API 1.0 §8).

use crate::world::authzen::{asked, permit_if};
use crate::world::*;
use prokura_policy::pdp::{Finding, Question};

const DIRECTORY: &str = r#"User alice {"department":"Sales"}
    User bob {"department":"Legal"}
    User carol {"department":"Legal"}
    record 1 {"owner":"alice"}
    record 2 {"owner":"bob"}
    record 3 {"owner":"carol"}
    record 4 {"owner":"alice"}
    Secret s1"#;

/// Owners do everything; everybody in the legal department views.
fn rules(q: &Question<'_>) -> Finding {
    let owns = q.resource.attributes.str("owner") == Some(q.subject.id.id());
    let legal = q.subject.attributes.str("department") == Some("Legal");
    permit_if(owns || (legal && q.action == "view"))
}

fn search(subject: &str, action: &str, resource: &str, rest: &str) -> String {
    let action =
        if action.is_empty() { String::new() } else { format!(r#""action":{{"name":"{action}"}},"#) };
    format!(r#"{{"subject":{subject},{action}"resource":{resource}{rest}}}"#)
}

const ALICE: &str = r#"{"type":"user","id":"alice"}"#;
const BOB: &str = r#"{"type":"user","id":"bob"}"#;
const ONE: &str = r#"{"type":"record","id":"1"}"#;
const RECORDS: &str = r#"{"type":"record"}"#;
const USERS: &str = r#"{"type":"user"}"#;

async fn world(more: &str) -> (World, String) {
    let world = World::with(&asked(more)).await;
    world.rules(rules, DIRECTORY);
    let token = world.authzen_token("reader").await;
    (world, token)
}

#[tokio::test]
async fn what_is_found_is_what_would_be_permitted() {
    let (world, token) = world("actions = { record = [\"view\", \"edit\"], \"*\" = [\"look\"] }").await;
    let found = async |what: &str, body: &str| world.found(what, &token, body).await;
    let none = String::new();
    assert_eq!(
        found("subject", &search(USERS, "view", ONE, "")).await,
        ("alice bob carol".into(), none.clone())
    );
    assert_eq!(found("subject", &search(USERS, "edit", ONE, "")).await.0, "alice");
    assert_eq!(found("resource", &search(ALICE, "view", RECORDS, "")).await.0, "1 4");
    assert_eq!(found("resource", &search(BOB, "view", RECORDS, "")).await.0, "1 2 3 4");
    assert_eq!(found("action", &search(ALICE, "", ONE, "")).await.0, "view edit");
    assert_eq!(found("action", &search(BOB, "", ONE, "")).await.0, "view");
    // The id of what is looked for is not looked at, nor is an action where actions are looked for.
    assert_eq!(found("subject", &search(ALICE, "view", ONE, "")).await.0, "alice bob carol");
    assert_eq!(found("action", &search(BOB, "edit", ONE, "")).await.0, "view");
    for (what, body) in [
        ("subject", search(r#"{"type":"spaceship"}"#, "view", ONE, "")),
        ("subject", search(r#"{"type":"space ship"}"#, "view", ONE, "")),
        ("resource", search(r#"{"type":"user","id":"nobody"}"#, "view", RECORDS, "")),
        ("action", search(r#"{"type":"user","id":"nobody"}"#, "", ONE, "")),
        ("action", search(r#"{"type":"space ship","id":"1"}"#, "", ONE, "")),
    ] {
        assert_eq!(found(what, &body).await, (String::new(), none.clone()), "{what} {body}");
    }
    for (what, body) in [
        ("subject", search(USERS, "", ONE, "")),
        ("subject", search(USERS, "view", RECORDS, "")),
        ("resource", search(USERS, "view", RECORDS, "")),
        ("action", search(USERS, "", ONE, "")),
        ("action", search(ALICE, "", RECORDS, "")),
    ] {
        assert_eq!(world.ask(&format!("search/{what}"), &token, &body).await.status, 400, "{what} {body}");
    }
}

#[tokio::test]
async fn pages_together_are_the_whole_each_result_once() {
    for (more, limit) in [("", 1), ("", 2), ("", 3), ("page = 2", 1000), ("candidates = 1", 1000)] {
        let (world, token) = world(more).await;
        let rest = format!(r#","page":{{"limit":{limit}}}"#);
        let (mut found, mut next) =
            world.found("resource", &token, &search(BOB, "view", RECORDS, &rest)).await;
        let mut pages = 1;
        while !next.is_empty() {
            let rest = format!(r#","page":{{"token":"{next}"}}"#);
            let page = world.found("resource", &token, &search(BOB, "view", RECORDS, &rest)).await;
            found = format!("{found} {}", page.0);
            next = page.1;
            pages += 1;
            assert!(pages < 10);
        }
        assert_eq!((found.trim(), pages > 1), ("1 2 3 4", true), "{more} {limit}");
    }
}

#[tokio::test]
async fn actions_and_nothing_come_in_pages_too() {
    let (world, token) = world("actions = { \"*\" = [\"edit\", \"look\", \"view\"] }").await;
    let page = async |page: &str| {
        let rest = format!(r#","page":{{{page}}}"#);
        world.found("action", &token, &search(BOB, "", r#"{"type":"record","id":"2"}"#, &rest)).await
    };
    let (first, next) = page(r#""limit":2"#).await;
    assert_eq!(first, "edit look");
    assert_eq!(page(&format!(r#""token":"{next}""#)).await, ("view".into(), String::new()));
    assert_eq!(page(r#""token":"","limit":3"#).await, ("edit look view".into(), String::new()));
    let (none, next) = page(r#""limit":0"#).await;
    assert_eq!((none.as_str(), next.is_empty()), ("", false));
}

#[tokio::test]
async fn f05_a_place_opens_only_for_the_same_caller_with_the_same_search() {
    let (world, token) = world("").await;
    let first = search(BOB, "view", RECORDS, r#","page":{"limit":1}"#);
    let (_, next) = world.found("resource", &token, &first).await;
    let with = |page: &str| format!(r#","page":{{"token":"{next}"{page}}}"#);
    let status = async |token: &str, what: &str, body: String| {
        world.ask(&format!("search/{what}"), token, &body).await.status.as_u16()
    };
    for (what, body) in [
        ("resource", search(ALICE, "view", RECORDS, &with(""))),
        ("resource", search(BOB, "edit", RECORDS, &with(""))),
        ("resource", search(BOB, "view", r#"{"type":"Secret"}"#, &with(""))),
        ("resource", search(BOB, "view", RECORDS, &format!("{},\"context\":{{\"t\":1}}", with("")))),
        ("resource", search(BOB, "view", RECORDS, &with(r#","limit":2"#))),
        ("subject", search(BOB, "view", ONE, &with(""))),
    ] {
        assert_eq!(status(&token, what, body.clone()).await, 400, "{what} {body}");
    }
    let same = search(BOB, "view", RECORDS, &with(r#","limit":1"#));
    let other = world.authzen_token("pep").await;
    assert_eq!(status(&other, "resource", same.clone()).await, 400);
    let forged = same.replace(&next, &format!("{}A", &next[..next.len() - 1]));
    assert!(forged == same || status(&token, "resource", forged).await == 400);
    assert_eq!(status(&token, "resource", same).await, 200);
    assert!(!next.contains("eyJ") && !next.contains("bGltaXQ"));
}

#[tokio::test]
async fn what_is_said_of_what_is_looked_for_picks_among_what_is_known() {
    let (world, _) = world("").await;
    let token = world.authzen_token("pep").await;
    let legal = r#"{"type":"user","properties":{"department":"Legal"}}"#;
    assert_eq!(world.found("subject", &token, &search(legal, "view", ONE, "")).await.0, "bob carol");
    let unknown = r#"{"type":"user","properties":{"clearance":9}}"#;
    assert_eq!(world.found("subject", &token, &search(unknown, "view", ONE, "")).await.0, "");
    // Who may not say what is known may not pick by it either: that would tell attributes.
    let reader = world.authzen_token("reader").await;
    assert_eq!(world.ask("search/subject", &reader, &search(legal, "view", ONE, "")).await.status, 403);
    let mine = r#"{"type":"record","id":"9","properties":{"owner":"alice"}}"#;
    assert_eq!(world.found("subject", &token, &search(USERS, "edit", mine, "")).await.0, "alice");
}

#[tokio::test]
async fn a_search_is_one_entry_and_a_new_directory_is_seen() {
    let (world, token) = world("").await;
    assert_eq!(world.found("resource", &token, &search(ALICE, "edit", RECORDS, "")).await.0, "1 4");
    let recorded = world.decided().await;
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].action, "authzen:search:resource");
    assert_eq!(recorded[0].details.get("results").and_then(|r| r.as_u64()), Some(2));
    world
        .rules(rules, &DIRECTORY.replace("record 4 {\"owner\":\"alice\"}", "record 5 {\"owner\":\"alice\"}"));
    assert_eq!(world.found("resource", &token, &search(ALICE, "edit", RECORDS, "")).await.0, "1 5");
}

const MODEL: &str = "model\n  schema 1.1\ntype user\ntype document\n  relations\n    define owner: [user]\n    define viewer: [user, user:*] or owner\n";

/// Whoever has it may do to a document what the relation says.
fn by_relation(q: &Question<'_>) -> Finding {
    let has = q.resource.attributes.get("relations").and_then(|r| r.as_array());
    permit_if(has.is_some_and(|all| all.iter().any(|r| r.as_str() == Some(q.action))))
}

/// F2: what relations lead to is found though no directory knows it, page by page; what is not known is no end of a list.
#[tokio::test]
async fn f02_what_relations_lead_to_is_found_and_nothing_once_they_are_not_known() {
    use prokura_core::Clock as _;
    use prokura_decider::relations::{Change, Facts, Kinds};
    use prokura_ledger::{Event, EventKind, Outcome};
    let world = World::with(&asked("")).await;
    world.rules(by_relation, "User alice\nUser bob");
    let relations = world.server.relations().clone();
    let trace = prokura_core::TraceId::random(&prokura_core::SeededRng::new(1));
    let event = Event::new(EventKind::Administration, "test", Outcome::Permit, world.clock.now(), trace);
    relations.put_model(MODEL.to_owned(), "test".to_owned(), event.clone()).await.unwrap();
    let tuple = |text: &str| {
        let words: Vec<_> = text.split(' ').collect();
        prokura_relations::Tuple::parse(words[0], words[1], words[2]).unwrap()
    };
    let written = [
        "user:alice owner document:1",
        "user:alice viewer document:3",
        "user:bob viewer document:1",
        "user:zoe viewer document:1",
        "user:* viewer document:2",
    ];
    let change = Change { writes: written.map(tuple).to_vec(), ..Change::default() };
    relations.write(change, event).await.unwrap();
    let ask = [("document".to_owned(), vec!["viewer".to_owned(), "owner".to_owned()])].into();
    world.decider.with_relations(Facts::new(relations.view(), Kinds { ask, ..Kinds::default() }));
    let token = world.authzen_token("reader").await;
    let documents = r#"{"type":"document"}"#;
    let one = r#"{"type":"document","id":"1"}"#;
    let found = async |what: &str, body: String| world.found(what, &token, &body).await;
    assert_eq!(found("resource", search(ALICE, "viewer", documents, "")).await.0, "1 2 3");
    assert_eq!(found("resource", search(ALICE, "owner", documents, "")).await.0, "1");
    assert_eq!(found("resource", search(BOB, "owner", documents, "")).await.0, "");
    // Zoe is in no directory, and Alice in both.
    assert_eq!(found("subject", search(USERS, "viewer", one, "")).await.0, "alice bob zoe");
    assert_eq!(
        found("subject", search(USERS, "viewer", r#"{"type":"document","id":"2"}"#, "")).await.0,
        "alice bob"
    );
    // Where nobody names actions, those are tried that relations have.
    assert_eq!(found("action", search(ALICE, "", one, "")).await.0, "viewer owner");
    assert_eq!(found("action", search(BOB, "", one, "")).await.0, "viewer");
    let (mut all, mut rest) = (Vec::new(), r#","page":{"limit":1}"#.to_owned());
    loop {
        let (page, next) = found("resource", search(ALICE, "viewer", documents, &rest)).await;
        all.push(page);
        if next.is_empty() {
            break;
        }
        rest = format!(r#","page":{{"token":"{next}"}}"#);
    }
    assert_eq!(all.join(" ").trim(), "1 2 3");
    world.clock.advance(std::time::Duration::from_secs(10));
    let token = world.authzen_token("reader").await;
    let refused = world.ask("search/resource", &token, &search(ALICE, "viewer", documents, "")).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
}
