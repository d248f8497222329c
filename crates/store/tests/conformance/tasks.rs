//! Calls that wait for somebody to agree: asked for once, decided by each person once, used once, for exactly one call.

use crate::world::{World, alice, at, crm, g, grant, now, planner};
use prokura_core::{
    AgentId, AskedCall, Ballot, ClientId, Evidence, Grant, GrantId, NoVote, Principal, Quorum, TaskId,
    TaskState, Timestamp, UserId, Voter,
};
use prokura_store::{
    ApprovalRule, Review, ReviewState, Store, StoreError, TaskAsk, TaskAsked, TaskFilter, Tx, Unused, Voted,
    call_key,
};
use std::time::Duration;

pub(crate) fn call(arguments: &str) -> AskedCall {
    AskedCall {
        grant: g("g_2"),
        root: g("g_1"),
        subject: Principal::User(alice()),
        actor: planner(),
        chain: vec![planner()],
        client: ClientId::parse("cli_1").unwrap(),
        resource: crm(),
        server: "crm".into(),
        action: "tool:pay".into(),
        arguments: arguments.into(),
    }
}

pub(crate) fn quorum(approvers: &[&str], of: u8) -> Quorum {
    let approvers = approvers.iter().map(|a| (*a).to_owned()).collect();
    Quorum { approvers, of, acr: None, lasts: Duration::from_secs(60) }
}

pub(crate) fn ask(id: &str, call: AskedCall, quorum: Quorum) -> TaskAsk {
    TaskAsk {
        id: TaskId::parse(id).unwrap(),
        call,
        quorum,
        because: "payments are agreed to".into(),
        rules: vec!["pay".into()],
        risk: None,
        reversible: Some(false),
        sealed: "sealed".into(),
        shape: "a b".into(),
        trace: "tr_1".into(),
        until: at(600),
        grant_until: at(3600),
    }
}

pub(crate) fn ballot(user: &str, agrees: bool, at: Timestamp) -> Ballot {
    Ballot {
        voter: Voter::User(UserId::parse(format!("usr_{user}")).unwrap()),
        groups: ["hr".to_owned()].into(),
        agent: None,
        sign_in: None,
        agrees,
        word: "fine".into(),
        at,
    }
}

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::parse(text).unwrap()
}

/// A user's grant, and one below it that nothing more may be made below.
pub(crate) async fn grants(w: &World) {
    w.write(|tx| {
        tx.insert_grant(&grant("g_1", &[]))?;
        tx.insert_grant(&Grant { depth_left: 0, ..grant("g_2", &["g_1"]) })
    })
    .await;
}

pub(crate) fn asked(tx: &mut Tx<'_>, name: &str, arguments: &str) -> TaskAsked {
    tx.ask_task(&ask(name, call(arguments), quorum(&["hr"], 1)), now()).unwrap()
}

pub(crate) fn vote(tx: &mut Tx<'_>, task: &str, child: &str, ballot: &Ballot) -> Voted {
    tx.vote(&id(task), g(child), ballot).unwrap()
}

/// Asks, and has somebody agree.
pub(crate) async fn agreed(w: &World, task: &'static str, child: &'static str, arguments: &'static str) {
    let done = w
        .write(move |tx| {
            asked(tx, task, arguments);
            Ok(vote(tx, task, child, &ballot("bob", true, at(1))))
        })
        .await;
    assert!(matches!(done, Voted::Counted(task) if task.task.state == TaskState::Approved));
}

pub(crate) async fn used(
    store: &Store,
    task: &'static str,
    call: AskedCall,
    at: Timestamp,
) -> Result<GrantId, Unused> {
    let key = call_key(&call, &quorum(&["hr"], 1));
    store.transact::<_, StoreError>(move |tx| tx.use_task(&id(task), &key, at)).await.unwrap()
}

pub(crate) async fn state(w: &World, task: &'static str) -> TaskState {
    w.read(move |tx| tx.task(&id(task))).await.unwrap().task.state
}

