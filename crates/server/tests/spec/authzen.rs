//! The decision point that others ask (OpenID AuthZEN Authorization API 1.0): who may, and what is answered. Searches and
//! the foreign suites have files of their own.

use crate::world::authzen::{Says, asked, object, permit_if};
use crate::world::*;
use http::Method;
use prokura_core::Obligation;
use prokura_decider::{Asked, InForce};
use prokura_ledger::EventKind;
use prokura_oauth::json::Value;
use prokura_policy::pdp::{Effect, Finding, from_words};
use std::sync::Arc;

const READ: &str = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},
    "resource":{"type":"record","id":"1"}}"#;

/// A batch about records 1 to 3, of which 2 is not permitted.
fn batch(semantic: &str) -> String {
    let records = ["1", "2", "3"].map(|id| format!(r#"{{"resource":{{"type":"record","id":"{id}"}}}}"#));
    format!(
        r#"{{"subject":{{"type":"user","id":"alice"}},"action":{{"name":"read"}},
           "options":{{"evaluations_semantic":"{semantic}"}},"evaluations":[{}]}}"#,
        records.join(",")
    )
}

#[tokio::test]
async fn without_a_policy_that_counts_nothing_is_permitted() {
    let world = World::with(&asked("")).await;
    let token = world.authzen_token("pep").await;
    assert!(!world.decision(&token, READ).await);
    // Policies that only report permit nothing either.
    let reporting = Asked { engines: vec![Arc::new(Says(|_| permit_if(true)))], remotes: Vec::new() };
    world.decider.replace(InForce { reporting, ..InForce::default() });
    assert!(!world.decision(&token, READ).await);
    world.rules(|_| permit_if(true), "");
    assert!(world.decision(&token, READ).await);
}

#[tokio::test]
async fn only_whom_the_operator_named_is_answered() {
    let world = World::with(&asked("")).await;
    world.rules(|_| permit_if(true), "");
    let none = world.json(Method::POST, "/access/v1/evaluation", None, READ).await;
    assert_eq!((none.status.as_u16(), none.header("www-authenticate").is_empty()), (401, false));
    assert!(none.header("content-type").starts_with("text/plain") && none.body.contains("access token"));
    let strange = world.batch().await.text("access_token");
    let (of_user, _) = world.tokens().await;
    for wrong in [strange.as_str(), of_user.as_str(), "x", ""] {
        assert_eq!(world.ask("evaluation", wrong, READ).await.status, 401);
    }
    let gate = world.authzen_token("gate").await;
    assert_eq!(world.ask("evaluation", &gate, READ).await.status, 200);
    let search = world.ask("search/resource", &gate, READ).await;
    assert_eq!((search.status.as_u16(), search.body.contains("authzen:search")), (403, true));
    // A client that is stopped is not answered although its token was verified before.
    world.disable_client("gate").await;
    assert_eq!(world.ask("evaluation", &gate, READ).await.status, 401);
    let reader = world.authzen_token("reader").await;
    world.wait(3600);
    assert_eq!(world.ask("evaluation", &reader, READ).await.status, 401);
}

#[tokio::test]
async fn where_nobody_may_ask_there_is_no_decision_point() {
    let world = World::new().await;
    assert_eq!(world.ask("evaluation", "x", READ).await.status, 404);
    assert_eq!(world.get("/.well-known/authzen-configuration").await.status, 404);
}

