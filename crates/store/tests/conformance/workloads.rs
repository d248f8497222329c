//! Workloads, the rules that are stored about them, and the key that evidence is first shown with.

use crate::world::{World, at, now, planner};
use prokura_core::{AgentId, Platform, WorkloadId};
use prokura_store::{ArtifactKind, StoreError, StoredRule, Tx, Workload};
use std::time::Duration;

fn pod(n: u32, seen: i64) -> Workload {
    Workload {
        id: WorkloadId::parse(format!("wl_{n}")).unwrap(),
        provider: "prod".into(),
        platform: Platform::Kubernetes,
        subject: "system:serviceaccount:agents:planner".into(),
        instance: format!("pod-{n}"),
        agent: planner(),
        rule: "planner".into(),
        claims: r#"{"namespace":"agents"}"#.into(),
        first_seen: at(seen),
        last_seen: at(seen),
    }
}

fn rule(name: &str, text: &str) -> StoredRule {
    StoredRule { name: name.into(), rule: text.into(), at: now(), by: "operator".into() }
}

pub(crate) async fn a_workload_is_seen_again_and_keeps_when_it_was_first(w: World) {
    for (n, seen) in [(1, 10), (2, 20), (1, 30)] {
        w.write(move |tx| tx.see_workload(&pod(n, seen))).await;
    }
    let first = w.read(|tx| tx.workload(&pod(1, 0).id)).await.unwrap();
    assert_eq!((first.first_seen, first.last_seen), (at(10), at(30)));
    assert_eq!(first, Workload { first_seen: at(10), ..pod(1, 30) });
    // What is older than what is known does not replace it: writers of several processes may come in any order.
    w.write(|tx| tx.see_workload(&Workload { rule: "old".into(), ..pod(1, 5) })).await;
    assert_eq!(w.read(|tx| tx.workload(&pod(1, 0).id)).await.unwrap().rule, "planner");
    let ids = |all: Vec<Workload>| all.into_iter().map(|w| w.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(w.read(|tx| tx.workloads(None, 10)).await), ["wl_1", "wl_2"]);
    assert_eq!(ids(w.read(|tx| tx.workloads(Some(&planner()), 1)).await), ["wl_1"]);
    let other = AgentId::parse("agt_other").unwrap();
    assert!(w.read(move |tx| tx.workloads(Some(&other), 10)).await.is_empty());
    let later = now().after(Duration::from_secs(200 * 86_400));
    w.write(move |tx| tx.prune(later, 100)).await;
    assert!(w.read(|tx| tx.workloads(None, 10)).await.is_empty());
}

pub(crate) async fn stored_rules_keep_their_order_and_every_process_hears_of_a_change(w: World) {
    assert_eq!(w.store.revoked().rules_revision(), 0);
    for (name, text) in [("b", "1"), ("a", "2"), ("b", "3")] {
        let before = w.store.revoked().rules_revision();
        w.write(move |tx| tx.put_workload_rule(&rule(name, text))).await;
        assert!(w.store.revoked().rules_revision() > before);
    }
    assert_eq!(w.read(|tx| tx.workload_rules()).await, [rule("b", "3"), rule("a", "2")]);
    let before = w.store.revoked().rules_revision();
    assert!(!w.write(|tx| tx.delete_workload_rule("c", "operator", now())).await);
    assert_eq!(w.store.revoked().rules_revision(), before);
    assert!(w.write(|tx| tx.delete_workload_rule("b", "operator", now())).await);
    assert!(w.store.revoked().rules_revision() > before);
    if w.is_shared() {
        let other = w.other("pep_2").await;
        assert_eq!(other.revoked().rules_revision(), w.store.revoked().rules_revision());
    }
}

pub(crate) async fn evidence_belongs_to_the_first_of_many_keys(w: World) {
    let kind = ArtifactKind::EvidenceKey;
    let racers: Vec<_> = (0..100)
        .map(|i| {
            let store = w.store.clone();
            tokio::spawn(async move {
                let bind = move |tx: &mut Tx<'_>| {
                    tx.bind_first(kind, "e", format!("k{i}").as_bytes(), now(), at(60))
                };
                store.transact::<_, StoreError>(bind).await.unwrap()
            })
        })
        .collect();
    let mut heard = Vec::new();
    for racer in racers {
        heard.push(racer.await.unwrap());
    }
    assert!(heard.iter().all(|key| *key == heard[0]));
    let again = w.write(move |tx| tx.bind_first(kind, "e", b"late", at(61), at(99))).await;
    assert_eq!(again, b"late", "what has expired binds nobody");
    assert!(w.write(move |tx| tx.unbind_first(kind, "e", at(62))).await);
    assert!(!w.write(move |tx| tx.unbind_first(kind, "e", at(62))).await, "there is none any more");
    let next = w.write(move |tx| tx.bind_first(kind, "e", b"next", at(62), at(99))).await;
    assert_eq!(next, b"next");
}
