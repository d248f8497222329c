//! What is known about somebody or something.

use crate::world::{World, at, now};
use prokura_core::{FactName, FactValue};
use prokura_store::{FactKind, FactSubject, Store, StoredFact};
use std::time::Duration;

fn node() -> FactSubject {
    FactSubject { kind: FactKind::Host, id: "node:a".into() }
}

fn name(text: &str) -> FactName {
    FactName::parse(text).unwrap()
}

fn risk(level: &str, observed: i64) -> StoredFact {
    StoredFact {
        subject: node(),
        name: name("risk.level"),
        value: FactValue::Text(level.into()),
        source: "edr".into(),
        observed_at: at(observed),
        max_age: Duration::from_secs(600),
    }
}

fn known(store: &Store, what: &str) -> Option<String> {
    store.facts().fact(FactKind::Host, "node:a", &name(what)).map(|f| f.value.to_string())
}

async fn until(store: &Store, what: &str, value: Option<&str>) {
    for _ in 0..1000 {
        if known(store, what).as_deref() == value {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} is {:?} and not {value:?}", known(store, what));
}

pub(crate) async fn a_fact_comes_back_as_it_was_and_is_known_at_once(w: World) {
    let facts = [
        risk("HIGH", 0),
        StoredFact { name: name("posture.compliant"), value: FactValue::Flag(true), ..risk("", 0) },
        StoredFact { name: name("posture.score"), value: FactValue::Number(-7), ..risk("", 0) },
    ];
    for fact in &facts {
        let put = fact.clone();
        assert!(w.write(move |tx| tx.put_fact(&put)).await);
        assert_eq!(known(&w.store, fact.name.as_str()), Some(fact.value.to_string()));
        let seen = w.store.facts().fact(FactKind::Host, "node:a", &fact.name).unwrap();
        assert_eq!(*seen, fact.to_fact());
    }
    let mut listed = w.read(|tx| tx.facts(Some(&node()), ("", "", ""), 10)).await;
    listed.sort_by(|a, b| b.name.cmp(&a.name));
    assert_eq!(
        listed.iter().map(|f| &f.value).collect::<Vec<_>>(),
        [&facts[0].value, &facts[2].value, &facts[1].value]
    );
    assert_eq!(w.read(|tx| tx.facts(None, ("host", "node:a", "posture.compliant"), 10)).await.len(), 2);
    assert_eq!(w.read(|tx| tx.facts(None, ("", "", ""), 1)).await.len(), 1);
    let other = FactSubject { kind: FactKind::Workload, ..node() };
    assert!(w.read(move |tx| tx.facts(Some(&other), ("", "", ""), 10)).await.is_empty());
}

pub(crate) async fn an_older_observation_never_replaces_a_newer(w: World) {
    assert!(w.write(|tx| tx.put_fact(&risk("HIGH", 100))).await);
    assert!(!w.write(|tx| tx.put_fact(&risk("LOW", 99))).await);
    assert_eq!(known(&w.store, "risk.level").as_deref(), Some("HIGH"));
    assert!(w.write(|tx| tx.put_fact(&risk("MEDIUM", 100))).await, "of one moment, the later to arrive");
    assert!(w.write(|tx| tx.put_fact(&risk("LOW", 101))).await);
    assert_eq!(known(&w.store, "risk.level").as_deref(), Some("LOW"));
    // It stopped counting long ago, and still stands in the way of what was seen before it.
    w.write(|tx| tx.prune(at(101 + 600 + 3600), 100)).await;
    assert!(!w.write(|tx| tx.put_fact(&risk("MEDIUM", 50))).await);
}

pub(crate) async fn of_many_observations_at_once_the_newest_stays(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let mut all = Vec::new();
    for n in 0..100_i64 {
        let observed = n * 37 % 100;
        let store = if n % 2 == 0 { w.store.clone() } else { other.clone() };
        let fact = risk(&format!("L{observed}"), observed);
        all.push(tokio::spawn(async move {
            store.transact::<_, prokura_store::StoreError>(move |tx| tx.put_fact(&fact)).await.unwrap()
        }));
    }
    for one in all {
        one.await.unwrap();
    }
    until(&w.store, "risk.level", Some("L99")).await;
    until(&other, "risk.level", Some("L99")).await;
}

pub(crate) async fn what_is_forgotten_is_unknown_and_does_not_come_back(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    w.write(|tx| tx.put_fact(&risk("HIGH", 0))).await;
    until(&other, "risk.level", Some("HIGH")).await;
    assert!(w.write(|tx| tx.forget_fact(&node(), &name("risk.level"), at(10))).await);
    assert!(!w.write(|tx| tx.forget_fact(&node(), &name("risk.level"), at(10))).await, "nothing is left");
    until(&other, "risk.level", None).await;
    assert!(w.read(|tx| tx.facts(None, ("", "", ""), 10)).await.is_empty());
    assert!(!w.write(|tx| tx.put_fact(&risk("HIGH", 9))).await, "seen before it was forgotten");
    assert!(w.write(|tx| tx.put_fact(&risk("LOW", 11))).await);
    until(&other, "risk.level", Some("LOW")).await;
    if w.is_shared() {
        assert_eq!(
            known(&w.other("pep_3").await, "risk.level").as_deref(),
            Some("LOW"),
            "known at the start"
        );
    }
}

pub(crate) async fn what_stopped_counting_is_pruned_a_day_later(w: World) {
    w.write(|tx| tx.put_fact(&risk("HIGH", 0))).await;
    let rows = async || w.read(|tx| tx.facts(None, ("", "", ""), 10)).await.len();
    w.write(|tx| tx.prune(at(600 + 86_399), 100)).await;
    assert_eq!(rows().await, 1);
    w.write(|tx| tx.prune(at(600 + 86_400), 100)).await;
    assert_eq!(rows().await, 0);
    assert!(now() < at(1));
}
