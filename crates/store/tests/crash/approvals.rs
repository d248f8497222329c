//! Approvals of single calls, in a process that is killed: what was agreed to stays agreed to, what was used stays used, and who
//! is to be told of it is told.

use crate::{event, kill_after, later, open, refused, runtime};
use prokura_core::{
    AgentId, AskedCall, Ballot, ClientId, Details, Evidence, Grant, GrantId, GrantState, Grantor, Principal,
    Quorum, ResourceUri, ScopeSet, TaskId, TaskState, Terms, Timestamp, UserId, Voter,
};
use prokura_store::{NoticeKind, Store, StoreError, TaskAsk, TaskAsked, Tx, Voted, call_key};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

fn now() -> Timestamp {
    Timestamp::from_seconds(1000)
}

fn root() -> Grant {
    let alice = UserId::parse("usr_alice").unwrap();
    Grant {
        id: GrantId::parse("g_1").unwrap(),
        parents: vec![],
        subject: Principal::User(alice.clone()),
        grantor: Grantor::User(alice),
        grantee: AgentId::parse("agt_x").unwrap(),
        resource: ResourceUri::parse("https://as.example/mcp/crm").unwrap(),
        actions: ScopeSet::parse("pay").unwrap(),
        details: Details::default(),
        not_before: now(),
        expires_at: later(),
        depth_left: 0,
        terms: Terms::default(),
        evidence: Evidence::Consent { interaction: "i_1".into() },
        state: GrantState::Active,
        revision: 0,
    }
}

fn quorum() -> Quorum {
    Quorum {
        approvers: ["operator".to_owned()].into(),
        of: 1,
        acr: None,
        lasts: Duration::from_secs(1 << 30),
    }
}

fn call(name: &str) -> AskedCall {
    let grant = root();
    AskedCall {
        grant: grant.id.clone(),
        root: grant.id,
        subject: grant.subject,
        actor: grant.grantee.clone(),
        chain: vec![grant.grantee],
        client: ClientId::parse("cli_x").unwrap(),
        resource: grant.resource,
        server: "crm".into(),
        action: "tool:pay".into(),
        arguments: name.into(),
    }
}

fn ask(name: &str) -> TaskAsk {
    TaskAsk {
        id: task(name),
        call: call(name),
        quorum: quorum(),
        because: String::new(),
        rules: vec![],
        risk: None,
        reversible: None,
        sealed: "sealed".into(),
        shape: String::new(),
        trace: "tr_1".into(),
        until: later(),
        grant_until: later(),
    }
}

fn task(name: &str) -> TaskId {
    TaskId::parse(format!("apt_{name}")).unwrap()
}

fn agree(tx: &mut Tx<'_>, name: &str) -> Result<(), StoreError> {
    let ballot = Ballot {
        voter: Voter::Operator(None),
        groups: [].into(),
        agent: None,
        sign_in: None,
        agrees: true,
        word: String::new(),
        at: now(),
    };
    let child = GrantId::parse(format!("g_{name}")).unwrap();
    assert!(matches!(tx.vote(&task(name), child, &ballot)?, Voted::Counted(_)));
    tx.record(event(&format!("agreed {name}")));
    Ok(())
}

/// One call after the other is asked for and agreed to; every second one is made. What was answered is said.
pub(crate) async fn agree_and_use(store: Store, round: u32, chain: u32) {
    let begun =
        store.transact(|tx| if tx.grant(&root().id)?.is_none() { tx.insert_grant(&root()) } else { Ok(()) });
    begun.await.unwrap_or_else(refused);
    for n in 0..100_000 {
        let name = format!("{round}.{chain}.{n}");
        for step in ["asked", "agreed", "used"] {
            if step == "used" && n % 2 == 0 {
                continue;
            }
            let named = name.clone();
            let done = store.transact(move |tx| match step {
                "asked" => {
                    assert_eq!(tx.ask_task(&ask(&named), now())?, TaskAsked::New);
                    tx.tell_of_task(&task(&named), now())
                }
                "agreed" => agree(tx, &named),
                _ => {
                    let used = tx.use_task(&task(&named), &call_key(&call(&named), &quorum()), now())?;
                    assert!(used.is_ok());
                    tx.record(event(&format!("used {named}")));
                    Ok(())
                }
            });
            done.await.unwrap_or_else(refused);
            let mut out = std::io::stdout().lock();
            writeln!(out, "answered {step} {name}").unwrap();
            out.flush().unwrap();
        }
    }
}

#[test]
fn what_was_agreed_to_survives_a_kill_and_what_was_used_stays_used() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("crash.db");
    let mut answered = Vec::new();
    for round in 0..10 {
        answered.extend(kill_after(&file, "calls", 20 + 13 * round));
    }
    runtime().block_on(check(&file, answered));
}

async fn check(file: &Path, answered: Vec<String>) {
    let store = open(file).await;
    let of = |step: &str| -> Vec<String> {
        answered.iter().filter_map(|line| line.strip_prefix(&format!("{step} ")).map(str::to_owned)).collect()
    };
    let (asked, agreed, used) = (of("asked"), of("agreed"), of("used"));
    assert!(!agreed.is_empty() && !used.is_empty());
    for name in &agreed {
        let state = state(&store, name).await;
        assert!(
            matches!(state, TaskState::Approved | TaskState::Used),
            "{name} was agreed to and is {state}"
        );
        // Whoever agreed need not agree again: the call can be made, once.
        let (first, second) = (use_it(&store, name).await, use_it(&store, name).await);
        assert_eq!(first, state == TaskState::Approved, "{name}");
        assert!(!second, "{name} can be used twice");
    }
    for name in &used {
        assert_eq!(state(&store, name).await, TaskState::Used);
    }
    let told = store.read(|tx| tx.count_notices(NoticeKind::Webhook)).await.unwrap_or_else(refused);
    assert!(
        told >= 2 * u64::try_from(asked.len()).unwrap(),
        "somebody is not told: {told} of {}",
        asked.len()
    );
    let lease = |tx: &mut Tx<'_>| tx.lease_notices(now(), now(), u32::MAX);
    let due = store.transact(lease).await.unwrap_or_else(refused);
    let decided: Vec<_> = due.iter().filter(|n| n.event == "approval.decided").map(|n| &n.about).collect();
    let missing: Vec<_> = agreed.iter().filter(|n| !decided.contains(&&task(n).to_string())).collect();
    assert!(missing.is_empty(), "agreed to, and nobody hears of it: {missing:?}");
    let recorded = crate::whole(&store).await;
    assert!(used.iter().all(|name| recorded.contains(&format!("used {name}"))));
}

async fn state(store: &Store, name: &str) -> TaskState {
    let id = task(name);
    store.read(move |tx| tx.task(&id)).await.unwrap_or_else(refused).unwrap().task.state
}

async fn use_it(store: &Store, name: &str) -> bool {
    let (id, key) = (task(name), call_key(&call(name), &quorum()));
    store.transact(move |tx| tx.use_task(&id, &key, now())).await.unwrap_or_else(refused).is_ok()
}
