//! A remote OPA: what it is sent, how its answers are read, and that whatever else it does denies.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use prokura_core::{Obligation, Timestamp};
use prokura_decider::remote::{Endpoint, Opa, Remote, RemoteBounds};
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_oauth::json::{Limits, Object, obj, parse};
use prokura_policy::pdp::{Effect, Entity, EntityId, Finding, NoEntities, Question};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers one request with `answer`, or never; gives back what it was sent.
async fn server(answer: Option<String>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut sent = Vec::new();
        while !is_whole(&sent) {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).await.unwrap();
            assert!(read > 0, "the question broke off");
            sent.extend_from_slice(&piece[..read]);
        }
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            None => std::future::pending().await,
        }
        String::from_utf8(sent).unwrap()
    });
    (address, served)
}

fn is_whole(sent: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sent);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn bounds() -> RemoteBounds {
    RemoteBounds { timeout: Duration::from_secs(20), max_bytes: 2048 }
}

fn opa(address: &str, bearer: Option<&str>, bounds: RemoteBounds) -> Opa {
    let upstream = Upstream::new(UpstreamConfig::default());
    let endpoint = Endpoint::new(upstream, &format!("{address}/v1/data/prokura"), bearer, bounds).unwrap();
    Opa::new("hr", endpoint).unwrap()
}

async fn ask(opa: &Opa) -> Finding {
    let named = |kind, id| EntityId::new(kind, id).unwrap();
    let (mia, e1) = (Entity::bare(named("User", "mia")), Entity::bare(named("Employee", "e1")));
    let arguments = obj([("n", 12_345_678_901_234_567_890_u64.into())]);
    opa.ask(&Question {
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

async fn answered(answer: String) -> Finding {
    let (address, served) = server(Some(answer)).await;
    let finding = ask(&opa(&address, None, bounds())).await;
    served.await.unwrap();
    finding
}

#[tokio::test]
async fn it_is_sent_the_question_as_input() {
    let (address, served) = server(Some(http("200 OK", r#"{"result":{"allow":true}}"#))).await;
    let finding = ask(&opa(&address, Some("t0ken"), bounds())).await;
    assert_eq!(finding.effect, Effect::Permit);
    assert_eq!(&*finding.rules[0].rule, "data.prokura.allow");
    let sent = served.await.unwrap();
    assert!(sent.starts_with("POST /v1/data/prokura HTTP/1.1\r\n"), "{sent}");
    assert!(sent.to_ascii_lowercase().contains("\r\nauthorization: bearer t0ken\r\n"), "{sent}");
    let body = parse(sent.split_once("\r\n\r\n").unwrap().1.as_bytes(), &Limits::MESSAGE).unwrap();
    let body = body.to_string();
    assert_eq!(
        body,
        concat!(
            r#"{"input":{"subject":{"type":"User","id":"mia","properties":{},"ancestors":[]},"chain":[],"#,
            r#""action":"view","arguments":{"n":12345678901234567890},"#,
            r#""resource":{"type":"Employee","id":"e1","properties":{},"ancestors":[]},"context":{}}}"#
        )
    );
}

#[tokio::test]
async fn its_answer_is_read_as_that_of_rego_here() {
    use Effect::{Deny, Permit, Silent};
    for (body, effect) in [
        (r#"{"result":{}}"#, Silent),
        (r#"{"result":{"allow":false}}"#, Silent),
        (r#"{"result":{"allow":true,"deny":[]}}"#, Permit),
        (r#"{"result":{"allow":true,"deny":["no"]}}"#, Deny),
        (r#"{"result":true}"#, Permit),
        (r#"{"result":false}"#, Silent),
    ] {
        let finding = answered(http("200 OK", body)).await;
        assert_eq!((finding.effect, finding.problems.len()), (effect, 0), "{body}");
    }
    let body = r#"{"decision_id":"d-1","result":{"allow":true,"obligations":[{"type":"size","with":"7"}]}}"#;
    let finding = answered(http("200 OK", body)).await;
    assert_eq!(finding.obligations, [Obligation::SizeAtMost(7)]);
    assert_eq!(finding.rules[0].note.as_deref(), Some("OPA's decision d-1"));
}

#[tokio::test]
async fn whatever_else_it_does_denies() {
    let large = format!(r#"{{"result":{{"allow":true,"x":"{}"}}}}"#, "x".repeat(4096));
    for (answer, why) in [
        (http("200 OK", "{}"), "knows no such package"),
        (http("200 OK", r#"{"decision_id":"d"}"#), "knows no such package"),
        (http("200 OK", r#"{"result":null}"#), "neither a package"),
        (http("200 OK", r#"{"result":"true"}"#), "neither a package"),
        (http("200 OK", r#"{"result":{"allow":"true"}}"#), "must be true"),
        (http("200 OK", r#"{"result":{"allow":true},"result":{}}"#), "twice"),
        (http("200 OK", r#"[{"result":{"allow":true}}]"#), "no object"),
        (http("200 OK", r#"{"result":{"allow":true}"#), "not JSON"),
        (http("200 OK", &large), "larger than is read"),
        (http("500 Internal Server Error", r#"{"result":{"allow":true}}"#), "status 500"),
        (http("401 Unauthorized", r#"{"result":{"allow":true}}"#), "status 401"),
        (http("204 No Content", ""), "status 204"),
        (
            "HTTP/1.1 302 Found\r\nlocation: /v1/data/other\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "status 302",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"result\":".to_owned(), "broke off"),
        ("nonsense\r\n\r\n".to_owned(), "HTTP"),
    ] {
        let finding = answered(answer.clone()).await;
        assert_eq!(finding.effect, Effect::Deny, "{answer}");
        assert!(finding.problems[0].contains(why), "{answer}: {:?}", finding.problems);
    }
}

#[tokio::test]
async fn who_is_not_there_or_never_answers_has_denied() {
    let (address, served) = server(None).await;
    let bounds = RemoteBounds { timeout: Duration::from_millis(50), ..bounds() };
    let finding = ask(&opa(&address, None, bounds)).await;
    assert_eq!(finding.effect, Effect::Deny);
    assert!(finding.problems[0].contains("did not answer within 50ms"), "{:?}", finding.problems);
    served.abort();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let finding = ask(&opa(&format!("http://{gone}"), None, bounds)).await;
    assert_eq!((finding.effect, finding.problems.len()), (Effect::Deny, 1));
}

#[test]
fn an_address_that_is_none_is_refused() {
    let made =
        |url: &str, bearer| Endpoint::new(Upstream::new(UpstreamConfig::default()), url, bearer, bounds());
    for url in
        ["opa.example", "ftp://opa.example/v1/data/x", "https://u:p@opa.example/v1/data/x", "/v1/data/x"]
    {
        assert!(made(url, None).is_err(), "{url}");
    }
    assert!(made("https://opa.example/v1/data/x", Some("a\nb")).is_err());
    for url in ["https://opa.example/", "https://opa.example/v1/data", "https://opa.example/v1/data/"] {
        assert!(Opa::new("hr", made(url, None).unwrap()).is_err(), "{url}");
    }
    assert!(
        !format!("{:?}", made("https://opa.example/v1/data/x", Some("s3cret")).unwrap()).contains("s3cret")
    );
}
