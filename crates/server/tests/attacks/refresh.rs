//! C10 to C17: refresh tokens, and what ends them.

use crate::world::*;
use prokura_core::UserId;

#[tokio::test]
async fn c10_nobody_who_is_disabled_gets_a_token() {
    let world = World::new().await;
    let (access, refresh) = world.tokens().await;
    let code = world.code("web").await;
    let user = UserId::parse("usr_alice").unwrap();
    let now = prokura_core::Timestamp::from_seconds(1_800_000_000);
    let (u, agent) = (user.clone(), world.verified(&access).actor().unwrap().clone());
    world.write(move |tx| tx.disable_user(&u, true, "test", "test", now)).await;
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    world.refused_for("disabled").await;
    assert_eq!(world.redeem(&code, &[]).await.error(), "400 invalid_grant");
    assert!(!world.is_active(&access).await);
    world.write(move |tx| tx.disable_user(&user, false, "test", "test", now)).await;
    let a = agent.clone();
    world.write(move |tx| tx.disable_agent(&a, true, "test", "test", now)).await;
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    world.write(move |tx| tx.disable_agent(&agent, false, "test", "test", now)).await;
    world.disable_client("web").await;
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "401 invalid_client");
    assert_eq!(world.batch().await.status, 200);
    world.disable_client("batch").await;
    assert_eq!(world.batch().await.error(), "401 invalid_client");
}

