//! Organisation policies at calls: what is asked, what is forwarded, what is listed.

use crate::world::rules::{deny, permit, permit_if};
use crate::world::{CONFIG, Reply, Seen, TokenFor, World, alice};
use prokura_core::{ApprovalNeed, Demand, Obligation};
use prokura_oauth::json::{Limits, Value as Json, parse};
use prokura_store::StoreError;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

/// `crm` with an HR tool that is bound to what it is done to.
const BOUND: &str = r#"
write = { title = "Write", actions = ["tool:write_report", "tool:modify_employee", "resource:draft/*"] }
[resource.tools.modify_employee]
action = "modify"
target = { kind = "Employee", id = ".id" }
arguments = "strict"
risk = "medium"
"#;

fn config() -> String {
    let plain = "write = { title = \"Write\", actions = [\"tool:write_report\", \"resource:draft/*\"] }\n";
    CONFIG.replacen(plain, BOUND.trim_start(), 1)
}

fn schema() -> Value {
    json!({"type": "object", "required": ["id"], "properties": {
        "id": {"type": "string"}, "salary": {"type": "integer", "minimum": 0},
        "note": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
        "place": {"type": "object", "properties": {"city": {"type": "string"}}}}})
}

/// A server with one tool that changes employees, and one that names no schema.
fn people(seen: &Seen) -> Reply {
    match seen.mcp().as_str() {
        "tools/list" => {
            let modify = json!({"name": "modify_employee", "description": "Changes", "inputSchema": schema(),
                "annotations": {"readOnlyHint": true, "destructiveHint": false}});
            let read = json!({"name": "read_report", "inputSchema": {"type": "object"}});
            Reply::result(seen, json!({"tools": [modify, read]}))
        }
        _ => Reply::echo(seen),
    }
}

fn writer() -> TokenFor {
    TokenFor { scopes: "read write", ..alice() }
}

async fn world() -> World {
    World::with_config(people, &config()).await
}

/// A call of `modify_employee` with arguments as this text.
fn raw(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"modify_employee","arguments":{arguments}}}}}"#
    )
}

/// The arguments that reached the upstream, as they were written.
fn forwarded(world: &World) -> Option<Json> {
    let calls = world.upstream.seen();
    let call = calls.iter().rev().find(|seen| seen.mcp() == "tools/call")?;
    let message = parse(&call.body, &Limits::MESSAGE).unwrap();
    message.as_object()?.get("params")?.as_object()?.get("arguments").cloned()
}

