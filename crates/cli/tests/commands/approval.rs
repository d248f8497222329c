//! `prokura approval`: what waits is listed, shown and decided; agreements for a while end; what was allowed is looked at.

use crate::program::{RIGHT, Ran, installed, run};
use prokura_access::{ApprovalSeal, Conditions, Facts, Line, arguments_hash};
use prokura_core::{
    AgentId, AskedCall, ClientId, Clock as _, Details, Evidence, Grant, GrantId, GrantState, Grantor,
    PointId, Principal, Quorum, ResourceUri, Risk, ScopeSet, SystemClock, SystemRng, TaskId, Terms,
    Timestamp, UserId,
};
use prokura_oauth::json::{Limits, Object, parse};
use prokura_oauth::seal::MasterKey;
use prokura_store::{
    ApprovalRule, DatabaseUrl, Review, ReviewState, Store, StoreError, TaskAsk, TaskAsked, Tx,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const KEY: [u8; 32] = [7; 32];

fn approval(folder: &Path, more: &[&str]) -> Ran {
    run(folder, &[&["approval"], more].concat())
}

fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap()
}

fn seal() -> ApprovalSeal {
    ApprovalSeal::new(&MasterKey::new(KEY)).unwrap()
}

fn grant(id: &str, now: Timestamp) -> Grant {
    let alice = UserId::parse("usr_alice").unwrap();
    Grant {
        id: GrantId::parse(id).unwrap(),
        parents: vec![],
        subject: Principal::User(alice.clone()),
        grantor: Grantor::User(alice),
        grantee: AgentId::parse("agt_planner").unwrap(),
        resource: ResourceUri::parse("http://localhost/mcp/sales").unwrap(),
        actions: ScopeSet::parse("read:report").unwrap(),
        details: Details::default(),
        not_before: now,
        expires_at: now.after(Duration::from_secs(86_400)),
        depth_left: 0,
        terms: Terms::default(),
        evidence: Evidence::Consent { interaction: "i_1".into() },
        state: GrantState::Active,
        revision: 0,
    }
}

