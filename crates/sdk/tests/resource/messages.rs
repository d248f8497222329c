//! Scopes by the message, and what goes on.

use crate::world::World;
use http::Method;

#[tokio::test]
async fn a_tool_needs_its_scope_and_the_challenge_names_all_that_is_needed() {
    let world = World::new().await;
    assert_eq!(world.call(&world.token("read"), "read_report").await.status, 200);
    let answer = world.call(&world.token("read openid"), "write_report").await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.challenges(),
        [
            r#"Bearer error="insufficient_scope", error_description="the token lacks a scope that allows it", scope="openid read write", resource_metadata="https://tools.example/.well-known/oauth-protected-resource/mcp""#
        ]
    );
    assert!(answer.body.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":{"code":403,"#), "{}", answer.body);
    let unmapped = world.call(&world.token("read write"), "drop_everything").await;
    assert_eq!((unmapped.status, unmapped.challenges().len()), (403, 0), "no scope would help");
}

#[tokio::test]
async fn e08_a_name_is_compared_byte_for_byte() {
    let world = World::new().await;
    for near in
        ["Read_report", "read_report ", "read_reports", "read_report\\u200b", "read_report\\u0000", ""]
    {
        assert_ne!(world.call(&world.token("read write"), near).await.status, 200, "{near}");
    }
}

#[tokio::test]
async fn e06_no_header_decides_what_is_called() {
    let world = World::new().await;
    let authorization = format!("Bearer {}", world.token("read"));
    let headers = [
        ("content-type", "application/json"),
        ("authorization", authorization.as_str()),
        ("mcp-method", "tools/list"),
        ("mcp-name", "read_report"),
    ];
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_report"}}"#;
    assert_eq!(world.request(Method::POST, "/mcp", &headers, body).await.status, 403);
}

#[tokio::test]
async fn e02_e13_what_goes_on_is_what_was_read_and_nothing_that_two_could_read_differently() {
    let world = World::new().await;
    let token = world.token("read");
    let loose = "{ \"method\" : \"tools/call\",\n \"jsonrpc\":\"2.0\", \"id\":1, \"params\":{\"name\":\"read_\\u0072eport\", \"arguments\":{\"x\":12345678901234567890}} }";
    let answer = world.post(&token, loose).await;
    let written = answer.body.split("token=false ").nth(1).unwrap();
    assert_eq!(
        written,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","arguments":{"x":12345678901234567890}}}"#
    );
    for bad in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","name":"write_report"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","Name":"write_report"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"x","params":{"name":"read_report"}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report"}}]"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"odd/method","params":{}}"#,
        "",
        "nonsense",
    ] {
        assert_eq!(world.post(&token, bad).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn e09_e11_bodies_have_a_bound_and_one_form() {
    let world = World::with(|r| r.max_body(2048)).await;
    let token = world.token("read");
    let long =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{}"}}}}"#, "a".repeat(4096));
    assert_eq!(world.post(&token, &long).await.status, 413);
    let authorization = format!("Bearer {token}");
    let fine = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for more in [
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("content-type", "application/json, text/html"),
    ] {
        let mut headers = vec![("authorization", authorization.as_str()), more];
        if more.0 == "content-encoding" {
            headers.push(("content-type", "application/json"));
        }
        assert_eq!(world.request(Method::POST, "/mcp", &headers, fine).await.status, 415, "{more:?}");
    }
    assert_eq!(world.post(&token, fine).await.status, 200);
}

#[tokio::test]
async fn every_way_to_a_resource_or_prompt_counts() {
    let world = World::new().await;
    let (read, none) = (world.token("read"), world.token(""));
    let message = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
    };
    for (method, params) in [
        ("resources/read", r#"{"uri":"report/q1"}"#),
        ("resources/subscribe", r#"{"uri":"report/q1"}"#),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","uri":"report/q1"},"argument":{"name":"a","value":"b"}}"#,
        ),
        ("subscriptions/listen", r#"{"notifications":{"resourceSubscriptions":["report/q1"]}}"#),
    ] {
        assert_eq!(world.post(&read, &message(method, params)).await.status, 200, "{method}");
        assert_eq!(world.post(&none, &message(method, params)).await.status, 403, "{method}");
    }
    for (method, params) in [("initialize", "{}"), ("tools/list", "{}"), ("server/discover", "{}")] {
        assert_eq!(world.post(&none, &message(method, params)).await.status, 200, "{method}");
    }
    assert_eq!(world.post(&read, &message("prompts/get", r#"{"name":"summary"}"#)).await.status, 403);
}

#[tokio::test]
async fn a_scope_may_be_needed_for_everything() {
    let world = World::with(|r| r.every_request_needs("mcp")).await;
    let refused = world.call(&world.token("read"), "read_report").await;
    assert_eq!(refused.status, 403);
    assert!(refused.challenges()[0].contains(r#"scope="mcp read""#), "{:?}", refused.challenges());
    assert_eq!(world.call(&world.token("read mcp"), "read_report").await.status, 200);
}
