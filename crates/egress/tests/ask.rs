//! Asking, where the whole answer matters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "each test file uses its part of the support")]

mod support;

use http::header::{HOST, LOCATION};
use http::{HeaderMap, Method};
use prokura_egress::{Answer, Ask, EgressError, Reading};
use std::time::Duration;
use support::{Script, behind_public_name, raw, url};

const ALL: Reading =
    Reading { max_bytes: 64, deadline: Duration::from_secs(20), enough: |_: &HeaderMap, _: &[u8]| false };

async fn asked(script: Script, ask: Ask, reading: &Reading) -> (Answer, String) {
    let (server, _paper, egress) = behind_public_name(script).await;
    let answer = egress.ask(&url("https://client.example/x"), ask, reading).await.unwrap();
    (answer, server.requests().pop().unwrap().to_ascii_lowercase())
}

#[tokio::test]
async fn every_status_is_an_answer_and_a_redirect_is_not_followed() {
    let moved =
        raw("HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n");
    let (answer, _) = asked(moved, Ask::default(), &ALL).await;
    assert_eq!(answer.status.as_u16(), 302);
    assert_eq!(answer.headers[LOCATION], "https://elsewhere.example/");
    assert!(answer.whole && answer.body.is_empty());
}

#[tokio::test]
async fn the_caller_writes_the_request_but_neither_its_length_nor_its_connection() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "other.example"),
        ("origin", "https://evil.example"),
        ("content-length", "9999"),
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    assert_eq!(headers[HOST], "other.example");
    let ask = Ask { method: Method::DELETE, headers, body: "{}".into() };
    let (answer, request) = asked(raw("HTTP/1.1 400 No\r\ncontent-length: 2\r\n\r\nno"), ask, &ALL).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..], answer.whole), (400, &b"no"[..], true));
    for line in
        ["delete /x http/1.1", "host: other.example", "origin: https://evil.example", "content-length: 2"]
    {
        assert!(request.contains(line), "`{line}` in {request}");
    }
    assert!(!request.contains("9999") && !request.contains("chunked") && !request.contains("keep-alive"));
}

#[tokio::test]
async fn a_stream_without_end_is_read_until_it_is_enough_or_too_much() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
    let stream = |piece: &[u8]| Script::Endless(head.clone(), piece.to_vec(), Duration::from_millis(1));
    let reading = Reading { enough: |_, body| body.ends_with(b"\n\n"), ..ALL };
    let (answer, _) = asked(stream(b"data: 1\n\n"), Ask::default(), &reading).await;
    assert!(answer.body.starts_with(b"data: 1\n\n") && !answer.whole);
    let (answer, _) = asked(stream(b"x"), Ask::default(), &reading).await;
    assert_eq!((answer.body.len(), answer.whole), (64, false));
}

#[tokio::test]
async fn what_may_not_be_fetched_may_not_be_asked() {
    let (server, _paper, egress) = behind_public_name(raw("")).await;
    for (inside, plain) in [("https://127.0.0.1/x", false), ("http://client.example/x", true)] {
        let refused = egress.ask(&url(inside), Ask::default(), &ALL).await.unwrap_err();
        let right = match refused {
            EgressError::Forbidden { .. } => !plain,
            EgressError::Http { .. } => plain,
            _ => false,
        };
        assert!(right, "{inside}: {refused}");
    }
    assert!(server.requests().is_empty());
}
