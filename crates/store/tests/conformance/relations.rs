//! Who has which relation to what.

use crate::world::{World, at, now};
use prokura_store::{OnConflict, RelationChange, RelationTuple, RelationWrite, Unwritten, Vouched};

pub(crate) fn tuple(object: &str, relation: &str, user: &str) -> RelationTuple {
    let (subject, userset) = user.split_once('#').unwrap_or((user, ""));
    RelationTuple {
        object: object.to_owned(),
        relation: relation.to_owned(),
        subject: subject.to_owned(),
        userset: userset.to_owned(),
        condition: String::new(),
        context: String::new(),
        said: None,
    }
}

fn conditional(mut tuple: RelationTuple, name: &str) -> RelationTuple {
    (tuple.condition, tuple.context) = (name.to_owned(), "{}".to_owned());
    tuple
}

pub(crate) fn writes(writes: Vec<RelationTuple>) -> RelationWrite {
    RelationWrite { writes, ..RelationWrite::default() }
}

pub(crate) async fn put(w: &World, write: RelationWrite) -> Result<u64, Unwritten> {
    w.write(move |tx| tx.write_relations(&write, "", now())).await
}

pub(crate) async fn all(w: &World) -> Vec<RelationTuple> {
    w.read(|tx| tx.relation_tuples(("", "", "", ""), None, 100)).await
}

pub(crate) async fn a_change_is_all_or_nothing_and_each_has_its_revision(w: World) {
    let (a, b) = (tuple("doc:1", "viewer", "user:a"), tuple("doc:1", "viewer", "group:g#member"));
    assert_eq!(w.read(|tx| tx.relation_revision()).await, 0);
    assert_eq!(put(&w, writes(vec![a.clone(), b.clone()])).await, Ok(1));
    let c = tuple("doc:2", "viewer", "user:a");
    assert_eq!(put(&w, writes(vec![c.clone(), a.clone()])).await, Err(Unwritten::Duplicate(a.clone())));
    assert_eq!(all(&w).await, [a.clone(), b.clone()]);
    let gone = RelationWrite { deletes: vec![a.clone(), c.clone()], ..RelationWrite::default() };
    assert_eq!(put(&w, gone).await, Err(Unwritten::Missing(c.clone())));
    let both =
        RelationWrite { writes: vec![c.clone()], deletes: vec![a.clone()], ..RelationWrite::default() };
    assert_eq!(put(&w, both).await, Ok(2));
    assert_eq!(all(&w).await, [b.clone(), c.clone()]);
    let changes = w.read(|tx| tx.relation_changes((0, 0), 10)).await.unwrap();
    let found: Vec<_> = changes.iter().map(|c| (c.revision, c.n, c.gone, &c.tuple)).collect();
    assert_eq!(found, [(1, 1, false, &a), (1, 2, false, &b), (2, 1, true, &a), (2, 2, false, &c)]);
    assert_eq!(w.read(|tx| tx.relation_changes((1, 1), 2)).await.unwrap(), changes[1..3]);
}

pub(crate) async fn what_is_there_already_may_be_ignored_unless_its_condition_differs(w: World) {
    let a = tuple("doc:1", "viewer", "user:a");
    assert_eq!(put(&w, writes(vec![a.clone()])).await, Ok(1));
    let lenient = |writes: Vec<_>, deletes: Vec<_>| RelationWrite {
        writes,
        deletes,
        on_duplicate: OnConflict::Ignore,
        on_missing: OnConflict::Ignore,
    };
    assert_eq!(put(&w, lenient(vec![a.clone()], vec![tuple("doc:9", "viewer", "user:a")])).await, Ok(1));
    let other = conditional(a.clone(), "in_time");
    assert_eq!(put(&w, lenient(vec![other.clone()], vec![])).await, Err(Unwritten::Duplicate(other)));
    assert_eq!(w.read(|tx| tx.relation_changes((0, 0), 10)).await.unwrap().len(), 1);
}