#[tokio::test]
async fn the_question_is_what_was_asked_and_what_is_known() {
    let world = World::with(&asked("kinds = { record = \"Record\" }")).await;
    world.rules(
        |q| {
            let (subject, arguments) = (q.subject.attributes.str("department"), q.arguments.unwrap());
            let actor = q.actor.map(|a| a.id.to_string());
            let all = format!(
                "{:?} {} {} {:?} {} {actor:?}",
                subject,
                q.subject.id,
                q.action,
                arguments.str("why"),
                q.resource.id
            );
            let expected =
                r#"Some("Sales") User::"alice" read Some("audit") Record::"1" Some("Agent::\"agt_p\"")"#;
            assert_eq!(all, expected);
            assert_eq!((q.context.str("ip"), q.context.len()), (Some("::1"), 1));
            permit_if(q.resource.attributes.str("owner") == Some("alice"))
        },
        r#"User alice {"department":"Sales"}
           Record 1 {"owner":"alice"}"#,
    );
    let token = world.authzen_token("reader").await;
    let question = r#"{"subject":{"type":"user","id":"alice"},"resource":{"type":"record","id":"1"},
        "action":{"name":"read","properties":{"why":"audit"}},
        "context":{"ip":"::1","actor":{"type":"agent","id":"agt_p"},"supported_obligations":["custom"]}}"#;
    assert!(world.decision(&token, question).await);
}