#[tokio::test]
async fn e15_another_tenants_target_is_refused_and_ones_own_is_not() {
    let world = world().await;
    let rules =
        world.rule(|q| permit_if(q.action == "modify" && q.resource.attributes.contains_key("manager")));
    let token = world.token(&writer());
    let own = world.post(&token, raw(r#"{"id":"e7","salary":10}"#)).send().await;
    assert_eq!(own.status, 200, "{}", own.body);
    let asked = rules.last();
    assert_eq!(asked.line, r#"User::"usr_alice" Agent::"agt_planner" modify Employee::"e7""#);
    assert_eq!(
        asked.context.get("server").unwrap().to_vec(),
        br#"{"__entity":{"type":"Server","id":"crm"}}"#
    );
    let before = world.upstream.seen().len();
    for arguments in [r#"{"id":"e8","salary":10}"#, r#"{"salary":10}"#, r#"{"id":["e7"]}"#] {
        let other = world.post(&token, raw(arguments)).send().await;
        assert!(matches!(other.status, 400 | 403), "{arguments}: {}", other.body);
    }
    assert_eq!(world.upstream.seen().len(), before, "the upstream heard nothing of them");
}

#[tokio::test]
async fn e13_what_is_decided_on_is_what_is_forwarded_to_the_digit() {
    let world = world().await;
    let rules = world.rule(|_| permit(vec![]));
    let token = world.token(&writer());
    for (arguments, passes) in [
        (r#"{"id":"e7","salary":100}"#, true),
        (r#"{"\u0069d":"e7","salary":0}"#, true),
        // Nested JSON, base64 and percent encoding are texts, for policies as for the tool.
        (r#"{"id":"{\"id\":\"e8\"}"}"#, true),
        (r#"{"id":"ZTg="}"#, true),
        (r#"{"id":"e%37"}"#, true),
        (r#"{"id":"e7","note":"\ud83d\ude00 \u200b"}"#, true),
        (r#"{"id":"e7","place":{"city":"x"},"tags":["a"]}"#, true),
        // Numbers that two readers could take for different ones.
        (r#"{"id":"e7","salary":1e2}"#, false),
        (r#"{"id":"e7","salary":1.0}"#, false),
        (r#"{"id":"e7","salary":9223372036854775808}"#, false),
        (r#"{"id":"e7","salary":-1}"#, false),
        (r#"{"id":"e7","salary":"100"}"#, false),
        // Keys that stand twice, in any writing, and keys that look alike.
        (r#"{"id":"e7","id":"e8"}"#, false),
        (r#"{"id":"e7","\u0069d":"e8"}"#, false),
        (r#"{"id":"e7","ID":"e8"}"#, false),
        (r#"{"id":"e7","i\u200bd":"e8"}"#, false),
        (r#"{"id":"e7","\uff49d":"e8"}"#, false),
        (r#"{"id":"e7","place":{"city":"x","City":"y"}}"#, false),
        (r#"{"id":"e7","place":{"city":"x","city":"y"}}"#, false),
        // What nobody named.
        (r#"{"id":"e7","admin":true}"#, false),
        (r#"{"id":"e7","place":{"zip":"1"}}"#, false),
        (r#"{"id":"e7","tags":["a",1]}"#, false),
        (r#"["e7"]"#, false),
    ] {
        let (asked, seen) = (rules.asked().len(), world.upstream.seen().len());
        let answer = world.post(&token, raw(arguments)).send().await;
        if passes {
            assert_eq!(answer.status, 200, "{arguments}: {}", answer.body);
            let decided = rules.last().arguments.map(Json::Object);
            assert_eq!(decided, forwarded(&world), "{arguments}");
            assert_eq!(decided.unwrap(), parse(arguments.as_bytes(), &Limits::MESSAGE).unwrap());
        } else {
            assert!(matches!(answer.status, 400 | 403), "{arguments}: {} {}", answer.status, answer.body);
            let calls = world.upstream.seen().into_iter().skip(seen).filter(|s| s.mcp() == "tools/call");
            assert_eq!((calls.count(), rules.asked().len()), (0, asked), "{arguments}");
        }
    }
}

#[tokio::test]
async fn e03_cve_2026_27896_keys_that_fold_alike_are_refused_where_no_schema_is_known_too() {
    let world = World::new().await;
    let rules = world.rule(|_| permit(vec![]));
    let call = |arguments: &str| {
        let text = raw(arguments).replace("modify_employee", "read_report");
        world.post(&world.token(&alice()), text)
    };
    assert_eq!(call(r#"{"to":"bob","amount":5}"#).send().await.status, 200);
    let decided = rules.asked().len();
    for odd in [r#"{"to":"bob","To":"eve"}"#, r#"{"a":[{"to":"bob","t\u200bo":"eve"}]}"#] {
        let answer = call(odd).send().await;
        assert_eq!((answer.status, answer.code()), (400, Some(-32602)), "{odd}");
    }
    assert_eq!(rules.asked().len(), decided);
}

#[tokio::test]
async fn e14_a_list_shows_what_could_be_permitted_and_a_call_is_decided_anew() {
    let world = world().await;
    let rules = world.rule_never(vec!["modify"], |q| permit_if(q.action == "read_report"));
    let token = world.token(&writer());
    let list = world.legacy(&token, "tools/list", json!({})).send().await.json();
    let names: Vec<_> =
        list["result"]["tools"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["read_report"]);
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let hidden = world.post(&token, raw(r#"{"id":"e7"}"#)).send().await;
    assert_eq!(hidden.status, 403);
    assert_eq!(rules.last().line, r#"User::"usr_alice" Agent::"agt_planner" modify Employee::"e7""#);
}

#[tokio::test]
async fn e08_policies_see_a_name_byte_for_byte() {
    let config = CONFIG.replacen("\"tool:read_report\", \"resource", "\"tool:*\", \"resource", 1);
    let world = World::with_config(Reply::echo, &config).await;
    let rules = world.rule(|q| permit_if(q.action == "read_report"));
    let token = world.token(&alice());
    for (name, status) in
        [("read_report", 200), ("Read_report", 403), ("read_report ", 403), ("read_report\u{200b}", 403)]
    {
        let call = world.legacy(&token, "tools/call", json!({"name": name, "arguments": {}})).send().await;
        assert_eq!(call.status, status, "{name:?}: {}", call.body);
        assert!(rules.last().line.contains(&format!("{:?}", format!("crm/{name}"))), "{}", rules.last().line);
    }
}

#[tokio::test]
async fn e33_the_same_name_at_two_servers_is_two_things() {
    let world = World::new().await;
    let rules = world.rule(|q| permit_if(q.resource.id.id().starts_with("crm/")));
    let token = world.token(&alice());
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let elsewhere = world.token(&TokenFor { resource: "hr", scopes: "people", ..alice() });
    assert_eq!(world.read_report(&elsewhere).at("hr").send().await.status, 403);
    let lines: Vec<_> = rules.asked().into_iter().map(|a| a.line).collect();
    assert!(
        lines[0].ends_with(r#"Tool::"crm/read_report""#) && lines[1].ends_with(r#"Tool::"hr/read_report""#)
    );
}

#[tokio::test]
async fn a_refusal_says_what_the_rule_says_for_people_and_the_record_which_rule_it_was() {
    let world = World::new().await;
    world.rule(|_| deny("reports are closed until Monday"));
    let refused = world.read_report(&world.token(&alice())).send().await;
    assert_eq!((refused.status, refused.code()), (403, Some(403)));
    assert_eq!(refused.json()["error"]["message"], "reports are closed until Monday");
    assert!(!refused.body.contains("test#no"), "{}", refused.body);
    assert!(world.upstream.seen().iter().all(|seen| seen.mcp() != "tools/call"));
    let entry = world.record().await.pop().unwrap().event;
    assert_eq!((entry.outcome.as_str(), entry.reasons.join(",").as_str()), ("deny", "policy"));
    assert_eq!(entry.details.get("rules").unwrap().to_vec(), br#"["test#no"]"#);
    assert_eq!(entry.details.str("policies"), Some("set_1"));
    assert_eq!(entry.details.str("arguments_sha256").map(str::len), Some(43));
}

#[tokio::test]
async fn silence_is_a_deny_and_without_policies_nothing_is_asked() {
    let world = World::new().await;
    let token = world.token(&alice());
    assert_eq!(world.read_report(&token).send().await.status, 200);
    world.rule(|_| permit_if(false));
    let refused = world.read_report(&token).send().await;
    assert_eq!((refused.status, refused.json()["error"]["data"]["error"].clone()), (403, json!("policy")));
}

#[tokio::test]
async fn an_obligation_that_nobody_meets_refuses() {
    let world = World::new().await;
    let need = ApprovalNeed {
        acr: None,
        approvers: vec!["nobody-is-in-this-group".into()],
        of: 1,
        lasts: Duration::from_secs(60),
        because: "why".into(),
    };
    let sign_in = Demand { acr: None, max_age: Some(60) };
    world.rule(move |_| permit(vec![Obligation::Approval(need.clone()), Obligation::SignIn(sign_in)]));
    let refused = world.read_report(&world.token(&alice())).send().await;
    assert!(refused.status >= 400, "{}", refused.body);
    assert!(world.upstream.seen().iter().all(|seen| seen.mcp() != "tools/call"));
}

#[tokio::test]
async fn what_is_looked_at_afterwards_is_in_the_record() {
    let world = World::new().await;
    world.rule(|_| permit(vec![Obligation::Review("exports are looked at".into())]));
    assert_eq!(world.read_report(&world.token(&alice())).send().await.status, 200);
    let entries = world.record().await;
    let permitted = entries.iter().find(|e| e.event.details.get("obligations").is_some()).unwrap();
    let said = permitted.event.details.get("obligations").unwrap().to_vec();
    assert_eq!(said, br#"[{"type":"review","with":"exports are looked at"}]"#);
    let reviews = world.store.read::<_, StoreError>(|tx| tx.reviews(None)).await.unwrap();
    let hash = permitted.event.details.str("arguments_sha256").unwrap();
    let kept: Vec<_> = reviews.iter().map(|r| (r.action.as_str(), r.arguments.as_str())).collect();
    assert_eq!(kept, [("tool:read_report", hash)], "what is looked at is the call that was recorded");
}

#[tokio::test]
async fn hints_reassure_nobody_and_the_binding_has_the_last_word() {
    let world = world().await;
    let rules = world.rule(|_| permit(vec![]));
    let token = world.token(&writer());
    assert_eq!(world.post(&token, raw(r#"{"id":"e7"}"#)).send().await.status, 200);
    let tool = rules.last().context.get("tool").cloned().unwrap();
    let tool = tool.as_object().unwrap();
    assert_eq!(
        tool.get("read_only").and_then(Json::as_bool),
        Some(false),
        "the server says so, and nobody else"
    );
    assert_eq!(tool.get("destructive").and_then(Json::as_bool), Some(true));
    assert_eq!(tool.str("risk"), Some("medium"), "the operator says so");
}

#[tokio::test]
async fn f02_a_subscription_to_a_resource_is_decided_on_whatever_else_is_subscribed_to() {
    let world = World::with(|seen: &Seen| match seen.mcp().as_str() {
        "tools/call" => {
            Reply::result(seen, json!({"resultType": "task", "taskId": "raw", "status": "working"}))
        }
        _ => Reply::Sse(vec![]),
    })
    .await;
    // In a list it may be shown; of the call itself nothing permits it.
    world.rule(|q| permit_if(q.action != "read"));
    let token = world.token(&alice());
    let made = world.modern(&token, "tools/call", json!({"name": "read_report"})).send().await;
    let task = made.json()["result"]["taskId"].clone();
    let listen = |notifications: Value| {
        world.modern(&token, "subscriptions/listen", json!({"notifications": notifications})).send()
    };
    assert_eq!(listen(json!({"taskIds": [task]})).await.status, 200);
    assert_eq!(listen(json!({"resourceSubscriptions": ["report/q1"]})).await.status, 403);
    let both = listen(json!({"resourceSubscriptions": ["report/q1"], "taskIds": [task]})).await;
    assert_eq!(both.status, 403, "{}", both.body);
}

#[tokio::test]
async fn f02_a_stream_that_listens_hears_by_the_policies_of_now() {
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let receiver = Mutex::new(Some(receiver));
    let world =
        World::with(move |_| Reply::Open(vec![], receiver.lock().unwrap().take().unwrap(), None)).await;
    world.rule(|_| permit(vec![]));
    let token = format!("Bearer {}", world.token(&alice()));
    let mut open = world.request(http::Method::GET, "crm").header("authorization", &token).open().await;
    let say = |method: &str| {
        let said = json!({"jsonrpc": "2.0", "method": method, "params": {"uri": "report/q1"}});
        sender.send(format!("data: {said}\n\n"))
    };
    say("notifications/resources/updated").await.unwrap();
    let heard = http_body_util::BodyExt::frame(open.body_mut()).await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&heard).contains("report/q1"));
    world.rule_never(vec!["read"], |_| permit(vec![]));
    say("notifications/resources/updated").await.unwrap();
    say("notifications/resources/list_changed").await.unwrap();
    let heard = http_body_util::BodyExt::frame(open.body_mut()).await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&heard).contains("list_changed"), "{heard:?}");
}

#[tokio::test]
async fn the_record_says_which_argument_was_refused_and_why_and_not_its_value() {
    let world = world().await;
    world.rule(|_| permit(vec![]));
    let token = world.token(&writer());
    assert_eq!(world.post(&token, raw(r#"{"id":"e7","salary":"CANARY"}"#)).send().await.status, 400);
    let event = world.record().await.pop().unwrap().event;
    assert_eq!(event.details.str("argument"), Some(".salary"));
    assert!(event.details.str("why").is_some_and(|why| why.contains("whole number")), "{:?}", event.details);
    assert!(!format!("{:?}", event.details).contains("CANARY"));
}

#[tokio::test]
async fn the_record_says_that_policies_could_not_answer() {
    let world = world().await;
    world.rule(|_| prokura_policy::pdp::Finding::failed("the disk of CANARY is full"));
    assert_eq!(world.read_report(&world.token(&alice())).send().await.status, 403);
    let event = world.record().await.pop().unwrap().event;
    assert_eq!(event.details.get("problems").and_then(Json::as_u64), Some(1));
    assert!(!format!("{:?}", event.details).contains("CANARY"), "its words are in the log alone");
}

#[tokio::test]
async fn e15_the_arguments_of_a_prompt_are_decided_on_and_agreed_to() {
    let world = World::new().await;
    world.insert_bounded("g_1", None).await;
    let rules = world.rule(|q| {
        let of = q.arguments.and_then(|a| a.str("of")).unwrap_or_default();
        let need = ApprovalNeed {
            acr: None,
            approvers: vec!["subject".into()],
            of: 1,
            lasts: Duration::from_secs(60),
            because: "it is his".into(),
        };
        match of {
            "mine" => permit(vec![]),
            "his" | "hers" => permit(vec![Obligation::Approval(need)]),
            _ => permit_if(false),
        }
    });
    let token = world.token(&alice());
    let get = |arguments: Value| {
        world.legacy(&token, "prompts/get", json!({"name": "summary", "arguments": arguments})).send()
    };
    assert_eq!(get(json!({"of": "mine"})).await.status, 200);
    assert_eq!(rules.last().arguments.unwrap().str("of"), Some("mine"));
    for odd in
        [json!({"of": "other"}), json!({}), json!({"of": "mine", "OF": "other"}), json!("{\"of\":\"mine\"}")]
    {
        assert!(matches!(get(odd.clone()).await.status, 400 | 403), "{odd}");
    }
    assert_eq!(get(json!({"of": "his"})).await.status, 403, "somebody must agree");
    let id = crate::approvals::tasks(&world).await[0].task.id.clone();
    crate::approvals::vote(&world, &id, true).await;
    assert_eq!(get(json!({"of": "hers"})).await.status, 403, "to this one, and no other");
    assert_eq!(get(json!({"of": "his"})).await.status, 200);
    assert_eq!(get(json!({"of": "his"})).await.status, 403, "once");
}
