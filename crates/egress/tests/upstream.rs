//! The pooled client for configured servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "each test file uses its part of the support")]

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use prokura_egress::{Trust, Upstream, UpstreamConfig, UpstreamError};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{HOST, Script, Server, json};
use tokio::net::TcpListener;

fn ask(uri: &str) -> Request<Full<Bytes>> {
    Request::post(uri).body(Full::from("{}")).unwrap()
}

/// An HTTP server that keeps its connections, and counts them.
async fn keeping() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let echo = service_fn(|r: Request<hyper::body::Incoming>| async move {
                let body = r.into_body().collect().await.unwrap().to_bytes();
                Ok::<_, Infallible>(http::Response::new(Full::new(body)))
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), echo),
            );
        }
    });
    (addr, count)
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (addr, connections) = keeping().await;
    let upstream = Upstream::new(UpstreamConfig::default());
    for _ in 0..10 {
        let answer = upstream.send(ask(&format!("http://{addr}/mcp"))).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "{}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn content_streams_before_the_answer_ends() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
    let script = Script::Endless(head, b"data: 1\n\n".to_vec(), std::time::Duration::from_millis(10));
    let server = Server::plain(script).await;
    let upstream = Upstream::new(UpstreamConfig::default());
    let mut body = upstream.send(ask(&format!("http://{}/mcp", server.addr))).await.unwrap().into_body();
    for _ in 0..3 {
        assert!(body.frame().await.unwrap().unwrap().into_data().unwrap().starts_with(b"data: 1"));
    }
    let host = format!("host: {}", server.addr);
    assert!(server.requests()[0].to_ascii_lowercase().contains(&host));
}

#[tokio::test]
async fn a_place_is_held_until_the_answer_is_dropped() {
    let (addr, _) = keeping().await;
    let upstream = Upstream::new(UpstreamConfig { max_requests: 1, ..UpstreamConfig::default() });
    let uri = format!("http://{addr}/mcp");
    let held = upstream.send(ask(&uri)).await.unwrap();
    let refused = upstream.send(ask(&uri)).await.unwrap_err();
    assert!(matches!(refused, UpstreamError::Busy) && refused.nothing_was_sent());
    drop(held);
    assert!(upstream.send(ask(&uri)).await.is_ok());
}

#[tokio::test]
async fn a_closed_port_and_a_broken_answer_are_told_apart() {
    let shut = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let upstream = Upstream::new(UpstreamConfig::default());
    let refused = upstream.send(ask(&format!("http://{shut}/"))).await.unwrap_err();
    assert!(matches!(refused, UpstreamError::Connect(_)) && refused.nothing_was_sent(), "{refused}");
    let server = Server::plain(support::raw("SSH-2.0\r\n\r\n")).await;
    let broken = upstream.send(ask(&format!("http://{}/", server.addr))).await.unwrap_err();
    assert!(matches!(broken, UpstreamError::Protocol(_)) && !broken.nothing_was_sent(), "{broken}");
}

#[tokio::test]
async fn https_verifies_the_certificate() {
    let server = Server::tls(json("", "{}")).await;
    let trust = Trust::only(&[&server.certificate]).unwrap();
    let upstream = Upstream::new(UpstreamConfig { trust, ..UpstreamConfig::default() });
    let wrong = upstream.send(ask(&format!("https://127.0.0.1:{}/", server.addr.port()))).await.unwrap_err();
    assert!(matches!(wrong, UpstreamError::Connect(_)), "{wrong} is not {HOST}");
    let localhost = Server::tls_as("localhost", json("", "{}")).await;
    let trust = Trust::only(&[&localhost.certificate]).unwrap();
    let upstream = Upstream::new(UpstreamConfig { trust, ..UpstreamConfig::default() });
    assert!(upstream.send(ask(&format!("https://localhost:{}/", localhost.addr.port()))).await.is_ok());
}
