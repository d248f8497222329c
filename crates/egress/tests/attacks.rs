//! Attacks on what is fetched for a stranger, one test a row of the attack matrix.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "each test file uses its part of the support")]

mod support;

use prokura_egress::{AddressClass, EgressError, FetchLimits, FetchUrl};
use std::sync::Arc;
use std::time::Duration;
use support::{HOST, PUBLIC, Paper, Script, Server, behind_public_name, egress, json, raw, url};

const LIMITS: FetchLimits = FetchLimits::CLIENT_METADATA;
/// Short, for what never ends: the tests look at the outcome, not at the time.
const SHORT: FetchLimits = FetchLimits { deadline: Duration::from_millis(300), ..LIMITS };

fn at_host(path: &str) -> FetchUrl {
    url(&format!("https://{HOST}{path}"))
}

#[tokio::test]
async fn b05_jwks_uri_ssrf() {
    let paper = Arc::new(
        Paper::to(None)
            .name("localhost", &[&["127.0.0.1", "::1"]])
            .name("metadata.google.internal", &[&["169.254.169.254"]])
            .name("intranet", &[&["10.0.0.8"]])
            .name("evil.example", &[&["192.168.1.1"]])
            .name("mixed.example", &[&[PUBLIC, "172.16.0.1"]])
            .name("mixed6.example", &[&["2606:4700::1111", "::1"]]),
    );
    let egress = egress(&paper, "", &[]);
    for inside in [
        "https://localhost/jwks",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://intranet/jwks",
        "https://evil.example/jwks",
        "https://mixed.example/jwks",
        "https://mixed6.example/jwks",
        "https://127.0.0.1/jwks",
        "https://169.254.169.254/latest/meta-data/iam/",
        "https://168.63.129.16/machine",
        "https://10.0.0.1/jwks",
        "https://172.31.255.255/jwks",
        "https://192.168.0.1/jwks",
        "https://[::1]/jwks",
        "https://[fd00:ec2::254]/latest/",
        "https://[fe80::1]/jwks",
    ] {
        let refused = egress.get(&url(inside), &LIMITS).await.unwrap_err();
        assert!(matches!(refused, EgressError::Forbidden { .. }), "{inside}: {refused}");
    }
    for plain in ["http://evil.example/jwks", "http://127.0.0.1/jwks", "http://localhost/jwks"] {
        let refused = egress.get(&url(plain), &LIMITS).await.unwrap_err();
        assert!(matches!(refused, EgressError::Http { .. }), "{plain}: {refused}");
    }
    for port in ["https://evil.example:22/", "https://evil.example:6379/", "https://localhost:8443/jwks"] {
        let refused = egress.get(&url(port), &LIMITS).await.unwrap_err();
        assert!(matches!(refused, EgressError::Port { .. }), "{port}: {refused}");
    }
    assert!(paper.dialled().is_empty());
}

#[tokio::test]
async fn b06_redirect_ssrf() {
    for status in [300, 301, 302, 303, 304, 307, 308] {
        for location in
            ["https://169.254.169.254/latest/", "http://127.0.0.1/", "/elsewhere", "//[::1]/", "\\\\x"]
        {
            let answer = format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            let (server, paper, egress) = behind_public_name(raw(&answer)).await;
            let refused = egress.get(&at_host("/c.json"), &LIMITS).await.unwrap_err();
            assert!(matches!(refused, EgressError::Redirect { .. }), "{status} {location}: {refused}");
            assert_eq!(paper.dialled().len(), 1, "{status} {location}");
            assert_eq!(server.requests().len(), 1);
            let posted = egress.post_form(&at_host("/c.json"), &[], None, &LIMITS).await.unwrap_err();
            assert!(matches!(posted, EgressError::Redirect { .. }), "{status} {location}: {posted}");
        }
    }
    let (_server, _, egress) =
        behind_public_name(raw("HTTP/1.1 302 X\r\nlocation: https://10.0.0.7:8443/x\r\n\r\n")).await;
    let refused = egress.get(&at_host("/c.json"), &LIMITS).await.unwrap_err();
    assert!(refused.to_string().contains("`10.0.0.7`"), "{refused}");
    assert!(!refused.public().contains("10.0.0.7"));
}

