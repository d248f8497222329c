//! E1, E14, E16: no call without authority, and lists that say the same as calls.

use crate::world::{World, alice};
use http::Method;
use prokura_core::{Action, GrantId, ResourceUri, Timestamp};
use prokura_oauth::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};
use std::time::Duration;

/// Every method of either era, with parameters that would be fine.
fn methods() -> Vec<(&'static str, Value)> {
    vec![
        ("initialize", json!({"protocolVersion": "2025-11-25"})),
        ("ping", json!({})),
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("tools/call", json!({"name": "read_report"})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "report/q1"})),
        ("resources/subscribe", json!({"uri": "report/q1"})),
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "summary"})),
        ("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "summary"}})),
        ("subscriptions/listen", json!({"notifications": {}})),
        ("tasks/get", json!({"taskId": "t"})),
        ("logging/setLevel", json!({"level": "info"})),
        ("odd/method", json!({})),
    ]
}

fn with(world: &World, change: impl FnOnce(&mut prokura_oauth::access_token::AccessToken)) -> String {
    let mut claims = world.claims(&alice());
    change(&mut claims);
    claims.sign(&world.key).unwrap()
}

#[tokio::test]
async fn f07_a_pattern_that_ends_in_a_star_reaches_nothing_beside_it() {
    let world = World::new().await;
    let token = world.token(&alice());
    for odd in
        ["report/../secret/x", "report/%2e%2e/secret/x", "report/..\\secret", "report/%252e%252e%252fsecret"]
    {
        let answer = world.legacy(&token, "resources/read", json!({"uri": odd})).send().await;
        assert_eq!((answer.status, answer.code()), (400, Some(-32602)), "{odd}: {}", answer.body);
    }
    for other in ["report", "reports/q1", "Report/q1", " report/q1", "secret/report/q1", "*", "report*"] {
        let answer = world.legacy(&token, "resources/read", json!({"uri": other})).send().await;
        assert_eq!(answer.status, 403, "{other}: {}", answer.body);
    }
    assert!(world.upstream.is_untouched());
    assert_eq!(world.legacy(&token, "resources/read", json!({"uri": "report/q1"})).send().await.status, 200);
}

#[tokio::test]
async fn e01_no_expired_or_foreign_token() {
    let world = World::new().await;
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let good = world.token(&alice());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered =
        format!("{head}.{}{}", if signature.starts_with('A') { "B" } else { "A" }, &signature[1..]);
    let expired = with(&world, |c| {
        c.issued_at = Timestamp::from_seconds(crate::world::NOW - 600);
        c.expires_at = Timestamp::from_seconds(crate::world::NOW - 300);
    });
    let tokens = [
        (
            "other audience",
            with(&world, |c| c.audience = ResourceUri::parse_exact(&world.resource("hr")).unwrap()),
        ),
        (
            "prefix of the audience",
            with(&world, |c| c.audience = ResourceUri::parse_exact(&world.resource("cr")).unwrap()),
        ),
        ("other issuer", with(&world, |c| c.issuer = "https://as.example".into())),
        ("expired", expired),
        ("foreign key", world.claims(&alice()).sign(&stranger).unwrap()),
        ("tampered", tampered),
        ("not an access token", world.key.sign("JWT", &world.claims(&alice()).claims()).unwrap()),
        ("garbage", "a.b.c".to_owned()),
    ];
    for (method, params) in methods() {
        let none = world.legacy(&good, method, params.clone()).without("authorization").send().await;
        assert_eq!(none.status, 401, "{method}");
        let challenge = none.header("www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Bearer scope=\"read\", resource_metadata=\"")
                && !challenge.contains("error"),
            "{challenge}"
        );
        for (what, token) in &tokens {
            let answer = world.legacy(token, method, params.clone()).send().await;
            assert_eq!(answer.status, 401, "{what} at {method}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(
                challenge.contains("error=\"invalid_token\"") && challenge.contains("resource_metadata="),
                "{challenge}"
            );
            assert!(answer.json()["error"]["data"]["trace"].as_str().unwrap().starts_with("tr_"));
        }
    }
    for http in [Method::GET, Method::DELETE, Method::PUT] {
        assert_eq!(world.request(http.clone(), "crm").send().await.status, 401, "{http}");
    }
    assert!(world.upstream.is_untouched());
    assert_eq!(
        world.record_lines().await[..2],
        ["decision mcp:request challenge no_token", "decision mcp:request deny invalid_token"]
    );
    assert_eq!(world.read_report(&good).send().await.status, 200);
}

#[tokio::test]
async fn e01_token_remembered_for_one_resource_is_foreign_at_another() {
    let world = World::new().await;
    let token = world.token(&alice());
    assert_eq!(world.read_report(&token).send().await.status, 200);
    assert_eq!(world.read_report(&token).at("hr").send().await.status, 401);
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(world.read_report(&token).send().await.status, 401, "remembered beyond its end");
}