pub(crate) async fn the_same_call_is_the_same_task_and_another_is_not(w: World) {
    grants(&w).await;
    assert_eq!(w.write(|tx| Ok(asked(tx, "apt_1", "a0"))).await, TaskAsked::New);
    assert_eq!(w.write(|tx| Ok(asked(tx, "apt_2", "a0"))).await, TaskAsked::Waiting(id("apt_1")));
    assert!(w.read(|tx| tx.task(&id("apt_2"))).await.is_none());
    let stored = w.read(|tx| tx.task(&id("apt_1"))).await.unwrap();
    assert_eq!((stored.asked, stored.task.call.clone(), stored.reversible), (2, call("a0"), Some(false)));
    assert_eq!((stored.sealed.as_str(), stored.task.until), ("sealed", at(600)));
    let others = [
        (call("a1"), quorum(&["hr"], 1)),
        (AskedCall { root: g("g_9"), ..call("a0") }, quorum(&["hr"], 1)),
        (AskedCall { action: "tool:pay2".into(), ..call("a0") }, quorum(&["hr"], 1)),
        (AskedCall { actor: AgentId::parse("agt_y").unwrap(), ..call("a0") }, quorum(&["hr"], 1)),
        (AskedCall { subject: Principal::Agent(planner()), ..call("a0") }, quorum(&["hr"], 1)),
        (call("a0"), quorum(&["hr", "subject"], 1)),
        (call("a0"), quorum(&["hr"], 2)),
    ];
    for (i, (call, quorum)) in others.into_iter().enumerate() {
        let name = format!("apt_o{i}");
        let new = w.write(move |tx| tx.ask_task(&ask(&name, call.clone(), quorum.clone()), now())).await;
        assert_eq!(new, TaskAsked::New, "{i}");
    }
    // A token of another grant under the same root asks the same.
    let below = AskedCall { grant: g("g_3"), ..call("a0") };
    let same = w.write(move |tx| tx.ask_task(&ask("apt_3", below.clone(), quorum(&["hr"], 1)), now())).await;
    assert_eq!(same, TaskAsked::Waiting(id("apt_1")));
}

pub(crate) async fn e41_an_agreement_is_good_for_exactly_one_call(w: World) {
    grants(&w).await;
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(1)).await, Err(Unused::None), "none was asked for");
    w.write(|tx| Ok(asked(tx, "apt_1", "a0"))).await;
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(1)).await, Err(Unused::None), "nobody agreed");
    agreed(&w, "apt_1", "g_c", "a0").await;
    assert_eq!(w.write(|tx| Ok(asked(tx, "apt_2", "a0"))).await, TaskAsked::Approved(id("apt_1")));
    let child = w.read(|tx| tx.grant(&g("g_c"))).await.unwrap();
    let because = Evidence::Approval { task: id("apt_1"), arguments: "a0".into() };
    assert_eq!((child.evidence, child.parents, child.depth_left), (because, vec![g("g_2")], 0));
    assert_eq!(child.details.iter().map(|d| d.tools().count()).sum::<usize>(), 1, "the one tool");
    assert_eq!((child.expires_at, child.terms.budget.unwrap().calls()), (at(61), Some(1)));
    assert_eq!(used(&w.store, "apt_1", call("a1"), at(2)).await, Err(Unused::Changed), "other arguments");
    let other = AskedCall { actor: AgentId::parse("agt_y").unwrap(), ..call("a0") };
    assert_eq!(used(&w.store, "apt_1", other, at(2)).await, Err(Unused::Changed), "another agent");
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(60)).await, Ok(g("g_c")));
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(60)).await, Err(Unused::None), "a second time");
    let stored = w.read(|tx| tx.task(&id("apt_1"))).await.unwrap();
    assert_eq!((stored.task.state, stored.sealed.as_str()), (TaskState::Used, ""), "nothing is kept of it");
    assert_eq!(w.write(|tx| Ok(asked(tx, "apt_2", "a0"))).await, TaskAsked::New, "it is asked anew");
    agreed(&w, "apt_2", "g_d", "a0").await;
    assert!(w.write(|tx| tx.void_task(&id("apt_2"), "it was changed", at(2))).await);
    assert_eq!(used(&w.store, "apt_2", call("a0"), at(2)).await, Err(Unused::None));
    assert!(w.store.revoked().contains(&g("g_d")));
}

