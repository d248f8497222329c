//! Policy sets: versions, what is in force, and entities that were told.

use crate::world::{World, at, now};
use prokura_store::{PolicyActivation, PolicyStanding, PolicyVersion, Store, StoreError, StoredEntity, Tx};
use std::collections::BTreeSet;

fn version(set: &str, version: &str, seconds: i64) -> PolicyVersion {
    PolicyVersion {
        set: set.to_owned(),
        version: version.to_owned(),
        language: "cedar".to_owned(),
        texts: format!("the texts of {version}"),
        at: at(seconds),
        by: "usr_ada".to_owned(),
        note: "a note: \u{e9}'\"%_".to_owned(),
    }
}

fn activation(set: &str, version: &str, seconds: i64) -> PolicyActivation {
    PolicyActivation {
        set: set.to_owned(),
        version: version.to_owned(),
        at: at(seconds),
        by: "usr_ada".to_owned(),
        note: format!("{version} it is"),
    }
}

async fn put(w: &World, set: &'static str, name: &'static str, seconds: i64) -> bool {
    w.write(move |tx| tx.put_policy_version(&version(set, name, seconds))).await
}

async fn activate(w: &World, set: &'static str, name: &'static str, seconds: i64) -> bool {
    w.write(move |tx| tx.activate_policy(&activation(set, name, seconds))).await
}

fn standing(set: &str, active: &str, of_files: &str, n: u64) -> PolicyStanding {
    PolicyStanding { set: set.into(), active: active.into(), of_files: of_files.into(), n }
}

pub(crate) async fn a_version_is_kept_as_it_was_and_found_by_how_it_begins(w: World) {
    assert!(put(&w, "staff", "aa1", 1).await);
    assert!(!put(&w, "staff", "aa1", 9).await, "it is known");
    assert_eq!(w.read(|tx| tx.policy_version("staff", "aa1")).await, Some(version("staff", "aa1", 1)));
    assert_eq!(w.read(|tx| tx.policy_version("staff", "aa")).await, None);
    assert_eq!(w.read(|tx| tx.policy_version("other", "aa1")).await, None);
    for (name, seconds) in [("aa2", 2), ("ab1", 3), ("aa3", 2)] {
        put(&w, "staff", name, seconds).await;
    }
    put(&w, "other", "aa9", 9).await;
    let begin = async |begins: &'static str, limit| {
        let found = w.read(move |tx| tx.policy_versions("staff", begins, limit)).await;
        assert!(found.iter().all(|v| v.texts.is_empty()));
        found.into_iter().map(|v| v.version).collect::<Vec<_>>()
    };
    assert_eq!(begin("", 9).await, ["ab1", "aa2", "aa3", "aa1"], "the newest first");
    assert_eq!(begin("aa", 9).await, ["aa2", "aa3", "aa1"]);
    assert_eq!(begin("aa", 2).await, ["aa2", "aa3"]);
    for wild in ["%", "_", "a%", "AA", "a_1"] {
        assert!(begin(wild, 9).await.is_empty(), "{wild} is no beginning");
    }
}

pub(crate) async fn one_version_is_in_force_and_an_earlier_one_can_be_again(w: World) {
    assert_eq!(w.read(|tx| tx.policy_standing("staff")).await, None);
    let unknown = w.store.transact::<_, StoreError>(|tx| tx.activate_policy(&activation("staff", "a", 0)));
    assert!(matches!(unknown.await, Err(StoreError::Conflict(_))));
    w.write(|tx| tx.note_policy_files("staff", "a")).await;
    assert_eq!(w.read(|tx| tx.policy_standing("staff")).await, Some(standing("staff", "", "a", 0)));
    put(&w, "staff", "a", 0).await;
    put(&w, "staff", "b", 1).await;
    put(&w, "house", "b", 1).await;
    assert!(activate(&w, "staff", "a", 2).await);
    assert!(!activate(&w, "staff", "a", 3).await, "it is in force");
    assert!(activate(&w, "staff", "b", 4).await);
    w.write(|tx| tx.note_policy_files("staff", "b")).await;
    assert!(activate(&w, "staff", "a", 5).await, "rolled back");
    assert!(activate(&w, "house", "b", 6).await);
    let standings = w.read(|tx| tx.policy_standings()).await;
    assert_eq!(standings, [standing("house", "b", "", 1), standing("staff", "a", "b", 3)]);
    let done = w.read(|tx| tx.policy_activations("staff", 9)).await;
    let wanted = [("a", 5), ("b", 4), ("a", 2)].map(|(name, seconds)| activation("staff", name, seconds));
    assert_eq!(done, wanted, "the newest first");
    assert_eq!(w.read(|tx| tx.policy_activations("staff", 2)).await, wanted[..2]);
}