pub(crate) async fn tuples_are_found_from_both_ends_and_only_of_the_type(w: World) {
    let of = |object: &str, user: &str| tuple(object, "viewer", user);
    let some = vec![
        of("doc:1", "user:a"),
        of("doc:1", "user:*"),
        of("doc:1", "group:g#member"),
        of("doc:2", "user:a"),
        of("docs:3", "user:a"),
        of("do:4", "user:a"),
        conditional(of("doc:5", "user:a"), "in_time"),
        of("doc:6", "group:g"),
    ];
    put(&w, writes(some)).await.unwrap();
    let names = |found: Vec<RelationTuple>| {
        let mut names: Vec<_> = found.into_iter().map(|t| t.subject + &t.userset).collect();
        names.sort();
        names
    };
    assert_eq!(
        names(w.read(|tx| tx.relations_to("doc:1", "viewer", None)).await),
        ["group:gmember", "user:*", "user:a"]
    );
    assert_eq!(names(w.read(|tx| tx.relations_to("doc:1", "viewer", Some(true))).await), ["group:gmember"]);
    assert_eq!(
        names(w.read(|tx| tx.relations_to("doc:1", "viewer", Some(false))).await),
        ["user:*", "user:a"]
    );
    let mut objects = w.read(|tx| tx.related_objects("user:a", "", "viewer", "doc")).await;
    objects.sort();
    assert_eq!(
        objects,
        [("doc:1".to_owned(), false), ("doc:2".to_owned(), false), ("doc:5".to_owned(), true)]
    );
    assert_eq!(w.read(|tx| tx.related_objects("group:g", "member", "viewer", "doc")).await.len(), 1);
    let page = w.read(|tx| tx.relation_tuples(("", "", "user:a", ""), None, 2)).await;
    assert_eq!(page.iter().map(|t| t.object.as_str()).collect::<Vec<_>>(), ["do:4", "doc:1"]);
    let last = page[1].clone();
    let page = w.read(move |tx| tx.relation_tuples(("", "", "user:a", ""), Some(&last), 10)).await;
    assert_eq!(page.iter().map(|t| t.object.as_str()).collect::<Vec<_>>(), ["doc:2", "doc:5", "docs:3"]);
    assert_eq!(w.read(|tx| tx.relation_tuples(("doc:1", "viewer", "", ""), None, 10)).await.len(), 3);
}

pub(crate) async fn a_source_replaces_what_is_its_and_touches_nothing_else(w: World) {
    let of = |group: &str| tuple(group, "member", "user:a");
    put(&w, writes(vec![of("group:by-hand")])).await.unwrap();
    let replace = |wanted: Vec<RelationTuple>| {
        w.write(move |tx| tx.replace_relations("provider:corp usr_a", &wanted, at(1)))
    };
    assert_eq!(replace(vec![of("group:x"), of("group:y"), of("group:by-hand")]).await, (2, 2));
    assert_eq!(replace(vec![of("group:x"), of("group:y")]).await, (2, 0));
    assert_eq!(replace(vec![of("group:y"), of("group:z")]).await, (3, 2));
    let other = |wanted: Vec<RelationTuple>| {
        w.write(move |tx| tx.replace_relations("provider:else usr_a", &wanted, at(2)))
    };
    assert_eq!(other(vec![]).await, (3, 0));
    assert_eq!(all(&w).await, [of("group:by-hand"), of("group:y"), of("group:z")]);
    assert_eq!(replace(vec![conditional(of("group:y"), "in_time")]).await, (4, 3));
    assert_eq!(all(&w).await, [of("group:by-hand"), conditional(of("group:y"), "in_time")]);
    assert_eq!(replace(vec![]).await, (5, 1));
}

pub(crate) async fn the_newest_model_is_in_force_and_earlier_ones_are_kept(w: World) {
    assert_eq!(w.read(|tx| tx.relation_model_version()).await, 0);
    for (body, version) in [("one", 1), ("two", 2), ("two", 2), ("one", 3)] {
        assert_eq!(w.write(move |tx| tx.put_relation_model(body, "usr_admin", now())).await, version);
    }
    let models = w.read(|tx| tx.relation_models(None, 10)).await;
    assert_eq!(
        models.iter().map(|m| (m.version, m.body.as_str())).collect::<Vec<_>>(),
        [(3, "one"), (2, "two"), (1, "one")]
    );
    assert_eq!(w.read(|tx| tx.relation_models(Some(2), 10)).await, models[2..]);
}

pub(crate) async fn of_many_who_write_one_tuple_one_wins(w: World) {
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = w.store.clone();
            let write = writes(vec![tuple("doc:1", "viewer", "user:a")]);
            tokio::spawn(async move {
                store
                    .transact(move |tx| tx.write_relations(&write, "", now()))
                    .await
                    .map_err(|e: prokura_store::StoreError| e)
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap().unwrap().is_ok());
    }
    assert_eq!((won, w.read(|tx| tx.relation_revision()).await), (1, 1));
}

