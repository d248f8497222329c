use super::*;
use prokura_oauth::json::{Limits, parse};

fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap()
}

fn call(method: &str, params: &str) -> Call {
    Call { method: method.into(), params: Some(object(params)) }
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":"p",
    "io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"extensions":{"a/b":{}}},
    "io.modelcontextprotocol/logLevel":"warning","io.modelcontextprotocol/clientInfo":{"name":"h","version":"1"}}"#;

#[test]
fn requests_lose_what_only_modern_ones_say() {
    let params = format!(r#"{{"name":"t","requestState":"s","inputResponses":{{}},{META}}}"#);
    let expected = object(r#"{"name":"t","_meta":{"progressToken":"p"}}"#);
    assert_eq!(request(call("tools/call", &params)).params, Some(expected));
    let bare = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
    assert_eq!(request(call("tools/list", bare)).params, Some(Object::new()));
}

#[test]
fn what_a_host_says_opens_its_session() {
    let says = Says::read(Some(&object(&format!("{{{META}}}")))).unwrap();
    let expected = object(
        r#"{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"h","version":"1"}}"#,
    );
    assert_eq!(says.opening(), expected);
    for (level, wanted) in [("error", true), ("warning", true), ("info", false), ("loud", false)] {
        assert_eq!(says.wants(Some(level)), wanted, "{level}");
    }
    let quiet = Says { log_level: None, ..says };
    assert!(!quiet.wants(Some("emergency")) && !quiet.wants(None));
    assert!(Says::read(None).is_err());
    assert!(Says::read(Some(&object(r#"{"_meta":{}}"#))).is_err());
}

#[test]
fn each_method_has_its_way() {
    for (method, expected) in [
        ("server/discover", Way::Discover),
        ("subscriptions/listen", Way::Listen),
        ("tools/list", Way::On),
        ("tools/call", Way::On),
        ("resources/read", Way::On),
        ("completion/complete", Way::On),
    ] {
        assert_eq!(way(method), expected, "{method}");
    }
    for method in
        ["initialize", "ping", "logging/setLevel", "resources/subscribe", "tasks/get", "tasks/update"]
    {
        assert!(matches!(way(method), Way::No(_)), "{method}");
    }
    for (method, expected) in [
        ("notifications/progress", Goes::Request),
        ("notifications/message", Goes::Log),
        ("notifications/tools/list_changed", Goes::Subscriptions),
        ("notifications/resources/updated", Goes::Subscriptions),
        ("notifications/cancelled", Goes::Nowhere),
        ("notifications/elicitation/complete", Goes::Nowhere),
        ("notifications/tasks/status", Goes::Nowhere),
    ] {
        assert_eq!(goes(method), expected, "{method}");
    }
}

#[test]
fn results_gain_what_modern_ones_have_to_say() {
    let server = parse(br#"{"name":"s","version":"2"}"#, &Limits::MESSAGE).unwrap();
    let listed = result("tools/list", object(r#"{"tools":[]}"#), Some(&server));
    let expected = object(
        r#"{"tools":[],"resultType":"complete","ttlMs":0,"cacheScope":"private",
            "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"2"}}}"#,
    );
    assert_eq!(listed, expected);
    // What a legacy server calls a type of its own is not one.
    let called = result("tools/call", object(r#"{"content":[],"resultType":"input_required"}"#), None);
    assert_eq!(called, object(r#"{"content":[],"resultType":"complete"}"#));
    let opened = object(
        r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"tasks":{}},"serverInfo":{"name":"s","version":"2"},"instructions":"Go."}"#,
    );
    let found = discovered(&opened);
    assert_eq!(found.get("capabilities"), Some(&object(r#"{"tools":{}}"#).into()));
    assert_eq!((found.str("instructions"), found.str("cacheScope")), (Some("Go."), Some("private")));
    assert!(found.get("supportedVersions").unwrap().as_array().unwrap().contains(&MODERN.into()));
}

#[test]
fn errors_say_what_they_say_in_the_newer_era() {
    let not_found = || object(r#"{"code":-32002,"message":"none"}"#);
    assert_eq!(error("resources/read", not_found()).get("code").unwrap().as_i64(), Some(-32602));
    assert_eq!(error("tools/call", not_found()), not_found());
    let needed = object(
        r#"{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","url":"https://a/","elicitationId":"e","message":"m"}]}}"#,
    );
    let pages = pages(&needed).unwrap();
    let expected = parse(
        br#"{"method":"elicitation/create","params":{"mode":"url","url":"https://a/","message":"m"}}"#,
        &Limits::MESSAGE,
    );
    assert_eq!(input(pages[0].clone()), expected.unwrap());
    for other in
        [r#"{"code":-32042,"message":"m"}"#, r#"{"code":-32042,"message":"m","data":{"elicitations":[]}}"#]
    {
        assert!(super::pages(&object(other)).is_none(), "{other}");
    }
}

#[test]
fn a_subscription_gets_what_it_wants_and_the_server_offers() {
    let offered = object(r#"{"tools":{"listChanged":true},"resources":{"subscribe":true}}"#);
    let params = object(
        r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["x://a","x://d/"]}}"#,
    );
    let filter = Filter::read(Some(&params), Some(&offered)).unwrap();
    assert_eq!(
        filter.to_object(),
        object(r#"{"toolsListChanged":true,"resourceSubscriptions":["x://a","x://d/"]}"#)
    );
    for (method, params, wanted) in [
        ("notifications/tools/list_changed", "{}", true),
        ("notifications/prompts/list_changed", "{}", false),
        ("notifications/resources/updated", r#"{"uri":"x://a"}"#, true),
        ("notifications/resources/updated", r#"{"uri":"x://a/part"}"#, true),
        ("notifications/resources/updated", r#"{"uri":"x://d/part"}"#, true),
        ("notifications/resources/updated", r#"{"uri":"x://ab"}"#, false),
        ("notifications/resources/updated", "{}", false),
        ("notifications/message", "{}", false),
    ] {
        assert_eq!(filter.wants(&call(method, params)), wanted, "{method} {params}");
    }
    let id = Id::Integer(3);
    let told = subscribed(call("notifications/tools/list_changed", "{}"), &id);
    assert_eq!(told.params, Some(object(r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":3}}"#)));
    assert!(Filter::read(Some(&params), None).unwrap().is_empty());
    assert!(Filter::read(None, Some(&offered)).is_err());
}

#[test]
fn a_request_says_its_version_or_is_none_of_this_era() {
    assert_eq!(version(&call("tools/list", &format!("{{{META}}}"))), Some(Ok(())));
    assert_eq!(version(&call("tools/list", "{}")), None);
    let old = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}"#;
    assert!(matches!(version(&call("tools/list", old)), Some(Err(Fault::Version { .. }))));
    let odd = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}"#;
    assert!(matches!(version(&call("tools/list", odd)), Some(Err(Fault::Version { .. }))));
}
