//! Foreign suites of AuthZEN against our server with policies in Cedar: the decisions of the Todo interop, the searches of
//! the Search interop (openid/authzen, MIT; as they are), and the certification scenario (openid/authzen,
//! certification/authorization-api-1_0-scenario.md of 2026-06-25), whose requests are rebuilt here by their numbers.

use crate::world::World;
use crate::world::authzen::{asked, object};
use prokura_decider::directory::Snapshot;
use prokura_decider::{InForce, entities};
use prokura_engines::cedar::{CedarEngine, Source};
use prokura_oauth::json::{Limits, Object, Value, parse};
use std::path::{Path, PathBuf};
use std::sync::Arc;

macro_rules! shown {
    ($name:literal) => {
        include_str!(concat!("../../../../interop/authzen/", $name))
    };
}

/// A server with these policies and entities, and a token of a client that may ask and say everything.
async fn world(policies: &str, known: &str) -> (World, String) {
    let config = "kinds = { record = \"Record\", todo = \"Todo\" }\nactions = { record = [\"view\", \"edit\", \"delete\", \"read\", \"write\"] }\nreasons = \"none\"";
    let world = World::with(&asked(config)).await;
    let engine = CedarEngine::load(&[Source::new("authzen.cedar", policies)], None).unwrap();
    let directory = Snapshot::of(entities::parse(known).unwrap());
    world.decider.replace(InForce {
        engines: vec![Arc::new(engine)],
        directory: Some(Arc::new(directory)),
        ..InForce::default()
    });
    let token = world.authzen_token("pep").await;
    (world, token)
}

/// A file of the vectors; `None`, said aloud, where they are absent. In CI they must be there.
fn vectors(name: &str) -> Option<Object> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let path =
        std::env::var_os("PROKURA_VECTORS").map_or_else(beside, PathBuf::from).join("authzen").join(name);
    let Ok(text) = std::fs::read(&path) else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "vectors are missing in CI: authzen/{name}");
        eprintln!("SKIPPED: no vectors `authzen/{name}`; set PROKURA_VECTORS");
        return None;
    };
    parse(&text, &Limits::MESSAGE).unwrap().into_object()
}

fn cases(of: &Object, list: &str) -> Vec<(String, Value)> {
    let cases = of.get(list).and_then(Value::as_array).unwrap().iter();
    let case = |case: &Value| {
        let case = case.as_object().unwrap();
        (case.get("request").unwrap().to_string(), case.get("expected").unwrap().clone())
    };
    cases.map(case).collect()
}

/// What the schemas of the suite ask of a request and of an answer: their required members and types.
fn fits(schema: &Object, value: &Value) -> bool {
    let is = match schema.str("type") {
        Some("object") => value.as_object().is_some(),
        Some("string") => value.as_str().is_some(),
        Some("boolean") => value.as_bool().is_some(),
        _ => true,
    };
    let required = schema.get("required").and_then(Value::as_array).unwrap_or_default();
    let has = |name: &Value| value.as_object().is_some_and(|o| o.contains_key(name.as_str().unwrap()));
    let properties = schema.get("properties").and_then(Value::as_object);
    let each = |(name, schema): (&str, &Value)| {
        value.as_object().and_then(|o| o.get(name)).is_none_or(|v| fits(schema.as_object().unwrap(), v))
    };
    is && required.iter().all(has) && properties.is_none_or(|p| p.iter().all(each))
}

#[tokio::test]
async fn the_decisions_of_the_todo_interop() {
    let Some(suite) = vectors("todo-decisions.json") else { return };
    let (asks, answers) = (
        vectors("evaluation-request.schema.json").unwrap(),
        vectors("evaluation-response.schema.json").unwrap(),
    );
    let (world, token) = world(shown!("todo.cedar"), shown!("todo.entities.json")).await;
    let single = cases(&suite, "evaluation");
    for (request, expected) in &single {
        assert!(fits(&asks, &object(request).into()), "{request}");
        let answer = world.ask("evaluation", &token, request).await.json();
        assert_eq!(answer.get("decision"), Some(expected), "{request}");
        assert!(fits(&answers, &answer.into()), "{request}");
    }
    let batch = cases(&suite, "evaluations");
    for (request, expected) in &batch {
        let answer = world.ask("evaluations", &token, request).await.json();
        assert_eq!(answer.get("evaluations"), Some(expected), "{request}");
    }
    assert_eq!((single.len(), batch.len()), (40, 3));
}

