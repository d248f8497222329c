//! E15: what the arguments of a call may be. A token with authorization details (RFC 9396) permits exactly what they say.

use crate::world::{TokenFor, World, alice};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const UP_TO_30: &str =
    r#"[{"actions":["read_report"],"constraints":[["<=",".days",30],["in",".tenant",["acme"]]]}]"#;

fn narrow(scopes: &'static str, details: &'static str) -> TokenFor {
    TokenFor { scopes, details, ..alice() }
}

fn call(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read_report","arguments":{arguments}}}}}"#
    )
}

#[tokio::test]
async fn e15_arguments_beyond_a_constraint_never_reach_the_upstream() {
    let world = World::new().await;
    for scopes in ["", "read"] {
        let token = world.token(&narrow(scopes, UP_TO_30));
        for arguments in [
            r#"{"days":31,"tenant":"acme"}"#,
            r#"{"days":30.00000000000000000001,"tenant":"acme"}"#,
            r#"{"days":1e99999999999999999999,"tenant":"acme"}"#,
            r#"{"days":"30","tenant":"acme"}"#,
            r#"{"days":null,"tenant":"acme"}"#,
            r#"{"days":[1],"tenant":"acme"}"#,
            r#"{"tenant":"acme"}"#,
            r#"{"days":1,"tenant":"other"}"#,
            r#"{"days":1,"tenant":"ACME"}"#,
            r#"{"days":1,"tenant":"acme","Tenant":"other"}"#,
            r#"{"days":1,"tenant":"acme","tena\u200bnt":"other"}"#,
            r#"{"days":1,"tenant":["acme"]}"#,
            "{}",
        ] {
            let answer = world.post(&token, call(arguments)).send().await;
            assert_eq!(answer.status, 403, "{scopes:?} {arguments}");
            assert_eq!(answer.json()["error"]["data"]["reason"], "constraint", "{arguments}");
        }
        for odd in ["[]", "7"] {
            assert_eq!(world.post(&token, call(odd)).send().await.status, 400, "arguments are an object");
        }
        let none = world.legacy(&token, "tools/call", json!({"name": "read_report"})).send().await;
        assert_eq!(none.status, 403, "no arguments at all");
        assert!(world.upstream.is_untouched());
        for fine in [r#"{"days":30,"tenant":"acme"}"#, r#"{"days":3.0e1,"tenant":"acme","more":"x"}"#] {
            assert_eq!(world.post(&token, call(fine)).send().await.status, 200, "{fine}");
        }
        assert_eq!(world.upstream.seen().len(), if scopes.is_empty() { 2 } else { 4 });
        if scopes.is_empty() {
            let modern = json!({"name": "read_report", "arguments": {"days": 31, "tenant": "acme"}});
            assert_eq!(world.modern(&token, "tools/call", modern).send().await.status, 403);
            break;
        }
    }
}

#[tokio::test]
async fn e15_with_a_scope_beside_them_details_are_a_ceiling() {
    let world = World::new().await;
    let token = world.token(&narrow("read write", UP_TO_30));
    let write = json!({"name": "write_report", "arguments": {}});
    let refused = world.legacy(&token, "tools/call", write).send().await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["error"]["data"]["reason"], "not_in_details");
    assert_eq!(world.post(&token, call(r#"{"days":31,"tenant":"acme"}"#)).send().await.status, 403);
    let read = world.legacy(&token, "resources/read", json!({"uri": "report/q1"})).send().await;
    assert_eq!(read.status, 200, "details speak of tools alone");
    let other = world.token(&narrow("write", UP_TO_30));
    let answer = world.post(&other, call(r#"{"days":1,"tenant":"acme"}"#)).send().await;
    assert_eq!(answer.json()["error"]["data"]["scope"], "read write", "the scope is missing still");
}

#[tokio::test]
async fn e14_details_alone_show_and_permit_exactly_their_tools() {
    let tools = ["read_report", "write_report", "secret_tool"];
    let world = World::with(move |seen| {
        let entry = |n: &str| json!({"name": n, "uri": "report/q1", "inputSchema": {"type": "object"}});
        let all: Vec<Value> = tools.iter().map(|n| entry(n)).collect();
        let listed = json!({"tools": all, "resources": all, "prompts": all});
        crate::world::Reply::result(seen, listed)
    })
    .await;
    let token = world.token(&narrow("", r#"[{"actions":["write_report","secret_tool"]}]"#));
    let names = |answer: &Value, member: &str| -> Vec<String> {
        let list = answer["result"][member].as_array().cloned().unwrap_or_default();
        list.iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
    };
    let listed = world.legacy(&token, "tools/list", json!({})).send().await;
    assert_eq!(names(&listed.json(), "tools"), ["write_report"], "what no scope bundles stays hidden");
    for (method, member) in [("resources/list", "resources"), ("prompts/list", "prompts")] {
        let listed = world.legacy(&token, method, json!({})).send().await;
        assert!(names(&listed.json(), member).is_empty(), "{method}");
    }
    let call = |name: &str| world.legacy(&token, "tools/call", json!({"name": name})).send();
    assert_eq!(call("write_report").await.status, 200);
    assert_eq!(call("read_report").await.status, 403);
    assert_eq!(call("secret_tool").await.status, 403);
    let read = world.legacy(&token, "resources/read", json!({"uri": "report/q1"})).send().await;
    assert_eq!(read.status, 403);
}

#[tokio::test]
async fn a_refusal_says_which_constraint_and_what_to_ask_for() {
    let world = World::new().await;
    let token = world.token(&narrow("read", UP_TO_30));
    let answer = world.post(&token, call(r#"{"days":90,"tenant":"acme"}"#)).send().await;
    let error = &answer.json()["error"];
    assert_eq!(error["message"], "it is allowed only where days is at most 30");
    assert_eq!(error["data"]["error"], "insufficient_authorization");
    assert_eq!(error["data"]["constraint"], json!(["<=", ".days", 30]));
    let remedy =
        json!([{"type": "mcp_tool", "locations": [world.resource("crm")], "actions": ["read_report"]}]);
    assert_eq!(error["data"]["authorization_details"], remedy);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer error="insufficient_authorization", "#), "{challenge}");
    let encoded = challenge.split("authorization_remediation=\"").nth(1).unwrap().split('"').next().unwrap();
    let decoded: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
    assert_eq!(decoded, json!({"authorization_details": remedy}));
    assert_eq!(world.record_lines().await, ["decision tool:read_report deny constraint"]);
    let entry = &world.record().await[0];
    assert_eq!(entry.event.details.get("constraint").unwrap().to_string(), r#"["<=",".days",30]"#);
}

#[tokio::test]
async fn a_token_whose_details_cannot_be_read_is_none() {
    let world = World::new().await;
    for bad in [
        json!([]),
        json!([{"type": "payment"}]),
        json!([{"type": "mcp_tool", "locations": [world.resource("hr")], "actions": ["read_report"]}]),
        json!([{"type": "mcp_tool", "actions": ["read_report"], "constraints": [["matches", ".x", "y"]]}]),
        json!("mcp_tool"),
    ] {
        let mut claims = world.claims(&alice()).claims();
        let value =
            prokura_oauth::json::parse(bad.to_string().as_bytes(), &prokura_oauth::json::Limits::TOKEN);
        claims.insert("authorization_details", value.unwrap());
        let token = world.key.sign("at+jwt", &claims).unwrap();
        assert_eq!(world.read_report(&token).send().await.status, 401, "{bad}");
    }
    assert!(world.upstream.is_untouched());
}