#[tokio::test]
async fn what_is_said_of_somebody_counts_only_from_whom_may_say_it() {
    let world = World::with(&asked("")).await;
    let rules =
        |q: &prokura_policy::pdp::Question<'_>| permit_if(q.subject.attributes.str("role") == Some("admin"));
    world.rules(rules, r#"User alice {"role":"viewer"}"#);
    let (pep, reader) = (world.authzen_token("pep").await, world.authzen_token("reader").await);
    let said = READ.replace(r#""id":"alice""#, r#""id":"alice","properties":{"role":"admin"}"#);
    assert!(world.decision(&pep, &said).await);
    assert!(!world.decision(&pep, READ).await);
    let facts = READ.replace("}}", r#"},"context":{"facts":{"device":{"managed":true}}}}"#);
    let arguments = READ.replace("}}", r#"},"context":{"arguments":{"id":"e7"}}}"#);
    for (body, member) in [(&said, "subject.properties"), (&facts, "context.facts")] {
        let refused = world.ask("evaluation", &reader, body).await;
        assert_eq!((refused.status.as_u16(), refused.body.contains(member)), (403, true), "{}", refused.body);
    }
    assert_eq!(world.ask("evaluation", &pep, &facts).await.status, 200);
    assert_eq!(world.ask("evaluation", &pep, &arguments).await.status, 403);
    // In a batch it denies that one question, and says why.
    let in_batch = format!(r#"{{"evaluations":[{said},{READ}]}}"#);
    let answer = world.ask("evaluations", &reader, &in_batch).await;
    assert!(answer.body.contains(r#""status":403"#), "{}", answer.body);
    assert_eq!(world.decisions(&reader, &in_batch).await, [false, false]);
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_a_sentence() {
    let world = World::with(&asked("")).await;
    world.rules(|_| permit_if(true), "");
    let token = world.authzen_token("pep").await;
    for (body, why) in [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "must be a JSON object"),
        (r#"{"subject":1,"subject":2}"#, "stands twice"),
        (r#"{"subject":"alice"}"#, "`subject` must be an object"),
        (
            r#"{"subject":{"type":"user","id":""},"action":{"name":"a"},"resource":{"type":"r","id":"1"}}"#,
            "subject.id",
        ),
        (
            r#"{"subject":{"type":"user","id":"a"},"action":{"name":7},"resource":{"type":"r","id":"1"}}"#,
            "action.name",
        ),
    ] {
        let refused = world.ask("evaluation", &token, body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(
            refused.body.contains(why) && refused.body.contains("trace: tr_"),
            "{body}: {}",
            refused.body
        );
    }
    let text = world.ask_with("evaluation", &token, &[("content-type", "text/plain")], READ).await;
    assert_eq!(text.status, 400);
    let large = READ.replace("alice", &"a".repeat(70_000));
    assert_eq!(world.ask("evaluation", &token, &large).await.status, 400);
    // A type that no policy can know is no error: it is not permitted.
    assert!(!world.decision(&token, &READ.replace("record", "space ship")).await);
}

#[tokio::test]
async fn a_request_is_answered_with_its_own_id() {
    let world = World::with(&asked("")).await;
    let token = world.authzen_token("pep").await;
    let id = [("x-request-id", "bfe9eb29-ab87")];
    for (path, token, status) in [
        ("evaluation", token.as_str(), 200),
        ("evaluations", &token, 200),
        ("search/subject", &token, 200),
        ("evaluation", "x", 401),
    ] {
        let answer = world.ask_with(path, token, &id, READ).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-request-id")),
            (status, "bfe9eb29-ab87"),
            "{path}"
        );
    }
    assert_eq!(world.ask("evaluation", &token, READ).await.header("x-request-id"), "");
}

#[tokio::test]
async fn a_batch_ends_where_its_semantic_says() {
    let world = World::with(&asked("")).await;
    world.rules(|q| permit_if(q.resource.id.id() != "2"), "");
    let token = world.authzen_token("gate").await;
    for (semantic, decisions) in [
        ("execute_all", &[true, false, true][..]),
        ("deny_on_first_deny", &[true, false]),
        ("permit_on_first_permit", &[true]),
    ] {
        assert_eq!(world.decisions(&token, &batch(semantic)).await, decisions, "{semantic}");
    }
    let bad = world.ask("evaluations", &token, &batch("first")).await;
    assert_eq!((bad.status.as_u16(), bad.body.contains("evaluations_semantic")), (400, true));
    let one = world.ask("evaluations", &token, READ).await;
    assert_eq!(one.body, r#"{"decision":true}"#);
}

#[tokio::test]
async fn what_is_decided_is_on_record_without_what_was_said() {
    let world = World::with(&asked("")).await;
    world.rules(|q| permit_if(q.resource.id.id() != "2"), "");
    let token = world.authzen_token("pep").await;
    let secret = READ
        .replace(r#""name":"read""#, r#""name":"read","properties":{"iban":"DE02-secret"}"#)
        .replace(r#""id":"alice""#, r#""id":"usr_alice","properties":{"salary":"90-secret"}"#);
    let id = [("x-request-id", "req-7")];
    assert_eq!(world.ask_with("evaluation", &token, &id, &secret).await.status, 200);
    world.decisions(&token, &batch("execute_all")).await;
    let events = world.decided().await;
    assert_eq!(
        events.iter().map(|e| (e.kind, e.outcome.as_str())).collect::<Vec<_>>(),
        [
            (EventKind::Decision, "permit"),
            (EventKind::Decision, "permit"),
            (EventKind::Decision, "deny"),
            (EventKind::Decision, "permit"),
        ]
    );
    let first = &events[0];
    assert_eq!((first.action.as_str(), first.client.as_ref().unwrap().as_str()), ("authzen:read", "pep"));
    assert_eq!(first.subject.as_ref().unwrap().as_str(), "usr_alice");
    let details = Value::from(first.details.clone()).to_string();
    for member in [
        r#""set":"set-1""#,
        r#""target":"record:1""#,
        r#""rules":["test r1"]"#,
        r#""request_id":"req-7""#,
        "arguments",
    ] {
        assert!(details.contains(member), "{member}: {details}");
    }
    assert!(!details.contains("secret"), "{details}");
    assert_eq!(events[2].reasons, ["policy_denied"]);
}

#[tokio::test]
async fn the_operator_says_how_much_is_recorded() {
    for (record, expected) in [("all", 3), ("denied", 1), ("none", 0)] {
        let world = World::with(&asked(&format!("record = \"{record}\""))).await;
        world.rules(|q| permit_if(q.resource.id.id() != "2"), "");
        let token = world.authzen_token("pep").await;
        world.decisions(&token, &batch("execute_all")).await;
        assert_eq!(world.decided().await.len(), expected, "{record}");
    }
}

#[tokio::test]
async fn obligations_are_sent_to_who_can_meet_them_and_deny_others() {
    let world = World::with(&asked("")).await;
    world.rules(
        |q| {
            let what: &[(&str, &str)] = match q.action {
                "export" => &[("redact", "$..ssn"), ("mask", "4: $.iban")],
                "raise" => &[("approval", "hr for 10m: raises are agreed to")],
                _ => &[],
            };
            let obligations: Vec<Obligation> = what.iter().map(|(n, w)| from_words(n, w).unwrap()).collect();
            Finding { obligations, ..permit_if(true) }
        },
        "",
    );
    let token = world.authzen_token("pep").await;
    let export = READ.replace("\"read\"", "\"export\"");
    let undeclared = world.ask("evaluation", &token, &export).await.json();
    assert_eq!(undeclared.get("decision"), Some(&false.into()));
    let declared = export.replace("}}", r#"},"context":{"supported_obligations":["custom"]}}"#);
    let answer = world.ask("evaluation", &token, &declared).await.json();
    let expected = object(
        r#"{"decision":true,"context":{"obligations":[
            {"id":"obl-1","type":"custom","properties":{"vendor":"prokura","action":"redact","with":"$..ssn"}},
            {"id":"obl-2","type":"custom","properties":{"vendor":"prokura","action":"mask","with":"4: $.iban"}}]}}"#,
    );
    assert_eq!(answer, expected);
    let raise = declared.replace("\"export\"", "\"raise\"");
    let answer = world.ask("evaluation", &token, &raise).await.json();
    let context = answer.get("context").and_then(Value::as_object).unwrap();
    assert_eq!(
        (answer.get("decision"), context.str("reason")),
        (Some(&false.into()), Some("approval_required"))
    );
}

#[tokio::test]
async fn a_deny_tells_its_reasons_as_far_as_the_operator_lets_it() {
    let deny = |_: &prokura_policy::pdp::Question<'_>| Finding {
        effect: Effect::Deny,
        problems: vec!["hr.cedar:7: attribute missing".into()],
        ..Finding::silent()
    };
    for (config, told) in
        [("reasons = \"none\"", (false, false)), ("", (true, false)), ("reasons = \"admin\"", (true, true))]
    {
        let world = World::with(&asked(config)).await;
        world.rules(deny, "");
        let token = world.authzen_token("pep").await;
        let body = world.ask("evaluation", &token, READ).await.body;
        assert_eq!((body.contains("reason_user"), body.contains("hr.cedar:7")), told, "{body}");
        assert_eq!(body == r#"{"decision":false}"#, !told.0);
    }
}

#[tokio::test]
async fn a_client_hears_only_of_what_it_may_ask_about() {
    let caller = "[[authzen.caller]]\nclient = \"reader\"\nsubjects = [\"user\"]\nresources = [\"todo\"]";
    let world = World::with(&asked(caller)).await;
    world.rules(|_| permit_if(true), "User alice\nrecord 1\ntodo 1");
    let (pep, reader) = (world.authzen_token("pep").await, world.authzen_token("reader").await);
    let about = |kind: &str| READ.replace("record", kind);
    assert!(world.decision(&pep, &about("record")).await && world.decision(&reader, &about("todo")).await);
    assert!(!world.decision(&reader, &about("record")).await);
    assert!(!world.decision(&reader, &about("todo").replace("\"user\"", "\"User\"")).await);
    assert_eq!(world.found("resource", &pep, &about("record")).await.0, "1");
    assert_eq!(world.found("resource", &reader, &about("record")).await.0, "");
    assert_eq!(world.found("subject", &reader, &about("record")).await.0, "");
}

#[tokio::test]
async fn metadata_say_where_what_is_asked() {
    let world = World::with(&asked("")).await;
    let answer = world.get("/.well-known/authzen-configuration").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let metadata = answer.json();
    assert_eq!(metadata.str("policy_decision_point"), Some(ISSUER));
    for (name, path) in [
        ("access_evaluation_endpoint", "evaluation"),
        ("access_evaluations_endpoint", "evaluations"),
        ("search_subject_endpoint", "search/subject"),
        ("search_resource_endpoint", "search/resource"),
        ("search_action_endpoint", "search/action"),
    ] {
        assert_eq!(metadata.str(name), Some(format!("{ISSUER}/access/v1/{path}").as_str()));
    }
    assert_eq!(metadata.get("supported_obligations"), Some(&["step-up", "custom"].into_iter().collect()));
}
