//! E10, E21, E22: what only raw sockets can send.

use crate::world::{World, alice};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","arguments":{}}}"#;

#[allow(clippy::disallowed_methods, reason = "the attacker's socket")]
async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.address).await.unwrap()
}

/// Sends bytes and reads until the server closes or falls silent; for its first word a busy one may take its time.
async fn exchange(world: &World, bytes: &[u8]) -> (String, bool) {
    let mut socket = connect(world).await;
    // The server may close before everything is sent.
    let _closed_early = socket.write_all(bytes).await;
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let patience = Duration::from_millis(if all.is_empty() { 20_000 } else { 1000 });
        match tokio::time::timeout(patience, socket.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return (String::from_utf8_lossy(&all).into_owned(), true),
            Ok(Ok(n)) => all.extend_from_slice(&buffer[..n]),
            Err(_) => return (String::from_utf8_lossy(&all).into_owned(), false),
        }
    }
}

fn head(world: &World, token: &str, more: &str) -> String {
    format!(
        "POST /mcp/crm HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{more}",
        world.address
    )
}

#[tokio::test]
async fn e10_chunked_over_the_limit() {
    let world = World::new().await;
    let token = world.token(&alice());
    let mut bytes = head(&world, &token, "Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    // 64 KiB are taken; 1 MiB is sent, without ever saying how much it will be.
    for _ in 0..256 {
        bytes.extend_from_slice(b"1000\r\n");
        bytes.extend_from_slice(&[b' '; 4096]);
        bytes.extend_from_slice(b"\r\n");
    }
    let (answer, _) = exchange(&world, &bytes).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(world.upstream.is_untouched());
    assert_eq!(world.record_lines().await, ["decision mcp:request deny too_large"]);
}

#[tokio::test]
async fn e21_request_smuggling() {
    let world = World::new().await;
    let token = world.token(&alice());
    let smuggled = format!("{}Content-Length: {}\r\n\r\n{CALL}", head(&world, &token, ""), CALL.len());
    let length = CALL.len();
    let cases = [
        // TE.CL with the second request inside what the length covers, and its mirror image.
        (
            "TE and CL",
            head(
                &world,
                &token,
                &format!(
                    "Transfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n{smuggled}",
                    smuggled.len() + 5
                ),
            ),
        ),
        (
            "CL and TE",
            head(
                &world,
                &token,
                &format!("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            ),
        ),
        (
            "two lengths",
            head(&world, &token, &format!("Content-Length: {length}\r\nContent-Length: 5\r\n\r\n{CALL}")),
        ),
        ("signed length", head(&world, &token, &format!("Content-Length: +{length}\r\n\r\n{CALL}"))),
        (
            "odd coding",
            head(&world, &token, &format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}")),
        ),
        (
            "chunked is not last",
            head(&world, &token, &format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}")),
        ),
        ("space before colon", head(&world, &token, &format!("Content-Length : {length}\r\n\r\n{CALL}"))),
        (
            "folded header",
            head(&world, &token, &format!("X-A: b\r\n Content-Length: {length}\r\n\r\n{CALL}")),
        ),
        ("bare CR", head(&world, &token, &format!("X-A: b\rContent-Length: {length}\r\n\r\n{CALL}"))),
        ("bad chunk", head(&world, &token, "Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n")),
    ];
    for (what, bytes) in cases {
        let (answer, closed) = exchange(&world, bytes.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
        assert!(closed, "{what}: the connection stays open after {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer}");
        assert!(world.upstream.is_untouched(), "{what}");
    }
}

#[tokio::test]
async fn e21_upgrade() {
    let world = World::new().await;
    let token = world.token(&alice());
    // An upgrade that nobody answered must not turn what follows into another protocol, or a second request
    // into part of the first.
    let upgrade = format!(
        "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\nContent-Length: {}\r\n\r\n{CALL}",
        CALL.len()
    );
    let (answer, _) = exchange(&world, head(&world, &token, &upgrade).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("101"), "{answer}");
    assert_eq!(world.upstream.last().header("upgrade"), None);
    assert_eq!(world.upstream.last().header("connection"), None);
}

#[tokio::test]
async fn e22_path_without_slash() {
    let world = World::new().await;
    let token = world.token(&alice());
    for target in ["mcp/crm", "*", "/mcp/crm HTTP/1.1 x", "//mcp/crm", "http://evil.example/mcp/crm"] {
        let bytes = format!(
            "POST {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{CALL}",
            world.address,
            CALL.len()
        );
        let (answer, _) = exchange(&world, bytes.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{target}: {answer}");
    }
    let h2 = h2_without_slash(&world, &token).await;
    assert!(h2, "an HTTP/2 path without a slash was served");
    assert!(world.upstream.is_untouched());
}

/// Sends a `:path` without a slash over HTTP/2, in bytes, for no client would; answers whether it was refused.
async fn h2_without_slash(world: &World, token: &str) -> bool {
    let mut block = vec![0x83, 0x86]; // :method POST, :scheme http
    let authority = world.address.to_string();
    let authorization = format!("Bearer {token}");
    let fields: [(&[u8], &str); 4] = [
        (b":path", "mcp/crm"),
        (b":authority", &authority),
        (b"authorization", &authorization),
        (b"content-type", "application/json"),
    ];
    for (name, value) in fields {
        block.push(0); // literal without indexing, new name
        string(&mut block, name);
        string(&mut block, value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(&mut bytes, 4, 0, 0, &[]); // SETTINGS
    frame(&mut bytes, 1, 4, 1, &block); // HEADERS, END_HEADERS
    frame(&mut bytes, 0, 1, 1, CALL.as_bytes()); // DATA, END_STREAM
    let mut socket = connect(world).await;
    socket.write_all(&bytes).await.unwrap();
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(n @ 1..)) =
        tokio::time::timeout(Duration::from_millis(500), socket.read(&mut buffer)).await
    {
        all.extend_from_slice(&buffer[..n]);
    }
    // Served would be `:status 200`, the one-byte field 0x88, at the head of a HEADERS frame.
    !frames(&all).iter().any(|(kind, payload)| *kind == 1 && payload.first() == Some(&0x88))
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        out.push(u8::try_from(length).unwrap());
    } else {
        out.push(127);
        length -= 127;
        while length >= 128 {
            out.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        out.push(u8::try_from(length).unwrap());
    }
    out.extend_from_slice(text);
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let end = (9 + length).min(bytes.len());
        all.push((bytes[3], bytes[9..end].to_vec()));
        bytes = &bytes[end..];
    }
    all
}