#[tokio::test]
async fn b07_ip_encodings() {
    for written in [
        "https://0177.0.0.1/",
        "https://00000177.0.0.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://017700000001/",
        "https://127.1/",
        "https://127.0.1/",
        "https://0/",
        "https://0xa9fea9fe/",
        "https://2852039166/",
        "https://169.254.43518/",
        "https://0251.0376.0251.0376/",
        "https://127.0.0.1./",
        "https://1%32%37.0.0.1/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::FFFF:127.0.0.1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::1%25lo]/",
    ] {
        assert!(FetchUrl::parse(written).is_err(), "{written}");
    }
    use AddressClass as C;
    let inside = [
        ("::ffff:7f00:1", C::V4Mapped),
        ("::ffff:a9fe:a9fe", C::V4Mapped),
        ("::ffff:0:7f00:1", C::V4Mapped),
        ("::7f00:1", C::V4Compatible),
        ("64:ff9b::7f00:1", C::Nat64),
        ("64:ff9b:1::a00:1", C::Nat64),
        ("2002:7f00:1::1", C::SixToFour),
        ("2002:a9fe:a9fe::1", C::SixToFour),
        ("2001::80ff:fffe", C::Teredo),
        ("2606:4700::5efe:a00:1", C::Isatap),
        ("2606:4700::200:5efe:7f00:1", C::Isatap),
        ("::", C::Unspecified),
        ("fec0::1", C::SiteLocal),
        ("100::1", C::Discard),
    ];
    for (address, class) in inside {
        let paper = Arc::new(Paper::to(None).name("evil.example", &[&[address]]));
        let egress = egress(&paper, "", &[]);
        for written in [format!("https://[{address}]/"), "https://evil.example/".to_owned()] {
            let refused = egress.get(&url(&written), &LIMITS).await.unwrap_err();
            let expected = matches!(&refused, EgressError::Forbidden { class: c, .. } if *c == class);
            assert!(expected, "{written} {address}: {refused}");
        }
        assert!(paper.dialled().is_empty());
    }
}

#[tokio::test]
async fn b08_dns_rebinding() {
    let server = Server::tls(json("", "{}")).await;
    let answers: &[&[&str]] = &[&[PUBLIC], &["127.0.0.1"], &["169.254.169.254"], &[PUBLIC]];
    let paper = Arc::new(Paper::to(Some(server.addr)).name(HOST, answers));
    let egress = egress(&paper, &server.certificate, &[]);
    let checked = format!("{PUBLIC}:443").parse().unwrap();

    assert!(egress.get(&at_host("/c.json"), &LIMITS).await.is_ok());
    assert_eq!(paper.asked().len(), 1, "a name is resolved once per request");
    assert_eq!(paper.dialled(), [checked], "the connection goes to the address that was checked");
    for _ in 0..2 {
        let refused = egress.get(&at_host("/c.json"), &LIMITS).await.unwrap_err();
        assert!(matches!(refused, EgressError::Forbidden { .. }), "{refused}");
    }
    assert_eq!(paper.dialled(), [checked]);
    assert!(egress.get(&at_host("/c.json"), &LIMITS).await.is_ok());
    assert_eq!(paper.dialled(), [checked, checked]);
}

