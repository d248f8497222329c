//! The view of what is not in force.

use crate::world::{World, at, g, grant, now, planner, user};
use prokura_core::{ClientId, UserId};
use prokura_store::{Agent, Foreigner, Store};
use std::time::Duration;

/// Waits until `store` has heard of something.
async fn until(store: &Store, heard: impl Fn(&Store) -> bool) {
    for _ in 0..1000 {
        if heard(store) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it was never heard of");
}

pub(crate) async fn the_revoker_sees_it_at_once(w: World) {
    for round in 0..50 {
        let id = w.grant(&format!("g_{round}")).await;
        assert!(!w.store.revoked().contains(&id));
        let revoke = id.clone();
        w.write(move |tx| tx.revoke_grant(&revoke, "operator", "test", now())).await;
        assert!(w.store.revoked().contains(&id));
    }
    assert!(w.store.revoked().fresh());
}

pub(crate) async fn another_process_hears_of_it(w: World) {
    if !w.is_shared() {
        return;
    }
    let other = w.other("pep_2").await;
    w.grant("g_1").await;
    w.write(|tx| tx.insert_grant(&grant("g_2", &["g_1"]))).await;
    w.write(|tx| tx.revoke_grant(&g("g_1"), "operator", "test", now())).await;
    until(&other, |s| !s.revoked().stands([(&g("g_1"), 0), (&g("g_2"), 0)])).await;
    w.grant("g_3").await;
    w.write(|tx| tx.suspend_grant(&g("g_3"), "operator", "test", now())).await;
    until(&other, |s| s.revoked().contains(&g("g_3"))).await;
    w.write(|tx| tx.resume_grant(&g("g_3"), "operator", "test", now())).await;
    until(&other, |s| !s.revoked().contains(&g("g_3"))).await;
    // Words about expired grants are removed; numbers go on, so that later words are heard.
    w.write(|tx| tx.prune(at(4000), 100)).await;
    let mut late = grant("g_4", &[]);
    late.expires_at = at(9000);
    w.write(move |tx| tx.insert_grant(&late)).await;
    w.write(|tx| tx.revoke_grant(&g("g_4"), "operator", "test", now())).await;
    until(&other, |s| s.revoked().contains(&g("g_4"))).await;
}

pub(crate) async fn what_was_revoked_before_the_start_is_known(w: World) {
    if !w.is_shared() {
        return;
    }
    w.grant("g_1").await;
    w.grant("g_2").await;
    w.write(|tx| tx.revoke_grant(&g("g_1"), "operator", "test", now())).await;
    let later = w.other("pep_2").await;
    assert!(later.revoked().contains(&g("g_1")));
    assert!(!later.revoked().contains(&g("g_2")));
}

pub(crate) async fn disabling_is_heard_too(w: World) {
    let client = || ClientId::parse("https://a.example/c").unwrap();
    let agent = Agent { id: planner(), name: "P".into(), disabled: false, created_at: now() };
    w.write(move |tx| Ok(tx.insert_agent(&agent)? && tx.insert_user(&user("eve"))?)).await;
    let eve = || UserId::parse("usr_eve").unwrap();
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    for disabled in [true, false] {
        w.write(move |tx| {
            tx.disable_user(&eve(), disabled, "operator", "test", now())?;
            tx.disable_agent(&planner(), disabled, "operator", "test", now())?;
            tx.disable_client(&client(), disabled, "operator", "test", now())
        })
        .await;
        until(&other, |s| {
            let view = s.revoked();
            view.user_disabled(&eve()) == disabled
                && view.agent_disabled(&planner()) == disabled
                && view.client_disabled(&client()) == disabled
        })
        .await;
    }
}

pub(crate) async fn whom_another_issuer_knows_is_disabled_without_a_row(w: World) {
    let alice = || UserId::parse("usr_corp:alice").unwrap();
    let desk = || ClientId::parse("corp:desk").unwrap();
    let issuer = "https://corp.example/";
    let all = || [Foreigner::User(alice()), Foreigner::Client(desk()), Foreigner::Issuer(issuer.into())];
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    for disabled in [true, false] {
        for who in all() {
            let again = who.clone();
            assert!(w.write(move |tx| tx.disable_foreigner(&who, disabled, "operator", "gone", now())).await);
            assert!(!w.write(move |tx| tx.disable_foreigner(&again, disabled, "operator", "", now())).await);
        }
        until(&other, |s| {
            let view = s.revoked();
            view.user_disabled(&alice()) == disabled
                && view.client_disabled(&desk()) == disabled
                && view.issuer_disabled(issuer) == disabled
        })
        .await;
        let listed = w.write(|tx| tx.disabled()).await;
        let ids: Vec<_> = listed.iter().map(|d| format!("{} {} {}", d.kind, d.id, d.why)).collect();
        let expected =
            ["issuer https://corp.example/ gone", "client corp:desk gone", "user usr_corp:alice gone"];
        assert_eq!(ids, if disabled { expected.to_vec() } else { Vec::new() });
    }
    assert!(!w.store.revoked().issuer_disabled("https://corp.example"));
}

pub(crate) async fn whoever_waits_is_woken_here_and_in_other_processes(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    for round in 0..5 {
        let id = w.grant(&format!("g_{round}")).await;
        let mut changes = [w.store.revoked().changes(), other.revoked().changes()];
        let revoke = id.clone();
        w.write(move |tx| tx.revoke_grant(&revoke, "operator", "test", now())).await;
        assert!(changes[0].has_changed().unwrap(), "at the commit");
        let woken = tokio::time::timeout(Duration::from_secs(20), changes[1].changed());
        woken.await.unwrap().unwrap();
        until(&other, |s| s.revoked().contains(&id)).await;
    }
}

pub(crate) async fn words_come_in_their_order_and_each_id_once(w: World) {
    let since = |since, limit| w.read(move |tx| tx.words_since(since, now(), limit));
    assert_eq!((since(0, 9).await.words, since(0, 9).await.newest), (Vec::new(), 0));
    for id in ["g_1", "g_2", "g_3"] {
        w.grant(id).await;
    }
    w.write(|tx| tx.suspend_grant(&g("g_1"), "operator", "test", now())).await;
    w.write(|tx| tx.revoke_grant(&g("g_2"), "operator", "test", now())).await;
    w.write(|tx| tx.suspend_grant(&g("g_3"), "operator", "test", now())).await;
    w.write(|tx| tx.resume_grant(&g("g_1"), "operator", "test", now())).await;
    let all = since(0, 9).await;
    let told: Vec<_> = all.words.iter().map(|w| (w.seq, w.id.as_str(), w.word.as_str())).collect();
    assert_eq!(told, [(2, "g_2", "revoked"), (3, "g_3", "suspended"), (4, "g_1", "active")]);
    assert_eq!((all.newest, all.words[0].kind.as_str()), (4, "grant"));
    assert!(all.words[0].until >= at(3600), "as long as its tokens could be shown");
    let page = since(0, 2).await;
    assert_eq!((page.words.len(), page.newest, since(3, 9).await.words.len()), (2, 4, 1));
    let over = w.read(|tx| tx.words_since(0, at(9000), 9)).await;
    assert_eq!((over.words.len(), over.newest), (0, 4), "what has expired is told no more");
}
