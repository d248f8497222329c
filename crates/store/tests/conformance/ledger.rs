//! The record.

use crate::world::{World, alice, at, event, g, planner};
use prokura_core::{Principal, TraceId, UserId};
use prokura_ledger::{Entry, EventKind, Filter, Outcome};
use prokura_store::{Store, StoreError};
use std::collections::BTreeMap;

/// The whole record, oldest first, read page by page.
async fn whole(store: &Store) -> Vec<(u64, Entry)> {
    let (mut all, mut before_seq) = (Vec::new(), None);
    loop {
        let filter = Filter { before_seq, limit: 1000, ..Filter::default() };
        let page = store.read(move |tx| tx.entries(&filter)).await.map_err(|e: StoreError| e).unwrap();
        let Some((last, _)) = page.last() else { break };
        before_seq = Some(*last);
        all.extend(page);
    }
    all.reverse();
    all
}

/// Checks that no counter of the record has a gap or a double.
async fn check_gapless(store: &Store) -> usize {
    let all = whole(store).await;
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    for (place, (seq, entry)) in (1..).zip(&all) {
        assert_eq!(*seq, place);
        let point = entry.counters.point.to_string();
        let n = counters.entry(point.clone()).or_default();
        *n += 1;
        assert_eq!(entry.counters.counter, *n, "{point}");
        let Some(subject) = &entry.event.subject else {
            assert_eq!(entry.counters.pair, None);
            continue;
        };
        let actor = entry.event.actors.first().map(ToString::to_string);
        let pair = counters.entry(format!("{point} {subject} {actor:?}")).or_default();
        *pair += 1;
        assert_eq!(entry.counters.pair, Some(*pair), "{point} {subject}");
    }
    all.len()
}

