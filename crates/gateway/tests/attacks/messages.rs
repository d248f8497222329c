//! E2–E5, E8–E13: what the body may be, and that what was decided is what is forwarded.

use crate::world::{World, alice};
use bytes::Bytes;
use serde_json::{Value, json};

/// Sends each body in turn: 400, nothing forwarded, an entry written, no server error.
async fn refused(bodies: &[&str]) {
    let world = World::new().await;
    let token = world.token(&alice());
    for (n, body) in bodies.iter().enumerate() {
        let answer = world.post(&token, Bytes::copy_from_slice(body.as_bytes())).send().await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.code().is_some() && answer.json()["error"]["data"]["trace"].is_string(), "{body}");
        assert_eq!(world.record().await.len(), n + 1, "{body}");
    }
    assert!(world.upstream.is_untouched());
}

#[tokio::test]
async fn e02_duplicate_keys() {
    refused(&[
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"read_report"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","name":"secret"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","arguments":{"a":1,"a":2}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","arguments":{"d":[{"a":{"k":1,"\u006b":2}}]}}}"#,
    ])
    .await;
}

#[tokio::test]
async fn e03_case_variant_keys() {
    refused(&[
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","Name":"secret"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report"},"paramſ":{"name":"secret"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"tools/list","params":{"name":"read_report"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"report/q","URI":"secret/x"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"summary","Uri":"x"}}}"#,
    ])
    .await;
}

#[tokio::test]
async fn e04_nul_in_keys() {
    refused(&[
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","name\u0000":"secret"}}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\0\":\"read_report\"}}",
    ])
    .await;
}

#[tokio::test]
async fn e05_batch() {
    refused(&[
        "[]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report"}}]"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"secret"}}]"#,
    ])
    .await;
}

#[tokio::test]
async fn e08_names_are_bytes() {
    let world = World::new().await;
    let token = world.token(&alice());
    for name in [
        "Read_report",
        "READ_REPORT",
        "read_report ",
        " read_report",
        "read_report\u{200b}",
        "read\u{2010}report",
        "reаd_report",
        "read_report\0",
    ] {
        let answer = world.legacy(&token, "tools/call", json!({"name": name})).send().await;
        assert_eq!(answer.status, 403, "{name:?}: {answer:?}");
    }
    assert!(world.upstream.is_untouched());
    assert_eq!(world.read_report(&token).send().await.status, 200);
}

#[tokio::test]
async fn e09_partial_inspection() {
    let world = World::new().await;
    let token = world.token(&alice());
    let padding = "x".repeat(70 * 1024);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read_report","arguments":{{"p":"{padding}","deny":"me"}}}}}}"#
    );
    let answer = world.post(&token, body).send().await;
    assert_eq!(answer.status, 413);
    assert!(world.upstream.is_untouched());
    assert_eq!(world.record_lines().await, ["decision mcp:request deny too_large"]);
}

#[tokio::test]
async fn e11_decompression_bomb() {
    let world = World::new().await;
    let token = world.token(&alice());
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip"] {
        let answer = world.read_report(&token).header("content-encoding", encoding).send().await;
        assert_eq!(answer.status, 415, "{encoding}");
    }
    assert!(world.upstream.is_untouched());
}

#[tokio::test]
async fn e12_hostile_json() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read_report","arguments":{}1{}}}}}"#,
        r#"{"a":"#.repeat(5000),
        "}".repeat(5000)
    );
    let call = |argument: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read_report","arguments":{{"a":{argument}}}}}}}"#
        )
    };
    let texts = [
        deep,
        call(&format!("{}1{}", "[".repeat(70), "]".repeat(70))),
        "[".repeat(30_000),
        call("NaN"),
        call("Infinity"),
        call("01"),
        call(r#""\ud800""#),
        format!("\u{feff}{}", call("1")),
        format!("{} {{}}", call("1")),
        call("1").replace('"', "'"),
    ];
    refused(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;

    let world = World::new().await;
    let mut bytes = call("1").into_bytes();
    let at = bytes.iter().position(|b| *b == b'r').unwrap();
    bytes[at] = 0xff;
    assert_eq!(world.post(&world.token(&alice()), bytes).send().await.status, 400);
    assert!(world.upstream.is_untouched());
}

#[tokio::test]
async fn e13_authorised_is_forwarded() {
    let world = World::new().await;
    let token = world.token(&alice());
    // Odd but true JSON: escapes, white space, big and exact numbers, odd order.
    let body = "{ \"params\" : {\"arguments\":{\"n\":12345678901234567890123,\"x\":1.50,\"s\":\"\\u0061\\/b\"},\t\"name\":\"read\\u005freport\"} ,\"method\":\"tools/call\",\r\n\"id\": 1, \"jsonrpc\":\"2.0\"}";
    let answer = world.post(&token, body).header("mcp-protocol-version", "2025-11-25").send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let forwarded = world.upstream.last().body;
    assert_eq!(
        String::from_utf8_lossy(&forwarded),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"n":12345678901234567890123,"x":1.50,"s":"a/b"},"name":"read_report"}}"#
    );
    assert_eq!(
        world.record_lines().await,
        ["decision tool:read_report permit scope_allows", "outcome tool:read_report permit"]
    );
    let echoed: Value = answer.json();
    assert_eq!(echoed["result"]["echo"]["name"], "read_report");
}