#[tokio::test]
async fn e14_lists_say_what_calls_would() {
    let world = World::new().await;
    let token = world.token(&alice());
    let lists = [
        ("tools/list", "tools", "name", "tools/call"),
        ("prompts/list", "prompts", "name", "prompts/get"),
        ("resources/list", "resources", "uri", "resources/read"),
    ];
    let all = [
        "read_report",
        "write_report",
        "secret_tool",
        "summary",
        "secret_prompt",
        "report/q1",
        "draft/q1",
        "secret/x",
    ];
    for (list, member, key, call) in lists {
        let answer = world.modern(&token, list, json!({})).send().await.json();
        let shown: Vec<_> = answer["result"][member]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e[key].as_str().unwrap().to_owned())
            .collect();
        for name in all {
            let answer = world.modern(&token, call, json!({key: name})).send().await;
            assert_eq!(answer.status == 200, shown.iter().any(|s| s == name), "{call} {name}");
        }
    }
    let templates = world.modern(&token, "resources/templates/list", json!({})).send().await.json();
    assert_eq!(templates["result"]["resourceTemplates"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn e16_what_is_mapped_nowhere_is_denied() {
    let world = World::new().await;
    let wide = world.token(&crate::world::TokenFor { scopes: "read write", ..alice() });
    let denied = [
        ("tools/call", json!({"name": "secret_tool"})),
        ("resources/read", json!({"uri": "secret/x"})),
        ("resources/subscribe", json!({"uri": "secret/x"})),
        ("resources/unsubscribe", json!({"uri": "secret/x"})),
        ("prompts/get", json!({"name": "secret_prompt"})),
        ("completion/complete", json!({"ref": {"type": "ref/resource", "uri": "secret/{x}"}})),
    ];
    for (method, params) in denied {
        let answer = world.legacy(&wide, method, params).send().await;
        assert_eq!(answer.status, 403, "{method}");
        // No scope would help, so none is asked for.
        assert_eq!(answer.header("www-authenticate"), None, "{method}");
        assert_eq!(answer.json()["error"]["data"]["error"], "unmapped", "{method}");
    }
    let listen = json!({"notifications": {"resourceSubscriptions": ["report/q1", "secret/x"]}});
    assert_eq!(world.modern(&wide, "subscriptions/listen", listen).send().await.status, 403);
    for method in ["odd/method", "tasks/list", "sampling/createMessage", "tools/Call", "rpc.discover"] {
        let legacy = world.legacy(&wide, method, json!({})).send().await;
        assert_eq!((legacy.status, legacy.code()), (200, Some(-32601)), "{method}");
        let modern = world.modern(&wide, method, json!({})).send().await;
        assert_eq!((modern.status, modern.code()), (404, Some(-32601)), "{method}");
    }
    for path in ["/mcp/crm/", "/mcp/crm/x", "/mcp/../mcp/crm", "/mcp/%63rm", "/mcp//crm", "/mcp/none", "/mcp"]
    {
        assert_eq!(world.read_report(&wide).path(path).send().await.status, 404, "{path}");
    }
    assert!(world.upstream.is_untouched());
    // A public resource opens what its scopes bundle and nothing else.
    let open =
        |name| world.legacy("", "tools/call", json!({"name": name})).without("authorization").at("open");
    assert_eq!(open("read_report").send().await.status, 200);
    assert_eq!(open("secret_tool").send().await.status, 403);
}

#[tokio::test]
async fn e16_step_up_asks_for_everything_at_once() {
    let world = World::new().await;
    let token = world.token(&alice());
    let answer = world.legacy(&token, "tools/call", json!({"name": "write_report"})).send().await;
    assert_eq!(answer.status, 403);
    let expected = format!(
        r#"Bearer error="insufficient_scope", error_description="the token lacks a scope that allows it", scope="read write", resource_metadata="{}/.well-known/oauth-protected-resource/mcp/crm""#,
        world.issuer
    );
    assert_eq!(answer.header("www-authenticate"), Some(expected.as_str()));
    assert_eq!(
        (answer.json()["id"].as_i64(), answer.json()["error"]["data"]["scope"].as_str()),
        (Some(1), Some("read write"))
    );
    assert_eq!(
        world.record_lines().await,
        [format!("decision {} challenge scope_missing", Action::tool("write_report"))]
    );
}

#[tokio::test]
async fn e01_revoked_grant_stops_the_next_call() {
    let world = World::new().await;
    let child =
        world.token(&crate::world::TokenFor { grant: "g_child", ancestors: vec!["g_root"], ..alice() });
    let root = world.token(&crate::world::TokenFor { grant: "g_root", ..alice() });
    world.insert_grant("g_root").await;
    for token in [&root, &child] {
        assert_eq!(world.read_report(token).send().await.status, 200);
    }
    world.revoke(GrantId::parse("g_root").unwrap()).await;
    for token in [&root, &child] {
        let answer = world.read_report(token).send().await;
        assert_eq!(answer.status, 401);
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
        let refused = world.record().await.pop().unwrap().event;
        assert_eq!(refused.reasons, ["grant_revoked"]);
        assert!(refused.subject.is_some() && refused.grant.is_some(), "the record says whose token was used");
    }
    assert_eq!(world.upstream.seen().len(), 2);
}