/// Two administrators, two processes: whatever was said last is in force, and everything that was is on the list.
pub(crate) async fn of_many_activations_at_once_each_counts_once(w: World) {
    for name in ["a", "b", "c"] {
        put(&w, "staff", name, 0).await;
    }
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..90)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let to = activation("staff", ["a", "b", "c"][i % 3], 1);
            tokio::spawn(async move {
                store.transact::<_, StoreError>(move |tx| tx.activate_policy(&to)).await.unwrap()
            })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        won += u64::from(racer.await.unwrap());
    }
    let standing = w.read(|tx| tx.policy_standing("staff")).await.unwrap();
    let done = w.read(|tx| tx.policy_activations("staff", 1000)).await;
    assert_eq!((standing.n, done.len() as u64), (won, won));
    assert_eq!(done[0].version, standing.active);
    assert!(done.windows(2).all(|two| two[0].version != two[1].version), "none follows itself");
    assert!(won >= 3);
}

pub(crate) async fn of_many_who_bring_one_version_one_keeps_it(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..60)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let one = PolicyVersion { by: format!("usr_{i}"), ..version("staff", "a", i) };
            let put = move |tx: &mut Tx<'_>| Ok((one.by.clone(), tx.put_policy_version(&one)?));
            tokio::spawn(async move { store.transact::<_, StoreError>(put).await.unwrap() })
        })
        .collect();
    let mut won = Vec::new();
    for racer in racers {
        let (by, is_new) = racer.await.unwrap();
        won.extend(is_new.then_some(by));
    }
    let kept = w.read(|tx| tx.policy_version("staff", "a")).await.unwrap();
    assert_eq!(won, [kept.by]);
}

async fn until(store: &Store, heard: impl Fn(&Store) -> bool) {
    for _ in 0..1000 {
        if heard(store) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it was never heard of");
}

pub(crate) async fn every_process_hears_what_is_in_force_and_nothing_that_was_taken_back(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    put(&w, "staff", "a", 0).await;
    let policies = |store: &Store| store.revoked().policies_revision();
    let directory = |store: &Store| store.revoked().directory_revision();
    let (here, there) = (policies(&w.store), policies(&other));
    let failed = w.store.transact::<(), StoreError>(|tx| {
        assert!(tx.activate_policy(&activation("staff", "a", 1))?);
        tx.put_policy_entity(&entity("Employee", "e1", 1))?;
        Err(StoreError::Conflict("taken back".into()))
    });
    assert!(failed.await.is_err());
    assert_eq!(w.read(|tx| tx.policy_standing("staff")).await, None);
    assert_eq!(w.read(|tx| tx.policy_activations("staff", 9)).await, []);
    assert_eq!(w.read(|tx| tx.policy_entities(("", ""), 9)).await, []);
    assert_eq!(policies(&w.store), here);
    assert!(activate(&w, "staff", "a", 2).await);
    assert_ne!(policies(&w.store), here, "here it is known at once");
    until(&other, |s| policies(s) != there).await;
    let told = directory(&other);
    w.write(|tx| tx.put_policy_entity(&entity("Employee", "e1", 3))).await;
    until(&other, |s| directory(s) != told).await;
    let told = directory(&other);
    assert!(w.write(|tx| tx.delete_policy_entity("Employee", "e1", "usr_ada", at(4))).await);
    until(&other, |s| directory(s) != told).await;
    let quiet = directory(&w.store);
    assert!(!w.write(|tx| tx.delete_policy_entity("Employee", "e1", "usr_ada", at(5))).await);
    assert_eq!(directory(&w.store), quiet, "nothing changed");
}

fn entity(kind: &str, id: &str, seconds: i64) -> StoredEntity {
    let entity = format!("{{\"uid\":{{\"type\":\"{kind}\",\"id\":\"{id}\"}}}}");
    StoredEntity { kind: kind.into(), id: id.into(), entity, at: at(seconds), by: "usr_ada".into() }
}

pub(crate) async fn entities_take_the_place_of_their_namesakes_and_come_in_pages(w: World) {
    let names =
        [("Employee", "e10"), ("Employee", "e9"), ("Team", "a"), ("employee", "e9"), ("Team", "\u{e9}")];
    for (kind, id) in names {
        w.write(move |tx| tx.put_policy_entity(&entity(kind, id, 0))).await;
    }
    let newer = StoredEntity { by: "usr_bob".into(), ..entity("Team", "a", 7) };
    let put = newer.clone();
    w.write(move |tx| tx.put_policy_entity(&put)).await;
    let (mut all, mut last) = (Vec::new(), (String::new(), String::new()));
    loop {
        let after = last.clone();
        let page = w.read(move |tx| tx.policy_entities((&after.0, &after.1), 2)).await;
        let Some(end) = page.last() else { break };
        assert!(page.len() <= 2);
        last = (end.kind.clone(), end.id.clone());
        all.extend(page);
    }
    let found: Vec<_> = all.iter().map(|e| (e.kind.as_str(), e.id.as_str())).collect();
    let sorted: Vec<_> = BTreeSet::from(names).into_iter().collect();
    assert_eq!(found, sorted, "in the order of bytes, each once");
    assert_eq!(all.iter().find(|e| e.kind == "Team" && e.id == "a"), Some(&newer));
    assert!(w.write(|tx| tx.delete_policy_entity("Team", "a", "usr_ada", now())).await);
    assert_eq!(w.read(|tx| tx.policy_entities(("", ""), 9)).await.len(), 4);
}
