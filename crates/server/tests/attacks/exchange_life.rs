//! Token exchange over time: what ended, was paused or disabled yields nothing, at once and for ever.

use crate::world::exchange::*;
use crate::world::*;
use prokura_core::{AgentId, Clock as _, UserId};

async fn chained(world: &World) -> (String, String) {
    let user = world.planned().await;
    let child = world.pass("sales-api", &user, &[("resource", CRM)]).await.text("access_token");
    (user, child)
}

#[tokio::test]
async fn d05_what_is_below_ends_with_what_is_above() {
    let world = World::chained().await;
    let (user, child) = chained(&world).await;
    world.revoke_grant(&read(&user).grant.id).await;
    assert_eq!(world.pass("keeper", &child, &[("resource", VAULT)]).await.error(), "400 invalid_grant");
    world.refused_for("grant_over").await;
    assert_eq!(world.pass("sales-api", &user, &[("resource", CRM)]).await.error(), "400 invalid_grant");
    assert_eq!(world.exchange("sales-api", &child, &[]).await.error(), "400 invalid_grant");
    assert_eq!(world.exchange("planner", &user, &[]).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn d05_a_branch_that_was_cut_off_does_not_grow_again() {
    let world = World::chained().await;
    let (user, child) = chained(&world).await;
    let again = world.pass("sales-api", &user, &[("resource", CRM)]).await.text("access_token");
    assert_eq!(read(&again).grant.id, read(&child).grant.id, "the same child while nothing changed");
    let below = world.pass("keeper", &child, &[("resource", VAULT)]).await.text("access_token");
    world.revoke_grant(&read(&child).grant.id).await;
    for (client, token, place) in
        [("sales-api", &user, CRM), ("keeper", &child, VAULT), ("keeper", &below, VAULT)]
    {
        let answer = world.pass(client, token, &[("resource", place)]).await;
        assert_eq!(answer.error(), "400 invalid_grant", "{client}");
    }
    // What is above goes on.
    assert_eq!(world.exchange("planner", &user, &[]).await.status, 200);
    // Nor does it grow anew with other contents.
    let narrower = world.pass("sales-api", &user, &[("resource", CRM), ("scope", "crm:read")]).await;
    assert_eq!(narrower.error(), "400 invalid_grant");
}

#[tokio::test]
async fn d05_what_its_client_gave_back_can_be_had_again() {
    let world = World::chained().await;
    let (user, child) = chained(&world).await;
    let back = world.form("/revoke", Some(&format!("sales-api:{SECRET}")), &[("token", &child)]).await;
    assert_eq!(back.status, 200);
    assert_eq!(world.exchange("sales-api", &child, &[]).await.error(), "400 invalid_grant");
    let new = world.pass("sales-api", &user, &[("resource", CRM)]).await.text("access_token");
    assert_ne!(read(&new).grant.id, read(&child).grant.id);
}

#[tokio::test]
async fn d05_a_pause_holds_for_everything_below() {
    let world = World::chained().await;
    let (user, child) = chained(&world).await;
    let (root, now) = (read(&user).grant.id, world.clock.now());
    let turn = |pause: bool| {
        let root = root.clone();
        world.write(move |tx| match pause {
            true => tx.suspend_grant(&root, "test", "test", now),
            false => tx.resume_grant(&root, "test", "test", now),
        })
    };
    turn(true).await;
    assert_eq!(world.pass("keeper", &child, &[("resource", VAULT)]).await.error(), "400 invalid_grant");
    assert_eq!(world.exchange("planner", &user, &[]).await.error(), "400 invalid_grant");
    turn(false).await;
    assert_eq!(world.pass("keeper", &child, &[("resource", VAULT)]).await.status, 200);
}

#[tokio::test]
async fn d05_no_child_outlives_what_is_above_it_and_no_token_its_grant() {
    let world = World::chained().await;
    let (user, child) = chained(&world).await;
    let (above, below) = (read(&user).grant.id, read(&child).grant.id);
    let (above, below) =
        world.write(move |tx| Ok((tx.grant(&above)?.unwrap(), tx.grant(&below)?.unwrap()))).await;
    assert!(below.expires_at <= above.expires_at);
    assert_eq!(below.depth_left + 1, above.depth_left);
    let life = above.expires_at.since(world.clock.now()).as_secs();
    world.wait(life + 1);
    assert_eq!(world.exchange("sales-api", &child, &[]).await.error(), "400 invalid_request", "long expired");
}

#[tokio::test]
async fn c10_nobody_who_is_disabled_is_in_a_chain() {
    let world = World::chained().await;
    let (_, child) = chained(&world).await;
    let now = world.clock.now();
    let below = || world.pass("keeper", &child, &[("resource", VAULT)]);
    let agent = |name: &'static str, off: bool| {
        let id = AgentId::parse(name).unwrap();
        world.write(move |tx| tx.disable_agent(&id, off, "test", "test", now))
    };
    let user = |off: bool| {
        let id = UserId::parse("usr_alice").unwrap();
        world.write(move |tx| tx.disable_user(&id, off, "test", "test", now))
    };
    assert_eq!(below().await.status, 200);
    for name in ["agt_planner", "agt_reporter"] {
        agent(name, true).await;
        assert_eq!(below().await.error(), "400 invalid_grant", "{name}");
        world.refused_for("disabled").await;
        agent(name, false).await;
    }
    user(true).await;
    assert_eq!(below().await.error(), "400 invalid_grant");
    user(false).await;
    let actor = world.own("keeper").await;
    agent("agt_keeper", true).await;
    let shown = [("resource", VAULT), ("actor_token", actor.as_str()), ("actor_token_type", ACCESS)];
    assert_eq!(world.exchange("keeper", &child, &shown).await.error(), "400 invalid_grant");
    agent("agt_keeper", false).await;
    assert_eq!(below().await.status, 200);
    world.disable_client("sales-api").await;
    assert_eq!(below().await.error(), "400 invalid_grant", "the client that got the token");
    world.disable_client("keeper").await;
    let answer = world.exchange("keeper", &child, &shown).await;
    assert_eq!(answer.status, 401, "who is disabled does not even authenticate");
}

/// Five agents at most, each once.
#[tokio::test]
async fn d04_a_chain_ends_at_its_bound_and_never_closes() {
    const MORE: &str = r#"
        [[client]]
        id = "a1"
        secret = { env = "SECRET" }
        grant_types = ["token_exchange", "client_credentials"]
        [[client.grant]]
        resource = "crm"
        scopes = ["crm:read"]
        [[client]]
        id = "a2"
        secret = { env = "SECRET" }
        grant_types = ["token_exchange", "client_credentials"]
        [[client.grant]]
        resource = "crm"
        scopes = ["crm:read"]
        [[client]]
        id = "a3"
        secret = { env = "SECRET" }
        grant_types = ["token_exchange", "client_credentials"]
        [[client.grant]]
        resource = "crm"
        scopes = ["crm:read"]
        [[delegation]]
        name = "round"
        at = "sales"
        from = ["planner", "writer", "a1", "a2", "a3"]
        to = ["writer", "a1", "a2", "a3", "planner", "stranger"]
        [[delegation]]
        name = "short"
        at = "sales"
        from = ["reporter"]
        to = ["writer", "a1"]
        depth = 2
    "#;
    let world = World::with(&format!("{USUAL}{CHAIN}{MORE}")).await;
    let mut token = world.planned().await;
    for (n, agent) in ["writer", "a1", "a2", "a3"].into_iter().enumerate() {
        let answer = world.pass(agent, &token, &[("scope", "read")]).await;
        assert_eq!(answer.status, 200, "{agent} {}", answer.body);
        token = answer.text("access_token");
        assert_eq!(actors(&token).len(), n + 2);
        let back = world.pass("planner", &token, &[("scope", "read")]).await;
        assert_eq!(back.error(), "400 invalid_grant", "no circle");
        world.refused_for("exchange_loop").await;
    }
    assert_eq!(world.pass("stranger", &token, &[]).await.error(), "400 invalid_grant");
    assert_eq!(read(&token).grant.ancestors.len(), 4);
    let reporters = world.allowed("sales-api", &[("scope", "read")]).await.text("access_token");
    let once = world.pass("writer", &reporters, &[]).await.text("access_token");
    assert_eq!(actors(&once).len(), 2);
}

/// Nothing is minted by a grant once its revocation was answered, whoever asks at the same time.
#[tokio::test]
async fn c16_nothing_is_minted_after_a_revocation_returned() {
    let rounds = std::env::var("PROKURA_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    for round in 0..rounds {
        let world = World::chained().await;
        let user = world.planned().await;
        let (root, own) = (read(&user).grant.id.clone(), world.own("sales-api").await);
        let shown = [("resource", CRM), ("actor_token", own.as_str()), ("actor_token_type", ACCESS)];
        let ask = || world.exchange("sales-api", &user, &shown);
        let revoke = async {
            for _ in 0..round % 5 {
                tokio::task::yield_now().await;
            }
            world.revoke_grant(&root).await;
            // From here on nothing comes.
            ask().await.error()
        };
        let (_, _, after, _, _) = tokio::join!(ask(), ask(), revoke, ask(), ask());
        assert_eq!(after, "400 invalid_grant");
        let entries = world.record().await;
        let last =
            entries.iter().position(|e| e.action == "token:token_exchange" && e.outcome.as_str() == "permit");
        let refused = entries.iter().position(|e| e.reasons.iter().any(|r| r == "grant_over"));
        assert!(refused.is_some() && last.is_none_or(|last| last > refused.unwrap()));
    }
}
