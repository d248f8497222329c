//! Grants and consents.

use crate::world::{World, alice, at, crm, g, grant, now, planner, user};
use prokura_core::{
    ClientId, Detail, Details, Evidence, GrantName, GrantState, Grantor, Principal, ResourceUri, Revocation,
    ScopeSet, UserId,
};
use prokura_store::{ArtifactKind, Consent, Consumed, Ended, Said, StoreError};

pub(crate) async fn a_grant_comes_back_as_it_was(w: World) {
    w.grant("g_1").await;
    w.grant("g_2").await;
    let mut child = grant("g_3", &["g_2", "g_1"]);
    child.depth_left = 0;
    child.revision = 9;
    child.details = Details::new([Detail::new(["a".to_owned()], []).unwrap()]).unwrap();
    child.evidence = Evidence::IdJag { issuer: "https://idp.example".into(), jti: "j 1".into() };
    let stored = child.clone();
    w.write(move |tx| tx.insert_grant(&stored)).await;
    let found = w.read(|tx| tx.grant(&g("g_3"))).await;
    assert_eq!(found.as_ref(), Some(&child), "parents keep their order");
    assert_eq!(w.read(|tx| tx.grants_of_user(&alice())).await.len(), 3);
    assert_eq!(w.read(|tx| tx.grants_to(&planner())).await.len(), 3);
    assert!(w.read(|tx| tx.grants_of_user(&UserId::parse("usr_bob").unwrap())).await.is_empty());
    let taken = w.store.transact(|tx| tx.insert_grant(&grant("g_1", &[]))).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))));
}

pub(crate) async fn an_update_needs_the_revision_it_read(w: World) {
    w.grant("g_1").await;
    let mut changed = grant("g_1", &[]);
    changed.actions = ScopeSet::parse("read").unwrap();
    let first = changed.clone();
    assert!(w.write(move |tx| tx.update_grant(&first)).await);
    let stale = changed.clone();
    assert!(!w.write(move |tx| tx.update_grant(&stale)).await);
    changed.revision = 1;
    assert_eq!(w.read(|tx| tx.grant(&g("g_1"))).await, Some(changed.clone()));
    w.write(|tx| tx.revoke_grant(&g("g_1"), "usr_alice", "enough", now())).await;
    changed.revision = 2;
    assert!(!w.write(move |tx| tx.update_grant(&changed)).await, "what has ended does not change");
}

pub(crate) async fn a_name_is_its_clients_and_stays_when_the_grant_is_replaced(w: World) {
    let client = |id: &str| ClientId::parse(id).unwrap();
    let name = || GrantName::parse("gid_1").unwrap();
    w.grant("g_1").await;
    w.grant("g_2").await;
    w.write(move |tx| tx.name_grant(&name(), &client("cli_1"), &g("g_1"))).await;
    let named = |by: &'static str| w.read(move |tx| tx.named_grant(&name(), &client(by)));
    assert_eq!(named("cli_1").await.map(|n| n.id), Some(g("g_1")));
    assert_eq!(named("cli_2").await, None);
    assert!(!w.write(move |tx| tx.rename_grant(&name(), &client("cli_2"), &g("g_2"))).await);
    assert!(w.write(move |tx| tx.rename_grant(&name(), &client("cli_1"), &g("g_2"))).await);
    assert_eq!(named("cli_1").await.map(|n| n.id), Some(g("g_2")));
    let taken = w.store.transact(move |tx| tx.name_grant(&name(), &client("cli_2"), &g("g_1"))).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))));
}

pub(crate) async fn revoking_ends_everything_below_by_one_word(w: World) {
    w.grant("g_1").await;
    w.grant("g_other").await;
    // A diamond: two ways from the top to the bottom.
    w.write(|tx| {
        tx.insert_grant(&grant("g_2", &["g_1"]))?;
        tx.insert_grant(&grant("g_3", &["g_1"]))?;
        tx.insert_grant(&grant("g_4", &["g_2", "g_3"]))?;
        tx.put_artifact(ArtifactKind::RefreshToken, "r", Some(&g("g_4")), b"", at(60))
    })
    .await;
    let ended = w.write(|tx| tx.revoke_tree(&g("g_2"), "usr_alice", "enough", at(5))).await;
    assert_eq!(ended, Some(Ended { id: g("g_2"), below: 1 }));
    let view = w.store.revoked();
    assert!(!view.stands([(&g("g_1"), 0), (&g("g_2"), 0), (&g("g_4"), 0)]) && view.stands([(&g("g_1"), 0)]));
    assert!(!view.contains(&g("g_4")), "one word, for a chain names what is above");
    let ended = w.write(|tx| tx.revoke_tree(&g("g_1"), "operator", "again", at(6))).await;
    assert_eq!(ended, Some(Ended { id: g("g_1"), below: 1 }), "what had ended is not ended again");
    assert!(!w.write(|tx| tx.revoke_grant(&g("g_1"), "operator", "again", at(7))).await);
    assert!(!w.write(|tx| tx.revoke_grant(&g("g_none"), "operator", "again", at(7))).await);
    let revocation = Revocation { at: at(5), by: "usr_alice".into(), why: "enough".into() };
    let found = w.read(|tx| tx.grant(&g("g_4"))).await.unwrap();
    assert_eq!((found.state, found.revision), (GrantState::Revoked(revocation), 1));
    assert_eq!(w.read(|tx| tx.grant(&g("g_other"))).await.unwrap().state, GrantState::Active);
    let spent = w.write(|tx| tx.consume(ArtifactKind::RefreshToken, "r", at(8))).await;
    assert!(matches!(spent, Consumed::Already(_)));
}