pub(crate) async fn counters_are_gapless_while_many_write_and_some_fail(w: World) {
    let tasks: Vec<_> = (0..300_u32)
        .map(|i| {
            let store = w.store.clone();
            tokio::spawn(async move {
                let mut e = event(&format!("n{i}"));
                match i % 4 {
                    0 => e.subject = Some(Principal::User(UserId::parse(format!("usr_{}", i % 7)).unwrap())),
                    1 => e.subject = None,
                    2 => e.actors.clear(),
                    _ => (),
                }
                match i % 3 {
                    0 => store.record(vec![e.clone(), e]).await,
                    1 => {
                        store
                            .transact(move |tx| {
                                tx.record(e.clone());
                                Ok::<_, StoreError>(())
                            })
                            .await
                    }
                    _ => {
                        let failed: Result<(), StoreError> = store
                            .transact(move |tx| {
                                tx.record(e.clone());
                                tx.put_setting("x", "y")?;
                                Err(StoreError::Closed)
                            })
                            .await;
                        assert_eq!(failed, Err(StoreError::Closed));
                        Ok(())
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(check_gapless(&w.store).await, 300);
    assert_eq!(w.read(|tx| tx.setting("x")).await, None);
    assert_eq!(w.read(|tx| tx.ledger_size()).await, 300);
}

pub(crate) async fn the_record_goes_on_after_a_restart(w: World) {
    if !w.is_shared() {
        return;
    }
    w.store.record(vec![event("before"), event("before")]).await.unwrap();
    let again = w.other("pep_1").await;
    again.record(vec![event("after")]).await.unwrap();
    w.store.record(vec![event("and after")]).await.unwrap();
    assert_eq!(check_gapless(&again).await, 4);
}

pub(crate) async fn two_processes_share_one_record(w: World) {
    if !w.is_shared() {
        return;
    }
    let other = w.other("pep_2").await;
    let tasks: Vec<_> = (0..200)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            tokio::spawn(async move { store.record(vec![event("shared")]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(check_gapless(&w.store).await, 200);
    let filter = Filter { limit: 1000, ..Filter::default() };
    let points = w.read(move |tx| tx.entries(&filter)).await;
    assert_eq!(points.iter().filter(|(_, e)| e.counters.point.as_str() == "pep_2").count(), 100);
}

pub(crate) async fn the_record_is_insert_only(w: World) {
    w.store.record(vec![event("a")]).await.unwrap();
    for sql in ["UPDATE ledger SET action = 'b'", "DELETE FROM ledger", "TRUNCATE ledger"] {
        let Some(refused) = w.raw(sql) else { return };
        assert!(refused.is_err(), "{sql}");
    }
    assert_eq!(w.read(|tx| tx.entry(1)).await.unwrap().event, event("a"));
}

pub(crate) async fn a_name_with_nul_is_recorded_and_harms_nobody(w: World) {
    let tasks: Vec<_> = (0..50)
        .map(|i| {
            let store = w.store.clone();
            let name = if i == 25 { "tool:a\0b" } else { "tool:ok" };
            tokio::spawn(async move { store.record(vec![event(name)]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(check_gapless(&w.store).await, 50);
    let all = whole(&w.store).await;
    assert!(all.iter().any(|(_, e)| e.event.action == "tool:a\0b"), "the bytes say what was asked for");
}

pub(crate) async fn a_filter_finds_what_it_asks_for(w: World) {
    let mut odd = event("tool:odd");
    odd.kind = EventKind::Issuance;
    odd.outcome = Outcome::Deny;
    odd.subject = None;
    odd.actors.clear();
    odd.grant = Some(g("g_1"));
    odd.trace = TraceId::parse("tr_2").unwrap();
    odd.at = at(9);
    w.store.record(vec![event("tool:a"), odd.clone(), event("tool:b"), event("tool:c")]).await.unwrap();
    let find =
        |filter: Filter| w.read(move |tx| Ok(tx.entries(&filter)?.iter().map(|e| e.0).collect::<Vec<_>>()));
    let none = Filter::default;
    assert_eq!(find(none()).await, [4, 3, 2, 1]);
    assert_eq!(find(Filter { limit: 2, before_seq: Some(4), ..none() }).await, [3, 2]);
    assert_eq!(find(Filter { subject: Some(Principal::User(alice())), ..none() }).await, [4, 3, 1]);
    assert_eq!(
        find(Filter { actor: Some(planner()), kind: Some(EventKind::Issuance), ..none() }).await,
        [0; 0]
    );
    for filter in [
        Filter { grant: Some(g("g_1")), ..none() },
        Filter { kind: Some(EventKind::Issuance), ..none() },
        Filter { outcome: Some(Outcome::Deny), ..none() },
        Filter { trace: TraceId::parse("tr_2").ok(), ..none() },
        Filter { since: Some(at(9)), until: Some(at(10)), ..none() },
        Filter { action: Some("tool:odd".into()), ..none() },
    ] {
        assert_eq!(find(filter.clone()).await, [2], "{filter:?}");
    }
    assert_eq!(w.read(|tx| tx.entry(2)).await.unwrap().event, odd);
    assert_eq!(w.read(|tx| tx.last_use(&g("g_1"))).await, Some(at(9)));
    assert_eq!(w.read(|tx| tx.last_use(&g("g_2"))).await, None);
    let mut code = odd.clone();
    (code.action, code.grant) = ("code:issue".into(), Some(g("g_2")));
    w.store.record(vec![code.clone()]).await.unwrap();
    assert_eq!(w.read(|tx| tx.last_use(&g("g_2"))).await, None, "a code that nobody fetched a token for");
    code.action = "token:authorization_code".into();
    w.store.record(vec![code]).await.unwrap();
    assert_eq!(w.read(|tx| tx.last_use(&g("g_2"))).await, Some(at(9)));
}

pub(crate) async fn many_events_at_once_keep_their_order(w: World) {
    let events: Vec<_> = (0..1500).map(|i| event(&format!("n{i}"))).collect();
    w.store.record(events).await.unwrap();
    let all = whole(&w.store).await;
    assert!(all.iter().enumerate().all(|(i, (_, e))| e.event.action == format!("n{i}")));
    assert_eq!(check_gapless(&w.store).await, 1500);
    let leaves = w.read(|tx| tx.leaves(1400, 1000)).await;
    let expected: Vec<_> = all[1399..].iter().map(|(_, e)| Entry::leaf_hash(&e.to_bytes())).collect();
    assert_eq!(leaves, expected);
}

/// Six blocks, and by each of subject, grant and trace something that stands everywhere, here and there, once.
pub(crate) async fn the_index_finds_what_a_scan_finds(w: World) {
    let traces = ["tr_all", "tr_some", "tr_once"];
    let pick = |i: usize| if i == 700 { 2 } else { usize::from(i.is_multiple_of(97)) };
    for batch in (0..6500).collect::<Vec<_>>().chunks(500) {
        let events = batch.iter().map(|i| {
            let mut e = event(if i % 2 == 0 { "even" } else { "odd" });
            e.trace = TraceId::parse(traces[pick(*i)]).unwrap();
            e.grant = Some(g(&format!("g_{}", pick(*i))));
            e.subject = Some(Principal::User(UserId::parse(format!("usr_{}", pick(*i))).unwrap()));
            e
        });
        w.store.record(events.collect()).await.unwrap();
    }
    let all = whole(&w.store).await;
    for (n, name) in traces.into_iter().enumerate() {
        for action in [None, Some("odd".to_owned())] {
            for before_seq in [None, Some(6200), Some(1025), Some(1024), Some(702), Some(1)] {
                let none = || Filter { before_seq, action: action.clone(), limit: 70, ..Filter::default() };
                let filters = [
                    Filter { trace: TraceId::parse(name).ok(), ..none() },
                    Filter { grant: Some(g(&format!("g_{n}"))), ..none() },
                    Filter { subject: Principal::parse(&format!("usr_{n}")).ok(), ..none() },
                ];
                let fits = |(seq, e): &&(u64, Entry)| {
                    e.event.trace.as_str() == name
                        && action.as_ref().is_none_or(|a| *a == e.event.action)
                        && before_seq.is_none_or(|b| *seq < b)
                };
                let expected: Vec<_> = all.iter().rev().filter(fits).take(70).cloned().collect();
                for filter in filters {
                    let asked = filter.clone();
                    assert_eq!(w.read(move |tx| tx.entries(&asked)).await, expected, "{filter:?}");
                }
            }
        }
    }
    let nobody = Filter { subject: Principal::parse("usr_nobody").ok(), ..Filter::default() };
    assert!(w.read(move |tx| tx.entries(&nobody)).await.is_empty());
}
