//! What others are to be told: written with what it is about, told once it is decided, until it was heard.

use crate::tasks::{agreed, asked, grants, id};
use crate::world::{World, alice, at, g, now};
use prokura_core::{AskId, ClientId, Timestamp};
use prokura_store::{BackchannelAsk, Notice, NoticeKind, StoreError};

/// The ids of what is told at a time, one process after the other.
async fn due(w: &World, seconds: i64) -> Vec<String> {
    let (now, lease) = (at(seconds), at(seconds + 60));
    let any = w.read(move |tx| tx.has_notices(now)).await;
    let all: Vec<Notice> = w.write(move |tx| tx.lease_notices(now, lease, 100)).await;
    assert_eq!(any, !all.is_empty(), "who only looks sees whether there is something");
    let mut ids: Vec<_> = all.into_iter().map(|n| n.id).collect();
    ids.sort();
    ids
}

async fn told(w: &World, task: &'static str, arguments: &'static str) {
    w.write(move |tx| {
        asked(tx, task, arguments);
        tx.tell_of_task(&id(task), now())
    })
    .await;
}

pub(crate) async fn what_is_told_of_an_approval_waits_until_it_is_over(w: World) {
    grants(&w).await;
    let tasks = [("apt_1", "a1"), ("apt_2", "a2"), ("apt_3", "a3"), ("apt_4", "a4")];
    for (task, arguments) in tasks {
        told(&w, task, arguments).await;
    }
    let asked = due(&w, 1).await;
    assert_eq!(asked, tasks.map(|(task, _)| format!("msg_{task}_asked")));
    for id in asked {
        assert!(w.write(move |tx| tx.end_notice(&id)).await);
    }
    assert!(due(&w, 2).await.is_empty(), "nothing was decided");
    agreed(&w, "apt_1", "g_c", "a1").await;
    assert_eq!(due(&w, 3).await, ["msg_apt_1_decided"], "somebody agreed");
    assert!(w.write(|tx| tx.void_task(&id("apt_2"), "it was changed", at(4))).await);
    assert_eq!(due(&w, 4).await, ["msg_apt_2_decided"], "it was given up");
    assert_eq!(
        due(&w, 700).await,
        ["msg_apt_1_decided", "msg_apt_2_decided", "msg_apt_3_decided", "msg_apt_4_decided"]
    );
    // What ends with its grant is told of, too.
    told(&w, "apt_5", "a5").await;
    w.write(|tx| tx.revoke_tree(&g("g_1"), "usr_alice", "enough", at(701)).map(drop)).await;
    assert!(due(&w, 702).await.contains(&"msg_apt_5_decided".to_owned()));
    w.write(|tx| tx.prune(at(5 * 24 * 3600), 100)).await;
    assert_eq!(w.read(|tx| tx.count_notices(NoticeKind::Webhook)).await, 0, "nobody is told for ever");
}

pub(crate) async fn a_notice_is_told_by_one_process_and_again_until_it_was_heard(w: World) {
    let ping = |id: &str, held| Notice {
        id: id.to_owned(),
        kind: NoticeKind::Ping,
        event: "ping".into(),
        about: "ask_1".into(),
        sealed: "sealed".into(),
        held,
        made_at: now(),
        failures: 0,
        until: at(600),
    };
    let (open, held) = (ping("msg_1", false), ping("msg_2", true));
    w.write(move |tx| {
        tx.put_notice(&open)?;
        tx.put_notice(&held)
    })
    .await;
    // Of many who look at once one tells it; who dies while telling it leaves it to the next.
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..20)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            tokio::spawn(async move {
                let lease = store.transact::<_, StoreError>(|tx| tx.lease_notices(at(1), at(61), 10));
                lease.await.unwrap().len()
            })
        })
        .collect();
    let mut taken = 0;
    for racer in racers {
        taken += racer.await.unwrap();
    }
    assert_eq!(taken, 1);
    assert_eq!(due(&w, 61).await, ["msg_1"]);
    w.write(|tx| tx.retry_notice("msg_1", 3, at(90))).await;
    assert!(due(&w, 89).await.is_empty());
    let again = w.write(|tx| tx.lease_notices(at(90), at(150), 10)).await;
    assert_eq!((again[0].failures, again[0].sealed.as_str()), (3, "sealed"));
    assert!(w.write(|tx| tx.end_notice("msg_1")).await && !w.write(|tx| tx.end_notice("msg_1")).await);
    w.write(|tx| tx.release_notices("ask_1", at(100))).await;
    assert_eq!(due(&w, 100).await, ["msg_2"], "it was answered");
    assert!(due(&w, 600).await.is_empty(), "a ping comes too late when the request is over");
}

pub(crate) async fn what_a_user_is_asked_is_theirs_and_ends(w: World) {
    let ask = |id: &str, until: Timestamp| BackchannelAsk {
        id: AskId::parse(id).unwrap(),
        user: alice(),
        client: ClientId::parse("desk").unwrap(),
        at: now(),
        until,
    };
    let (one, two) = (ask("ask_1", at(60)), ask("ask_2", at(120)));
    let first = one.clone();
    w.write(move |tx| {
        tx.put_ask(&one)?;
        tx.put_ask(&two)
    })
    .await;
    let ids = |seconds| {
        let w = &w;
        async move {
            let all = w.read(move |tx| tx.asks_of(&alice(), at(seconds))).await;
            all.into_iter().map(|a| a.id.to_string()).collect::<Vec<_>>()
        }
    };
    assert_eq!(ids(0).await, ["ask_1", "ask_2"]);
    assert_eq!(w.read(|tx| tx.ask_by_id(&AskId::parse("ask_1").unwrap())).await, Some(first));
    assert_eq!(ids(60).await, ["ask_2"]);
    assert!(w.write(|tx| tx.end_ask(&AskId::parse("ask_2").unwrap())).await);
    assert!(!w.write(|tx| tx.end_ask(&AskId::parse("ask_2").unwrap())).await);
    assert!(ids(0).await == ["ask_1"]);
    w.write(|tx| tx.prune(at(60), 100)).await;
    assert!(ids(0).await.is_empty());
}
