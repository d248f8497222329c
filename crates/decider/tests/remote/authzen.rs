//! Another decision point that is asked by AuthZEN: how it is found, what it is sent, how its answers are read, and that
//! whatever else it does denies.

use crate::point::{Point, ask, http};
use prokura_core::Obligation;
use prokura_decider::remote::{Authzen, Endpoint, RemoteBounds};
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_oauth::json::{Limits, Value, parse};
use prokura_policy::authzen::{Kinds, Metadata};
use prokura_policy::pdp::{Effect, Finding};
use std::time::Duration;

impl Point {
    /// One whose evaluations are answered so.
    async fn saying(answer: &str) -> Self {
        let answer = http("200 OK", answer);
        Self::with(|_| vec![("/access/v1/evaluation", answer.clone())]).await
    }

    fn at(&self, path: &str, timeout: u64) -> Authzen {
        let bounds = RemoteBounds { timeout: Duration::from_millis(timeout), max_bytes: 2048 };
        let upstream = Upstream::new(UpstreamConfig::default());
        let url = format!("{}{path}", self.address);
        Authzen::new("hr", Endpoint::new(upstream, &url, Some("s3cret"), bounds).unwrap(), Kinds::default())
    }

    async fn ask(&self) -> Finding {
        ask(&self.at("/access/v1/evaluation", 20_000)).await
    }
}

fn metadata(point: &str, evaluation: &str) -> String {
    let metadata = Metadata { evaluation: evaluation.to_owned(), ..Metadata::of(point) };
    http("200 OK", &Value::from(metadata.to_object()).to_string())
}

#[tokio::test]
async fn it_is_asked_in_the_words_of_the_standard_with_the_secret_that_it_knows() {
    let point = Point::saying(r#"{"decision":true}"#).await;
    assert_eq!(point.ask().await.effect, Effect::Permit);
    let sent = point.first();
    assert!(sent.starts_with("POST /access/v1/evaluation "), "{sent}");
    assert!(sent.to_ascii_lowercase().contains("authorization: bearer s3cret"), "{sent}");
    let body = parse(sent.split_once("\r\n\r\n").unwrap().1.as_bytes(), &Limits::MESSAGE).unwrap();
    let expected = r#"{"subject":{"type":"user","id":"mia"},
        "action":{"name":"view","properties":{"n":12345678901234567890}},"resource":{"type":"Employee","id":"e1"},
        "context":{"supported_obligations":["step-up","custom"]}}"#;
    assert_eq!(body, parse(expected.as_bytes(), &Limits::MESSAGE).unwrap());
}

#[tokio::test]
async fn obligations_that_are_known_hold_and_others_deny() {
    let custom = |properties: &str| {
        format!(
            r#"{{"decision":true,"context":{{"obligations":[{{"id":"1","type":"custom","properties":{properties}}}]}}}}"#
        )
    };
    let known =
        Point::saying(&custom(r#"{"vendor":"prokura","action":"size","with":"7"}"#)).await.ask().await;
    assert_eq!((known.effect, known.obligations), (Effect::Permit, vec![Obligation::SizeAtMost(7)]));
    let unknown =
        Point::saying(&custom(r#"{"vendor":"example-dlp-suite","action":"watermark"}"#)).await.ask().await;
    assert_eq!((unknown.effect, unknown.obligations.len(), unknown.problems.len()), (Effect::Deny, 0, 1));
}

#[tokio::test]
async fn a_deny_says_why_and_whether_an_approval_could_change_it() {
    let answer = r#"{"decision":false,"context":{"reason_user":{"403":"Ask Bob."},"evaluation_id":"e1",
        "access_request":{"expires_at":"2026-04-30T20:25:00Z"}}}"#;
    let finding = Point::saying(answer).await.ask().await;
    assert_eq!((finding.effect, finding.rules[0].note.as_deref()), (Effect::Deny, Some("Ask Bob.")));
    assert!(finding.problems[0].contains("approval"), "{finding:?}");
}

#[tokio::test]
async fn whatever_is_no_decision_denies() {
    for answer in [
        http("200 OK", "{}"),
        http("200 OK", r#"{"decision":"true"}"#),
        http("200 OK", r#"{"decision":false,"decision":true}"#),
        http("200 OK", r#"[{"decision":true}]"#),
        http("200 OK", r#"{"decision":true,"context":"none"}"#),
        http("200 OK", &format!(r#"{{"decision":true,"x":"{}"}}"#, "x".repeat(4096))),
        http("201 Created", r#"{"decision":true}"#),
        http("401 Unauthorized", r#"{"decision":true}"#),
        http("500 Internal Server Error", "oops"),
    ] {
        let point = Point::with(|_| vec![("/access/v1/evaluation", answer.clone())]).await;
        let finding = point.ask().await;
        assert_eq!((finding.effect, finding.problems.len()), (Effect::Deny, 1), "{answer}");
        assert!(!finding.problems[0].contains("s3cret"), "{finding:?}");
    }
}

#[tokio::test]
async fn who_is_late_or_not_there_has_denied() {
    let silent = Point::with(|_| Vec::new()).await;
    assert_eq!(ask(&silent.at("/access/v1/evaluation", 50)).await.effect, Effect::Deny);
    // Both requests together may take as long as one.
    assert_eq!(ask(&silent.at("", 50)).await.effect, Effect::Deny);
    let nobody = Point::gone().await;
    assert_eq!(nobody.ask().await.effect, Effect::Deny);
}

#[tokio::test]
async fn it_is_found_by_its_metadata_once() {
    let point = Point::with(|address| {
        let evaluation = format!("{address}/a/evaluate");
        vec![
            (
                "/.well-known/authzen-configuration/tenant",
                metadata(&format!("{address}/tenant"), &evaluation),
            ),
            ("/a/evaluate", http("200 OK", r#"{"decision":true}"#)),
        ]
    })
    .await;
    let remote = point.at("/tenant", 20_000);
    for _ in 0..2 {
        let finding = ask(&remote).await;
        assert_eq!(finding.effect, Effect::Permit, "{finding:?}");
    }
    let lines = point.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("GET /.well-known/authzen-configuration/tenant "), "{lines:?}");
}

#[tokio::test]
async fn metadata_of_another_or_to_another_place_are_not_believed() {
    type Made = fn(&str) -> String;
    let wrong: [Made; 4] = [
        |address| metadata("https://other.example", &format!("{address}/access/v1/evaluation")),
        |address| metadata(address, "https://other.example/access/v1/evaluation"),
        |address| metadata(address, &format!("{address}.other.example/access/v1/evaluation")),
        |_| http("200 OK", "{}"),
    ];
    for wrong in wrong {
        let permit = http("200 OK", r#"{"decision":true}"#);
        let point = Point::with(|address| {
            vec![
                ("/.well-known/authzen-configuration", wrong(address)),
                ("/access/v1/evaluation", permit.clone()),
            ]
        })
        .await;
        let finding = ask(&point.at("", 20_000)).await;
        assert_eq!((finding.effect, point.lines().len()), (Effect::Deny, 1), "{finding:?}");
    }
}
