//! Holds, what transmitters told, what happened here, and the queues of streams.

use crate::world::{World, alice, at, g, now, planner, user};
use prokura_core::{ClientId, WorkloadId};
use prokura_store::{Agent, Happens, Held, Queued, Said, Stream};

fn said(why: &str) -> Said<'_> {
    Said { by: "acme", why, now: now() }
}

fn agent() -> Held {
    Held::Agent(planner())
}

async fn hold(w: &World, held: Held, cause: &'static str) -> bool {
    w.write(move |tx| tx.hold(&held, cause, said(cause))).await
}

async fn release(w: &World, held: Held, cause: &'static str) -> bool {
    w.write(move |tx| tx.release(&held, cause, said(cause))).await
}

async fn with_agent(w: &World) {
    let row = Agent { id: planner(), name: "Planner".into(), disabled: false, created_at: now() };
    w.write(move |tx| Ok(tx.insert_agent(&row)? | tx.insert_user(&user("alice"))?)).await;
}

pub(crate) async fn what_a_cause_stopped_acts_again_and_what_an_operator_stopped_does_not(w: World) {
    with_agent(&w).await;
    let stopped = || w.store.revoked().agent_disabled(&planner());
    assert!(hold(&w, agent(), "risk").await && !hold(&w, agent(), "risk").await && stopped());
    assert!(!hold(&w, agent(), "device").await && !release(&w, agent(), "risk").await && stopped());
    assert!(!release(&w, agent(), "other").await && stopped());
    assert!(release(&w, agent(), "device").await && !stopped());
    // An operator stops it beside a cause, and before one.
    let operator = |d| w.write(move |tx| tx.disable_agent(&planner(), d, "operator", "left", now()));
    assert!(hold(&w, agent(), "risk").await && operator(true).await && !operator(true).await);
    assert!(!release(&w, agent(), "risk").await && stopped());
    assert_eq!(w.read(|tx| tx.causes(&agent())).await, ["operator"]);
    assert!(operator(false).await && !stopped());
    assert!(operator(true).await && !hold(&w, agent(), "risk").await && !release(&w, agent(), "risk").await);
    assert!(stopped());
}

pub(crate) async fn what_an_operator_lets_act_is_held_by_no_cause(w: World) {
    with_agent(&w).await;
    let workload = WorkloadId::parse("wl_1").unwrap();
    let id = w.grant("g_1").await;
    for held in [
        agent(),
        Held::User(alice()),
        Held::Client(ClientId::parse("web").unwrap()),
        Held::Workload(workload.clone()),
        Held::Grant(id.clone()),
    ] {
        assert!(hold(&w, held, "risk").await);
    }
    let view = w.store.revoked();
    assert!(view.user_disabled(&alice()) && view.workload_disabled(&workload) && view.contains(&id));
    assert_eq!(w.read(|tx| tx.holds(Some("risk"))).await.len(), 5);
    let subject = w.read(|tx| tx.grant(&g("g_1"))).await.unwrap().subject;
    let holds = w.read(move |tx| tx.holds_on_grants_of(&subject)).await;
    assert_eq!((holds[0].held.clone(), holds[0].cause.as_str()), (Held::Grant(g("g_1")), "risk"));
    w.write(|tx| tx.disable_agent(&planner(), false, "operator", "", now())).await;
    w.write(|tx| tx.disable_user(&alice(), false, "operator", "", now())).await;
    w.write(|tx| tx.resume_grant(&g("g_1"), "operator", "", now())).await;
    let view = w.store.revoked();
    assert!(!view.agent_disabled(&planner()) && !view.user_disabled(&alice()) && !view.contains(&id));
    assert_eq!(w.read(|tx| tx.holds(None)).await.len(), 2);
}

pub(crate) async fn what_has_ended_is_not_held(w: World) {
    with_agent(&w).await;
    let id = w.grant("g_1").await;
    assert!(hold(&w, Held::Grant(id.clone()), "risk").await);
    w.write(|tx| tx.revoke_grant(&g("g_1"), "alice", "done", now())).await;
    assert!(!release(&w, Held::Grant(id.clone()), "risk").await && w.store.revoked().contains(&id));
    assert!(!hold(&w, Held::Grant(id), "risk").await);
    let nobody = prokura_core::AgentId::parse("agt_nobody").unwrap();
    assert!(!hold(&w, Held::Agent(nobody), "risk").await);
    assert!(w.read(|tx| tx.holds(None)).await.is_empty());
}

