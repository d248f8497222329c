//! Grants as they are looked at, and what ends by itself.

use crate::world::{World, at, event, g, grant, now};
use prokura_core::{AgentId, Evidence, Grant, GrantId, Principal, UserId};
use prokura_store::{GrantFilter, TreeNode, TreeWindow};

const WHOLE: TreeWindow = TreeWindow { skip: 0, most: 100, all: false };

async fn tree(w: &World, id: &'static str, window: TreeWindow) -> Vec<String> {
    let nodes = w.read(move |tx| tx.grant_tree(&g(id), window, at(1))).await;
    let shown = |n: &TreeNode| format!("{}{}+{}", " ".repeat(n.depth), n.grant.id, n.more);
    nodes.iter().map(shown).collect()
}

pub(crate) async fn what_came_of_a_grant_is_drawn_each_below_its_parent(w: World) {
    w.grant("g_1").await;
    w.write(|tx| {
        tx.insert_grant(&grant("g_2", &["g_1"]))?;
        tx.insert_grant(&grant("g_3", &["g_1"]))?;
        tx.insert_grant(&grant("g_4", &["g_2", "g_3"]))?;
        tx.insert_grant(&grant("g_5", &["g_4"]))?;
        tx.insert_grant(&Grant { expires_at: at(1), ..grant("g_6", &["g_3"]) })
    })
    .await;
    assert_eq!(tree(&w, "g_1", WHOLE).await, ["g_1+0", " g_2+0", "  g_4+0", "   g_5+0", " g_3+0"]);
    assert_eq!(w.read(|tx| tx.count_below(&g("g_1"), at(1))).await, 4);
    w.write(|tx| tx.revoke_grant(&g("g_2"), "usr_alice", "enough", now())).await;
    assert_eq!(tree(&w, "g_1", WHOLE).await, ["g_1+0", " g_3+0"]);
    let all = TreeWindow { all: true, ..WHOLE };
    assert_eq!(tree(&w, "g_3", all).await, ["g_3+0", " g_4+0", "  g_5+0", " g_6+0"]);
    assert!(tree(&w, "g_none", WHOLE).await.is_empty());
}

pub(crate) async fn a_wide_tree_comes_in_pages_and_near_before_far(w: World) {
    w.grant("g_1").await;
    w.write(|tx| {
        for i in 0..1000 {
            tx.insert_grant(&grant(&format!("g_c{i:04}"), &["g_1"]))?;
        }
        tx.insert_grant(&grant("g_far", &["g_c0000"]))
    })
    .await;
    let of = |skip, most| TreeWindow { skip, most, all: false };
    assert_eq!(tree(&w, "g_1", of(0, 2)).await, ["g_1+998", " g_c0000+1", " g_c0001+0"]);
    assert_eq!(tree(&w, "g_1", of(998, 9)).await, ["g_1+0", " g_c0998+0", " g_c0999+0"]);
    assert_eq!(tree(&w, "g_1", of(0, 1001)).await.len(), 1002);
}

fn ids(grants: &[Grant]) -> Vec<&str> {
    grants.iter().map(|g| g.id.as_str()).collect()
}

pub(crate) async fn grants_are_listed_in_pages_by_what_is_asked(w: World) {
    let bob = || Principal::User(UserId::parse("usr_bob").unwrap());
    w.grant("g_old").await;
    w.write(move |tx| {
        tx.insert_grant(&Grant { not_before: at(1), ..grant("g_new", &[]) })?;
        tx.insert_grant(&grant("g_child", &["g_old"]))?;
        let other = AgentId::parse("agt_other").unwrap();
        tx.insert_grant(&Grant { subject: bob(), grantee: other, ..grant("g_bob", &[]) })?;
        tx.insert_grant(&Grant { expires_at: at(2), ..grant("g_short", &[]) })
    })
    .await;
    let find = |filter: GrantFilter| w.read(move |tx| tx.grants_where(&filter));
    let none = GrantFilter::default;
    assert_eq!(ids(&find(none()).await), ["g_new", "g_bob", "g_child", "g_old", "g_short"]);
    let alice = || Some(Principal::User(crate::world::alice()));
    let roots = GrantFilter { subject: alice(), roots: true, living_at: Some(at(2)), ..none() };
    assert_eq!(ids(&find(roots.clone()).await), ["g_new", "g_old"]);
    let page = GrantFilter { after: Some(g("g_new")), ..roots.clone() };
    assert_eq!(ids(&find(page).await), ["g_old"]);
    let strange = GrantFilter { after: Some(g("g_bob")), ..roots };
    assert!(find(strange).await.is_empty(), "another's grant is no place in one's own list");
    let other = GrantFilter { grantee: Some(AgentId::parse("agt_other").unwrap()), ..none() };
    assert_eq!(ids(&find(other).await), ["g_bob"]);
    assert_eq!(find(GrantFilter { limit: 1, ..none() }).await.len(), 1);
}