pub(crate) async fn however_many_use_an_agreement_at_once_one_does(w: World) {
    grants(&w).await;
    agreed(&w, "apt_1", "g_c", "a0").await;
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..200)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            tokio::spawn(async move { used(&store, "apt_1", call("a0"), at(2)).await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(grant) => {
                assert_eq!(grant, g("g_c"));
                won += 1;
            }
            Err(why) => assert_eq!(why, Unused::None),
        }
    }
    assert_eq!(won, 1);
}

pub(crate) async fn however_many_vote_at_once_each_person_counts_once(w: World) {
    grants(&w).await;
    w.write(|tx| tx.ask_task(&ask("apt_1", call("a0"), quorum(&["hr"], 3)), now())).await;
    let voters: Vec<_> = (0..60)
        .map(|i| {
            let (store, user) = (w.store.clone(), if i % 2 == 0 { "bob" } else { "carol" });
            let vote = move |tx: &mut Tx<'_>| {
                tx.vote(&id("apt_1"), g(&format!("g_c{i}")), &ballot(user, true, at(1)))
            };
            tokio::spawn(async move { store.transact::<_, StoreError>(vote).await.unwrap() })
        })
        .collect();
    let mut counted = 0;
    for voter in voters {
        match voter.await.unwrap() {
            Voted::Counted(_) => counted += 1,
            other => assert_eq!(other, Voted::Not(NoVote::Twice)),
        }
    }
    assert_eq!((counted, state(&w, "apt_1").await), (2, TaskState::Pending));
    let third = w.write(|tx| Ok(vote(tx, "apt_1", "g_c", &ballot("dave", true, at(2))))).await;
    let Voted::Counted(task) = third else { panic!("{third:?}") };
    assert_eq!((task.task.state, task.task.agreed(), task.child), (TaskState::Approved, 3, Some(g("g_c"))));
    let own = w.write(|tx| Ok(vote(tx, "apt_1", "g_d", &ballot("alice", true, at(2))))).await;
    assert_eq!(own, Voted::Not(NoVote::NotAsked));
}

pub(crate) async fn a_grant_that_ends_takes_its_tasks_with_it(w: World) {
    grants(&w).await;
    agreed(&w, "apt_1", "g_c", "a0").await;
    w.write(|tx| Ok(asked(tx, "apt_2", "a1"))).await;
    w.write(|tx| tx.suspend_grant(&g("g_1"), "usr_alice", "wait", at(2))).await;
    let paused = w.write(|tx| Ok(vote(tx, "apt_2", "g_d", &ballot("bob", true, at(3))))).await;
    assert_eq!(paused, Voted::Not(NoVote::Over(TaskState::Void)), "nobody agrees to what cannot be done");
    w.write(|tx| tx.resume_grant(&g("g_1"), "usr_alice", "on", at(4))).await;
    w.write(|tx| Ok(asked(tx, "apt_3", "a2"))).await;
    w.write(|tx| tx.revoke_grant(&g("g_1"), "usr_alice", "enough", at(5))).await;
    for task in ["apt_1", "apt_2", "apt_3"] {
        assert_eq!(state(&w, task).await, TaskState::Void, "{task}");
    }
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(6)).await, Err(Unused::None));
    let late = w.write(|tx| Ok(vote(tx, "apt_3", "g_e", &ballot("bob", true, at(6))))).await;
    assert_eq!(late, Voted::Not(NoVote::Over(TaskState::Void)));
}

