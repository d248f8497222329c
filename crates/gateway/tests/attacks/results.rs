//! E2, E3, E34 on the way back: what policies rewrite of a result is in nothing that is released, however an upstream says
//! it, and who named what a call is aimed at.

use crate::world::{Reply, Seen, TokenFor, World, alice};
use prokura_core::{Constraint, Detail, Details, Literal, Obligation, Path, Selector, Test};
use prokura_decider::InForce;
use prokura_policy::pdp::{Comparison, Effect, Engine, Filter, Finding, Question, from_words, reference};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Policies that permit every call under these obligations, and of rows those that the filter lets.
#[derive(Debug)]
struct Rules {
    obligations: Vec<Obligation>,
    filter: Filter,
}

impl Engine for Rules {
    fn name(&self) -> &'static str {
        "test"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        let row = question.resource.id.kind() == "Employee";
        let obligations = if row { words(&[("redact", "$.pay")]) } else { self.obligations.clone() };
        let effect = if row && question.resource.id.id() == "e2" { Effect::Silent } else { Effect::Permit };
        Finding { effect, obligations, ..Finding::silent() }
    }

    fn filter(&self, question: &Question<'_>, kind: &str) -> Filter {
        assert_eq!((question.action, kind), ("view", "Employee"));
        self.filter.clone()
    }

    fn may_change_results(&self) -> bool {
        !self.obligations.is_empty()
    }
}

fn words(all: &[(&str, &str)]) -> Vec<Obligation> {
    all.iter().map(|(name, text)| from_words(name, text).unwrap()).collect()
}

pub(crate) fn oblige(world: &World, all: &[(&str, &str)]) {
    let mine =
        Filter::Is(Selector::parse("$.manager").unwrap(), Comparison::Equal, reference("User", "usr_alice"));
    under(world, Rules { obligations: words(all), filter: mine });
}

fn under(world: &World, rules: Rules) {
    world.decider.replace(InForce { engines: vec![Arc::new(rules)], ..InForce::default() });
}