#[tokio::test]
async fn the_searches_of_the_search_interop() {
    let mut counted = Vec::new();
    for what in ["subject", "resource", "action"] {
        let Some(suite) = vectors(&format!("search-{what}.json")) else { return };
        let (world, token) = world(shown!("search.cedar"), shown!("search.entities.json")).await;
        let all = cases(&suite, "evaluation");
        for (request, expected) in &all {
            let answer = world.ask(&format!("search/{what}"), &token, request).await.json();
            let sorted = |of: &Object| {
                let mut all: Vec<_> = of
                    .get("results")
                    .and_then(Value::as_array)
                    .unwrap()
                    .iter()
                    .map(Value::to_string)
                    .collect();
                all.sort();
                all
            };
            assert_eq!(sorted(&answer), sorted(expected.as_object().unwrap()), "{what} {request}");
        }
        counted.push(all.len());
    }
    assert_eq!(counted, [60, 18, 120]);
}

const ALICE: &str = r#""subject":{"type":"user","id":"alice"}"#;
const BOB: &str = r#""subject":{"type":"user","id":"bob"}"#;
const ADMIN: &str = r#""subject":{"type":"user","id":"bob","properties":{"role":"admin"}}"#;
const READ: &str = r#""action":{"name":"read"}"#;
const WRITE: &str = r#""action":{"name":"write"}"#;
const ONE: &str = r#""resource":{"type":"record","id":"record-1"}"#;
const ACTIVE: &str = r#""resource":{"type":"record","id":"record-1","properties":{"status":"active"}}"#;
const ARCHIVED: &str = r#""resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}"#;

async fn certified() -> (World, String) {
    world(shown!("certification.cedar"), shown!("certification.entities.json")).await
}

fn all(parts: &[&str]) -> String {
    format!("{{{}}}", parts.join(","))
}