pub(crate) async fn d01_a_grant_is_only_narrowed_and_earlier_tokens_count_no_more(w: World) {
    w.grant("g_1").await;
    w.write(|tx| tx.insert_grant(&grant("g_2", &["g_1"]))).await;
    let said = |why| Said { by: "usr_alice", why, now: now() };
    let less = |scope: &str, revision| prokura_core::Grant {
        actions: ScopeSet::parse(scope).unwrap(),
        revision,
        ..grant("g_1", &[])
    };
    let narrow = |to: prokura_core::Grant| w.store.transact(move |tx| tx.narrow_grant(&to, said("less")));
    assert!(narrow(less("read", 0)).await.unwrap());
    assert!(!narrow(less("read", 0)).await.unwrap(), "it was changed since it was read");
    assert!(matches!(narrow(less("read write", 1)).await, Err(StoreError::Conflict(_))));
    let stands = |revision| w.store.revoked().stands([(&g("g_1"), revision), (&g("g_2"), 0)]);
    assert!(!stands(0) && stands(1));
    w.write(move |tx| tx.suspend_grant(&g("g_1"), "operator", "look", now())).await;
    assert!(!stands(1) && !stands(9));
    assert!(narrow(prokura_core::Grant { expires_at: at(100), ..less("read", 2) }).await.unwrap());
    assert!(!stands(9), "it is still suspended");
    w.write(move |tx| tx.resume_grant(&g("g_1"), "operator", "fine", now())).await;
    assert!(!stands(2) && stands(3), "resuming brings back no token of an earlier revision");
    let found = w.read(|tx| tx.chain(&g("g_2"))).await.unwrap();
    assert_eq!((found.above()[0].revision, found.above()[0].expires_at), (4, at(100)));
    if w.is_shared() {
        let other = w.other("pep_2").await;
        assert!(!other.revoked().stands([(&g("g_1"), 2)]) && other.revoked().stands([(&g("g_1"), 3)]));
    }
}

pub(crate) async fn d05_a_later_word_does_not_bring_back_what_an_earlier_ended(w: World) {
    w.grant("g_1").await;
    let shorter = prokura_core::Grant { expires_at: at(10), ..grant("g_1", &[]) };
    w.write(move |tx| tx.narrow_grant(&shorter, Said { by: "usr_alice", why: "less", now: now() })).await;
    w.write(|tx| tx.revoke_grant(&g("g_1"), "usr_alice", "end", now())).await;
    // A token from before the edit may live until the grant would have expired.
    w.clock.set(at(3000));
    w.write(|tx| tx.prune(at(3000), 100)).await;
    let view = w.store.revoked_view();
    assert!(view.contains(&g("g_1")));
    if w.is_shared() {
        assert!(w.other("pep_2").await.revoked().contains(&g("g_1")));
    }
}

pub(crate) async fn nothing_comes_to_life_under_what_has_ended(w: World) {
    w.grant("g_1").await;
    w.write(|tx| tx.revoke_grant(&g("g_1"), "operator", "test", now())).await;
    for parent in ["g_1", "g_none"] {
        let refused = w.store.transact(move |tx| tx.insert_grant(&grant("g_2", &[parent]))).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{parent}");
    }
    assert_eq!(w.read(|tx| tx.grant(&g("g_2"))).await, None);
}

pub(crate) async fn suspending_can_be_undone_and_revoking_cannot(w: World) {
    w.grant("g_1").await;
    let suspend = || w.write(|tx| tx.suspend_grant(&g("g_1"), "operator", "look", now()));
    let resume = || w.write(|tx| tx.resume_grant(&g("g_1"), "operator", "fine", now()));
    assert!(!resume().await);
    assert!(suspend().await && !suspend().await);
    assert!(w.store.revoked().contains(&g("g_1")));
    assert_eq!(w.read(|tx| tx.grant(&g("g_1"))).await.unwrap().state, GrantState::Suspended);
    assert!(resume().await);
    assert!(!w.store.revoked().contains(&g("g_1")));
    assert!(suspend().await);
    assert!(w.write(|tx| tx.revoke_grant(&g("g_1"), "operator", "end", now())).await);
    assert!(!resume().await && !suspend().await);
    assert!(w.store.revoked().contains(&g("g_1")));
}

