//! Mappings that servers declare for their tools (COAZ-MCP): what is asked, of whom, and how it is refused.

use crate::world::rules::{permit, permit_if};
use crate::world::{Answer, CONFIG, Reply, Seen, TokenFor, Upstream, World, alice};
use prokura_config::PolicyLanguage;
use prokura_core::Obligation;
use prokura_decider::InForce;
use prokura_decider::remote::{Authzen, Endpoint, Remote, RemoteBounds};
use prokura_decider::text::{SetText, TextFile};
use prokura_egress::UpstreamConfig;
use prokura_policy::authzen::Kinds;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// `crm` reads mappings; one of its tools is bound by the operator.
const READS: &str = r#"default_scopes = ["read"]
authzen_mapping = "read"
[resource.tools.bound]
action = "view"
"#;

fn config() -> String {
    let tools = "\"tool:read_report\", \"tool:get_customer\", \"tool:copy_object\", \"tool:bound\"";
    let config = CONFIG.replacen("\"tool:read_report\"", tools, 1);
    config.replacen("default_scopes = [\"read\"]\n", READS, 1)
}

fn tool(name: &str, mapping: Value) -> Value {
    let properties = json!({"id": {"type": "string"}, "case": {"type": "string"}, "n": {"type": "number"},
        "source": {"type": "string"}, "destination": {"type": "string"}});
    let mut schema = json!({"type": "object", "properties": properties});
    if !mapping.is_null() {
        schema["x-authzen-mapping"] = mapping;
    }
    json!({"name": name, "inputSchema": schema})
}

/// The mapping of the draft's first example.
fn customer() -> Value {
    json!({"evaluation": {
        "subject": {"type": "identity", "id": "$token.sub"},
        "action": {"name": "get_customer"},
        "resource": {"type": "customer", "id": "$params.arguments.id"},
        "context": {"agent": "$token.?client_id", "case": "$params.arguments.?case"}}})
}

/// That of its second.
fn copy() -> Value {
    json!({"evaluations": {
        "subject": {"type": "identity", "id": "$token.sub"},
        "context": {"agent": "$token.?client_id"},
        "evaluations": [
            {"action": {"name": "read"}, "resource": {"type": "storage_object", "id": "$params.arguments.source"}},
            {"action": {"name": "write"}, "resource": {"type": "storage_object", "id": "$params.arguments.destination"}}]}})
}

/// A server that describes its tools as the test says at the moment.
#[derive(Clone)]
struct Server(Arc<Mutex<Value>>);

impl Server {
    fn new(tools: Value) -> Self {
        Self(Arc::new(Mutex::new(tools)))
    }

    fn with(mapping: Value) -> Self {
        Self::new(json!([tool("get_customer", mapping), tool("read_report", Value::Null)]))
    }

    async fn world(&self) -> World {
        let said = Arc::clone(&self.0);
        let reply = move |seen: &Seen| match seen.mcp().as_str() {
            "tools/list" => Reply::result(seen, json!({"tools": *said.lock().unwrap()})),
            _ => Reply::echo(seen),
        };
        World::with_config(reply, &config()).await
    }
}

async fn call(world: &World, name: &str, arguments: Value) -> Answer {
    let params = json!({"name": name, "arguments": arguments});
    world.legacy(&world.token(&alice()), "tools/call", params).send().await
}

fn calls(world: &World) -> usize {
    world.upstream.seen().iter().filter(|seen| seen.mcp() == "tools/call").count()
}

/// Alice's token, and who acts for her.
const WHO: &str = r#"User::"usr_alice" Agent::"agt_planner""#;