async fn unused(w: &World, since: i64) -> Vec<String> {
    let over = w.write(move |tx| tx.unused(at(since), at(100), 10)).await;
    assert!(!over.more);
    over.grants.iter().map(|g| g.id.to_string()).collect()
}

pub(crate) async fn what_nobody_used_is_found_and_what_was_used_is_not(w: World) {
    for id in ["g_1", "g_2", "g_paused"] {
        w.grant(id).await;
    }
    w.write(|tx| {
        tx.insert_grant(&Grant { evidence: Evidence::Configuration, ..grant("g_operator", &[]) })?;
        tx.insert_grant(&Grant { expires_at: at(50), ..grant("g_expired", &[]) })?;
        tx.insert_grant(&grant("g_child", &["g_1"]))?;
        tx.note_use([&g("g_child"), &g("g_1")], at(80))?;
        tx.suspend_grant(&g("g_paused"), "operator", "look", now())
    })
    .await;
    assert_eq!(w.read(|tx| tx.used(&g("g_1"), at(81))).await, Some(at(80)), "a part of it was");
    assert_eq!(w.read(|tx| tx.used(&g("g_2"), at(81))).await, None);
    assert_eq!(unused(&w, -1).await, [""; 0], "none is so old");
    assert_eq!(unused(&w, 0).await, ["g_2", "g_paused"]);
    assert_eq!(unused(&w, 80).await, ["g_2", "g_paused", "g_1"], "the longest unused first");
    w.write(|tx| tx.note_use([&g("g_2")], at(90))).await;
    assert_eq!(unused(&w, 80).await, ["g_paused", "g_1"]);
    let over = w.write(|tx| tx.unused(at(80), at(100), 1)).await;
    assert!(over.more && over.grants.len() == 1);
}

pub(crate) async fn of_grants_older_than_the_note_the_record_knows(w: World) {
    w.grant("g_1").await;
    w.grant("g_2").await;
    if w.raw("UPDATE grants SET used_at = NULL").is_none() {
        return;
    }
    let mut used = event("tool:read");
    (used.grant, used.at) = (Some(g("g_1")), at(9));
    w.store.record(vec![used]).await.unwrap();
    assert_eq!(w.read(|tx| tx.used(&g("g_1"), at(10))).await, Some(at(9)));
    assert_eq!(unused(&w, 5).await, ["g_2"]);
    assert_eq!(unused(&w, 9).await, ["g_2", "g_1"]);
}

pub(crate) async fn what_has_expired_is_found_once_for_a_chain(w: World) {
    let short = |id: &str, parents: &[&str], s| Grant { expires_at: at(s), ..grant(id, parents) };
    let chain = [short("g_1", &[], 10), short("g_2", &["g_1"], 10), short("g_3", &["g_2"], 5)];
    w.write(move |tx| {
        chain.iter().try_for_each(|g| tx.insert_grant(g))?;
        let operator = Grant { evidence: Evidence::Policy, expires_at: at(5), ..grant("g_policy", &[]) };
        tx.insert_grant(&operator)?;
        tx.insert_grant(&Grant { expires_at: at(5), ..grant("g_4", &["g_policy"]) })
    })
    .await;
    let expired = |s: i64| w.read(move |tx| tx.expired(at(s), 10));
    assert!(expired(4).await.grants.is_empty());
    assert_eq!(ids(&expired(5).await.grants), ["g_3", "g_4"], "what the operator gives is not ended");
    assert_eq!(ids(&expired(10).await.grants), ["g_4", "g_1"], "those below end with it");
    let end = |id: GrantId| w.write(move |tx| tx.revoke_grant(&id, "system", "expired", at(10)));
    assert!(end(g("g_1")).await && end(g("g_4")).await);
    assert!(expired(10).await.grants.is_empty());
}