pub(crate) async fn a_configured_grant_is_found_again_even_if_revoked(w: World) {
    w.grant("g_by_consent").await;
    let mut configured = grant("g_1", &[]);
    configured.grantor = Grantor::Operator;
    configured.subject = Principal::Agent(planner());
    configured.evidence = Evidence::Configuration;
    w.write(move |tx| tx.insert_grant(&configured)).await;
    let find = |resource: ResourceUri| w.read(move |tx| tx.find_config_grant(&planner(), &resource));
    assert_eq!(find(crm()).await.unwrap().id, g("g_1"));
    assert_eq!(find(ResourceUri::parse("https://as.example/mcp/x").unwrap()).await, None);
    w.write(|tx| tx.revoke_grant(&g("g_1"), "operator", "end", now())).await;
    assert!(matches!(find(crm()).await.unwrap().state, GrantState::Revoked(_)));
    let find_policy = || w.read(move |tx| tx.find_policy_grant(&planner(), &crm()));
    assert_eq!(find_policy().await, None, "what the configuration gives is no rule's");
    let mut by_rule = grant("g_2", &[]);
    by_rule.grantor = Grantor::Operator;
    by_rule.subject = Principal::Agent(planner());
    by_rule.evidence = Evidence::Policy;
    w.write(move |tx| tx.insert_grant(&by_rule)).await;
    assert_eq!(find_policy().await.unwrap().evidence, Evidence::Policy);
    assert_eq!(find(crm()).await.unwrap().id, g("g_1"));
}

fn consent() -> Consent {
    Consent {
        user: alice(),
        client: ClientId::parse("https://agent.example/client.json").unwrap(),
        redirect: "https://agent.example/cb".into(),
        resource: crm(),
        scope: ScopeSet::parse("read write").unwrap(),
        details: Details::default(),
        grant: g("g_1"),
        created_at: now(),
        expires_at: at(100),
    }
}

pub(crate) async fn consent_is_remembered_for_exactly_its_place(w: World) {
    w.grant("g_1").await;
    w.write(|tx| {
        tx.insert_user(&user("alice"))?;
        tx.remember_consent(&consent())?;
        tx.remember_consent(&consent())
    })
    .await;
    assert_eq!(w.read(|tx| tx.consents_of(&alice())).await, [consent()]);
    let ask = |change: fn(&mut Consent), when| {
        let mut c = consent();
        change(&mut c);
        w.read(move |tx| {
            tx.consent(&c.user, &c.client, &c.redirect, &c.resource, (&c.scope, &c.details), when)
        })
    };
    assert_eq!(ask(|_| (), now()).await, Some(consent()));
    assert!(ask(|c| c.scope = ScopeSet::parse("read").unwrap(), now()).await.is_some());
    assert_eq!(ask(|c| c.scope = ScopeSet::parse("read admin").unwrap(), now()).await, None);
    assert_eq!(ask(|c| c.user = UserId::parse("usr_bob").unwrap(), now()).await, None);
    assert_eq!(ask(|c| c.client = ClientId::parse("cli_2").unwrap(), now()).await, None);
    assert_eq!(ask(|c| c.redirect.push('/'), now()).await, None);
    assert_eq!(ask(|c| c.resource = ResourceUri::parse("https://b.example").unwrap(), now()).await, None);
    let other = |c: &mut Consent| {
        c.details = Details::new([Detail::new(["a".to_owned()], []).unwrap()]).unwrap();
    };
    assert_eq!(ask(other, now()).await, None, "details were not asked for then");
    assert_eq!(ask(|_| (), at(100)).await, None, "expired");
    w.write(|tx| tx.suspend_grant(&g("g_1"), "operator", "look", now())).await;
    assert_eq!(ask(|_| (), now()).await, None, "the grant is not in force");
    w.write(|tx| tx.revoke_grant(&g("g_1"), "usr_alice", "end", now())).await;
    assert!(w.read(|tx| tx.consents_of(&alice())).await.is_empty(), "whoever revokes is asked again");
}

pub(crate) async fn ancestors_come_nearest_first(w: World) {
    w.grant("g_1").await;
    w.grant("g_9").await;
    w.write(|tx| {
        tx.insert_grant(&grant("g_2", &["g_1"]))?;
        tx.insert_grant(&grant("g_3", &["g_2", "g_9"]))?;
        tx.insert_grant(&grant("g_4", &["g_3", "g_1"]))
    })
    .await;
    let above = w.read(|tx| tx.ancestors(&g("g_4"))).await;
    assert_eq!(above, [g("g_1"), g("g_3"), g("g_2"), g("g_9")]);
    assert!(w.read(|tx| tx.ancestors(&g("g_1"))).await.is_empty());
}