#[tokio::test]
async fn e15_what_a_server_declares_is_what_is_asked_of_and_the_subject_is_the_tokens() {
    let world = Server::with(customer()).world().await;
    let rules = world.rule(|q| permit_if(q.resource.id.id() == "cust-1"));
    let own = call(&world, "get_customer", json!({"id": "cust-1", "case": "c-9"})).await;
    assert_eq!(own.status, 200, "{}", own.body);
    let asked = rules.last();
    assert_eq!(asked.line, format!(r#"{WHO} get_customer customer::"cust-1""#));
    assert_eq!(
        asked.context.get("declared").unwrap().to_string(),
        concat!(
            r#"{"subject":{"type":"identity"},"action":{"name":"get_customer"},"#,
            r#""resource":{"id":"cust-1","type":"customer"},"context":{"agent":"cli_1","case":"c-9"}}"#
        )
    );
    assert_eq!(asked.context.get("tool").and_then(|t| t.as_object()?.str("name")), Some("get_customer"));
    let other = call(&world, "get_customer", json!({"id": "cust-2"})).await;
    assert_eq!((other.status, other.code(), calls(&world)), (403, Some(-32001), 1), "{}", other.body);
    // A tool without a mapping is asked about as ever.
    call(&world, "read_report", json!({})).await;
    assert_eq!(rules.last().line, format!(r#"{WHO} read_report Tool::"crm/read_report""#));
    assert!(rules.last().context.get("declared").is_none());
}

#[tokio::test]
async fn e15_every_decision_that_a_mapping_asks_for_must_be_a_permit() {
    let world = Server::new(json!([tool("copy_object", copy())])).world().await;
    let rules = world.rule(|q| match q.resource.id.id() {
        "/secret" => permit_if(false),
        "/a" => permit(vec![Obligation::SizeAtMost(1 << 20)]),
        _ => permit(vec![Obligation::Review("copied".into())]),
    });
    for (source, destination, status) in [("/a", "/b", 200), ("/secret", "/b", 403), ("/a", "/secret", 403)] {
        let answer = call(&world, "copy_object", json!({"source": source, "destination": destination})).await;
        assert_eq!(answer.status, status, "{source} {destination}: {}", answer.body);
    }
    assert_eq!(calls(&world), 1);
    let lines: Vec<_> = rules.asked().into_iter().take(2).map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [format!(r#"{WHO} read storage_object::"/a""#), format!(r#"{WHO} write storage_object::"/b""#)]
    );
    let entries = world.record().await;
    let permitted = entries.iter().find(|e| e.event.details.get("obligations").is_some()).unwrap();
    let owed = permitted.event.details.get("obligations").unwrap().to_string();
    assert!(owed.contains("size") && owed.contains("review"), "what both want done is done: {owed}");
}

#[tokio::test]
async fn e13_a_mapping_that_makes_somebody_else_of_the_subject_is_refused() {
    for id in ["usr_mallory", "$params.arguments.id", "$token.client_id"] {
        let mut mapping = customer();
        mapping["evaluation"]["subject"]["id"] = json!(id);
        let world = Server::with(mapping).world().await;
        let rules = world.rule(|_| permit(vec![]));
        let refused = call(&world, "get_customer", json!({"id": "usr_mallory"})).await;
        assert_eq!((refused.status, refused.code()), (400, Some(-32602)), "{id}: {}", refused.body);
        assert!(!refused.body.contains("mallory"), "{}", refused.body);
        assert_eq!((calls(&world), rules.asked().len()), (0, 0));
        assert_eq!(world.record_lines().await.last().unwrap(), "decision tool:get_customer deny mapping");
    }
    // Who the subject is stands in the token's grant, whoever presents it: an agent acts, and Alice is the subject.
    let world = Server::with(customer()).world().await;
    let rules = world.rule(|_| permit(vec![]));
    let mut claims = world.claims(&TokenFor { scopes: "read", ..alice() });
    claims.view = prokura_oauth::access_token::View::Agent;
    let token = claims.sign(&world.key).unwrap();
    let params = json!({"name": "get_customer", "arguments": {"id": "x"}});
    let answer = world.legacy(&token, "tools/call", params).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(rules.last().line, format!(r#"{WHO} get_customer customer::"x""#));
}

#[tokio::test]
async fn e16_a_mapping_that_makes_no_question_refuses() {
    for (mapping, why) in [
        (json!({}), "must be an object with one member"),
        (json!({"search": {}}), "must be an object with one member"),
        (json!({"evaluation": {"action": {"name": "a"}}}), "`evaluation.resource` is missing"),
        (
            json!({"evaluation": {"action": {"name": "$1 +"}, "resource": {"type": "a", "id": "b"}}}),
            "cannot be read",
        ),
        (
            json!({"evaluation": {"action": {"name": "a"}, "resource": {"type": "a", "id": "$params.arguments.no"}}}),
            "no such key: `no`",
        ),
        (
            json!({"evaluation": {"action": {"name": "a"}, "resource": {"type": "a", "id": "$params._meta.id"}}}),
            "no such key: `_meta`",
        ),
        (
            json!({"evaluation": {"action": {"name": "a"}, "resource": {"type": "Tool", "id": "crm/read_report"}}}),
            "only the gateway",
        ),
    ] {
        let world = Server::with(mapping.clone()).world().await;
        let rules = world.rule(|_| permit(vec![]));
        let refused = call(&world, "get_customer", json!({"id": "cust-1"})).await;
        assert_eq!((refused.status, refused.code()), (400, Some(-32602)), "{mapping}: {}", refused.body);
        assert!(refused.body.contains(why), "{mapping}: {}", refused.body);
        assert_eq!((calls(&world), rules.asked().len()), (0, 0));
    }
}

#[tokio::test]
async fn e32_a_changed_mapping_puts_the_tool_aside() {
    let server = Server::with(customer());
    let world = server.world().await;
    world.rule(|_| permit(vec![]));
    assert_eq!(call(&world, "get_customer", json!({"id": "cust-1"})).await.status, 200);
    let mut weaker = customer();
    weaker["evaluation"]["resource"] = json!({"type": "customer", "id": "nobody"});
    *server.0.lock().unwrap() = json!([tool("get_customer", weaker)]);
    world.legacy(&world.token(&alice()), "tools/list", json!({})).send().await;
    let refused = call(&world, "get_customer", json!({"id": "cust-1"})).await;
    assert_eq!(refused.json()["error"]["data"]["error"], json!("tool_changed"));
    assert_eq!(calls(&world), 1);
}

#[tokio::test]
async fn e16_a_tool_that_its_server_does_not_describe_cannot_be_asked_about() {
    let world = Server::new(json!([tool("read_report", Value::Null)])).world().await;
    let rules = world.rule(|_| permit(vec![]));
    let refused = call(&world, "get_customer", json!({"id": "cust-1"})).await;
    assert_eq!(refused.json()["error"]["data"]["error"], json!("tool_unknown"));
    assert_eq!((calls(&world), rules.asked().len()), (0, 0));
}

#[tokio::test]
async fn the_operators_word_stands_above_what_a_server_declares_and_nothing_is_read_unasked() {
    let world = Server::new(json!([tool("bound", customer())])).world().await;
    let rules = world.rule(|_| permit(vec![]));
    assert_eq!(call(&world, "bound", json!({"id": "cust-1"})).await.status, 200);
    assert_eq!(rules.last().line, format!(r#"{WHO} view Tool::"crm/bound""#));
    // Without the key nothing of it is looked at, not even that it is malformed.
    let off = config().replacen("authzen_mapping = \"read\"\n", "", 1);
    let tools = json!([tool("get_customer", json!({"evaluation": 7}))]);
    let reply = move |seen: &Seen| match seen.mcp().as_str() {
        "tools/list" => Reply::result(seen, json!({"tools": tools})),
        _ => Reply::echo(seen),
    };
    let world = World::with_config(reply, &off).await;
    let rules = world.rule(|q| permit_if(q.arguments.is_some_and(|a| a.str("id") == Some("cust-1"))));
    assert_eq!(call(&world, "get_customer", json!({"id": "cust-1"})).await.status, 200);
    assert_eq!(rules.last().line, format!(r#"{WHO} get_customer Tool::"crm/get_customer""#));
    let refused = call(&world, "get_customer", json!({"id": "cust-2"})).await;
    assert_eq!((refused.status, refused.code()), (403, Some(403)), "as ever where no mapping is read");
}

#[tokio::test]
async fn e14_a_list_shows_what_a_mapping_could_be_permitted() {
    let mut open = customer();
    open["evaluation"]["action"]["name"] = json!("$params.arguments.?n.hasValue() ? 'a' : 'b'");
    for (mapping, shown) in [(customer(), false), (open, true), (json!({"evaluation": {}}), false)] {
        let world = Server::with(mapping.clone()).world().await;
        world.rule_never(vec!["get_customer"], |_| permit(vec![]));
        let list = world.legacy(&world.token(&alice()), "tools/list", json!({})).send().await.json();
        let names: Vec<_> =
            list["result"]["tools"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        assert_eq!(names.contains(&"get_customer"), shown, "{mapping}: {names:?}");
        assert!(names.contains(&"read_report"));
    }
}

/// Cedar's own words about what the server declared.
const CEDAR: &str = r#"
permit (principal == User::"usr_alice", action == Action::"get_customer", resource is customer)
when { ["cust-1", "cust-2"].contains(context.arguments.id) };
forbid (principal, action, resource) when { context has declared && context.declared has context
    && context.declared.context has case && context.declared.context.case == "closed" };
forbid (principal, action, resource == customer::"cust-2");
"#;

#[tokio::test]
async fn cedar_decides_on_what_a_server_declares() {
    let world = Server::with(customer()).world().await;
    let files = vec![TextFile { name: "crm.cedar".into(), text: CEDAR.into() }];
    let text = SetText { language: PolicyLanguage::Cedar, files, schema: None };
    let engine = prokura_decider::languages::engine("crm", &text).unwrap();
    world.decider.replace(InForce { set: Some("v1".into()), engines: vec![engine], ..InForce::default() });
    for (arguments, status) in [
        (json!({"id": "cust-1"}), 200),
        (json!({"id": "cust-1", "case": "open"}), 200),
        (json!({"id": "cust-1", "case": "closed"}), 403),
        (json!({"id": "cust-2"}), 403),
        (json!({"id": "cust-3"}), 403),
        (json!({"id": ""}), 400),
        (json!({"id": "cust-1\u{0}"}), 400),
    ] {
        let answer = call(&world, "get_customer", arguments.clone()).await;
        assert_eq!(answer.status, status, "{arguments}: {}", answer.body);
    }
    assert_eq!(calls(&world), 2);
}

/// A decision point that permits what the draft's PDP would, and keeps what it was asked.
async fn point(reply: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |seen| reply(&seen.json())).await
}

fn asks(world: &World, point: &Upstream) {
    let bounds = RemoteBounds { timeout: Duration::from_secs(5), max_bytes: 4096 };
    let url = format!("http://{}/access/v1/evaluation", point.address);
    let endpoint =
        Endpoint::new(prokura_egress::Upstream::new(UpstreamConfig::default()), &url, None, bounds).unwrap();
    let kinds = Kinds::new([("identity", "User"), ("agent", "Agent")]);
    let remote: Arc<dyn Remote> = Arc::new(Authzen::new("pdp", endpoint, kinds));
    world.decider.replace(InForce { set: Some("v1".into()), remotes: vec![remote], ..InForce::default() });
}

#[tokio::test]
async fn a_remote_decision_point_is_asked_as_the_draft_says() {
    let world =
        Server::new(json!([tool("get_customer", customer()), tool("copy_object", copy())])).world().await;
    let pdp = point(|asked| {
        let secret = asked["resource"]["id"] == "/secret" || asked["resource"]["id"] == "cust-2";
        Reply::Json(200, json!({"decision": !secret, "context": {"reason_user": "not your customer"}}))
    })
    .await;
    asks(&world, &pdp);
    let own = call(&world, "get_customer", json!({"id": "cust-1", "case": "c-9"})).await;
    assert_eq!(own.status, 200, "{}", own.body);
    let asked = pdp.last().json();
    assert_eq!(
        (&asked["subject"]["type"], &asked["subject"]["id"]),
        (&json!("identity"), &json!("usr_alice"))
    );
    assert_eq!(asked["action"]["name"], "get_customer");
    assert_eq!(asked["action"]["properties"], json!({"id": "cust-1", "case": "c-9"}));
    assert_eq!(asked["resource"], json!({"type": "customer", "id": "cust-1"}));
    assert_eq!((&asked["context"]["agent"], &asked["context"]["case"]), (&json!("cli_1"), &json!("c-9")));
    let denied = call(&world, "get_customer", json!({"id": "cust-2"})).await;
    assert_eq!((denied.status, denied.code()), (403, Some(-32001)));
    assert_eq!(denied.json()["error"]["message"], "not your customer");
    // Each decision of `evaluations` is asked for, and one deny is enough.
    let copied = call(&world, "copy_object", json!({"source": "/a", "destination": "/b"})).await;
    assert_eq!(copied.status, 200, "{}", copied.body);
    let pairs: Vec<_> = pdp.seen().iter().rev().take(2).map(|s| s.json()["resource"]["id"].clone()).collect();
    assert_eq!(pairs, ["/b", "/a"]);
    let refused = call(&world, "copy_object", json!({"source": "/a", "destination": "/secret"})).await;
    assert_eq!((refused.status, refused.code(), calls(&world)), (403, Some(-32001), 2));
}

#[tokio::test]
async fn e16_a_decision_point_that_does_not_decide_is_told_from_one_that_denies() {
    for reply in
        [json!({"decision": "yes"}), json!({}), json!({"decision": true, "context": {"obligations": 7}})]
    {
        let world = Server::with(customer()).world().await;
        let pdp = point(move |_| Reply::Json(200, reply.clone())).await;
        asks(&world, &pdp);
        let refused = call(&world, "get_customer", json!({"id": "cust-1"})).await;
        assert_eq!((refused.status, refused.code()), (503, Some(-32603)), "{}", refused.body);
        assert_eq!((calls(&world), pdp.seen().len()), (0, 1));
    }
    let world = Server::with(customer()).world().await;
    let pdp = point(|_| Reply::Status(500)).await;
    asks(&world, &pdp);
    assert_eq!(call(&world, "get_customer", json!({"id": "cust-1"})).await.code(), Some(-32603));
    assert_eq!(calls(&world), 0);
}
