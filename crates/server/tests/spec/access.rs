//! Conditional access where tokens are made: issuance and renewal, what is taken away, what waits, what is out.

use crate::admin_api::{API, token as api_token};
use crate::world::*;
use http::Method;
use prokura_oauth::json::Value;
use std::time::Duration;

/// It is Friday, 15 January 2027, 08:00 UTC.
const OFFICE: &str = r#"
    [[access_policy]]
    name = "office"
    [access_policy.requires.time]
    zone = "Europe/Berlin"
    windows = [{ days = ["fri"], from = "08:00", to = "09:02" }]
    except = [{ first = "2027-12-24", last = "2027-12-31" }]
"#;

/// What the newest entry kept of conditional access.
async fn kept(world: &World) -> String {
    let record = world.record().await;
    let access = record.iter().find_map(|e| e.details.get("access").cloned());
    String::from_utf8(access.unwrap().to_jcs()).unwrap()
}

#[tokio::test]
async fn a_token_ends_with_the_window_in_which_it_was_permitted() {
    let world = World::and(OFFICE).await;
    let answer = world.batch().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = world.verified(&answer.text("access_token"));
    assert_eq!(token.expires_at.since(token.issued_at), Duration::from_secs(120), "not five minutes");
    assert_eq!(answer.json().get("expires_in").and_then(Value::as_u64), Some(120));
    assert!(kept(&world).await.contains(r#""until":1800000120"#), "{}", kept(&world).await);
    world.wait(120);
    let late = world.batch().await;
    assert_eq!(late.error(), "400 access_denied");
    assert!(!late.body.contains("Berlin"), "what was expected is for administrators: {}", late.body);
    world.refused_for("access_denied").await;
    assert!(kept(&world).await.contains("expected the time is fri 08:00 to 09:02 in Europe/Berlin"));
}

#[tokio::test]
async fn a_refusal_spends_nothing_and_each_renewal_is_judged_anew() {
    let world = World::and(OFFICE).await;
    let (_, refresh) = world.tokens().await;
    world.wait(120);
    let refused = world.refresh(&refresh, &[]).await;
    assert_eq!(refused.error(), "400 access_denied");
    // A week later the window is open again, and the same refresh token is still good.
    world.wait(7 * 24 * 3600 - 60);
    assert_eq!(world.refresh(&refresh, &[]).await.status, 200);
}

#[tokio::test]
async fn unknown_and_stale_facts_deny_and_a_rule_may_say_otherwise() {
    let policy = |more: &str| {
        format!(
            "[[access_policy]]\nname = \"p\"\nrequires = {{ fact = \"posture.compliant\", is = true {more} }}\n"
        )
    };
    assert_eq!(World::and(&policy("")).await.batch().await.error(), "400 access_denied");
    assert_eq!(World::and(&policy(", unknown = \"pass\"")).await.batch().await.status, 200);
    let narrow = format!("{}otherwise = {{ life = \"30s\" }}\n", policy(", unknown = \"otherwise\""));
    let world = World::and(&narrow).await;
    let token = world.verified(&world.batch().await.text("access_token"));
    assert_eq!(token.expires_at.since(token.issued_at), Duration::from_secs(30));
}

#[tokio::test]
async fn a_narrowing_takes_scopes_away_and_never_all() {
    let world = World::and(
        r#"
        [[access_policy]]
        name = "reading"
        otherwise = { without = ["write"] }
        "#,
    )
    .await;
    let code = world.authorize(&[("scope", "read write")]).await.redirect().1.remove("code").unwrap();
    let answer = world.redeem(&code, &[]).await;
    let (token, refresh) = (answer.text("access_token"), answer.text("refresh_token"));
    assert_eq!(world.verified(&token).scopes.to_string(), "read");
    assert_eq!(world.refresh(&refresh, &[("scope", "write")]).await.error(), "400 access_denied");
    assert_eq!(world.refresh(&refresh, &[("scope", "read")]).await.status, 200);
}

#[tokio::test]
async fn what_concerns_others_or_only_reports_changes_nothing() {
    let world = World::and(
        r#"
        [[access_policy]]
        name = "others"
        applies = { agents = ["signer"], stages = ["issuance"] }
        [[access_policy]]
        name = "renewals"
        applies = { stages = ["refresh"] }
        [[access_policy]]
        name = "later"
        mode = "report-only"
        otherwise = "quarantine"
        "#,
    )
    .await;
    assert_eq!(world.batch().await.status, 200);
    let said = kept(&world).await;
    assert!(said.contains(r#""would_have":[{"outcome":"quarantine","policy":"later"}]"#), "{said}");
    assert!(!said.contains("others") && !said.contains("renewals"), "{said}");
    let (_, refresh) = world.tokens().await;
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 access_denied");
}

#[tokio::test]
async fn an_agent_that_is_quarantined_is_out() {
    let world = World::and(
        r#"
        [[access_policy]]
        name = "trap"
        applies = { agents = ["batch"] }
        otherwise = "quarantine"
        "#,
    )
    .await;
    assert_eq!(world.batch().await.error(), "400 access_denied");
    let record = world.record().await;
    let words: Vec<_> = record.iter().take(2).map(|e| e.action.as_str()).collect();
    assert_eq!(words, ["agent:disable", "token:client_credentials"]);
    assert_eq!(world.batch().await.error(), "400 invalid_grant", "it is disabled now");
}

const APPROVED: &str = r#"
    [[access_policy]]
    name = "critical"
    applies = { agents = ["batch"] }
    otherwise = "approval"
    [[client]]
    id = "console"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["access:read", "access:write"]
"#;

#[tokio::test]
async fn what_waits_is_listed_and_approved_over_the_api() {
    let world = World::and(APPROVED).await;
    let waits = world.batch().await;
    assert_eq!(waits.error(), "400 interaction_required");
    let bearer = api_token(&world, "console").await;
    let path = |rest: &str| format!("{}/access/{rest}", API.trim_start_matches("http://localhost:9400"));
    let listed = world.json(Method::GET, &path("approvals?state=pending"), Some(&bearer), "").await;
    let listed = listed.json();
    let first = listed.get("approvals").unwrap().as_array().unwrap()[0].as_object().unwrap().clone();
    assert_eq!((first.str("policy"), first.str("action")), (Some("critical"), Some("token")));
    let at = path(&format!("approvals/{}", first.str("id").unwrap()));
    let wrong = world.json(Method::POST, &at, Some(&bearer), r#"{"decision":"maybe"}"#).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    let body = r#"{"decision":"approved","for":60}"#;
    let done = world.json(Method::POST, &at, Some(&bearer), body).await;
    assert_eq!(done.json().str("state"), Some("approved"), "{}", done.body);
    let token = world.verified(&world.batch().await.text("access_token"));
    assert_eq!(
        token.expires_at.since(token.issued_at),
        Duration::from_secs(60),
        "no longer than the approval"
    );
    assert_eq!(world.count("approval:approve").await, 1);
    world.wait(61);
    assert_eq!(world.batch().await.error(), "400 interaction_required");
    let none = world.json(Method::POST, &path("approvals/apr_none"), Some(&bearer), body).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn what_would_be_is_told_and_nothing_changes() {
    let world = World::and(APPROVED).await;
    let bearer = api_token(&world, "console").await;
    let before = world.record().await.len();
    let path = API.trim_start_matches("http://localhost:9400");
    let (path, question) = (
        format!("{path}/access/what-if"),
        r#"{"agent":"batch","resource":"sales","stage":"issuance","facts":["approval.critical=true"]}"#,
    );
    let answer = world.json(Method::POST, &path, Some(&bearer), question).await.json();
    let verdict = answer.get("verdict").unwrap().as_object().unwrap().clone();
    assert_eq!(verdict.str("outcome"), Some("permit"));
    assert_eq!(world.record().await.len(), before, "nothing was recorded");
}

#[tokio::test]
async fn a_policy_about_an_agent_that_nobody_knows_does_not_start() {
    let unknown = "[[access_policy]]\nname = \"p\"\napplies = { agents = [\"agt_ghost\"] }\n";
    let started = tokio::spawn(async move { drop(World::and(unknown).await) });
    let said = started.await.unwrap_err().into_panic();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.contains("UnknownAgent") && said.contains("agt_ghost"), "{said}");
}
