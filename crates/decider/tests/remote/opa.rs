//! A remote OPA: what it is sent, how its answers are read, and that whatever else it does denies.

use crate::point::{Point, ask, http};
use prokura_core::Obligation;
use prokura_decider::remote::{Endpoint, Opa, RemoteBounds};
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_oauth::json::{Limits, parse};
use prokura_policy::pdp::{Effect, Finding};
use std::time::Duration;

/// Where the rule is.
const RULE: &str = "/v1/data/prokura";

fn bounds() -> RemoteBounds {
    RemoteBounds { timeout: Duration::from_secs(20), max_bytes: 2048 }
}

fn opa(address: &str, bearer: Option<&str>, bounds: RemoteBounds) -> Opa {
    let upstream = Upstream::new(UpstreamConfig::default());
    let endpoint = Endpoint::new(upstream, &format!("{address}{RULE}"), bearer, bounds).unwrap();
    Opa::new("hr", endpoint).unwrap()
}

async fn answered(answer: String) -> Finding {
    let point = Point::with(|_| vec![(RULE, answer.clone())]).await;
    ask(&opa(&point.address, None, bounds())).await
}

#[tokio::test]
async fn it_is_sent_the_question_as_input() {
    let point = Point::with(|_| vec![(RULE, http("200 OK", r#"{"result":{"allow":true}}"#))]).await;
    let finding = ask(&opa(&point.address, Some("t0ken"), bounds())).await;
    assert_eq!(finding.effect, Effect::Permit);
    assert_eq!(&*finding.rules[0].rule, "data.prokura.allow");
    let sent = point.first();
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
    let silent = Point::with(|_| Vec::new()).await;
    let bounds = RemoteBounds { timeout: Duration::from_millis(50), ..bounds() };
    let finding = ask(&opa(&silent.address, None, bounds)).await;
    assert_eq!(finding.effect, Effect::Deny);
    assert!(finding.problems[0].contains("did not answer within 50ms"), "{:?}", finding.problems);
    let finding = ask(&opa(&Point::gone().await.address, None, bounds)).await;
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
