//! Approvals: asked for once, decided, heard of, forgotten.

use crate::world::{World, at, now};
use prokura_core::{FactName, FactValue, ScopeSet};
use prokura_store::{ApprovalAsker, ApprovalKey, ApprovalState, Asked, Decided, FactKind, Store, Tx};
use std::time::Duration;

fn key(agent: &str, action: &str) -> ApprovalKey {
    ApprovalKey {
        policy: "critical".into(),
        agent: agent.into(),
        subject: "usr_alice".into(),
        resource: "sales".into(),
        action: action.into(),
    }
}

fn ask(tx: &mut Tx<'_>, key: &ApprovalKey, seconds: i64) -> Asked {
    let by = ApprovalAsker { client: "cli_1".into(), workload: "wl_1".into(), trace: "tr_1".into() };
    tx.ask_approval(key, &by, at(seconds)).unwrap()
}

fn said(store: &Store, key: &ApprovalKey) -> Option<FactValue> {
    let name = FactName::parse("approval.critical").unwrap();
    store.facts().fact(FactKind::Approval, &key.id(), &name).map(|fact| fact.value.clone())
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

pub(crate) async fn one_request_waits_and_one_decision_holds(w: World) {
    let pay = key("agt_a", "tool:pay");
    let (k, id) = (pay.clone(), pay.id());
    assert_eq!(w.write(move |tx| Ok((ask(tx, &k, 0), ask(tx, &k, 5)))).await, (Asked::New, Asked::Waiting));
    let i = id.clone();
    let waiting = w.read(move |tx| tx.approval(&i)).await.unwrap();
    assert_eq!((waiting.state, waiting.asked, waiting.last_asked_at), (ApprovalState::Pending, 2, at(5)));
    assert_eq!(said(&w.store, &pay), None);
    let i = id.clone();
    let yes = Decided::Approved(ScopeSet::default());
    w.write(move |tx| tx.decide_approval(&i, &yes, "ann", at(60), now())).await.unwrap();
    assert_eq!(said(&w.store, &pay), Some(FactValue::Flag(true)));
    assert_eq!(said(&w.store, &key("agt_a", "tool:other")), None, "for exactly this");
    assert_eq!(said(&w.store, &key("agt_b", "tool:pay")), None, "for exactly this agent");
    let k = pay.clone();
    assert_eq!(w.write(move |tx| Ok((ask(tx, &k, 59), ask(tx, &k, 60)))).await, (Asked::Decided, Asked::New));
    let (i, j) = (id.clone(), id);
    let less = Decided::Approved(scopes("write"));
    w.write(move |tx| tx.decide_approval(&i, &less, "ann", at(90), at(61))).await.unwrap();
    assert_eq!(said(&w.store, &pay), Some(FactValue::Text("write".into())));
    w.write(move |tx| tx.decide_approval(&j, &Decided::Refused, "ann", at(90), at(62))).await.unwrap();
    assert_eq!(said(&w.store, &pay), Some(FactValue::Flag(false)));
    assert!(
        w.write(|tx| tx.decide_approval("apr_none", &Decided::Refused, "ann", at(9), now())).await.is_none()
    );
}

pub(crate) async fn another_process_hears_of_an_approval(w: World) {
    if !w.is_shared() {
        return;
    }
    let other = w.other("pep_2").await;
    let pay = key("agt_a", "tool:pay");
    let k = pay.clone();
    w.write(move |tx| {
        ask(tx, &k, 0);
        tx.decide_approval(&k.id(), &Decided::Approved(ScopeSet::default()), "ann", at(60), now())
    })
    .await;
    for _ in 0..1000 {
        if said(&other, &pay).is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it was never heard of");
}

pub(crate) async fn requests_are_bounded_and_forgotten(w: World) {
    let last =
        w.write(|tx| Ok((0..60).map(|i| ask(tx, &key("agt_a", &format!("tool:{i}")), 0)).last())).await;
    assert_eq!(last, Some(Asked::Full));
    assert_eq!(w.write(|tx| Ok(ask(tx, &key("agt_b", "tool:pay"), 0))).await, Asked::New, "others still may");
    let pending = w.read(|tx| tx.approvals(Some(ApprovalState::Pending))).await;
    assert_eq!(pending.len(), 51);
    w.write(|tx| tx.prune(at(8 * 24 * 3600), 1000)).await;
    assert!(w.read(|tx| tx.approvals(None)).await.is_empty());
}
