//! E6, E7: the mirrored headers.

use crate::world::{World, alice, meta};
use serde_json::json;

fn arguments() -> serde_json::Value {
    json!({"name": "read_report", "arguments": {}})
}

#[tokio::test]
async fn e06_header_differs_from_body() {
    let world = World::new().await;
    let token = world.token(&alice());
    let call = || world.modern(&token, "tools/call", arguments());
    let cases = [
        ("other name", call().set("mcp-name", "secret_tool")),
        ("name in another case", call().set("mcp-name", "Read_report")),
        ("encoded lie", call().set("mcp-name", "=?base64?c2VjcmV0?=")),
        ("broken encoding", call().set("mcp-name", "=?base64?%%?=")),
        ("sentinel in another case", call().set("mcp-name", "=?BASE64?cmVhZF9yZXBvcnQ=?=")),
        ("no name", call().without("mcp-name")),
        ("name twice", call().header("mcp-name", "read_report")),
        ("other method", call().set("mcp-method", "tools/list")),
        ("method in another case", call().set("mcp-method", "Tools/Call")),
        ("no method", call().without("mcp-method")),
        ("method twice", call().header("mcp-method", "tools/call")),
        ("no version", call().without("mcp-protocol-version")),
        ("other version", call().set("mcp-protocol-version", "2025-11-25")),
        ("version twice", call().header("mcp-protocol-version", "2026-07-28")),
        ("parameter twice", call().header("mcp-param-a", "1").header("Mcp-Param-A", "2")),
        ("broken parameter", call().header("mcp-param-a", "=?base64?*?=")),
    ];
    for (what, post) in cases {
        let answer = post.send().await;
        assert_eq!((answer.status, answer.code()), (400, Some(-32020)), "{what}: {answer:?}");
        assert_eq!(answer.json()["id"], 1, "{what}");
    }
    assert!(world.upstream.is_untouched());

    let encoded =
        call().set("mcp-name", "=?base64?cmVhZF9yZXBvcnQ=?=").header("mcp-param-a", "=?base64?w6k=?=");
    assert_eq!(encoded.send().await.status, 200);
    let seen = world.upstream.last();
    let mirrored = ["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-a"].map(|n| seen.header(n));
    assert_eq!(
        mirrored,
        [Some("2026-07-28"), Some("tools/call"), Some("read_report"), Some("=?base64?w6k=?=")]
    );
}

#[tokio::test]
async fn e06_what_a_modern_request_must_say() {
    let world = World::new().await;
    let token = world.token(&alice());
    let body = |meta: serde_json::Value| {
        let params = json!({"name": "read_report", "arguments": {}, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        world
            .post(&token, body.to_string())
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "read_report")
    };
    for member in ["protocolVersion", "clientCapabilities"] {
        let mut lacking = meta();
        lacking.as_object_mut().unwrap().remove(&format!("io.modelcontextprotocol/{member}"));
        let answer = body(lacking).send().await;
        assert_eq!((answer.status, answer.code()), (400, Some(-32602)), "{member}: {answer:?}");
    }
    let mut unknown = meta();
    unknown["io.modelcontextprotocol/protocolVersion"] = "1900-01-01".into();
    let answer = body(unknown).set("mcp-protocol-version", "1900-01-01").send().await;
    assert_eq!((answer.status, answer.code()), (400, Some(-32022)));
    assert_eq!(answer.json()["error"]["data"]["requested"], "1900-01-01");
    assert_eq!(answer.json()["error"]["data"]["supported"], json!(["2026-07-28"]));
    assert!(world.upstream.is_untouched());
}

#[tokio::test]
async fn e07_old_version_to_dodge_the_check() {
    let world = World::new().await;
    let token = world.token(&alice());
    let secret = || world.legacy(&token, "tools/call", json!({"name": "secret_tool"}));
    // The header claims what is allowed; the body, which is what runs, does not.
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let dodge = secret().set("mcp-protocol-version", version);
        assert_eq!(dodge.header("mcp-name", "read_report").send().await.status, 400, "{version}");
        let dodge = secret().set("mcp-protocol-version", version).header("mcp-method", "ping");
        assert_eq!(dodge.send().await.status, 400, "{version}");
    }
    // And without the headers nothing but the body is looked at.
    assert_eq!(secret().send().await.status, 403);
    assert_eq!(secret().without("mcp-protocol-version").send().await.status, 403);
    assert!(world.upstream.is_untouched());
}
