//! E16: what needs a surer or a fresher sign-in than the token speaks of (RFC 9470).

use crate::world::{Reply, World, alice};
use prokura_core::{Acr, Action, Timestamp};
use prokura_oauth::authentication::Authentication;
use serde_json::json;

/// A world in which writing needs a passkey, used within ten minutes.
async fn world() -> World {
    let demand = r#"actions = ["tool:write_report", "resource:draft/*"], sign_in = { acr = "phr", max_age = "10m" } }"#;
    let config =
        crate::world::CONFIG.replace(r#"actions = ["tool:write_report", "resource:draft/*"] }"#, demand);
    assert!(config.contains(demand));
    World::with_config(Reply::echo, &config).await
}

fn token(world: &World, said: Option<(u64, Acr)>) -> String {
    let mut claims = world.claims(&crate::world::TokenFor { scopes: "read write", ..alice() });
    let at = |ago| Timestamp::from_seconds(claims.issued_at.seconds() - i64::try_from(ago).unwrap());
    claims.authentication = said.map(|(ago, acr)| Authentication::new(at(ago), acr, "pwd"));
    claims.sign(&world.key).unwrap()
}

#[tokio::test]
async fn e16_a_weak_or_old_sign_in_is_asked_for_a_surer_one_and_reaches_nothing() {
    let world = world().await;
    for said in [None, Some((0, Acr::Single)), Some((0, Acr::Mfa)), Some((601, Acr::Phr))] {
        let token = token(&world, said);
        let answer = world.legacy(&token, "tools/call", json!({"name": "write_report"})).send().await;
        assert_eq!(answer.status, 401, "{said:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(r#"Bearer error="insufficient_user_authentication""#), "{challenge}");
        assert!(challenge.contains(r#"acr_values="phr", max_age="600""#), "{challenge}");
        assert_eq!(answer.json()["error"]["data"]["acr_values"], "phr");
    }
    assert!(world.upstream.is_untouched());
    let asked = format!("decision {} challenge sign_in", Action::tool("write_report"));
    assert!(world.record_lines().await.iter().all(|line| *line == asked));
}

#[tokio::test]
async fn e16_a_sure_and_fresh_sign_in_opens_it_and_what_asks_for_none_needs_none() {
    let world = world().await;
    let token_of = |said| token(&world, said);
    let write = |token: &str| world.legacy(token, "tools/call", json!({"name": "write_report"})).send();
    assert_eq!(write(&token_of(Some((599, Acr::Phr)))).await.status, 200);
    assert_eq!(world.read_report(&token_of(None)).send().await.status, 200);
    // A token lives on while its sign-in grows old: every call asks again.
    let token = token_of(Some((590, Acr::Phr)));
    assert_eq!(write(&token).await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(20));
    assert_eq!(write(&token).await.status, 401);
}