#[tokio::test]
async fn b10_size_slow_bomb() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let rows: Vec<(&str, Script, Refusal)> = vec![
        ("declared too large", raw(&format!("{head}content-length: 10485760\r\n\r\n{{")), Refusal::TooLarge),
        ("one byte too large", json("", &"x".repeat(5 * 1024 + 1)), Refusal::TooLarge),
        ("undeclared, until close", raw(&format!("{head}\r\n{}", "x".repeat(100_000))), Refusal::TooLarge),
        (
            "chunked without end",
            Script::Endless(
                format!("{head}transfer-encoding: chunked\r\n\r\n").into(),
                format!("400\r\n{}\r\n", "x".repeat(1024)).into(),
                Duration::ZERO,
            ),
            Refusal::TooLarge,
        ),
        (
            "content that drips",
            Script::Endless(format!("{head}\r\n").into(), b"x".to_vec(), Duration::from_millis(20)),
            Refusal::Deadline,
        ),
        (
            "a head that drips",
            Script::Endless(head.into(), b"x-a: b\r\n".to_vec(), Duration::from_millis(20)),
            Refusal::Deadline,
        ),
        (
            "interim answers without end",
            Script::Endless(Vec::new(), b"HTTP/1.1 103 Early\r\n\r\n".to_vec(), Duration::from_millis(5)),
            Refusal::Deadline,
        ),
        ("gzip", json("content-encoding: gzip\r\n", "\u{1f}"), Refusal::Encoded),
        ("gzip under another name", json("content-encoding: x-gzip\r\n", "{}"), Refusal::Encoded),
        (
            "two encodings",
            json("content-encoding: identity\r\ncontent-encoding: br\r\n", "{}"),
            Refusal::Encoded,
        ),
        ("a head of many fields", json(&"a: b\r\n".repeat(80), "{}"), Refusal::Protocol),
        (
            "a head of one large field",
            json(&format!("a: {}\r\n", "b".repeat(64 * 1024)), "{}"),
            Refusal::Protocol,
        ),
        ("less than declared", raw(&format!("{head}content-length: 100\r\n\r\n{{}}")), Refusal::Protocol),
        ("no HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Refusal::Protocol),
        ("nothing at all", raw(""), Refusal::Protocol),
    ];
    for (row, script, expected) in rows {
        let (_server, _, egress) = behind_public_name(script).await;
        let limits = if expected == Refusal::Deadline { &SHORT } else { &LIMITS };
        let refused = egress.get(&at_host("/c.json"), limits).await.unwrap_err();
        assert_eq!(Refusal::of(&refused), Some(expected), "{row}: {refused}");
    }
    let (_server, _, egress) = behind_public_name(json("", &"x".repeat(5 * 1024))).await;
    assert_eq!(egress.get(&at_host("/c.json"), &LIMITS).await.unwrap().body.len(), 5 * 1024);
}

/// Which refusal a row must meet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Refusal {
    TooLarge,
    Deadline,
    Encoded,
    Protocol,
}

impl Refusal {
    fn of(error: &EgressError) -> Option<Self> {
        match error {
            EgressError::TooLarge { .. } => Some(Self::TooLarge),
            EgressError::Deadline { .. } => Some(Self::Deadline),
            EgressError::ContentEncoding { .. } => Some(Self::Encoded),
            EgressError::Protocol { .. } => Some(Self::Protocol),
            _ => None,
        }
    }
}

/// The other half of `b16_proxy_env_changes_nothing`, which runs it again in a process with proxy variables.
#[tokio::test]
async fn b16_direct_and_checked() {
    let server = Server::tls(json("", "{}")).await;
    let paper = Paper::to(Some(server.addr)).name(HOST, &[&[PUBLIC]]).name("evil.example", &[&["10.0.0.1"]]);
    let paper = Arc::new(paper);
    let egress = egress(&paper, &server.certificate, &[]);
    let refused = egress.get(&url("https://evil.example/"), &LIMITS).await.unwrap_err();
    assert!(matches!(refused, EgressError::Forbidden { .. }), "{refused}");
    assert!(egress.get(&at_host("/c.json"), &LIMITS).await.is_ok());
    assert_eq!(paper.dialled(), [format!("{PUBLIC}:443").parse().unwrap()]);
    assert!(
        server.requests()[0].starts_with("GET /c.json HTTP/1.1\r\n"),
        "never CONNECT, never an absolute target"
    );
}

#[tokio::test]
async fn b16_proxy_env_changes_nothing() {
    let (proxy, visitors, accept) = support::counting();
    let accepting = tokio::spawn(accept);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "b16_direct_and_checked"]);
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, format!("http://{proxy}"));
    }
    let done =
        tokio::task::spawn_blocking(move || child.env_remove("NO_PROXY").output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    accepting.abort();
    assert_eq!(*visitors.lock().unwrap(), 0, "nobody came to the proxy");
}
