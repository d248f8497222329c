//! The webhook of approvals (Standard Webhooks).

use crate::world::backchannel::{HOOK, Told};
use crate::world::*;
use http::StatusCode;
use prokura_core::{GrantId, TaskId};
use prokura_oauth::json::{Limits, Object, parse};
use prokura_oauth::webhook::WebhookSecret;

fn hook(told: &Told) -> String {
    format!("[approvals.webhook]\nurl = \"http://{}/told\"\nsecret = {{ env = \"HOOK\" }}\n", told.host)
}

/// What was heard last, its signature verified: its id, and what it says.
fn heard(told: &Told) -> (String, Object) {
    let (headers, body) = told.last();
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp").parse().unwrap());
    let signed = WebhookSecret::parse(HOOK).unwrap().sign(&id, at, body.as_bytes());
    assert_eq!(header("webhook-signature"), signed);
    assert_eq!(header("content-type"), "application/json");
    (id, parse(body.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap())
}

async fn asked(world: &World, id: &str) -> TaskId {
    let alice = world.named("alice").await;
    let task = world.call_that_waits(&alice, "desk", id).await;
    let (told, now) = (task.clone(), prokura_core::Clock::now(&*world.clock));
    world.write(move |tx| tx.tell_of_task(&told, now)).await;
    task
}

#[tokio::test]
async fn the_operator_hears_what_is_asked_and_what_was_decided() {
    let mut told = Told::new();
    let world = told.world(&hook(&told)).await;
    told.open(StatusCode::NO_CONTENT);
    let task = asked(&world, "apt_1").await;
    world.server.signals_once().await;
    let (id, note) = heard(&told);
    assert_eq!((id.as_str(), note.str("type")), ("msg_apt_1_asked", Some("approval.asked")));
    assert_eq!(note.str("timestamp"), Some("2027-01-15T08:00:00Z"));
    let data = note.get("data").unwrap().as_object().unwrap();
    assert_eq!(data.str("url"), Some("http://localhost:9400/approve/apt_1"));
    assert_eq!((data.str("state"), data.str("title")), (Some("pending"), Some("Change an employee")));
    let arguments = String::from_utf8(data.get("arguments").unwrap().to_vec()).unwrap();
    assert_eq!(
        arguments,
        r#"[{"name":"id","title":"id","value":"e7"},{"name":"salary","title":"salary","value":"52000"}]"#
    );
    let subject = data.get("subject").unwrap().as_object().unwrap();
    assert_eq!(subject.str("name"), Some("Alice"));
    world.server.signals_once().await;
    assert_eq!(told.times(), 1, "nothing was decided");
    world.vote(&task, true).await;
    world.server.signals_once().await;
    let (id, note) = heard(&told);
    assert_eq!((id.as_str(), note.str("type")), ("msg_apt_1_decided", Some("approval.decided")));
    let data = note.get("data").unwrap().as_object().unwrap();
    assert_eq!(data.str("state"), Some("approved"));
    assert_eq!(data.get("votes").unwrap().as_array().unwrap().len(), 1);
    let refused = asked(&world, "apt_2").await;
    world.vote(&refused, false).await;
    world.server.signals_once().await;
    let notes: Vec<String> = told.heard.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(notes.len(), 4);
    assert!(notes[2..].iter().all(|n| !n.contains("52000")), "what is over is told without what it was");
}

#[tokio::test]
async fn a_deaf_webhook_is_told_again_with_the_same_id_for_three_days() {
    let mut told = Told::new();
    let world = told.world(&hook(&told)).await;
    told.open(StatusCode::INTERNAL_SERVER_ERROR);
    asked(&world, "apt_1").await;
    for (seconds, times) in [(0, 1), (0, 1), (1, 2), (2, 3)] {
        world.wait(seconds);
        world.server.signals_once().await;
        assert_eq!(told.times(), times);
    }
    let ids: Vec<_> = told.heard.lock().unwrap().iter().map(|(h, _)| h["webhook-id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "by which a second time is known");
    // It is tried for three days. Then the record says that nobody heard.
    for _ in 0..80 {
        world.wait(3601);
        world.server.signals_once().await;
    }
    let record = world.record().await;
    let given_up = record.iter().filter(|e| e.action == "notice:give_up");
    let notices: Vec<_> = given_up.filter_map(|e| e.details.str("notice")).collect();
    assert!(notices.contains(&"msg_apt_1_asked"), "{notices:?}");
}

#[tokio::test]
async fn a_grant_that_ends_is_told_of_as_a_decision() {
    let mut told = Told::new();
    let world = told.world(&hook(&told)).await;
    told.open(StatusCode::OK);
    asked(&world, "apt_1").await;
    world.server.signals_once().await;
    let (grant, now) = (GrantId::parse("g_apt_1").unwrap(), prokura_core::Clock::now(&*world.clock));
    world.write(move |tx| tx.revoke_tree(&grant, "usr_alice", "enough", now).map(drop)).await;
    world.server.signals_once().await;
    let (_, note) = heard(&told);
    let data = note.get("data").unwrap().as_object().unwrap();
    assert_eq!((note.str("type"), data.str("state")), (Some("approval.decided"), Some("void")));
}
