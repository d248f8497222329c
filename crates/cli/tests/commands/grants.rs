//! `prokura grant`: looked at, drawn, narrowed, paused, put in force again, ended.

use crate::program::{RIGHT, installed, run};
use prokura_core::{
    AgentId, Details, Evidence, Grant, GrantId, GrantState, Grantor, MayAct, PointId, Principal, ResourceUri,
    ScopeSet, SystemClock, Terms, Timestamp, UserId,
};
use prokura_store::{Agent, DatabaseUrl, Held, Said, Store, StoreError, User};
use std::path::Path;
use std::sync::Arc;

const SOON: i64 = 4_000_000_000;

fn grant(id: &str, parents: &[&str], agent: &str, port: u16) -> Grant {
    let user = UserId::parse("usr_alice").unwrap();
    Grant {
        id: GrantId::parse(id).unwrap(),
        parents: parents.iter().map(|p| GrantId::parse(*p).unwrap()).collect(),
        subject: Principal::User(user.clone()),
        grantor: Grantor::User(user),
        grantee: AgentId::parse(agent).unwrap(),
        resource: ResourceUri::parse(&format!("http://localhost:{port}/mcp/sales")).unwrap(),
        actions: ScopeSet::parse("read:report write").unwrap(),
        details: Details::default(),
        not_before: Timestamp::from_seconds(1_000_000),
        expires_at: Timestamp::from_seconds(SOON),
        depth_left: 3,
        terms: Terms {
            may_act: MayAct::Only([AgentId::parse("agt_reporter").unwrap()].into()),
            ..Terms::default()
        },
        evidence: Evidence::Consent { interaction: "i_1".into() },
        state: GrantState::Active,
        revision: 0,
    }
}

async fn open(folder: &Path) -> Store {
    let url = DatabaseUrl::parse(&format!("sqlite:{}", folder.join("prokura.db").display())).unwrap();
    Store::open(&url, PointId::parse("pep_test").unwrap(), Arc::new(SystemClock)).await.unwrap()
}

/// An installation in which Alice let Planner, who let Reporter, who let Writer.
fn with_grants() -> (tempfile::TempDir, tokio::runtime::Runtime) {
    let (folder, port) = installed(RIGHT);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(folder.path()).await;
        let fill = move |tx: &mut prokura_store::Tx<'_>| {
            tx.insert_user(&User {
                id: UserId::parse("usr_alice").unwrap(),
                name: "alice".into(),
                display_name: "Alice".into(),
                password_hash: None,
                email: None,
                disabled: false,
                created_at: Timestamp::from_seconds(0),
            })?;
            for (id, name) in [("agt_planner", "Planner"), ("agt_reporter", "Repor\u{1b}[31mter")] {
                tx.insert_agent(&Agent {
                    id: AgentId::parse(id).unwrap(),
                    name: name.into(),
                    disabled: false,
                    created_at: Timestamp::from_seconds(0),
                })?;
            }
            tx.insert_grant(&grant("g_top", &[], "agt_planner", port))?;
            tx.insert_grant(&grant("g_mid", &["g_top"], "agt_reporter", port))?;
            tx.insert_grant(&grant("g_low", &["g_mid"], "agt_writer", port))
        };
        store.transact::<_, StoreError>(fill).await.unwrap();
    });
    (folder, runtime)
}

#[test]
fn what_came_of_a_grant_is_drawn() {
    let (folder, _runtime) = with_grants();
    let drawn = run(folder.path(), &["grant", "tree"]);
    assert_eq!(drawn.code, Some(0), "{}", drawn.err);
    let lines: Vec<&str> =
        drawn.out.lines().map(|line| line.split("  read:report").next().unwrap().trim_end()).collect();
    assert_eq!(
        lines,
        ["Alice → Planner → sales", "└─→ Repor[31mter → sales", "    └─→ agt_writer → sales"],
        "{}",
        drawn.out
    );
    let whole = "read:report write  in force  until 2096-10-02T07:06:40Z  not used yet  g_top";
    assert!(drawn.out.lines().next().unwrap().ends_with(whole), "{}", drawn.out);
    for arguments in [&["--user", "alice"][..], &["g_top"], &["--agent", "agt_planner"]] {
        assert_eq!(
            run(folder.path(), &[&["grant", "tree"], arguments].concat()).out,
            drawn.out,
            "{arguments:?}"
        );
    }
    let part = run(folder.path(), &["grant", "tree", "g_low"]).out;
    assert!(part.starts_with("Alice → Planner → Repor[31mter → agt_writer → sales"), "{part}");
    let machine = run(folder.path(), &["grant", "tree", "g_top", "--json"]).out;
    let nodes: Vec<serde_json::Value> = machine.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let seen: Vec<_> =
        nodes.iter().map(|n| (n["id"].as_str().unwrap(), n["depth"].as_u64().unwrap())).collect();
    assert_eq!(seen, [("g_top", 0), ("g_mid", 1), ("g_low", 2)]);
    assert_eq!(run(folder.path(), &["grant", "tree", "g_none"]).code, Some(1));
    assert_eq!(run(folder.path(), &["grant", "tree", "--user", "bob"]).code, Some(1));
}

