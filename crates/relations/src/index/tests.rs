use super::*;
use crate::User;

fn tuple(text: &str) -> Tuple {
    let (object, rest) = text.split_once('#').unwrap();
    let (relation, user) = rest.split_once('@').unwrap();
    Tuple::parse(user, relation, object).unwrap()
}

fn users(index: &Index, object: &str, relation: &str, which: Which) -> Vec<String> {
    let mut found = Vec::new();
    index
        .users(Named::Text(object), relation, which, &mut |seen| {
            let Named::Number(n) = seen.name else { panic!("a number") };
            let hash = if seen.relation.is_empty() { "" } else { "#" };
            found.push(format!("{}{hash}{}", index.name(n).unwrap(), seen.relation));
        })
        .unwrap();
    found.sort();
    found
}

#[test]
fn both_ends_are_found_whether_loaded_or_added() {
    let all =
        ["d:1#v@user:a", "d:1#v@group:g#m", "d:1#v@user:*", "d:1#w@user:b", "d:2#v@user:a", "e:1#v@user:a"];
    let loaded = Index::load(all.iter().chain(&all).map(|t| tuple(t))).unwrap();
    let mut added = Index::new();
    for t in all {
        assert!(added.insert(tuple(t)).unwrap());
        assert!(!added.insert(tuple(t)).unwrap());
    }
    for index in [&loaded, &added] {
        assert_eq!(index.len(), 6);
        assert_eq!(users(index, "d:1", "v", Which::All), ["group:g#m", "user:*", "user:a"]);
        assert_eq!(users(index, "d:1", "v", Which::Usersets), ["group:g#m"]);
        assert_eq!(users(index, "d:1", "v", Which::Single), ["user:*", "user:a"]);
        let mut objects = 0;
        index.objects(Named::Text("user:a"), "", "v", "d", &mut |_| objects += 1).unwrap();
        assert_eq!(objects, 2);
    }
}

#[test]
fn what_is_removed_is_gone_from_both_ends_also_after_the_rows_are_made_anew() {
    let mut index = Index::load((0..1000).map(|i| tuple(&format!("d:{i}#v@user:a")))).unwrap();
    assert!(index.remove(&tuple("d:7#v@user:a").key));
    assert!(!index.remove(&tuple("d:7#v@user:a").key));
    for i in 0..BESIDE as u32 + 10 {
        index.insert(tuple(&format!("x:{i}#v@user:b"))).unwrap();
    }
    assert!(index.added.len() < BESIDE, "the rows were made anew");
    assert!(users(&index, "d:7", "v", Which::All).is_empty());
    let mut objects = 0;
    index.objects(Named::Text("user:a"), "", "v", "d", &mut |_| objects += 1).unwrap();
    assert_eq!((objects, index.len()), (999, 999 + BESIDE + 10));
    assert!(index.insert(tuple("d:7#v@user:a")).unwrap());
    assert_eq!(users(&index, "d:7", "v", Which::All), ["user:a"]);
}

#[test]
fn a_condition_belongs_to_its_tuple_alone() {
    let mut conditional = tuple("d:1#v@user:a");
    conditional.condition = Some(Arc::new(Attached { name: "c".into(), context: Default::default() }));
    let mut index = Index::load([conditional.clone(), tuple("d:1#v@user:b")]).unwrap();
    let of = |index: &Index, user: &str| {
        let user = User::parse(user).unwrap().to_string();
        index.tuple(Named::Text("d:1"), "v", Named::Text(&user), "").unwrap().map(|c| c.is_some())
    };
    assert_eq!(
        (of(&index, "user:a"), of(&index, "user:b"), of(&index, "user:c")),
        (Some(true), Some(false), None)
    );
    index.remove(&conditional.key);
    index.insert(tuple("d:1#v@user:a")).unwrap();
    assert_eq!(of(&index, "user:a"), Some(false));
}
