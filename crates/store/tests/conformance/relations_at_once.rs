//! Tuples that many write at once, and writes that were taken back.

use crate::relations::{all, put, tuple, writes};
use crate::world::{World, now};
use prokura_store::{RelationWrite, StoreError, Tx};
use std::collections::BTreeSet;

/// Whoever follows the changes comes to the same tuples: revisions are in the order in which the changes came to hold, and
/// none is left out, however many processes write.
pub(crate) async fn whoever_follows_the_changes_has_the_tuples(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let writers: Vec<_> = (0..60_u32)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let one = tuple(&format!("doc:{}", i % 7), "viewer", "user:a");
            let more = tuple(&format!("doc:{i}"), "editor", "user:b");
            let write = match i % 3 {
                0 => RelationWrite { deletes: vec![one], writes: vec![more], ..RelationWrite::default() },
                _ => writes(vec![one, more]),
            };
            let write = move |tx: &mut Tx<'_>| tx.write_relations(&write, "", now());
            tokio::spawn(async move {
                let mine = store.transact::<_, StoreError>(write).await.unwrap();
                let sees = store.read::<_, StoreError>(|tx| tx.relation_revision()).await.unwrap();
                (mine, sees)
            })
        })
        .collect();
    let mut revisions = Vec::new();
    for writer in writers {
        if let (Ok(mine), sees) = writer.await.unwrap() {
            assert!(sees >= mine, "who has written sees it");
            revisions.push(mine);
        }
    }
    revisions.sort_unstable();
    let dense: Vec<u64> = (1..=u64::try_from(revisions.len()).unwrap()).collect();
    assert_eq!(revisions, dense, "each change has a revision of its own, and none is missing");
    let changes = w.read(|tx| tx.relation_changes((0, 0), 1000)).await.unwrap();
    let mut followed = BTreeSet::new();
    let mut last = (0, 0);
    for change in changes {
        let next = (change.revision, change.n);
        assert!(next == (last.0, last.1 + 1) || next == (last.0 + 1, 1), "{last:?} {next:?}");
        last = next;
        let fits =
            if change.gone { followed.remove(&change.tuple) } else { followed.insert(change.tuple.clone()) };
        assert!(fits, "{change:?}");
    }
    assert_eq!(last.0, dense.len() as u64);
    assert_eq!(all(&w).await.into_iter().collect::<BTreeSet<_>>(), followed);
    assert_eq!(other.read::<_, StoreError>(|tx| tx.relation_revision()).await.unwrap(), last.0);
}

pub(crate) async fn what_was_taken_back_has_no_revision(w: World) {
    let (a, b) = (tuple("doc:1", "viewer", "user:a"), tuple("doc:2", "viewer", "user:a"));
    put(&w, writes(vec![a.clone()])).await.unwrap();
    let write =
        RelationWrite { writes: vec![b.clone()], deletes: vec![a.clone()], ..RelationWrite::default() };
    let failed = w.store.transact::<(), StoreError>(move |tx| {
        assert_eq!(tx.write_relations(&write, "", now())?, Ok(2));
        assert_eq!(tx.relation_at("doc:2", "viewer", "user:a", "")?.map(|t| t.object), Some("doc:2".into()));
        tx.replace_relations("file", &[tuple("doc:3", "viewer", "user:a")], now())?;
        tx.put_relation_model("one", "usr_admin", now())?;
        Err(StoreError::Conflict("taken back".into()))
    });
    assert!(failed.await.is_err());
    assert_eq!(all(&w).await, [a]);
    assert_eq!(w.read(|tx| tx.relation_at("doc:2", "viewer", "user:a", "")).await, None);
    assert_eq!(w.read(|tx| Ok((tx.relation_revision()?, tx.relation_model_version()?))).await, (1, 0));
    assert_eq!(w.read(|tx| tx.relation_changes((1, 1), 10)).await, Some(vec![]));
    assert_eq!(put(&w, writes(vec![b])).await, Ok(2), "the next change has the number that was not used");
}

pub(crate) async fn a_source_that_is_replaced_by_many_at_once_is_what_one_of_them_said(w: World) {
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let member = |group: String| tuple(&group, "member", "user:a");
    let replacers: Vec<_> = (0..40)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let wanted: Vec<_> = (0..3).map(|n| member(format!("group:{i}-{n}"))).collect();
            let replace = move |tx: &mut Tx<'_>| tx.replace_relations("provider:corp usr_a", &wanted, now());
            tokio::spawn(async move { store.transact::<_, StoreError>(replace).await.unwrap() })
        })
        .collect();
    let mut newest = (0, 0);
    for (i, replacer) in replacers.into_iter().enumerate() {
        let (revision, _) = replacer.await.unwrap();
        newest = newest.max((revision, i));
    }
    let wanted: Vec<_> = (0..3).map(|n| member(format!("group:{}-{n}", newest.1))).collect();
    assert_eq!((all(&w).await, newest.0), (wanted, 40), "the last one's, whole");
}