#[test]
fn a_grant_is_narrowed_and_never_widened() {
    let (folder, _runtime) = with_grants();
    let narrow = |more: &[&str]| run(folder.path(), &[&["grant", "narrow", "g_top"], more].concat());
    let done = narrow(&["--without", "write", "--without-agent", "agt_reporter", "--until", "2h"]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (Some(0), "Narrowed to read:report; tokens of before are refused from now on.\n"),
        "{}",
        done.err
    );
    let shown = run(folder.path(), &["grant", "show", "g_top"]).out;
    assert!(shown.contains("may      read:report\n") && shown.contains("passing  to nobody"), "{shown}");
    let refused: [(&[&str], i32, &str); 6] = [
        (&["--without", "write"], 1, "the grant does not hold `write`"),
        (&["--without", "read:report"], 1, "nothing would be left of it: end it instead"),
        (&["--until", "2099-01-01T00:00:00Z"], 1, "an edit only takes away"),
        (&["--without-agent", "agt_evil"], 1, "the grant does not name `agt_evil`"),
        (&["--until", "tomorrow"], 2, "`tomorrow` is no time"),
        (&[], 2, "required"),
    ];
    for (arguments, code, why) in refused {
        let ran = narrow(arguments);
        assert!(ran.code == Some(code) && ran.err.contains(why), "{arguments:?}: {:?} {}", ran.code, ran.err);
    }
    let record = run(folder.path(), &["audit", "list", "--json"]).out;
    assert!(record.contains("grant:narrow") && record.contains("widening"), "{record}");
}

#[test]
fn a_grant_is_paused_and_put_in_force_again_but_not_where_its_owner_paused_it() {
    let (folder, runtime) = with_grants();
    let grant = |verb: &str| run(folder.path(), &["grant", verb, "g_top"]);
    assert_eq!(grant("suspend").code, Some(0));
    let again = grant("suspend");
    assert!(again.code == Some(1) && again.err.contains("stands like that already"), "{}", again.err);
    let listed = run(folder.path(), &["grant", "list"]).out;
    let line = listed.lines().find(|line| line.starts_with("g_low")).unwrap_or_default();
    assert!(line.contains("Alice → Planner → Repor[31mter → agt_writer → sales"), "{listed}");
    assert!(line.contains("stopped above"), "{listed}");
    let tree = run(folder.path(), &["grant", "tree"]).out;
    assert_eq!(tree.matches("stopped above").count(), 2, "{tree}");
    let shown = run(folder.path(), &["grant", "show", "g_mid"]).out;
    assert!(shown.contains("Alice → Planner → Repor") && shown.contains("state    stopped above"), "{shown}");
    assert!(run(folder.path(), &["grant", "list", "--paused", "--roots"]).out.contains("paused"));
    assert_eq!(grant("resume").out, "In force again.\n");
    runtime.block_on(async {
        let (store, held) = (open(folder.path()).await, Held::Grant(GrantId::parse("g_top").unwrap()));
        let said = Said { by: "usr_alice", why: "paused", now: Timestamp::from_seconds(1_000_001) };
        store.transact(move |tx| tx.hold(&held, "owner", said)).await.unwrap();
    });
    let refused = grant("resume");
    assert!(refused.code == Some(1) && refused.err.contains("only its owner can"), "{}", refused.err);
    let shown = run(folder.path(), &["grant", "show", "g_top"]).out;
    assert!(shown.contains("paused   for owner"), "{shown}");
    assert_eq!(grant("revoke").out, "Revoked, with 2 below it; the next call is refused.\n");
    assert_eq!(grant("revoke").out, "It had ended before; nothing was changed.\n");
    assert!(run(folder.path(), &["grant", "tree"]).out.contains("Nothing to show"));
    assert!(run(folder.path(), &["grant", "tree", "--all"]).out.contains("revoked"));
}
