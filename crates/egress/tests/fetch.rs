//! What is fetched, from whom, and what is asked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "each test file uses its part of the support")]

mod support;

use prokura_egress::{Accept, Egress, EgressConfig, EgressError, FetchLimits};
use std::sync::Arc;
use std::time::Duration;
use support::{HOST, PUBLIC, Paper, Script, Server, behind_public_name, egress, json, raw, url};

const LIMITS: FetchLimits = FetchLimits::DOCUMENT;

#[tokio::test]
async fn a_document_comes_with_what_its_head_says() {
    let script = json("cache-control: max-age=600\r\netag: \"v1\"\r\nset-cookie: a=b\r\n", r#"{"a":1}"#);
    let (server, paper, egress) = behind_public_name(script).await;
    let fetched = egress.get(&url("https://client.example/c.json?v=1"), &LIMITS).await.unwrap();
    assert_eq!((fetched.status, &fetched.body[..]), (200, &br#"{"a":1}"#[..]));
    assert_eq!(fetched.content_type.as_deref(), Some("application/json"));
    assert_eq!(fetched.cache.max_age, Some(Duration::from_secs(600)));
    assert_eq!(fetched.etag.as_deref(), Some("\"v1\""));
    egress.get(&url("https://client.example/c.json?v=1"), &LIMITS).await.unwrap();
    assert_eq!(paper.dialled().len(), 2, "no connection is kept");
    let head = server.requests().pop().unwrap().to_ascii_lowercase();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines.sort_unstable();
    let agent = concat!("user-agent: prokura/", env!("CARGO_PKG_VERSION"));
    let expected = [
        "accept-encoding: identity",
        "accept: application/json, application/jwk-set+json",
        "connection: close",
        "get /c.json?v=1 http/1.1",
        "host: client.example",
        agent,
    ];
    assert_eq!(lines, expected, "nothing but this is said, and no cookie comes back");
}

#[tokio::test]
async fn the_certificate_must_be_valid_for_the_name() {
    let server = Server::tls(json("", "{}")).await;
    let paper = Paper::to(Some(server.addr)).name("other.example", &[&[PUBLIC]]).name(HOST, &[&[PUBLIC]]);
    let paper = Arc::new(paper);
    let trusting = egress(&paper, &server.certificate, &[]);
    let wrong_name = trusting.get(&url("https://other.example/"), &LIMITS).await.unwrap_err();
    assert!(matches!(wrong_name, EgressError::Tls { .. }), "{wrong_name}");
    let wrong_address = trusting.get(&url(&format!("https://{PUBLIC}/")), &LIMITS).await.unwrap_err();
    assert!(matches!(wrong_address, EgressError::Tls { .. }), "{wrong_address}");
    let another = Server::tls(json("", "{}")).await;
    let strange = egress(&paper, &another.certificate, &[]);
    let wrong_issuer = strange.get(&url("https://client.example/"), &LIMITS).await.unwrap_err();
    assert!(matches!(wrong_issuer, EgressError::Tls { .. }), "{wrong_issuer}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn only_json_is_taken_where_json_is_asked() {
    for kind in ["text/html", "text/plain", "application/octet-stream", "application/jsonp"] {
        let (_server, _, egress) =
            behind_public_name(raw(&format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n{{}}"))).await;
        let refused = egress.get(&url("https://client.example/"), &LIMITS).await.unwrap_err();
        assert!(matches!(refused, EgressError::ContentType { .. }), "{kind}: {refused}");
        let any = FetchLimits { accept: Accept::Any, ..LIMITS };
        assert!(egress.get(&url("https://client.example/"), &any).await.is_ok());
    }
    let (_server, _, egress) = behind_public_name(raw("HTTP/1.1 200 OK\r\n\r\n{}")).await;
    let refused = egress.get(&url("https://client.example/"), &LIMITS).await.unwrap_err();
    assert!(matches!(refused, EgressError::ContentType { .. }), "{refused}");
}

#[tokio::test]
async fn only_200_is_a_document() {
    for status in [201, 204, 206, 400, 401, 404, 500, 503] {
        let answer =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}");
        let (_server, _, egress) = behind_public_name(raw(&answer)).await;
        let refused = egress.get(&url("https://client.example/"), &LIMITS).await.unwrap_err();
        assert!(
            matches!(refused, EgressError::Status { status: s, .. } if s == status),
            "{status}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_form_is_posted_and_an_oauth_error_is_an_answer() {
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let (server, _, egress) = behind_public_name(raw(answer)).await;
    let form = [("token", "a b&c=d"), ("x", "ü")];
    let at = url("https://client.example/introspect");
    let fetched = egress.post_form(&at, &form, Some("Basic eDp5"), &LIMITS).await.unwrap();
    assert_eq!(fetched.status, 400);
    let head = server.requests()[0].to_ascii_lowercase();
    for line in [
        "post /introspect http/1.1\r\n",
        "content-type: application/x-www-form-urlencoded\r\n",
        "authorization: basic edp5\r\n",
        "content-length: 26\r\n",
        "\r\n\r\ntoken=a+b%26c%3dd&x=%c3%bc",
    ] {
        assert!(head.contains(line), "{head}");
    }
    let smuggled = egress.post_form(&at, &form, Some("a\r\nx: y"), &LIMITS).await.unwrap_err();
    assert!(matches!(smuggled, EgressError::Request { .. }));
}

#[tokio::test]
async fn the_operator_may_trust_a_host_at_a_port_over_http() {
    let server = Server::plain(json("", "{}")).await;
    let paper = Arc::new(Paper::to(Some(server.addr)).name("as.internal", &[&["10.0.0.7"]]));
    let allowed = egress(&paper, "", &["as.internal:8080", "127.0.0.1:9000"]);
    assert!(allowed.get(&url("http://as.internal:8080/jwks"), &LIMITS).await.is_ok());
    assert!(allowed.get(&url("http://127.0.0.1:9000/jwks"), &LIMITS).await.is_ok());
    let dialled = ["10.0.0.7:8080".parse().unwrap(), "127.0.0.1:9000".parse().unwrap()];
    assert_eq!(paper.dialled(), dialled);
    for other in ["http://as.internal/jwks", "http://as.internal:8081/jwks", "http://127.0.0.1:9001/jwks"] {
        let refused = allowed.get(&url(other), &LIMITS).await.unwrap_err();
        assert!(matches!(refused, EgressError::Http { .. }), "{other}: {refused}");
    }
    let refused = allowed.get(&url("https://as.internal/jwks"), &LIMITS).await.unwrap_err();
    assert!(matches!(refused, EgressError::Forbidden { .. }), "{refused}");
    assert_eq!(paper.dialled(), dialled);
}

#[tokio::test]
async fn a_trusted_network_opens_addresses_for_https_only() {
    let server = Server::tls(json("", "{}")).await;
    let paper = Arc::new(Paper::to(Some(server.addr)).name(HOST, &[&["10.1.2.3"], &["10.2.0.1"]]));
    let allowed = egress(&paper, &server.certificate, &["10.1.0.0/16"]);
    let at = url("https://client.example/");
    assert!(allowed.get(&at, &LIMITS).await.is_ok());
    assert!(matches!(allowed.get(&at, &LIMITS).await, Err(EgressError::Forbidden { .. })));
    assert!(matches!(allowed.get(&url("http://10.1.2.3/"), &LIMITS).await, Err(EgressError::Http { .. })));
    assert!(matches!(
        allowed.get(&url("https://10.1.2.3:8443/"), &LIMITS).await,
        Err(EgressError::Port { .. })
    ));
}

#[tokio::test]
async fn a_name_without_address_and_a_closed_port_say_so() {
    let paper =
        Arc::new(Paper::to(None).name("empty.example", &[&[]]).name("shut.example", &[&[PUBLIC, "1.1.1.1"]]));
    let egress = egress(&paper, "", &[]);
    for name in ["https://absent.example/", "https://empty.example/"] {
        let refused = egress.get(&url(name), &LIMITS).await.unwrap_err();
        assert!(matches!(refused, EgressError::Resolve { .. }), "{name}: {refused}");
    }
    let refused = egress.get(&url("https://shut.example/"), &LIMITS).await.unwrap_err();
    assert!(matches!(refused, EgressError::Connect { .. }), "{refused}");
    assert_eq!(paper.dialled().len(), 2, "each checked address is tried");
}

#[tokio::test]
async fn requests_wait_for_a_place_no_longer_than_they_have_time() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec();
    let server = Server::plain(Script::Endless(head, b" ".to_vec(), Duration::from_millis(50))).await;
    let paper = Arc::new(Paper::to(Some(server.addr)).name("slow.internal", &[&["10.0.0.7"]]));
    let allow = prokura_egress::AllowList::parse(&["slow.internal"]).unwrap();
    let config = EgressConfig { allow, max_requests_per_host: 1, ..EgressConfig::default() };
    let egress = Egress::new(config, paper.clone());
    let slow = url("http://slow.internal/");
    let long = FetchLimits { deadline: Duration::from_millis(600), ..LIMITS };
    let short = FetchLimits { deadline: Duration::from_millis(100), ..LIMITS };
    let (first, second) = tokio::join!(egress.get(&slow, &long), egress.get(&slow, &short));
    assert!(matches!(first, Err(EgressError::Deadline { .. })), "{first:?}");
    assert!(matches!(second, Err(EgressError::Busy { .. })), "{second:?}");
    assert_eq!(paper.asked().len(), 1, "who has no place asks nothing");
}