pub(crate) async fn a_providers_word_is_confirmed_and_expires_and_is_anybodys_who_says_it(w: World) {
    let of = |group: &str| tuple(group, "member", "user:a");
    let say = |by: &'static str, wanted: Vec<RelationTuple>, when: i64| {
        w.write(move |tx| tx.say_relations((by, "usr_a"), wanted.clone(), at(when)))
    };
    let said = |group: &'static str| async {
        let key = of(group);
        w.read(move |tx| tx.relation_tuple(&key)).await.map(|t| t.said)
    };
    let vouched = |by: &str, when| Some(Some(Vouched { by: by.to_owned(), at: at(when) }));
    assert_eq!(say("corp", vec![of("group:x"), of("group:y")], 10).await, (1, 2));
    assert_eq!(say("corp", vec![of("group:x"), of("group:y")], 10).await, (1, 0));
    // The same again, later: everybody who follows hears that it lasts longer, and nothing else has changed.
    assert_eq!(say("corp", vec![of("group:x"), of("group:y")], 20).await, (2, 0));
    assert_eq!(said("group:x").await, vouched("corp", 20));
    let heard = w.read(|tx| tx.relation_changes(RelationChange::after(1), 10)).await.unwrap();
    assert_eq!(
        heard.iter().map(|c| (c.gone, c.tuple.said.clone())).collect::<Vec<_>>(),
        [(false, vouched("corp", 20).unwrap()), (false, vouched("corp", 20).unwrap())]
    );
    // Another that says it later, and an administrator who writes it.
    assert_eq!(say("else", vec![of("group:y")], 30).await, (3, 1));
    assert_eq!(said("group:y").await, vouched("else", 30));
    assert_eq!(put(&w, writes(vec![of("group:x")])).await, Ok(4));
    assert_eq!(said("group:x").await, Some(None));
    assert_eq!(say("corp", vec![], 40).await, (4, 0));
    assert_eq!(put(&w, writes(vec![of("group:x")])).await, Err(Unwritten::Duplicate(of("group:x"))));
    // What is too old goes, of that provider alone.
    assert_eq!(say("corp", vec![of("group:z")], 40).await, (5, 1));
    let expire = |by: &'static str, old: i64| w.write(move |tx| tx.expire_relations(by, at(old), at(99), 10));
    assert_eq!(expire("corp", 39).await, (5, 0));
    assert_eq!(expire("cor", 99).await, (5, 0));
    assert_eq!(expire("corp", 40).await, (6, 1));
    let left: Vec<_> = all(&w).await.into_iter().map(|t| t.object).collect();
    assert_eq!(left, ["group:x", "group:y"]);
    let objects = w.read(|tx| tx.related_objects("user:a", "", "member", "group")).await;
    assert_eq!(objects, [("group:x".to_owned(), false), ("group:y".to_owned(), true)]);
}

pub(crate) async fn old_changes_are_forgotten_and_whoever_needs_them_is_told(w: World) {
    for n in 1..=5_i64 {
        let change = writes(vec![
            tuple(&format!("doc:{n}"), "viewer", "user:a"),
            tuple(&format!("doc:{n}"), "viewer", "user:b"),
        ]);
        w.write(move |tx| tx.write_relations(&change, "", at(n * 10))).await.unwrap();
    }
    let forget = |old: i64, limit: u32| w.write(move |tx| tx.forget_relation_changes(at(old), limit));
    assert_eq!((forget(9, 10).await.rows, w.read(|tx| tx.relations_forgotten()).await), (0, 0));
    let pruned = forget(30, 3).await;
    assert_eq!((pruned.rows, pruned.more, w.read(|tx| tx.relations_forgotten()).await), (3, true, 2));
    let heard = |after: (u64, u64)| w.read(move |tx| tx.relation_changes(after, 100));
    // Of the second revision one change is left, and whoever is in the middle of it is told as well.
    assert_eq!(heard((0, 0)).await, None);
    assert_eq!(heard((2, 1)).await, None);
    assert_eq!(heard(RelationChange::after(2)).await.unwrap().len(), 6);
    let pruned = forget(30, 100).await;
    assert_eq!((pruned.rows, pruned.more), (3, false));
    assert_eq!(heard(RelationChange::after(2)).await, None);
    assert_eq!(heard(RelationChange::after(3)).await.unwrap().len(), 4);
    assert_eq!(all(&w).await.len(), 10);
}
