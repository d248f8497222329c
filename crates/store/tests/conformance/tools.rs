//! Descriptions of tools: what is in force, and what waits for somebody to look at it.

use crate::world::{World, at, now};
use prokura_store::{SeenTool, Store, StoreError, StoredTool, ToolState, ToolText, Tx};

fn text(hash: &str, seconds: i64) -> ToolText {
    ToolText { text: format!("described by {hash}"), hash: hash.to_owned(), at: at(seconds) }
}

fn seen(state: ToolState, is_pinned: bool, is_news: bool) -> SeenTool {
    SeenTool { state, is_pinned, is_news }
}

async fn see(w: &World, hash: &'static str, seconds: i64, first_use: bool) -> SeenTool {
    w.write(move |tx| tx.see_tool("crm", "read", &text(hash, seconds), first_use)).await
}

async fn approve(w: &World, hash: &'static str, seconds: i64) -> bool {
    w.write(move |tx| tx.approve_tool("crm", "read", hash, "usr_bob", at(seconds))).await
}

async fn read(w: &World) -> StoredTool {
    w.read(|tx| tx.tool("crm", "read")).await.unwrap()
}

pub(crate) async fn e32_who_describes_a_tool_otherwise_waits_also_back_and_forth(w: World) {
    use ToolState::{Changed, InForce};
    assert_eq!(w.read(|tx| tx.tool("crm", "read")).await, None);
    assert_eq!(see(&w, "a", 0, true).await, seen(InForce, true, true));
    assert_eq!(see(&w, "a", 1, true).await, seen(InForce, true, false));
    assert_eq!(read(&w).await.pinned, Some(text("a", 0)), "it is as it was first seen");
    assert_eq!(see(&w, "b", 2, true).await, seen(Changed, false, true));
    assert_eq!(see(&w, "b", 3, true).await, seen(Changed, false, false));
    assert_eq!(see(&w, "a", 4, true).await, seen(Changed, true, false), "the old one changes nothing back");
    assert_eq!(see(&w, "c", 5, true).await, seen(Changed, false, true));
    let tool = read(&w).await;
    assert_eq!((tool.pinned, tool.offered), (Some(text("a", 0)), Some(text("c", 5))));
    assert!(!approve(&w, "b", 6).await, "another one was seen since");
    assert!(!approve(&w, "", 6).await);
    assert!(!w.write(|tx| tx.approve_tool("crm", "write", "c", "usr_bob", now())).await);
    assert!(approve(&w, "c", 7).await);
    let tool = read(&w).await;
    assert_eq!((tool.state(), tool.approved_by.as_deref()), (InForce, Some("usr_bob")));
    let pinned = ToolText { at: at(7), ..text("c", 5) };
    assert_eq!((tool.pinned, tool.offered), (Some(pinned), None));
    assert_eq!(see(&w, "a", 8, true).await, seen(Changed, false, true), "what was in force once is not now");
    assert!(approve(&w, "c", 9).await, "what is in force may stay so");
    assert_eq!((read(&w).await.state(), read(&w).await.offered), (InForce, None));
}

pub(crate) async fn where_somebody_must_approve_the_first_one_waits_too(w: World) {
    use ToolState::{InForce, New};
    assert_eq!(see(&w, "a", 0, false).await, seen(New, false, true));
    assert_eq!(see(&w, "b", 1, false).await, seen(New, false, true));
    assert!(!approve(&w, "a", 2).await);
    assert!(approve(&w, "b", 2).await);
    assert_eq!(see(&w, "b", 3, false).await, seen(InForce, true, false));
}

pub(crate) async fn e08_names_are_what_their_bytes_are(w: World) {
    let names = ["Read", "read", "re\u{301}ad", "r\u{e9}ad", "read ", "\u{1f600}"];
    for (i, name) in names.into_iter().enumerate() {
        let one = text(&format!("h{i}"), 0);
        let first = w.write(move |tx| tx.see_tool("crm", name, &one, true)).await;
        assert_eq!(first, seen(ToolState::InForce, true, true), "{name:?}");
    }
    w.write(|tx| tx.see_tool("Crm", "read", &text("x", 0), true)).await;
    let found = w.read(|tx| tx.tools(Some("crm"))).await;
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    assert_eq!(found.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), sorted, "in the order of bytes");
    let all = w.read(|tx| tx.tools(None)).await;
    assert_eq!((all.len(), all[0].resource.as_str()), (7, "Crm"));
}

pub(crate) async fn of_many_first_descriptions_at_once_one_is_in_force(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..100)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let one = text(if i % 3 == 0 { "a" } else { "b" }, i);
            let see = move |tx: &mut Tx<'_>| Ok((one.hash.clone(), tx.see_tool("crm", "read", &one, true)?));
            tokio::spawn(async move { store.transact::<_, StoreError>(see).await.unwrap() })
        })
        .collect();
    let mut all = Vec::new();
    for racer in racers {
        all.push(racer.await.unwrap());
    }
    let tool = read(&w).await;
    let (pinned, offered) = (tool.pinned.unwrap(), tool.offered.unwrap());
    assert_ne!(pinned.hash, offered.hash);
    assert!(all.iter().all(|(hash, seen)| seen.is_pinned == (*hash == pinned.hash)));
    assert_eq!(all.iter().filter(|(_, seen)| seen.is_news).count(), 2, "each is news once");
}

/// What two people look at while the server changes its mind: each approves what they saw, or nothing.
pub(crate) async fn of_many_approvals_at_once_one_holds_and_it_is_of_what_was_offered(w: World) {
    see(&w, "a", 0, true).await;
    see(&w, "b", 1, true).await;
    let racers: Vec<_> = (0..60)
        .map(|i| {
            let store = w.store.clone();
            tokio::spawn(async move {
                let hash = ["a", "b"][i % 2];
                let by = format!("usr_{i}");
                let done = move |tx: &mut Tx<'_>| tx.approve_tool("crm", "read", hash, &by, at(2));
                (hash, store.transact::<_, StoreError>(done).await.unwrap())
            })
        })
        .collect();
    let mut done = std::collections::BTreeSet::new();
    for racer in racers {
        let (hash, approved) = racer.await.unwrap();
        if approved {
            done.insert(hash);
        }
    }
    let tool = read(&w).await;
    let pinned = tool.pinned.unwrap();
    assert_eq!((done.len(), tool.offered), (1, None), "once one is in force, the other is not offered");
    assert!(done.contains(pinned.hash.as_str()) && pinned.text == format!("described by {}", pinned.hash));
}

async fn until_changed(store: &Store, before: u64) {
    for _ in 0..1000 {
        if store.revoked().rules_revision() != before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it was never heard of");
}

pub(crate) async fn every_process_hears_of_a_description_and_of_none_that_was_taken_back(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let before = (w.store.revoked().rules_revision(), other.revoked().rules_revision());
    let failed = w.store.transact::<(), StoreError>(|tx| {
        tx.see_tool("crm", "read", &text("a", 0), true)?;
        Err(StoreError::Conflict("taken back".into()))
    });
    assert!(failed.await.is_err());
    assert_eq!(w.read(|tx| tx.tools(None)).await, []);
    assert_eq!(w.store.revoked().rules_revision(), before.0);
    see(&w, "a", 1, true).await;
    assert_ne!(w.store.revoked().rules_revision(), before.0, "here it is known at once");
    until_changed(&other, before.1).await;
    let heard = w.store.revoked().rules_revision();
    see(&w, "a", 2, true).await;
    assert_eq!(w.store.revoked().rules_revision(), heard, "what is no news is not told");
}