/// A world whose tool answers this.
async fn answering(result: Value) -> World {
    World::with(move |seen: &Seen| match seen.mcp().as_str() {
        "tools/call" | "resources/read" => Reply::result(seen, result.clone()),
        _ => Reply::echo(seen),
    })
    .await
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

#[tokio::test]
async fn e02_e03_a_result_that_two_readers_read_differently_is_withheld() {
    for odd in [
        text(r#"{"ssn":1,"ssn":"CANARY"}"#),
        text(r#"{"SSN":"CANARY"}"#),
        text(r#"{"s\u200bsn":"CANARY"}"#),
        text(r#"{"a":"{\"ssn\":\"CANARY\"}"}"#),
        text("SSN CANARY"),
        text("\"{\\\"ssn\\\":\\\"CANARY\\\"}\""),
        json!({"structuredContent": {"Ssn": "CANARY"}, "content": []}),
        json!({"StructuredContent": {"ssn": "CANARY"}, "content": []}),
        json!({"content": [{"type": "image", "data": "CANARY"}]}),
        json!({"content": [{"type": "text", "text": "SSN CANARY"}], "isError": true}),
    ] {
        let world = answering(odd.clone()).await;
        oblige(&world, &[("drop", "$..ssn")]);
        let answer = world.read_report(&world.token(&alice())).send().await;
        assert_eq!(answer.status, 200);
        assert!(!answer.body.contains("CANARY"), "{odd}");
        assert_eq!(answer.json()["result"]["isError"], true, "{odd}");
        let last = world.record().await.pop().unwrap().event;
        assert!(last.details.contains_key("withheld"), "{odd}");
    }
}

#[tokio::test]
async fn a_duplicate_member_of_the_message_itself_never_comes_so_far() {
    let twice =
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"structuredContent":{"ssn":1,"ssn":"CANARY"}}}"#;
    let world = World::with(move |_| Reply::Text(200, "application/json", twice.into())).await;
    oblige(&world, &[("drop", "$..ssn")]);
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert_eq!(answer.status, 502);
    assert!(!answer.body.contains("CANARY"));
}

#[tokio::test]
async fn structure_and_text_say_the_same_and_the_record_says_how_much_went() {
    let result = json!({
        "content": [{"type": "text", "text": "Ann has SSN CANARY"}],
        "structuredContent": {"employees": [
            {"id": "e1", "manager": "usr_alice", "ssn": "CANARY"},
            {"id": "e2", "manager": "usr_bob", "ssn": "CANARY"},
            {"id": "e3", "manager": "usr_alice"},
            {"id": "e3", "manager": "usr_alice"},
        ]},
        "_meta": {"x": "CANARY"},
    });
    let world = answering(result).await;
    oblige(&world, &[("rows", "view Employee by id, manager is User: $.employees"), ("drop", "$..ssn")]);
    let answer = world.read_report(&world.token(&alice())).send().await;
    let expected = json!({"employees": [{"id": "e1", "manager": "usr_alice"}]});
    let result = &answer.json()["result"];
    assert_eq!(result["structuredContent"], expected);
    let said: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(said, expected);
    assert!(!answer.body.contains("CANARY"), "{}", answer.body);
    let event = world.record().await.pop().unwrap().event;
    assert_eq!(event.details.get("rows_removed").and_then(|v| v.as_u64()), Some(3));
    assert_eq!(event.details.get("fields_removed").and_then(|v| v.as_u64()), Some(1));
}

#[tokio::test]
async fn f01_what_was_decided_on_a_row_says_nothing_of_another_by_the_same_name() {
    let row = |manager: &str, seen: &str| json!({"id": "e9", "manager": manager, "note": seen});
    let (his, hers) = (row("usr_bob", "CANARY"), row("usr_alice", "fine"));
    for groups in [
        json!([{"employees": [his]}, {"employees": [hers]}]),
        json!([{"employees": [hers]}, {"employees": [his]}]),
        json!([{"employees": [hers]}, {"employees": [his]}, {"employees": [hers]}]),
    ] {
        let text = json!({"groups": groups}).to_string();
        let result =
            json!({"content": [{"type": "text", "text": text}], "structuredContent": {"groups": groups}});
        let world = answering(result).await;
        let obligations = words(&[("rows", "view Employee by id: $.groups[*].employees")]);
        world.rule(move |q| match q.resource.id.kind() {
            "Employee" => {
                crate::world::rules::permit_if(q.resource.attributes.str("manager") == Some("usr_alice"))
            }
            _ => crate::world::rules::permit(obligations.clone()),
        });
        let answer = world.read_report(&world.token(&alice())).send().await;
        assert!(!answer.body.contains("CANARY") && answer.body.contains("fine"), "{}", answer.body);
    }
}

#[tokio::test]
async fn rows_that_no_filter_decides_are_asked_about_one_by_one() {
    let result = json!({"content": [], "structuredContent": {"employees": [{"id": "e1", "pay": 1}, {"id": "e2", "pay": 2}]}});
    let world = answering(result).await;
    let obligations = words(&[("rows", "view Employee by id: $.employees")]);
    under(&world, Rules { obligations, filter: Filter::Ask });
    let answer = world.read_report(&world.token(&alice())).send().await;
    let expected = json!({"employees": [{"id": "e1", "pay": "[redacted]"}]});
    assert_eq!(answer.json()["result"]["structuredContent"], expected);
}

#[tokio::test]
async fn e34_what_depends_on_who_asks_is_never_shared() {
    let contents =
        json!({"contents": [{"uri": "report/q1", "text": "{\"a\":1}"}], "cacheScope": "public", "ttlMs": 9});
    let silent = json!({"contents": [{"uri": "report/q1", "text": "{\"a\":1}"}], "ttlMs": 9});
    for result in [contents, silent] {
        let world = answering(result).await;
        oblige(&world, &[]);
        let token = world.token(&alice());
        let read = world.modern(&token, "resources/read", json!({"uri": "report/q1"})).send().await;
        assert_eq!(read.json()["result"]["cacheScope"], "private", "{}", read.body);
        let list = world.modern(&token, "tools/list", json!({})).send().await;
        assert_eq!(list.json()["result"]["cacheScope"], "private");
        let open =
            world.modern(&token, "tools/list", json!({})).without("authorization").at("open").send().await;
        assert_eq!(
            open.json()["result"]["cacheScope"],
            "private",
            "a public server, but policies were asked"
        );
        assert_eq!(list.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn nothing_that_comes_before_the_answer_says_more_than_it() {
    let data = |value: Value| format!("data: {value}\n\n");
    let note =
        |method: &str, params: Value| data(json!({"jsonrpc": "2.0", "method": method, "params": params}));
    let events = vec![
        note(
            "notifications/progress",
            json!({"progressToken": 1, "progress": 2, "total": 3, "message": "CANARY"}),
        ),
        note("notifications/message", json!({"level": "info", "data": "CANARY"})),
        note("notifications/cancelled", json!({"requestId": 9, "reason": "CANARY"})),
        data(
            json!({"jsonrpc": "2.0", "id": 5, "method": "sampling/createMessage", "params": {"messages": "CANARY"}}),
        ),
        data(
            json!({"jsonrpc": "2.0", "id": 6, "method": "elicitation/create", "params": {"message": "CANARY"}}),
        ),
        data(
            json!({"jsonrpc": "2.0", "id": 1, "result": {"content": [], "structuredContent": {"a": 1, "ssn": "CANARY"}}}),
        ),
    ];
    let world = World::with(move |_| Reply::Sse(events.clone())).await;
    oblige(&world, &[("redact", "$..ssn")]);
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert!(!answer.body.contains("CANARY"), "{}", answer.body);
    let events = answer.events();
    assert_eq!(events[0]["params"], json!({"progressToken": 1, "progress": 2, "total": 3}));
    assert_eq!(events.last().unwrap()["result"]["structuredContent"], json!({"a": 1, "ssn": "[redacted]"}));
    assert_eq!(events.len(), 3, "progress, that something was cancelled, the answer");
}

/// Servers ask and log on the stream of the session as well, in words of whatever call they are at.
#[tokio::test]
async fn a_stream_of_no_call_says_no_words_where_some_policy_changes_results() {
    let said = |value: Value| format!("data: {value}\n\n");
    let events = vec![
        said(json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "CANARY"}})),
        said(
            json!({"jsonrpc": "2.0", "id": 5, "method": "sampling/createMessage", "params": {"messages": "CANARY"}}),
        ),
        said(
            json!({"jsonrpc": "2.0", "id": 6, "method": "elicitation/create", "params": {"message": "CANARY"}}),
        ),
        said(
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 2, "message": "CANARY"}}),
        ),
        said(json!({"jsonrpc": "2.0", "id": 7, "method": "ping"})),
    ];
    let world = World::with(move |_| Reply::Sse(events.clone())).await;
    let listen = || {
        let token = format!("Bearer {}", world.token(&alice()));
        world.request(http::Method::GET, "crm").header("authorization", &token).send()
    };
    oblige(&world, &[("redact", "$..ssn")]);
    let heard = listen().await;
    assert!(!heard.body.contains("CANARY"), "{}", heard.body);
    assert_eq!(heard.events().len(), 2, "how far it is, and the ping: {}", heard.body);
    oblige(&world, &[]);
    assert_eq!(listen().await.events().len(), 5, "no policy changes anything");
    world.decider.replace(InForce::default());
    assert_eq!(listen().await.events().len(), 5, "there is no policy");
}

