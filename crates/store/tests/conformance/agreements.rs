//! Agreements that several want at once, and those that were taken back.

use crate::tasks::{agreed, ask, ballot, call, grants, id, quorum, review, state, used, vote};
use crate::world::{World, at, g, now, user};
use prokura_core::{AskedCall, Ballot, ClientId, Principal, TaskState, Timestamp, UserId, Voter};
use prokura_store::{ApprovalRule, StoreError, TaskAsked, TaskFilter, Tx, Unused, Voted, call_key};

/// The transaction that records the permit failed: nothing was permitted, so nothing was used.
pub(crate) async fn e41_a_use_that_was_taken_back_was_none(w: World) {
    grants(&w).await;
    agreed(&w, "apt_1", "g_c", "a0").await;
    let key = call_key(&call("a0"), &quorum(&["hr"], 1));
    let failed = w.store.transact::<(), StoreError>(move |tx| {
        assert_eq!(tx.use_task(&id("apt_1"), &key, at(2))?, Ok(g("g_c")));
        Err(StoreError::Conflict("taken back".into()))
    });
    assert!(failed.await.is_err());
    assert_eq!(state(&w, "apt_1").await, TaskState::Approved);
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(3)).await, Ok(g("g_c")));
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(3)).await, Err(Unused::None));
}

pub(crate) async fn e41_of_many_who_use_it_or_make_it_void_one_has_its_way(w: World) {
    grants(&w).await;
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    for (task, child, arguments) in [("apt_1", "g_c", "a0"), ("apt_2", "g_d", "a1"), ("apt_3", "g_e", "a2")] {
        agreed(&w, task, child, arguments).await;
        let racers: Vec<_> = (0..40)
            .map(|i| {
                let (here, there) = (w.store.clone(), other.clone());
                tokio::spawn(async move {
                    if i % 2 == 0 {
                        return usize::from(used(&here, task, call(arguments), at(2)).await.is_ok());
                    }
                    let void = move |tx: &mut Tx<'_>| tx.void_task(&id(task), "it was changed", at(2));
                    usize::from(there.transact::<_, StoreError>(void).await.unwrap()) * 100
                })
            })
            .collect();
        let mut outcomes = 0;
        for racer in racers {
            outcomes += racer.await.unwrap();
        }
        let now = state(&w, task).await;
        assert!(matches!((outcomes, now), (1, TaskState::Used) | (100, TaskState::Void)), "{outcomes} {now}");
        // Who made it void knows at once that its grant is over; everybody else hears of it.
        assert_eq!(other.revoked().contains(&g(child)), now == TaskState::Void);
    }
}

pub(crate) async fn however_many_ask_for_one_call_at_once_it_is_one_task(w: World) {
    grants(&w).await;
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..100)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let one = ask(&format!("apt_{i}"), call("a0"), quorum(&["hr"], 1));
            let ask = move |tx: &mut Tx<'_>| Ok((one.id.clone(), tx.ask_task(&one, now())?));
            tokio::spawn(async move { store.transact::<_, StoreError>(ask).await.unwrap() })
        })
        .collect();
    let (mut new, mut waiting) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            (own, TaskAsked::New) => new.push(own),
            (_, TaskAsked::Waiting(task)) => waiting.push(task),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!((new.len(), waiting.len()), (1, 99));
    assert!(waiting.iter().all(|task| *task == new[0]));
    let tasks = w.read(|tx| tx.tasks(&TaskFilter::default())).await;
    assert_eq!(tasks.iter().map(|t| (&t.task.id, t.asked)).collect::<Vec<_>>(), [(&new[0], 100)]);
}

pub(crate) async fn tasks_are_listed_by_state_and_by_whose_they_are_with_their_votes(w: World) {
    grants(&w).await;
    agreed(&w, "apt_1", "g_c", "a0").await;
    let bob = Principal::User(UserId::parse("usr_bob").unwrap());
    let bobs = AskedCall { subject: bob.clone(), ..call("a1") };
    w.write(move |tx| tx.ask_task(&ask("apt_2", bobs.clone(), quorum(&["hr"], 1)), at(1))).await;
    w.write(|tx| tx.ask_task(&ask("apt_3", call("a2"), quorum(&["hr"], 2)), at(2))).await;
    w.write(|tx| Ok(vote(tx, "apt_3", "g_x", &ballot("carol", true, at(3))))).await;
    let found = async |filter: TaskFilter| {
        let tasks = w.read(move |tx| tx.tasks(&filter)).await;
        tasks.into_iter().map(|t| (t.task.id.to_string(), t.task.votes.len())).collect::<Vec<_>>()
    };
    let all = [("apt_3", 1), ("apt_2", 0), ("apt_1", 1)].map(|(id, votes)| (id.to_owned(), votes));
    assert_eq!(found(TaskFilter::default()).await, all, "the newest first");
    let pending = TaskFilter { state: Some(TaskState::Pending), ..TaskFilter::default() };
    assert_eq!(found(pending.clone()).await, all[..2]);
    assert_eq!(found(TaskFilter { limit: 1, ..pending }).await, all[..1]);
    assert_eq!(found(TaskFilter { subject: Some(bob), ..TaskFilter::default() }).await, all[1..2]);
    let alike = w.read(|tx| tx.task(&id("apt_1"))).await.unwrap().similar;
    let agreed = w.read(move |tx| tx.agreed_alike(&alike, 9)).await;
    assert_eq!(agreed.iter().map(|t| t.task.id.as_str()).collect::<Vec<_>>(), ["apt_1"]);
    assert_eq!(w.read(|tx| tx.agreed_alike("", 9)).await, []);
}