pub(crate) async fn what_nobody_decides_or_uses_expires_and_is_forgotten(w: World) {
    grants(&w).await;
    agreed(&w, "apt_1", "g_c", "a0").await;
    w.write(|tx| Ok(asked(tx, "apt_2", "a1"))).await;
    assert_eq!(used(&w.store, "apt_1", call("a0"), at(61)).await, Err(Unused::None), "too late");
    let late = w.write(|tx| Ok(vote(tx, "apt_2", "g_d", &ballot("bob", true, at(600))))).await;
    assert_eq!(late, Voted::Not(NoVote::Over(TaskState::Expired)));
    w.write(|tx| tx.prune(at(600), 1000)).await;
    for task in ["apt_1", "apt_2"] {
        let stored = w.read(move |tx| tx.task(&id(task))).await.unwrap();
        assert_eq!((stored.task.state, stored.sealed.as_str()), (TaskState::Expired, ""), "{task}");
    }
    let again = w.write(|tx| tx.ask_task(&ask("apt_3", call("a0"), quorum(&["hr"], 1)), at(700))).await;
    assert_eq!(again, TaskAsked::New);
    w.write(|tx| tx.prune(at(91 * 24 * 3600), 1000)).await;
    assert!(w.read(|tx| tx.tasks(&TaskFilter::default())).await.is_empty());
}

pub(crate) async fn whoever_asks_a_lot_hides_nobody(w: World) {
    grants(&w).await;
    let last = w
        .write(|tx| Ok((0..60).map(|i| asked(tx, &format!("apt_{i}"), &format!("a{i}"))).last().unwrap()))
        .await;
    assert_eq!(last, TaskAsked::Full);
    let bob = Principal::User(UserId::parse("usr_bob").unwrap());
    let other = AskedCall { subject: bob.clone(), actor: AgentId::parse("agt_y").unwrap(), ..call("a0") };
    let mine = AskedCall { subject: bob, ..call("a0") };
    let theirs =
        w.write(move |tx| tx.ask_task(&ask("apt_o", other.clone(), quorum(&["hr"], 1)), now())).await;
    assert_eq!(theirs, TaskAsked::New, "others still may");
    let same = w.write(move |tx| tx.ask_task(&ask("apt_p", mine.clone(), quorum(&["hr"], 1)), now())).await;
    assert_eq!(same, TaskAsked::Full, "this agent may not, for another user either");
    assert_eq!(w.write(|tx| Ok(asked(tx, "apt_q", "a0"))).await, TaskAsked::Waiting(id("apt_0")));
}

pub(crate) async fn a_refusal_stays_a_while(w: World) {
    grants(&w).await;
    w.write(|tx| Ok(asked(tx, "apt_1", "a0"))).await;
    let no = w.write(|tx| Ok(vote(tx, "apt_1", "g_c", &ballot("bob", false, at(1))))).await;
    assert!(
        matches!(no, Voted::Counted(task) if task.task.state == TaskState::Refused && task.sealed.is_empty())
    );
    let again = |seconds| {
        move |tx: &mut Tx<'_>| tx.ask_task(&ask("apt_2", call("a0"), quorum(&["hr"], 1)), at(seconds))
    };
    assert_eq!(
        w.write(again(599)).await,
        TaskAsked::Refused(id("apt_1")),
        "nobody is asked until they give in"
    );
    assert_eq!(w.write(again(600)).await, TaskAsked::New);
    assert!(w.read(|tx| tx.grant(&g("g_c"))).await.is_none());
}