#[tokio::test]
async fn certification_basic() {
    let (world, token) = certified().await;
    let delete = |soft: bool| format!(r#""action":{{"name":"delete","properties":{{"soft":{soft}}}}}"#);
    let context = r#""context":{"time":"2025-06-27T18:03-07:00","ip":"192.168.1.1"}"#;
    let more =
        r#""subject":{"type":"user","id":"alice","properties":{"department":"Sales","role":"manager"}}"#;
    let get = r#""action":{"name":"read","properties":{"method":"GET"}}"#;
    let owned =
        r#""resource":{"type":"record","id":"record-1","properties":{"status":"active","owner":"bob"}}"#;
    let future = r#""foo":"bar","futureField":{"nested":true}"#;
    for (number, parts, expected) in [
        ("c-2-2-1", &[ALICE, READ, ONE][..], true),
        ("rule 2", &[ALICE, WRITE, ONE], true),
        ("rule 3", &[BOB, READ, ONE], true),
        ("c-2-2-2", &[BOB, WRITE, ONE], false),
        ("c-2-2-3", &[ALICE, READ, ONE, context], true),
        ("c-2-2-4", &[ALICE, WRITE, ARCHIVED], false),
        ("c-2-2-5", &[ADMIN, WRITE, ARCHIVED], true),
        ("c-2-2-6", &[ALICE, &delete(true), ONE], true),
        ("c-2-2-7", &[ALICE, &delete(false), ONE], false),
        ("c-2-2-8", &[more, get, owned], true),
        ("c-2-2-9", &[ALICE, READ, ONE, future], true),
    ] {
        let body = all(parts);
        for _ in 0..3 {
            assert_eq!(world.decision(&token, &body).await, expected, "{number}");
        }
    }
    let whole = all(&[ALICE, READ, ONE]);
    for (from, to) in [
        (format!("{ALICE},"), ""),
        (format!("{READ},"), ""),
        (format!(",{ONE}"), ""),
        (r#""type":"user","#.into(), ""),
        (r#","id":"alice""#.into(), ""),
        (r#""name":"read""#.into(), ""),
        (r#""type":"record","#.into(), ""),
        (r#","id":"record-1""#.into(), ""),
        (r#"{"type":"user","id":"alice"}"#.into(), r#""alice""#),
        (r#""read""#.into(), "123"),
        ("}}".into(), "}"),
        (whole.clone(), ""),
    ] {
        assert!(whole.contains(&from), "{from}");
        let body = whole.replacen(&from, to, 1);
        assert_eq!(world.ask("evaluation", &token, &body).await.status, 400, "{body}");
    }
    let other = world.ask_with("evaluation", &token, &[("content-type", "text/xml")], &whole).await;
    assert_eq!(other.status, 400);
    let answer = world.ask_with("evaluation", &token, &[("x-request-id", "abc 1/2")], &whole).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-request-id")), (200, "abc 1/2"));
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn certification_batch() {
    let (world, token) = certified().await;
    let items = |items: &[&str]| {
        format!(
            r#""evaluations":[{}]"#,
            items.iter().map(|i| format!("{{{i}}}")).collect::<Vec<_>>().join(",")
        )
    };
    let two = r#""resource":{"type":"record","id":"record-2"}"#;
    let time = r#""context":{"time":"2025-06-27T18:03-07:00"}"#;
    let later = format!(r#"{two},"context":{{"time":"2025-06-27T19:00-07:00","source":"batch-override"}}"#);
    let all_of = r#""options":{"evaluations_semantic":"execute_all"}"#;
    let (first, second) = (format!("{ALICE},{READ},{ONE}"), format!("{BOB},{WRITE},{ONE}"));
    for (number, parts, expected) in [
        ("c-3-2-1", &[ALICE, READ, &items(&[ONE, two])][..], &[true, true][..]),
        ("c-3-2-2", &[BOB, ONE, &items(&[READ, WRITE])], &[true, false]),
        ("c-3-2-3", &[ALICE, WRITE, &items(&[ACTIVE, ARCHIVED])], &[true, false]),
        ("c-3-2-4", &[WRITE, ARCHIVED, &items(&[ALICE, ADMIN])], &[false, true]),
        ("c-3-2-5", &[&items(&[&first, &second])], &[true, false]),
        ("c-3-2-6", &[ALICE, READ, time, &items(&[ONE, &later])], &[true, true]),
        ("c-3-2-7", &[ALICE, WRITE, ACTIVE, &items(&["", ARCHIVED])], &[true, false]),
        ("c-3-4-1", &[ALICE, READ, all_of, &items(&[ONE, ""])], &[true, false]),
    ] {
        assert_eq!(world.decisions(&token, &all(parts)).await, expected, "{number}");
    }
    for rest in ["", r#","evaluations":[]"#] {
        let answer = world.ask("evaluations", &token, &format!("{{{first}{rest}}}")).await;
        assert_eq!(answer.body, r#"{"decision":true}"#, "c-3-4-2, c-3-4-3");
    }
}

#[tokio::test]
async fn certification_search() {
    let (world, token) = certified().await;
    let users = r#""subject":{"type":"user"}"#;
    let records = r#""resource":{"type":"record"}"#;
    let context = r#""context":{"time":"2025-06-27T18:03-07:00","ip":"192.168.1.1"}"#;
    let strange = r#""subject":{"type":"user","id":"nonexistent-user"}"#;
    let ship = r#""subject":{"type":"spaceship"}"#;
    for (number, what, parts, expected) in [
        ("c-4-2-1", "subject", &[users, READ, ONE][..], "alice bob"),
        ("c-4-2-2", "subject", &[users, READ, ONE, context], "alice bob"),
        ("c-4-2-3", "subject", &[ALICE, READ, ONE], "alice bob"),
        ("c-4-2-4", "subject", &[users, WRITE, ARCHIVED], "bob"),
        ("c-4-3-1", "resource", &[ALICE, READ, records], "record-1 record-2"),
        ("c-4-3-2", "resource", &[ALICE, READ, records, context], "record-1 record-2"),
        ("c-4-3-3", "resource", &[ALICE, READ, ONE], "record-1 record-2"),
        ("c-4-3-4", "resource", &[ADMIN, WRITE, records], "record-2"),
        ("c-4-4-1", "action", &[ALICE, ONE], "read write"),
        ("c-4-4-2", "action", &[ALICE, ONE, context], "read write"),
        ("c-4-4-3", "action", &[ADMIN, ARCHIVED], "read write"),
        ("c-4-6-1", "action", &[strange, ONE], ""),
        ("c-4-6-1", "resource", &[strange, READ, records], ""),
        ("c-4-6-2", "subject", &[ship, READ, ONE], ""),
    ] {
        assert_eq!(
            world.found(what, &token, &all(parts)).await,
            (expected.to_owned(), String::new()),
            "{number}"
        );
    }
    let (first, next) =
        world.found("subject", &token, &all(&[users, READ, ONE, r#""page":{"limit":1}"#])).await;
    assert_eq!(first, "alice");
    let rest = format!(r#""page":{{"token":"{next}"}}"#);
    assert_eq!(
        world.found("subject", &token, &all(&[users, READ, ONE, &rest])).await,
        ("bob".into(), String::new())
    );
    for (what, parts) in [
        ("subject", &[users, ONE][..]),
        ("resource", &[READ, records]),
        ("action", &[ALICE]),
        ("subject", &[users, READ, records]),
        ("resource", &[users, READ, records]),
        ("action", &[users, ONE]),
    ] {
        assert_eq!(
            world.ask(&format!("search/{what}"), &token, &all(parts)).await.status,
            400,
            "c-4-7 {what}"
        );
    }
}