#[tokio::test]
async fn nothing_is_larger_than_a_result_may_be_on_whatever_way_it_comes() {
    let large = "CANARY".repeat(100);
    let text = large.clone();
    let world = World::with(move |seen: &Seen| match (seen.mcp().as_str(), seen.json()["params"]["arguments"]["way"].as_str()) {
        ("tools/call", Some("error")) => Reply::Json(
            200,
            json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {"code": -7, "message": text}}),
        ),
        ("tools/call", Some("progress")) => Reply::Sse(vec![
            format!("data: {}\n\n", json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1, "message": text}})),
            format!("data: {}\n\n", json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {"content": []}})),
        ]),
        ("tools/call", _) => Reply::result(seen, json!({"resultType": "task", "taskId": "raw", "status": "working"})),
        _ => Reply::Sse(vec![format!("data: {}\n\n", json!({"jsonrpc": "2.0", "method": "notifications/tasks", "params":
            {"taskId": "raw", "status": "completed", "result": {"content": [{"type": "text", "text": text}]}}}))]),
    })
    .await;
    oblige(&world, &[("size", "300")]);
    let token = world.token(&alice());
    let call = |way: &str| {
        world.modern(&token, "tools/call", json!({"name": "read_report", "arguments": {"way": way}})).send()
    };
    let error = call("error").await;
    assert_eq!(error.code(), Some(-7));
    let progress = call("progress").await;
    assert_eq!(progress.events().len(), 1, "{}", progress.body);
    let task = call("task").await.json()["result"]["taskId"].as_str().unwrap().to_owned();
    let listen = json!({"notifications": {"taskIds": [task]}});
    let heard = world.modern(&token, "subscriptions/listen", listen).send().await;
    for answer in [error, progress, heard] {
        assert!(!answer.body.contains("CANARY"), "{}", answer.body);
    }
}

/// One who is elsewhere and never answers about rows.
#[derive(Debug)]
struct Silent;

