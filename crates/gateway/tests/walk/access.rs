//! Conditional access at calls: what is weighed, answered and recorded.

use crate::world::{CONFIG, Reply, TokenFor, World, alice};
use prokura_core::{Clock, ScopeSet, WorkloadId};
use prokura_oauth::json::{Object, Value};
use prokura_store::{ApprovalState, Decided, StoreError};
use serde_json::json;
use std::time::Duration;

/// A world with these policies.
async fn world(policies: &str) -> World {
    World::with_config(Reply::echo, &format!("{CONFIG}{policies}")).await
}

/// What the last decision kept of conditional access.
async fn kept(world: &World) -> Object {
    let record = world.record().await;
    let last = record.iter().rev().find_map(|e| e.event.details.get("access").cloned());
    last.as_ref().and_then(Value::as_object).cloned().unwrap()
}

fn text(o: &Object) -> String {
    String::from_utf8(o.to_jcs()).unwrap()
}

fn writer() -> TokenFor {
    TokenFor { scopes: "read write", ..alice() }
}

fn error(body: &str) -> String {
    body_json(body)["error"]["data"]["error"].as_str().unwrap_or_default().to_owned()
}

fn body_json(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn the_facts_of_each_call_are_weighed_and_kept_with_their_ages() {
    let world = world(
        r#"
        [[access_policy]]
        name = "near"
        requires = { fact = "network.address", within = ["127.0.0.0/8"] }
        "#,
    )
    .await;
    assert_eq!(world.read_report(&world.token(&alice())).send().await.status, 200);
    let said = text(&kept(&world).await);
    assert!(
        said.contains(r#""outcome":"permit","policies":[{"outcome":"permit","policy":"near"}],"set":"aps_"#),
        "{said}"
    );
    assert!(
        said.contains(
            r#""facts":[{"age":0,"name":"network.address","source":"the connection","value":"127.0.0.1"}]"#
        ),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_not_met_or_unknown_is_denied_and_nothing_is_forwarded() {
    for (requires, unmet) in [
        (r#"{ fact = "network.address", within = ["10.0.0.0/8"] }"#, "received 127.0.0.1"),
        (r#"{ fact = "network.country", is = "DE" }"#, "received nothing"),
        (
            r#"{ not = { fact = "network.anonymous", is = true } }"#,
            "expected not: network.anonymous is true; received nothing",
        ),
    ] {
        let world = world(&format!("\n[[access_policy]]\nname = \"p\"\nrequires = {requires}\n")).await;
        let answer = world.read_report(&world.token(&alice())).send().await;
        assert_eq!((answer.status, error(&answer.body).as_str()), (403, "access_denied"), "{requires}");
        assert_eq!(answer.header("www-authenticate"), None, "more scopes would not help");
        assert!(!answer.body.contains("network."), "expected against received is not for callers");
        let said = text(&kept(&world).await);
        assert!(said.contains(unmet), "{said}");
        assert!(world.upstream.is_untouched());
        assert_eq!(world.record_lines().await, ["decision tool:read_report deny access_denied"]);
    }
}

#[tokio::test]
async fn a_window_that_ends_ends_calls_of_tokens_that_live_on() {
    // It is Friday, 15 January 2027, 08:00 UTC.
    let world = world(
        r#"
        [[access_policy]]
        name = "office"
        [access_policy.requires.time]
        zone = "Europe/Berlin"
        windows = [{ days = ["fri"], from = "08:00", to = "09:04" }]
        "#,
    )
    .await;
    let token = world.token(&alice());
    assert_eq!(world.read_report(&token).send().await.status, 200);
    world.clock.advance(Duration::from_secs(239));
    assert_eq!(world.read_report(&token).send().await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.read_report(&token).send().await.status, 403);
}

#[tokio::test]
async fn what_only_reports_changes_nothing_and_is_kept() {
    let world = world(
        r#"
        [[access_policy]]
        name = "soon"
        mode = "report-only"
        requires = { fact = "posture.compliant", is = true }
        [[access_policy]]
        name = "never"
        mode = "off"
        otherwise = "quarantine"
        "#,
    )
    .await;
    assert_eq!(world.read_report(&world.token(&alice())).send().await.status, 200);
    let said = text(&kept(&world).await);
    assert!(said.contains(r#""would_have":[{"outcome":"deny","policy":"soon""#), "{said}");
    assert!(!said.contains("never"), "{said}");
}

const NARROW: &str = r#"
    [[access_policy]]
    name = "reading"
    otherwise = { without = ["write"] }
"#;

#[tokio::test]
async fn scopes_that_are_taken_away_open_nothing_however_the_token_holds_them() {
    let world = world(NARROW).await;
    let call = |token: String, tool: &str| {
        world.modern(&token, "tools/call", json!({"name": tool, "arguments": {}})).send()
    };
    let token = world.token(&writer());
    assert_eq!(call(token.clone(), "read_report").await.status, 200);
    let answer = call(token.clone(), "write_report").await;
    assert_eq!((answer.status, error(&answer.body).as_str()), (403, "access_denied"));
    assert!(answer.header("www-authenticate").is_none(), "the token has the scope");
    // Details alone are measured by what is left as well.
    let details = r#"[{"actions":["write_report","read_report"]}]"#;
    let alone = world.token(&TokenFor { scopes: "", details, ..alice() });
    assert_eq!(call(alone.clone(), "read_report").await.status, 200);
    assert_eq!(call(alone, "write_report").await.status, 403);
    // Nothing would be left: then nothing is, not even what details would open without scopes.
    let both = world.token(&TokenFor { scopes: "write openid", details, ..alice() });
    assert_eq!(call(both, "write_report").await.status, 403);
}

#[tokio::test]
async fn a_list_shows_what_is_left() {
    let tools = |seen: &crate::world::Seen| {
        Reply::result(seen, json!({"tools": [{"name": "read_report"}, {"name": "write_report"}]}))
    };
    let world = World::with_config(tools, &format!("{CONFIG}{NARROW}")).await;
    let answer = world.modern(&world.token(&writer()), "tools/list", json!({})).send().await;
    let body = answer.body;
    assert!(body.contains("read_report") && !body.contains("write_report"), "{body}");
}

#[tokio::test]
async fn a_call_waits_for_its_approval_and_only_it_is_approved() {
    let world = world(
        r#"
        [[access_policy]]
        name = "critical"
        applies = { actions = ["tool:write_*"] }
        otherwise = "approval"
        "#,
    )
    .await;
    let token = world.token(&writer());
    let call = || world.modern(&token, "tools/call", json!({"name": "write_report", "arguments": {}})).send();
    let answer = call().await;
    assert_eq!((answer.status, error(&answer.body).as_str()), (403, "access_approval"));
    let id = answer.json()["error"]["data"]["approvals"][0].as_str().unwrap().to_owned();
    assert_eq!(call().await.status, 403);
    let pending = || async {
        let asked = world.store.read::<_, StoreError>(|tx| tx.approvals(Some(ApprovalState::Pending)));
        asked.await.unwrap()
    };
    let waiting = pending().await;
    assert_eq!((waiting.len(), waiting[0].asked, waiting[0].key.id()), (1, 2, id.clone()));
    assert_eq!(world.read_report(&token).send().await.status, 200, "other tools are not asked about");
    let decide = |decided: Decided| {
        let (id, now) = (id.clone(), world.clock.now());
        let until = now.after(Duration::from_secs(60));
        world.store.transact::<_, StoreError>(move |tx| tx.decide_approval(&id, &decided, "ann", until, now))
    };
    decide(Decided::Approved(ScopeSet::default())).await.unwrap();
    assert_eq!(call().await.status, 200, "at the next call");
    let other = world.token(&TokenFor { user: "usr_mallory", grant: "g_2", ..writer() });
    let others = world.modern(&other, "tools/call", json!({"name": "write_report", "arguments": {}}));
    assert_eq!(others.send().await.status, 403, "for nobody else");
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(call().await.status, 403, "no longer than was said");
    decide(Decided::Refused).await.unwrap();
    assert_eq!(error(&call().await.body), "access_denied", "somebody said no");
    let lines = world.record_lines().await;
    assert!(lines.contains(&"administration approval:ask permit access_approval".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn who_is_quarantined_is_out_at_once_and_until_somebody_lets_it_in() {
    let world = world(
        r#"
        [[access_policy]]
        name = "trap"
        applies = { actions = ["tool:write_report"] }
        otherwise = "quarantine"
        "#,
    )
    .await;
    let mut claims = world.claims(&writer());
    claims.workload = Some(prokura_core::Attested {
        workload: WorkloadId::parse("wl_1").unwrap(),
        provider: "prod".into(),
        platform: prokura_core::Platform::Kubernetes,
        claims: Default::default(),
        at: world.clock.now(),
    });
    let token = claims.sign(&world.key).unwrap();
    assert_eq!(world.read_report(&token).send().await.status, 200);
    let trapped =
        world.modern(&token, "tools/call", json!({"name": "write_report", "arguments": {}})).send().await;
    assert_eq!(trapped.status, 401);
    assert!(trapped.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    assert_eq!(world.read_report(&token).send().await.status, 401, "the workload is out");
    assert_eq!(
        world.read_report(&world.token(&alice())).send().await.status,
        200,
        "the agent elsewhere is not"
    );
    let lines = world.record_lines().await;
    let at = lines.iter().position(|l| l == "decision tool:write_report deny access_quarantined").unwrap();
    assert_eq!(lines[at + 1], "administration workload:disable permit access_quarantined");
    assert!(world.store.revoked().workload_disabled(&WorkloadId::parse("wl_1").unwrap()));
}

#[tokio::test]
async fn who_comes_without_a_token_loses_scopes_too() {
    let world = world(
        r#"
        [[access_policy]]
        name = "shut"
        applies = { resources = ["open"] }
        otherwise = { without = ["all"] }
        "#,
    )
    .await;
    let call = world.modern("", "tools/call", json!({"name": "read_report", "arguments": {}}));
    assert_eq!(call.without("authorization").at("open").send().await.status, 403);
}