#[tokio::test]
async fn c11_a_grant_that_ended_gives_nothing() {
    let world = World::new().await;
    let (access, refresh) = world.tokens().await;
    world.revoke_grant(&world.verified(&access).grant.id).await;
    assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
    world.refused_for("grant_over").await;
    // Nor does one of the configuration come to life again because its agent asks.
    let own = world.verified(&world.batch().await.text("access_token"));
    world.revoke_grant(&own.grant.id).await;
    for _ in 0..2 {
        assert_eq!(world.batch().await.error(), "400 invalid_grant");
        world.refused_for("grant_over").await;
    }
    let anew = World::start(USUAL, world.store.clone(), world.clock.clone()).await;
    assert_eq!(anew.batch().await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn c12_an_old_refresh_token_ends_the_family() {
    let world = World::new().await;
    let (access, first) = world.tokens().await;
    let second = world.refresh(&first, &[]).await.text("refresh_token");
    assert_ne!(first, second);
    let third = world.refresh(&second, &[]).await.text("refresh_token");
    assert_eq!(world.refresh(&first, &[]).await.error(), "400 invalid_grant");
    world.refused_for("refresh_reused").await;
    assert_eq!(world.refresh(&third, &[]).await.error(), "400 invalid_grant");
    assert!(!world.is_active(&access).await);
    assert_eq!(world.count("grant:revoke").await, 1);
}

#[tokio::test]
async fn c12_a_refresh_token_used_again_too_late_ends_the_family() {
    let world = World::new().await;
    let (_, first) = world.tokens().await;
    let second = world.refresh(&first, &[]).await.text("refresh_token");
    world.wait(31);
    assert_eq!(world.refresh(&first, &[]).await.error(), "400 invalid_grant");
    world.refused_for("refresh_reused").await;
    assert_eq!(world.refresh(&second, &[]).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn c13_a_lost_answer_can_be_had_again() {
    let world = World::new().await;
    let (_, first) = world.tokens().await;
    let second = world.refresh(&first, &[]).await.text("refresh_token");
    for _ in 0..5 {
        world.wait(5);
        let again = world.refresh(&first, &[]).await;
        assert_eq!((again.status.as_u16(), again.text("refresh_token")), (200, second.clone()));
    }
    // Not for ever; but the family lives on, for the successor was not used.
    assert_eq!(world.refresh(&first, &[]).await.error(), "400 invalid_grant");
    world.refused_for("refresh_repeated").await;
    let third = world.refresh(&second, &[]).await.text("refresh_token");
    assert_eq!(world.refresh(&third, &[]).await.status, 200);
}

#[tokio::test]
async fn c13_the_answer_is_the_same_clients_only() {
    let world = World::new().await;
    let (_, first) = world.tokens().await;
    let second = world.refresh(&first, &[]).await.text("refresh_token");
    let other = [("grant_type", "refresh_token"), ("client_id", "native"), ("refresh_token", first.as_str())];
    assert_eq!(world.form("/token", None, &other).await.error(), "400 invalid_grant");
    world.refused_for("refresh_of_another").await;
    assert_eq!(world.refresh(&second, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c14_two_hundred_at_once_get_one_successor() {
    let world = World::new().await;
    let (_, first) = world.tokens().await;
    let answers = futures_util::future::join_all((0..200).map(|_| world.refresh(&first, &[]))).await;
    let mut successors: Vec<_> =
        answers.iter().filter(|a| a.status == 200).map(|a| a.text("refresh_token")).collect();
    assert_eq!(successors.len(), 6, "the answer and five repetitions");
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(world.refresh(&successors[0], &[]).await.status, 200, "and the family lives");
}

#[tokio::test]
async fn c15_a_restart_forgets_no_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("t.db").display());
    let world = World::on(USUAL, &database, "pep_1").await;
    let (_, first) = world.tokens().await;
    let second = world.refresh(&first, &[]).await.text("refresh_token");
    let third = world.refresh(&second, &[]).await.text("refresh_token");
    let clock = world.clock.clone();
    drop(world);
    let world = World::on(USUAL, &database, "pep_1").await;
    world.clock.set(prokura_core::Clock::now(&*clock));
    assert_eq!(world.refresh(&first, &[]).await.error(), "400 invalid_grant");
    world.refused_for("refresh_reused").await;
    assert_eq!(world.refresh(&third, &[]).await.error(), "400 invalid_grant");
}

/// What another process disabled is asked of the database, so that nothing is made before this one hears of it.
#[tokio::test]
async fn c10_whom_another_process_disabled_gets_nothing_before_this_one_heard() {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("t.db").display());
    let (world, other) =
        (World::on(USUAL, &database, "pep_1").await, World::on(USUAL, &database, "pep_2").await);
    let (access, refresh) = world.tokens().await;
    let (token, now) = (world.verified(&access), prokura_core::Clock::now(&*world.clock));
    let (user, agent) = (UserId::parse("usr_alice").unwrap(), token.actor().unwrap().clone());
    for round in 0..3 {
        let code = world.code("web").await;
        let turn = |off: bool| {
            let (user, agent) = (user.clone(), agent.clone());
            other.write(move |tx| match round % 2 {
                0 => tx.disable_user(&user, off, "test", "test", now),
                _ => tx.disable_agent(&agent, off, "test", "test", now),
            })
        };
        turn(true).await;
        assert_eq!(world.refresh(&refresh, &[]).await.error(), "400 invalid_grant");
        world.refused_for("disabled").await;
        turn(false).await;
        while world.store.revoked().user_disabled(&user) || world.store.revoked().agent_disabled(&agent) {
            tokio::task::yield_now().await;
        }
        turn(true).await;
        assert_eq!(world.redeem(&code, &[]).await.error(), "400 invalid_grant");
        world.refused_for("disabled").await;
        turn(false).await;
        while world.store.revoked().user_disabled(&user) || world.store.revoked().agent_disabled(&agent) {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(world.refresh(&refresh, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c16_nothing_is_made_after_a_revocation_was_answered() {
    let world = World::new().await;
    for _ in 0..20 {
        let (access, mut refresh) = world.tokens().await;
        let grant = world.verified(&access).grant.id;
        let renewing = async {
            while let answer = world.refresh(&refresh, &[]).await
                && answer.status == 200
            {
                refresh = answer.text("refresh_token");
            }
        };
        let revoking = async {
            tokio::task::yield_now().await;
            world.revoke_grant(&grant).await;
            world.store.read::<_, prokura_store::StoreError>(|tx| tx.ledger_size()).await.unwrap()
        };
        let ((), size) = tokio::join!(renewing, revoking);
        let later = world.store.read::<_, prokura_store::StoreError>(move |tx| {
            Ok((size + 1..=tx.ledger_size()?).filter_map(|n| tx.entry(n).ok().flatten()).collect::<Vec<_>>())
        });
        let later = later.await.unwrap();
        assert!(later.iter().all(|e| e.event.outcome.as_str() == "deny"), "{later:?}");
    }
}

#[tokio::test]
async fn c17_a_refresh_never_widens() {
    let world = World::and(SECOND).await;
    let code = world.authorize(&[("resource", SALES)]).await.redirect().1.remove("code").unwrap();
    let refresh = world.redeem(&code, &[]).await.text("refresh_token");
    for (change, error) in [
        (("scope", "read write"), "400 invalid_scope"),
        (("scope", "hr:read"), "400 invalid_scope"),
        (("resource", "http://localhost:9400/mcp/hr"), "400 invalid_target"),
        (("resource", "nonsense"), "400 invalid_target"),
    ] {
        assert_eq!(world.refresh(&refresh, &[change]).await.error(), error, "{change:?}");
    }
    let answer = world.refresh(&refresh, &[("scope", "read"), ("resource", SALES)]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text("scope").as_str()),
        (200, "read"),
        "and the token was not spent"
    );
}

#[tokio::test]
async fn c17_a_refresh_token_holds_what_its_code_held_even_if_the_grant_holds_more() {
    let world = World::new().await;
    let (access, refresh) = world.tokens().await;
    let grant = world.verified(&access).grant.id;
    let wider = prokura_core::ScopeSet::parse("read write").unwrap();
    let widened = world.write(move |tx| {
        let kept = tx.grant(&grant)?.unwrap();
        tx.update_grant(&prokura_core::Grant { actions: wider.clone(), ..kept })
    });
    assert!(widened.await);
    assert_eq!(world.refresh(&refresh, &[("scope", "read write")]).await.error(), "400 invalid_scope");
    assert_eq!(world.refresh(&refresh, &[]).await.text("scope"), "read");
}

/// Details without a scope that opens anything are authority of their own: who has scopes may not trade them for details.
#[tokio::test]
async fn c17_details_do_not_take_the_place_of_scopes() {
    let world = World::new().await;
    let code = world.authorize(&[("scope", "openid read")]).await.redirect().1.remove("code").unwrap();
    let refresh = world.redeem(&code, &[]).await.text("refresh_token");
    let write = r#"[{"type":"mcp_tool","actions":["write"]}]"#;
    let traded = world.refresh(&refresh, &[("scope", "openid"), ("authorization_details", write)]).await;
    assert_eq!(traded.error(), "400 invalid_authorization_details");
    let bounded = world.refresh(&refresh, &[("scope", "read"), ("authorization_details", write)]).await;
    assert_eq!(
        (bounded.status.as_u16(), bounded.text("scope").as_str()),
        (200, "read"),
        "a ceiling on `read`"
    );
}

#[tokio::test]
async fn c17_fewer_scopes_are_not_for_ever() {
    let world = World::new().await;
    let code = world.authorize(&[("scope", "read write")]).await.redirect().1.remove("code").unwrap();
    let refresh = world.redeem(&code, &[]).await.text("refresh_token");
    let narrow = world.refresh(&refresh, &[("scope", "read")]).await;
    assert_eq!(narrow.text("scope"), "read");
    assert_eq!(world.refresh(&narrow.text("refresh_token"), &[]).await.text("scope"), "read write");
}