#[async_trait::async_trait]
impl prokura_decider::remote::Remote for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    async fn ask(&self, question: &Question<'_>) -> Finding {
        if question.resource.id.kind() == "Employee" {
            std::future::pending::<()>().await;
        }
        let obligations = words(&[("rows", "view Employee by id: $.employees")]);
        Finding { effect: Effect::Permit, obligations, ..Finding::silent() }
    }
}

#[tokio::test]
async fn so_many_rows_and_so_long_is_asked_and_then_nothing_is_released() {
    let rows = |n: usize| (0..n).map(|n| json!({"id": n})).collect::<Vec<_>>();
    let world = answering(json!({"content": [], "structuredContent": {"employees": rows(10_001)}})).await;
    let obligations = words(&[("rows", "view Employee by id: $.employees")]);
    under(&world, Rules { obligations, filter: Filter::Ask });
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert!(answer.body.contains("10000 rows") && !answer.body.contains("employees"), "{}", answer.body);

    let config = crate::world::CONFIG.replace("upstream_timeout = \"5s\"", "upstream_timeout = \"1s\"");
    let result = json!({"content": [], "structuredContent": {"employees": rows(2)}});
    let world = World::with_config(move |seen| Reply::result(seen, result.clone()), &config).await;
    world.decider.replace(InForce { remotes: vec![Arc::new(Silent)], ..InForce::default() });
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert!(answer.body.contains("too long") && !answer.body.contains("employees"), "{}", answer.body);
    let last = world.record().await.pop().unwrap().event;
    assert_eq!(last.details.str("withheld"), Some("late"));
}

