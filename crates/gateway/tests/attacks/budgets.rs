//! D1: what there is so much of is drawn before a call is let through, at every hop, and a duty of any hop holds.

use crate::world::{TokenFor, World, alice};
use prokura_core::{Acr, Amount, Budget, Decimal, Demand, Duty, GrantId, Path, Sum, Timestamp};
use prokura_oauth::authentication::Authentication;
use serde_json::{Value, json};

/// At most so many calls, and so much in sum.
fn budget(calls: Option<u64>, most: &str) -> Budget {
    let most = Amount::of(&Decimal::parse(most).unwrap()).unwrap();
    let path = Path::parse(".amount").unwrap();
    Budget::new(calls, vec![Sum { tools: ["read_report".to_owned()].into(), path, most }]).unwrap()
}

/// A token below two grants that have a budget.
fn token(world: &World) -> String {
    let of = TokenFor { grant: "g_3", ancestors: vec!["g_1", "g_2"], ..alice() };
    let mut claims = world.claims(&of);
    claims.grant.budgets = ["g_1", "g_2"].map(|id| GrantId::parse(id).unwrap()).to_vec();
    claims.sign(&world.key).unwrap()
}

async fn world(calls: Option<u64>) -> (World, String) {
    let world = World::new().await;
    world.insert_bounded("g_1", Some(budget(calls, "100"))).await;
    world.insert_bounded("g_2", Some(budget(None, "30"))).await;
    let token = token(&world);
    (world, token)
}

fn call(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read_report","arguments":{arguments}}}}}"#
    )
}

async fn left(world: &World, id: &'static str) -> String {
    let id = GrantId::parse(id).unwrap();
    let left = world.store.read::<_, prokura_store::StoreError>(move |tx| tx.budget_left(&id)).await;
    let left = left.unwrap().unwrap();
    format!("{:?} {}", left.calls, left.sums[0])
}

#[tokio::test]
async fn d01_a_call_is_drawn_at_every_hop_and_refused_when_one_is_used_up() {
    let (world, token) = world(Some(3)).await;
    assert_eq!(world.post(&token, call(r#"{"amount":12.5}"#)).send().await.status, 200);
    assert_eq!(
        (left(&world, "g_1").await, left(&world, "g_2").await),
        ("Some(2) 87.5".into(), "None 17.5".into())
    );
    let record = world.record().await;
    let entry = record.iter().find(|e| e.event.details.get("drawn").is_some()).unwrap();
    let drawn = String::from_utf8(entry.event.details.get("drawn").unwrap().to_vec()).unwrap();
    let expected = json!([
        {"grant": "g_1", "calls": 1, "sum": [{"argument": ".amount", "amount": "12.5"}]},
        {"grant": "g_2", "sum": [{"argument": ".amount", "amount": "12.5"}]},
    ]);
    assert_eq!(serde_json::from_str::<Value>(&drawn).unwrap(), expected);

    let seen = world.upstream.seen().len();
    let over = world.post(&token, call(r#"{"amount":17.51}"#)).send().await;
    assert_eq!((over.status, over.json()["error"]["data"]["error"].clone()), (403, json!("budget_used_up")));
    let said = over.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(said, "what is left of the budget for `.amount` does not cover this call");
    assert!(
        !over.json().to_string().contains("g_1") && !over.json().to_string().contains("g_2"),
        "never whose"
    );
    assert_eq!(left(&world, "g_1").await, "Some(2) 87.5", "a refused call draws nothing");

    // The same call again is a call again.
    for _ in 0..2 {
        assert_eq!(world.post(&token, call(r#"{"amount":1}"#)).send().await.status, 200);
    }
    let spent = world.post(&token, call(r#"{"amount":1}"#)).send().await;
    assert_eq!(spent.json()["error"]["message"], "the budget of calls is used up");
    assert_eq!(world.upstream.seen().len(), seen + 2);
    let lines = world.record_lines().await;
    assert_eq!(lines.iter().filter(|l| *l == "decision tool:read_report deny budget_used_up").count(), 2);
}

#[tokio::test]
async fn d01_nothing_but_a_plain_amount_is_counted() {
    let (world, token) = world(None).await;
    for odd in [
        r#"{"amount":-5}"#,
        r#"{"amount":-1e-9}"#,
        r#"{"amount":"5"}"#,
        r#"{"amount":[5]}"#,
        r#"{"amount":{"value":5}}"#,
        r#"{"amount":null}"#,
        r#"{"amount":true}"#,
        r#"{"amount":0.0000001}"#,
        r#"{"amount":1e400}"#,
        r#"{"amount":99999999999999999999}"#,
        r#"{"Amount":1}"#,
        r#"{"amount":1,"Amount":99}"#,
        r#"{"amount":1,"amo\u200bunt":99}"#,
        "{}",
    ] {
        let answer = world.post(&token, call(odd)).send().await;
        assert_eq!(answer.status, 403, "{odd}");
        assert_eq!(answer.json()["error"]["data"]["error"], "budget_argument", "{odd}");
    }
    let twice = world.post(&token, call(r#"{"amount":1,"amount":99}"#)).send().await;
    assert_eq!(twice.status, 400);
    assert_eq!(world.post(&token, call("[]")).send().await.status, 400, "arguments are an object");
    let none = world.legacy(&token, "tools/call", json!({"name": "read_report"})).send().await;
    assert_eq!(none.status, 403, "no arguments at all");
    assert!(world.upstream.is_untouched());
    assert_eq!(left(&world, "g_1").await, "None 100");
    for exact in [r#"{"amount":3e1}"#, r#"{"amount":-0.0}"#] {
        assert_eq!(world.post(&token, call(exact)).send().await.status, 200, "{exact}");
    }
    assert_eq!(left(&world, "g_2").await, "None 0");
    let listed = world.legacy(&token, "tools/list", json!({})).send().await;
    assert_eq!(listed.status, 200, "a list draws nothing");
}

#[tokio::test]
async fn d01_a_budget_that_is_kept_elsewhere_lets_nothing_through() {
    let world = World::new().await;
    let token = token(&world);
    let answer = world.post(&token, call(r#"{"amount":1}"#)).send().await;
    assert_eq!(
        (answer.status, answer.json()["error"]["data"]["error"].clone()),
        (403, json!("budget_elsewhere"))
    );
    assert!(world.upstream.is_untouched());
}

#[tokio::test]
async fn d01_a_duty_of_any_grant_above_holds_at_every_call() {
    let world = World::new().await;
    let token = |said: Option<(i64, Acr)>| {
        let mut claims = world.claims(&alice());
        let duty = |acr, max_age| Duty::SignIn(Demand { acr, max_age });
        claims.grant.duties = [duty(Some(Acr::Mfa), None), duty(None, Some(600))].into();
        let at = |ago| Timestamp::from_seconds(claims.issued_at.seconds() - ago);
        claims.authentication = said.map(|(ago, acr)| Authentication::new(at(ago), acr, "pwd"));
        claims.sign(&world.key).unwrap()
    };
    for said in [None, Some((0, Acr::Single)), Some((601, Acr::Phr))] {
        let answer = world.read_report(&token(said)).send().await;
        assert_eq!(answer.status, 401, "{said:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{challenge}");
        assert!(challenge.contains(r#"acr_values="mfa", max_age="600""#), "{challenge}");
    }
    assert!(world.upstream.is_untouched());
    let fine = token(Some((590, Acr::Mfa)));
    assert_eq!(world.read_report(&fine).send().await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(20));
    assert_eq!(world.read_report(&fine).send().await.status, 401, "every call asks again");
}