fn ask(id: &str, to: &str, approvers: &[&str], of: u8, now: Timestamp) -> TaskAsk {
    let (id, grant) = (TaskId::parse(id).unwrap(), grant("g_1", now));
    let given = object(&format!(r#"{{"to":"{to}","amount":20}}"#));
    let line = Line { name: "amount".into(), title: "Amount".into(), about: None, before: Some(10.into()) };
    let facts = Facts::new("Pay somebody", given.clone(), vec![line]);
    TaskAsk {
        call: AskedCall {
            grant: grant.id.clone(),
            root: grant.id,
            subject: grant.subject,
            actor: grant.grantee.clone(),
            chain: vec![grant.grantee],
            client: ClientId::parse("cli_planner").unwrap(),
            resource: grant.resource,
            server: "sales".into(),
            action: "tool:pay".into(),
            arguments: arguments_hash(Some(&given.into())),
        },
        quorum: Quorum {
            approvers: approvers.iter().map(|a| (*a).to_owned()).collect(),
            of,
            acr: None,
            lasts: Duration::from_secs(600),
        },
        because: "payments are agreed to".into(),
        rules: vec!["staff#pay".into()],
        risk: Some(Risk::High),
        reversible: Some(false),
        sealed: seal().seal(&id, &facts, &SystemRng).unwrap(),
        shape: String::new(),
        trace: "tr_call".into(),
        until: now.after(Duration::from_secs(3600)),
        grant_until: now.after(Duration::from_secs(86_400)),
        id,
    }
}

/// An installation where four calls wait, one agreement stands, and one call is to be looked at.
fn asked() -> tempfile::TempDir {
    let (folder, _) = installed(&format!("master_key = {{ file = \"master.key\" }}\n{RIGHT}"));
    let hex: String = KEY.iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(folder.path().join("master.key"), hex).unwrap();
    let file = folder.path().join("prokura.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async move {
        let url = DatabaseUrl::parse(&format!("sqlite:{}", file.display())).unwrap();
        let store =
            Store::open(&url, PointId::parse("pep_test").unwrap(), Arc::new(SystemClock)).await.unwrap();
        store.transact::<_, StoreError>(|tx| fill(tx, SystemClock.now())).await.unwrap();
    });
    folder
}

fn fill(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.insert_grant(&grant("g_1", now))?;
    tx.insert_grant(&grant("g_2", now))?;
    let asks = [
        ask("apt_own", "x", &["operator"], 1, now),
        ask("apt_both", "y", &["operator", "hr"], 2, now),
        ask("apt_hers", "z", &["subject"], 1, now),
        ask("apt_odd", &format!("\\u001b[31mevil\\u202e{}END", "x".repeat(300)), &["operator"], 1, now),
    ];
    for ask in &asks {
        assert_eq!(tx.ask_task(ask, now)?, TaskAsked::New);
    }
    let stored = tx.task(&asks[0].id)?.unwrap();
    let conditions = Conditions::exactly(&object(r#"{"to":"x"}"#));
    let sealed = seal().seal_conditions("apr_1", &conditions, &SystemRng).unwrap();
    let until = now.after(Duration::from_secs(3600));
    tx.insert_approval_rule(&ApprovalRule::of(
        "apr_1".into(),
        &stored,
        sealed,
        "usr_bob".into(),
        now,
        until,
    ))?;
    for id in ["rev_1", "rev_2"] {
        tx.insert_review(&Review {
            id: id.into(),
            trace: "tr_call".into(),
            grant: GrantId::parse("g_2").unwrap(),
            subject: stored.task.call.subject.clone(),
            actor: stored.task.call.actor.clone(),
            client: stored.task.call.client.clone(),
            server: "sales".into(),
            action: "tool:export".into(),
            arguments: "hash".into(),
            because: "exports are looked at".into(),
            state: ReviewState::Open,
            at: now,
            decided_at: Timestamp::from_seconds(0),
            decided_by: String::new(),
            word: String::new(),
        })?;
    }
    Ok(())
}

#[test]
fn what_waits_is_listed_and_shown_exactly() {
    let folder = asked();
    let listed = approval(folder.path(), &["list"]);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    for shown in ["apt_own", "apt_both", "apt_hers", "agt_planner", "tool:pay", "0 of 2", "pending"] {
        assert!(listed.out.contains(shown), "{shown}: {}", listed.out);
    }
    let lines = approval(folder.path(), &["list", "--json"]).out;
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.contains(r#""arguments":null"#), "a list tells no arguments: {lines}");
    let shown = approval(folder.path(), &["show", "apt_own"]);
    for said in [
        "Pay somebody (tool:pay at sales)",
        "to: x",
        "amount: 10 → 20",
        "risk     high; can be undone: no",
        "payments are agreed to staff#pay",
        "1 of operator; 0 agreed",
        "stands   pending until",
    ] {
        assert!(shown.out.contains(said), "{said}: {}{}", shown.out, shown.err);
    }
    let json = approval(folder.path(), &["show", "apt_own", "--json"]).out;
    assert!(json.contains(r#""amount":"20""#) && json.contains(r#""of":1"#), "{json}");
    let odd = approval(folder.path(), &["show", "apt_odd"]).out;
    assert!(odd.contains("evil") && !odd.contains('\u{1b}') && !odd.contains('\u{202e}'), "{odd:?}");
    // What was cut off, or left out, would be agreed to unseen.
    assert!(odd.contains("\\u{202e}") && odd.contains("xEND\n"), "{odd:?}");
    let none = approval(folder.path(), &["show", "apt_none"]);
    assert!(none.code == Some(1) && none.err.contains("prokura approval list"), "{}", none.err);
}

#[test]
fn the_operator_agrees_where_asked_refuses_anywhere_and_once() {
    let folder = asked();
    let agreed = approval(folder.path(), &["approve", "apt_own", "--word", "fine"]);
    assert!(agreed.code == Some(0) && agreed.out.contains("It may be done once, until"), "{}", agreed.err);
    let again = approval(folder.path(), &["approve", "apt_own"]);
    assert!(again.code == Some(1) && again.err.contains("approved already"), "{}", again.err);
    let half = approval(folder.path(), &["approve", "apt_both"]);
    assert!(half.out.contains("1 of 2 agreed"), "{}{}", half.out, half.err);
    let twice = approval(folder.path(), &["approve", "apt_both"]);
    assert!(twice.code == Some(1) && twice.err.contains("you have decided on this already"), "{}", twice.err);
    let hers = approval(folder.path(), &["approve", "apt_hers"]);
    assert!(hers.code == Some(1) && hers.err.contains("`operator` is not among those"), "{}", hers.err);
    let refused = approval(folder.path(), &["refuse", "apt_hers", "--word", "not this month", "--json"]);
    assert_eq!(refused.out.trim(), r#"{"done":"refused","id":"apt_hers"}"#, "{}", refused.err);
    assert_eq!(approval(folder.path(), &["approve", "nothing"]).code, Some(1));
    let shown = approval(folder.path(), &["show", "apt_hers"]).out;
    assert!(shown.contains("operator refused") && shown.contains("not this month"), "{shown}");
    assert!(shown.contains("is not kept any longer"), "what is over is forgotten: {shown}");
    let waits = approval(folder.path(), &["list"]).out;
    assert!(
        waits.contains("apt_both") && !waits.contains("apt_own") && !waits.contains("apt_hers"),
        "{waits}"
    );
    assert!(approval(folder.path(), &["list", "--all"]).out.contains("refused"));
    let stats = approval(folder.path(), &["stats", "--last", "7d"]).out;
    assert!(stats.contains("4 asked: 1 approved, 1 refused, 0 undecided, 2 wait."), "{stats}");
    assert!(stats.contains("50 % of what was decided"), "{stats}");
    assert_eq!(approval(folder.path(), &["stats", "--last", "soon"]).code, Some(2));
    let record = run(folder.path(), &["audit", "list", "--json"]).out;
    for said in ["approval:agree", "approval:refuse", "grant:make", "not this month", "not_asked"] {
        assert!(record.contains(said), "{said}: {record}");
    }
    assert!(!record.contains("amount"), "no argument stands in the record");
}

#[test]
fn agreements_for_a_while_end_and_what_was_allowed_is_looked_at() {
    let folder = asked();
    let rules = approval(folder.path(), &["rules"]).out;
    assert!(rules.contains("apr_1") && rules.contains("to is x") && rules.contains("usr_bob"), "{rules}");
    assert_eq!(approval(folder.path(), &["end-rule", "apr_1"]).code, Some(0));
    let again = approval(folder.path(), &["end-rule", "apr_1"]);
    assert!(again.code == Some(1) && again.err.contains("prokura approval rules"), "{}", again.err);
    assert!(!approval(folder.path(), &["rules"]).out.contains("apr_1"));
    let reviews = approval(folder.path(), &["reviews", "--json"]).out;
    assert_eq!(reviews.lines().count(), 2, "{reviews}");
    assert!(reviews.contains(r#""because":"exports are looked at""#), "{reviews}");
    assert!(approval(folder.path(), &["fine", "rev_1"]).out.contains("It is fine."));
    assert_eq!(approval(folder.path(), &["fine", "rev_1"]).code, Some(1), "once");
    let objected = approval(folder.path(), &["object", "rev_2", "--word", "too much"]);
    assert!(objected.out.contains("The grant g_2 has ended."), "{}{}", objected.out, objected.err);
    assert!(run(folder.path(), &["grant", "show", "g_2"]).out.contains("revoked"));
    assert_eq!(approval(folder.path(), &["reviews", "--json"]).out.lines().count(), 0);
    assert_eq!(approval(folder.path(), &["reviews", "--all", "--json"]).out.lines().count(), 2);
}
