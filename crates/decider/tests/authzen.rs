//! Another decision point that is asked by AuthZEN: how it is found, what it is sent, how its answers are read, and that
//! whatever else it does denies.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use prokura_core::{Obligation, Timestamp};
use prokura_decider::remote::{Authzen, Endpoint, Remote, RemoteBounds};
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_policy::authzen::{Kinds, Metadata};
use prokura_policy::pdp::{Effect, Entity, EntityId, Finding, NoEntities, Question};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A decision point that answers every request with what stands for its path, and keeps what it was sent.
struct Point {
    address: String,
    sent: Arc<Mutex<Vec<String>>>,
}

type Answer = (&'static str, String);

impl Point {
    /// `answers` makes the answers by paths of the address; a path without one is never answered.
    async fn with(answers: impl Fn(&str) -> Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (answers, sent) = (Arc::new(answers(&address)), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&kept)));
            }
        });
        Self { address, sent }
    }

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

    /// The first lines of what it was sent.
    fn lines(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|s| s.lines().next().unwrap().to_owned()).collect()
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Vec<Answer>>, kept: Arc<Mutex<Vec<String>>>) {
    loop {
        let mut sent = Vec::new();
        while !is_whole(&sent) {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(read) => sent.extend_from_slice(&piece[..read]),
            }
        }
        let text = String::from_utf8(sent).unwrap();
        let path = text.split(' ').nth(1).unwrap().to_owned();
        kept.lock().unwrap().push(text);
        match answers.iter().find(|(at, _)| *at == path) {
            Some((_, answer)) => stream.write_all(answer.as_bytes()).await.unwrap(),
            None => std::future::pending().await,
        }
    }
}

fn is_whole(sent: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sent);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn metadata(point: &str, evaluation: &str) -> String {
    let metadata = Metadata { evaluation: evaluation.to_owned(), ..Metadata::of(point) };
    http("200 OK", &Value::from(metadata.to_object()).to_string())
}

async fn ask(point: &Authzen) -> Finding {
    let named = |kind, id| EntityId::new(kind, id).unwrap();
    let (mia, e1) = (Entity::bare(named("User", "mia")), Entity::bare(named("Employee", "e1")));
    let arguments = obj([("n", 12_345_678_901_234_567_890_u64.into())]);
    point
        .ask(&Question {
            subject: &mia,
            actor: None,
            chain: &[],
            grant: None,
            action: "view",
            arguments: Some(&arguments),
            resource: &e1,
            context: &Object::new(),
            directory: &NoEntities,
            now: Timestamp::from_seconds(0),
        })
        .await
}

#[tokio::test]
async fn it_is_asked_in_the_words_of_the_standard_with_the_secret_that_it_knows() {
    let point = Point::saying(r#"{"decision":true}"#).await;
    assert_eq!(point.ask().await.effect, Effect::Permit);
    let sent = point.sent.lock().unwrap().remove(0);
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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let nobody = Point { address, sent: Arc::default() };
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