pub(crate) async fn how_often_and_how_fast_people_agree(w: World) {
    grants(&w).await;
    w.write(|tx| {
        for (i, (agrees, after)) in [(true, 10), (true, 20), (false, 90)].into_iter().enumerate() {
            let name = format!("apt_{i}");
            asked(tx, &name, &format!("a{i}"));
            vote(tx, &name, &format!("g_c{i}"), &ballot("bob", agrees, at(after)));
        }
        asked(tx, "apt_w", "aw");
        Ok(())
    })
    .await;
    let stats = w.read(|tx| tx.task_stats(now(), at(100))).await;
    assert_eq!((stats.asked, stats.approved, stats.refused, stats.pending, stats.undecided), (4, 2, 1, 1, 0));
    assert_eq!((stats.approval_rate(), stats.median), (Some(66), Some(Duration::from_secs(20))));
    let later = w.read(|tx| tx.task_stats(now(), at(600))).await;
    assert_eq!((later.pending, later.undecided), (0, 1));
    let none = w.read(|tx| tx.task_stats(at(1), at(600))).await;
    assert_eq!((none.asked, none.approval_rate(), none.median), (0, None, None));
}

pub(crate) async fn a_standing_agreement_ends_with_its_grant_or_by_hand(w: World) {
    grants(&w).await;
    agreed(&w, "apt_1", "g_c", "a0").await;
    w.write(|tx| {
        let task = tx.task(&id("apt_1"))?.unwrap();
        for (name, until) in [("apr_1", 100), ("apr_2", 200)] {
            let rule =
                ApprovalRule::of(name.into(), &task, "sealed".into(), "usr_bob".into(), at(2), at(until));
            tx.insert_approval_rule(&rule)?;
        }
        Ok(())
    })
    .await;
    let found = |call: AskedCall, approvers: &'static [&'static str], seconds| {
        let w = &w;
        async move {
            let read =
                move |tx: &mut Tx<'_>| tx.approval_rules_for(&call, &quorum(approvers, 1), at(seconds));
            w.read(read).await.into_iter().map(|rule| rule.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(
        found(call("a9"), &["hr"], 99).await,
        ["apr_1", "apr_2"],
        "its arguments are looked at elsewhere"
    );
    assert_eq!(found(call("a9"), &["hr"], 100).await, ["apr_2"]);
    assert!(found(call("a9"), &["hr", "subject"], 9).await.is_empty(), "others would have to agree now");
    let other = AskedCall { actor: AgentId::parse("agt_y").unwrap(), ..call("a9") };
    assert!(found(other, &["hr"], 9).await.is_empty());
    assert!(w.write(|tx| tx.end_approval_rule("apr_2", at(3))).await.is_some());
    assert!(w.write(|tx| tx.end_approval_rule("apr_2", at(3))).await.is_none());
    assert_eq!(found(call("a9"), &["hr"], 9).await, ["apr_1"]);
    w.write(|tx| tx.revoke_grant(&g("g_2"), "usr_alice", "enough", at(5))).await;
    assert!(found(call("a9"), &["hr"], 9).await.is_empty());
    assert!(w.read(|tx| tx.approval_rules(None, at(9))).await.is_empty());
}

pub(crate) fn review(id: &str) -> Review {
    Review {
        id: id.into(),
        trace: "tr_1".into(),
        grant: g("g_1"),
        subject: Principal::User(alice()),
        actor: planner(),
        client: ClientId::parse("cli_1").unwrap(),
        server: "crm".into(),
        action: "tool:export".into(),
        arguments: "a0".into(),
        because: "exports are looked at".into(),
        state: ReviewState::Open,
        at: now(),
        decided_at: Timestamp::from_micros(0),
        decided_by: String::new(),
        word: String::new(),
    }
}

pub(crate) async fn what_was_permitted_is_looked_at_once(w: World) {
    w.write(move |tx| {
        tx.insert_review(&review("rev_1"))?;
        tx.insert_review(&review("rev_2"))
    })
    .await;
    let no = w.write(|tx| tx.decide_review("rev_1", false, "usr_bob", "too much", at(1))).await.unwrap();
    assert_eq!((no.state, no.decided_by.as_str(), no.grant), (ReviewState::Objected, "usr_bob", g("g_1")));
    assert!(w.write(|tx| tx.decide_review("rev_1", true, "usr_carol", "", at(2))).await.is_none());
    let open = w.read(|tx| tx.reviews(Some(ReviewState::Open))).await;
    assert_eq!(open.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["rev_2"]);
}
