//! E17–E20, E22–E24: hosts, origins, media types, and the headers of proxies.

use crate::world::{World, alice};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn e17_dns_rebinding() {
    let world = World::new().await;
    let token = world.token(&alice());
    let call = || world.read_report(&token);
    for host in ["evil.example", "127.0.0.1", "localhost", "127.0.0.1:1"] {
        let answer = call().header("host", host).send().await;
        assert_eq!(answer.status, 403, "host {host}");
    }
    for origin in
        ["http://evil.example", "null", "https://app.example.evil.example", "https://app.example:8443"]
    {
        let answer = call().header("origin", origin).send().await;
        assert_eq!(answer.status, 403, "origin {origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert!(world.upstream.is_untouched());
    assert_eq!(world.record_lines().await[0], "decision mcp:request deny foreign_host");

    let own = format!("http://{}", world.address);
    for origin in [own.as_str(), "https://app.example"] {
        let answer = call().header("origin", origin).send().await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
    }
    let preflight =
        world.request(Method::OPTIONS, "crm").header("origin", "https://evil.example").send().await;
    assert_eq!(preflight.status, 403);
    let preflight =
        world.request(Method::OPTIONS, "crm").header("origin", "https://app.example").send().await;
    assert_eq!(preflight.status, 204);
}

#[tokio::test]
async fn e18_simple_request() {
    let world = World::new().await;
    let token = world.token(&alice());
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/json, text/plain",
        "",
    ] {
        let answer = world.read_report(&token).set("content-type", kind).send().await;
        assert_eq!(answer.status, 415, "{kind}");
        let public = world.read_report(&token).at("open").without("authorization").set("content-type", kind);
        assert_eq!(public.send().await.status, 415, "{kind}");
    }
    assert_eq!(world.read_report(&token).without("content-type").send().await.status, 415);
    assert!(world.upstream.is_untouched());
}

#[tokio::test]
async fn e19_forwarded_host_poisons_metadata() {
    let world = World::new().await;
    let poisoned = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "host=evil.example"),
        ("x-original-url", "/evil"),
    ];
    let path = "/.well-known/oauth-protected-resource/mcp/crm";
    let add = |post| poisoned.iter().fold(post, |p: crate::world::Post<'_>, (n, v)| p.header(n, v));
    let document = add(world.request(Method::GET, "crm").path(path)).send().await;
    assert_eq!(document.json()["resource"], world.resource("crm"));
    assert_eq!(document.json()["authorization_servers"][0], world.issuer.as_str());
    assert!(!document.body.contains("evil"));
    let challenge = add(world.request(Method::POST, "crm")).send().await;
    assert_eq!(challenge.status, 401);
    let expected = format!(r#"Bearer scope="read", resource_metadata="{}{path}""#, world.issuer);
    assert_eq!(challenge.header("www-authenticate"), Some(expected.as_str()));
}

/// Everything that a client may send besides, none of which is an upstream's business.
const FOREIGN: [(&str, &str); 16] = [
    ("cookie", "session=canary"),
    ("x-forwarded-for", "canary"),
    ("x-forwarded-uri", "/canary"),
    ("x-forwarded-user", "canary"),
    ("x-forwarded-host", "canary"),
    ("x-real-ip", "canary"),
    ("forwarded", "for=canary"),
    ("x_user", "canary"),
    ("x_forwarded_for", "canary"),
    ("authorization_", "canary"),
    ("proxy-authorization", "Basic canary"),
    ("x-original-url", "/canary"),
    ("x-http-method-override", "DELETE"),
    ("user-agent", "canary"),
    ("via", "canary"),
    ("x-api-key", "canary"),
];

#[tokio::test]
async fn e20_proxy_headers() {
    let world = World::new().await;
    let token = world.token(&alice());
    let modern = world.modern(&token, "tools/call", json!({"name": "read_report"}));
    let usual =
        ["accept", "accept-encoding", "content-length", "content-type", "host", "mcp-protocol-version"];
    for (call, more) in [(world.read_report(&token), &[][..]), (modern, &["mcp-method", "mcp-name"])] {
        let call = FOREIGN.iter().fold(call, |p, (n, v)| p.header(n, v));
        assert_eq!(call.send().await.status, 200);
        let seen = world.upstream.last();
        let mut names: Vec<_> = seen.headers.keys().map(http::HeaderName::as_str).collect();
        let mut expected = [&usual, more].concat();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn e23_hop_by_hop_authorization() {
    let world = World::new().await;
    let token = world.token(&alice());
    // What `Connection` names is for this hop. This hop is where the token is looked at.
    let call = world.read_report(&token).header("connection", "authorization, mcp-protocol-version");
    assert_eq!(call.send().await.status, 200);
    let without = world.read_report(&token).without("authorization").header("connection", "authorization");
    assert_eq!(without.send().await.status, 401);
    let modern = world.modern(&token, "tools/call", json!({"name": "read_report"}));
    let named = modern.header("mcp-param-a", "x").header("connection", "Mcp-Param-A");
    assert_eq!(named.send().await.status, 200);
    assert_eq!(world.upstream.last().header("mcp-param-a"), None);
}

#[tokio::test]
async fn e24_token_passthrough() {
    let world = World::new().await;
    let token = world.token(&alice());
    for call in
        [world.read_report(&token), world.modern(&token, "tools/call", json!({"name": "read_report"}))]
    {
        let call = call
            .header("cookie", &token)
            .header("x-access-token", &token)
            .path(&format!("/mcp/crm?access_token={token}"));
        assert_eq!(call.send().await.status, 200);
    }
    let public = world.read_report(&token).at("open").send().await;
    assert_eq!(public.status, 200);
    for seen in world.upstream.seen() {
        let all = format!("{} {:?} {}", seen.uri, seen.headers, String::from_utf8_lossy(&seen.body));
        assert!(!all.contains(&token), "{all}");
        assert_eq!((seen.header("authorization"), seen.header("cookie")), (None, None));
    }
}