#[tokio::test]
async fn an_error_says_which_sort_it_is_and_no_more() {
    let error = json!({"code": -32000, "message": "no CANARY", "data": {"ssn": "CANARY"}});
    let world = World::with(move |seen| {
        Reply::Json(200, json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": error}))
    })
    .await;
    oblige(&world, &[("redact", "$..ssn")]);
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert!(!answer.body.contains("CANARY"));
    assert_eq!(answer.code(), Some(-32000));
}

#[tokio::test]
async fn what_a_task_comes_to_is_rewritten_by_what_held_when_it_was_begun() {
    let world = World::with(|seen: &Seen| match seen.mcp().as_str() {
        "tools/call" => Reply::result(
            seen,
            json!({"task": {"taskId": "raw", "status": "working", "statusMessage": "CANARY"}}),
        ),
        "tasks/get" => {
            Reply::result(seen, json!({"taskId": "raw", "status": "completed", "statusMessage": "CANARY"}))
        }
        _ => Reply::result(seen, json!({"content": [], "structuredContent": {"ssn": "CANARY", "a": 1}})),
    })
    .await;
    oblige(&world, &[("drop", "$..ssn")]);
    let token = world.token(&alice());
    let call = json!({"name": "read_report", "arguments": {}, "task": {}});
    let made = world.legacy(&token, "tools/call", call).send().await;
    let task = made.json()["result"]["task"]["taskId"].as_str().unwrap().to_owned();
    oblige(&world, &[]);
    let got = world.legacy(&token, "tasks/get", json!({"taskId": task})).send().await;
    assert_eq!(got.json()["result"]["status"], "completed");
    let result = world.legacy(&token, "tasks/result", json!({"taskId": task})).send().await;
    assert_eq!(result.json()["result"]["structuredContent"], json!({"a": 1}), "{}", result.body);
    world.decider.replace(InForce::default());
    let later = world.legacy(&token, "tasks/result", json!({"taskId": task})).send().await;
    assert_eq!(
        later.json()["result"]["structuredContent"],
        json!({"a": 1}),
        "without policies: {}",
        later.body
    );
    for answer in [made, got, result, later] {
        assert!(!answer.body.contains("CANARY"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_result_of_a_mebibyte_is_rewritten_and_one_over_its_size_withheld() {
    let config = crate::world::CONFIG.replace("256KiB", "4MiB");
    let row = |n: usize| json!({"id": format!("e{n}"), "name": "x".repeat(80), "ssn": "CANARY"});
    let rows: Vec<_> = (0..8000).map(row).collect();
    let result = json!({"content": [], "structuredContent": {"employees": rows}});
    assert!(result.to_string().len() > 900_000);
    let world = World::with_config(move |seen| Reply::result(seen, result.clone()), &config).await;
    oblige(&world, &[("drop", "$..ssn")]);
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert_eq!(answer.json()["result"]["structuredContent"]["employees"].as_array().unwrap().len(), 8000);
    assert!(!answer.body.contains("CANARY"));
    oblige(&world, &[("size", "1000")]);
    let answer = world.read_report(&world.token(&alice())).send().await;
    assert_eq!(answer.json()["result"]["isError"], true);
    assert!(answer.body.len() < 1000);
}

#[tokio::test]
async fn so_often_and_not_more_for_each_who_acts() {
    let world = World::new().await;
    oblige(&world, &[("rate", "2 per 60s")]);
    let (token, other) = (world.token(&alice()), world.token(&crate::world::mallory()));
    for _ in 0..2 {
        assert_eq!(world.read_report(&token).send().await.status, 200);
    }
    let over = world.read_report(&token).send().await;
    assert_eq!((over.status, over.header("retry-after")), (429, Some("30")));
    assert_eq!(world.read_report(&other).send().await.status, 200);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let calls = world.upstream.seen().iter().filter(|seen| seen.mcp() == "tools/call").count();
    assert_eq!(calls, 4);
}

fn pay(to: &Value) -> Value {
    json!({"name": "read_report", "arguments": {"to": to}})
}

#[tokio::test]
async fn e15_a_recipient_that_nobody_named_is_refused_however_it_is_written() {
    let world = World::new().await;
    let constraint = |path: &str, test| Constraint { path: Path::parse(path).unwrap(), test };
    let text = |t: &str| Literal::Text(t.to_owned());
    let agreed = vec![constraint(".to", Test::OneOf(vec![text("ann@x"), text("bob@x")]))];
    let detail = |c| Details::new([Detail::new(["read_report".to_owned()], c).unwrap()]).unwrap();
    world.insert_detailed("g_1", detail(agreed)).await;
    oblige(&world, &[("target", ".to from consent")]);
    let token = world.token(&alice());
    for (to, status) in [
        (json!("ann@x"), 200),
        (json!("bob@x"), 200),
        (json!("eve@x"), 403),
        (json!("ann@x,eve@x"), 403),
        (json!(["ann@x", "eve@x"]), 403),
        (json!({"ann@x": "eve@x"}), 403),
        (json!("ANN@x"), 403),
        (json!("ann@x\u{200b}"), 403),
        (json!("\u{430}nn@x"), 403),
        (json!("ann"), 403),
        (json!(""), 403),
    ] {
        let answer = world.legacy(&token, "tools/call", pay(&to)).send().await;
        assert_eq!(answer.status, status, "{to}");
    }
    let word = world.record().await.pop().unwrap().event.reasons.join(",");
    assert_eq!(word, "target_untold");
}

#[tokio::test]
async fn e15_a_trusted_tool_names_values_for_whom_it_told_them_and_for_a_while() {
    let config = crate::world::CONFIG.replace(
        "[[resource]]\nname = \"hr\"",
        "[resource.tools.write_report]\ntrusted = true\n[[resource]]\nname = \"hr\"",
    );
    let contacts = json!({"content": [], "structuredContent": {"contacts": [{"mail": "ann@x", "account": 100}], "note": "or eve@x"}});
    let world = World::with_config(move |seen| Reply::result(seen, contacts.clone()), &config).await;
    oblige(&world, &[("target", ".to from results")]);
    let token = world.token(&TokenFor { scopes: "read write", ..alice() });
    let call = |to: Value| world.legacy(&token, "tools/call", pay(&to)).send();
    assert_eq!(call(json!("ann@x")).await.status, 403, "nobody named it yet");
    assert_eq!(
        world.read_report(&token).send().await.status,
        200,
        "not trusted: its values count for nothing"
    );
    assert_eq!(call(json!("ann@x")).await.status, 403);
    let look_up = json!({"name": "write_report", "arguments": {}});
    assert_eq!(world.legacy(&token, "tools/call", look_up).send().await.status, 200);
    for (to, status) in [
        (json!("ann@x"), 200),
        (json!(["ann@x", 100]), 200),
        (json!(1e2), 200),
        (json!("eve@x"), 403),
        (json!("100"), 403),
        (json!(["ann@x", "eve@x"]), 403),
    ] {
        assert_eq!(call(to.clone()).await.status, status, "{to}");
    }
    let other = world.token(&TokenFor { user: "usr_bob", grant: "g_9", ..alice() });
    assert_eq!(world.legacy(&other, "tools/call", pay(&json!("ann@x"))).send().await.status, 403);
    world.clock.advance(Duration::from_secs(3601));
    let later = world.token(&TokenFor { scopes: "read write", ..alice() });
    assert_eq!(world.legacy(&later, "tools/call", pay(&json!("ann@x"))).send().await.status, 403);
}