pub(crate) async fn of_many_who_look_at_a_call_or_end_an_agreement_one_decides(w: World) {
    grants(&w).await;
    agreed(&w, "apt_1", "g_c", "a0").await;
    w.write(|tx| {
        let task = tx.task(&id("apt_1"))?.unwrap();
        let (sealed, by) = ("sealed".to_owned(), "usr_bob".to_owned());
        tx.insert_approval_rule(&ApprovalRule::of("apr_1".into(), &task, sealed, by, at(2), at(100)))?;
        tx.insert_review(&review("rev_1"))
    })
    .await;
    let kept = w.read(|tx| tx.approval_rule("apr_1")).await.unwrap();
    assert_eq!((kept.task, kept.until, kept.ended_at), (id("apt_1"), at(100), Timestamp::from_micros(0)));
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..60)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let both = move |tx: &mut Tx<'_>| {
                let by = format!("usr_{i}");
                let review = tx.decide_review("rev_1", i % 3 == 0, &by, "", at(3))?;
                Ok((tx.end_approval_rule("apr_1", at(3))?.is_some(), review))
            };
            tokio::spawn(async move { store.transact::<_, StoreError>(both).await.unwrap() })
        })
        .collect();
    let (mut ended, mut decided) = (0, Vec::new());
    for racer in racers {
        let (rule, review) = racer.await.unwrap();
        ended += usize::from(rule);
        decided.extend(review);
    }
    assert_eq!(ended, 1);
    assert_eq!(w.read(|tx| tx.reviews(None)).await, decided, "what one was told is what is kept");
    assert_eq!(w.read(|tx| tx.approval_rule("apr_1")).await.unwrap().ended_at, at(3));
}

pub(crate) async fn who_is_disabled_agrees_to_nothing(w: World) {
    grants(&w).await;
    let (bob, two) = (UserId::parse("usr_bob").unwrap(), || quorum(&["hr"], 2));
    agreed(&w, "apt_1", "g_c", "a0").await;
    w.write(move |tx| {
        tx.insert_user(&user("bob"))?;
        let (task, sealed, by) = (tx.task(&id("apt_1"))?.unwrap(), "sealed".into(), "usr_bob".into());
        tx.insert_approval_rule(&ApprovalRule::of("apr_1".into(), &task, sealed, by, at(2), at(100)))?;
        assert_eq!(tx.ask_task(&ask("apt_2", call("a2"), two()), at(1))?, TaskAsked::New);
        vote(tx, "apt_2", "g_d", &ballot("bob", true, at(1)));
        Ok(())
    })
    .await;
    agreed(&w, "apt_4", "g_f", "a4").await;
    assert_eq!(used(&w.store, "apt_4", call("a4"), at(2)).await, Ok(g("g_f")));
    let rules = || w.read(|tx| tx.approval_rules_for(&call("a9"), &quorum(&["hr"], 1), at(3)));
    assert_eq!(rules().await.len(), 1);
    let disable = |off: bool| {
        let bob = bob.clone();
        w.write(move |tx| tx.disable_user(&bob, off, "operator", "left", at(3)))
    };
    disable(true).await;
    assert_eq!(state(&w, "apt_1").await, TaskState::Void);
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(3)).await, Err(Unused::None));
    assert!(w.store.revoked().contains(&g("g_c")), "what it became is over");
    assert_eq!(state(&w, "apt_4").await, TaskState::Used, "what was done was done");
    assert!(rules().await.is_empty());
    let voted = w.write(|tx| Ok(vote(tx, "apt_2", "g_d", &ballot("carol", true, at(4))))).await;
    assert!(matches!(voted, Voted::Counted(task) if task.task.state == TaskState::Pending));
    // Who may act again has to say it again; what was agreed to for a while goes on.
    disable(false).await;
    assert_eq!(rules().await.len(), 1);
    assert_eq!(state(&w, "apt_1").await, TaskState::Void);
    let voted = w.write(|tx| Ok(vote(tx, "apt_2", "g_d", &ballot("bob", true, at(5))))).await;
    assert!(matches!(voted, Voted::Counted(task) if task.task.state == TaskState::Approved));
    // So it is with a client that speaks for the operator.
    let (client, asked) = (ClientId::parse("cli_o").unwrap(), quorum(&["operator"], 1));
    let by = Ballot { voter: Voter::Operator(Some(client.clone())), ..ballot("bob", true, at(6)) };
    w.write(move |tx| {
        tx.ask_task(&ask("apt_5", call("a5"), asked.clone()), at(6))?;
        vote(tx, "apt_5", "g_h", &by);
        tx.disable_client(&client, true, "operator", "left", at(6))
    })
    .await;
    assert_eq!(state(&w, "apt_5").await, TaskState::Void);
}