pub(crate) async fn what_is_older_undoes_nothing(w: World) {
    let hear = |happened, told, restricts| {
        w.write(move |tx| {
            tx.hear(("acme", "risk-level-change", "user:usr_1"), (at(happened), at(told)), restricts)
        })
    };
    assert!(hear(10, 11, true).await);
    assert!(!hear(9, 20, true).await && !hear(10, 10, true).await, "older");
    assert!(
        !hear(10, 11, false).await && hear(10, 11, true).await,
        "at the same time what restricts is believed"
    );
    assert!(hear(10, 12, false).await && hear(11, 12, false).await);
    let other =
        w.write(move |tx| tx.hear(("acme", "risk-level-change", "user:usr_2"), (at(1), at(1)), false));
    assert!(other.await, "somebody else");
}

fn stream(id: &str) -> Stream {
    Stream {
        id: id.into(),
        client: ClientId::parse("receiver").unwrap(),
        endpoint: Some("https://r.example/events".into()),
        sealed: Some("sealed".into()),
        events: Some(vec!["a".into(), "b".into()]),
        description: None,
        status: "enabled".into(),
        reason: None,
        created_at: now(),
        verified_at: at(0),
        failures: 0,
        last_error: None,
        next_at: now(),
    }
}

pub(crate) async fn what_happens_is_kept_only_while_somebody_listens(w: World) {
    with_agent(&w).await;
    let disable = |d| w.write(move |tx| tx.disable_agent(&planner(), d, "operator", "left", now()));
    disable(true).await;
    assert!(!w.read(|tx| tx.has_happenings()).await);
    w.write(|tx| tx.insert_stream(&stream("s1"))).await;
    disable(false).await;
    let happens = Happens { kind: "sessions", id: "usr_1", word: "ended", by: "usr_1", why: "asked" };
    w.write(move |tx| tx.happens(happens, now())).await;
    // What was rolled back did not happen.
    let failed = w.store.transact(move |tx| {
        tx.happens(happens, now())?;
        Err::<(), _>(prokura_store::StoreError::Closed)
    });
    assert!(failed.await.is_err());
    let taken = w.write(|tx| tx.take_happenings(10)).await;
    let seen: Vec<_> = taken.iter().map(|h| (h.kind.as_str(), h.word.as_str())).collect();
    assert_eq!(seen, [("agent", "active"), ("sessions", "ended")]);
    assert!(taken[0].seq < taken[1].seq && w.write(|tx| tx.take_happenings(10)).await.is_empty());
    w.write(|tx| tx.update_stream(&Stream { status: "disabled".into(), ..stream("s1") })).await;
    w.write(move |tx| tx.happens(happens, now())).await;
    assert!(!w.read(|tx| tx.has_happenings()).await);
}

pub(crate) async fn a_queue_keeps_its_order_until_each_is_taken(w: World) {
    w.write(|tx| tx.insert_stream(&stream("s1"))).await;
    assert_eq!(w.read(|tx| tx.stream("s1")).await, Some(stream("s1")));
    let put = |n: u64, urgent| Queued { seq: n, jti: format!("j{n}"), event: "{}".into(), at: now(), urgent };
    for (n, urgent) in [(2, false), (1, false), (3, true)] {
        w.write(move |tx| tx.enqueue("s1", &put(n, urgent))).await;
    }
    let order = |all: Vec<Queued>| all.into_iter().map(|q| q.seq).collect::<Vec<_>>();
    assert_eq!(order(w.read(|tx| tx.queued("s1", false, 2)).await), [1, 2]);
    assert_eq!(order(w.read(|tx| tx.queued("s1", true, 9)).await), [3]);
    assert_eq!(w.write(|tx| tx.lease_streams(now(), at(60))).await.len(), 1);
    assert!(w.write(|tx| tx.lease_streams(now(), at(60))).await.is_empty(), "one posts");
    w.write(|tx| tx.end_lease("s1", 3, Some("no answer"), now())).await;
    let again = w.write(|tx| tx.lease_streams(now(), at(60))).await;
    assert_eq!((again[0].failures, again[0].last_error.as_deref()), (3, Some("no answer")));
    assert!(w.write(|tx| tx.dequeue("s1", "j1")).await && !w.write(|tx| tx.dequeue("s1", "j1")).await);
    assert_eq!(w.read(|tx| tx.count_queued("s1")).await, 2);
    for excepted in [true, true, false] {
        w.write(move |tx| tx.except("s1", "{}", excepted)).await;
        assert_eq!(w.read(|tx| tx.exceptions("s1")).await.len(), usize::from(excepted));
    }
    let receiver = ClientId::parse("receiver").unwrap();
    assert_eq!(w.read(move |tx| tx.streams(Some(&receiver))).await.len(), 1);
    w.write(|tx| tx.except("s1", "{}", true)).await;
    assert!(w.write(|tx| tx.delete_stream("s1")).await && w.read(|tx| tx.streams(None)).await.is_empty());
}
