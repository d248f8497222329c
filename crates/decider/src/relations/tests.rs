use super::*;
use prokura_core::{ManualClock, PointId, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::json::Object;
use prokura_policy::pdp::{Entity, EntityId, NoEntities, Question};
use prokura_relations::{Key, Tuple, User};
use prokura_store::{DatabaseUrl, StoreError};
use std::collections::BTreeMap;

const MODEL_TEXT: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type document
  relations
    define banned: [user]
    define editor: [user, group#member]
    define viewer: ([user, user:* with before] or editor) but not banned

condition before(current_time: timestamp, until: timestamp) {
  current_time < until
}
";

struct World {
    relations: Relations,
    clock: Arc<ManualClock>,
    store: Store,
}

fn event() -> Event {
    Event::new(
        EventKind::Administration,
        "relation:write",
        Outcome::Permit,
        now(),
        TraceId::random(&prokura_core::SeededRng::new(1)),
    )
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_000_000)
}

async fn open(url: &DatabaseUrl, point: &str) -> World {
    let clock = Arc::new(ManualClock::new(now()));
    let store = Store::open(url, PointId::parse(point).unwrap(), clock.clone()).await.unwrap();
    World { relations: Relations::new(store.clone(), clock.clone()), clock, store }
}

async fn world() -> World {
    let w = open(&DatabaseUrl::memory(), "pep_1").await;
    w.relations.put_model(MODEL_TEXT.to_owned(), "usr_admin".to_owned(), event()).await.unwrap();
    w
}

fn tuple(text: &str) -> Tuple {
    let (object, rest) = text.split_once('#').unwrap();
    let (relation, user) = rest.split_once('@').unwrap();
    Tuple::parse(user, relation, object).unwrap()
}

impl World {
    async fn write(&self, writes: &[&str], deletes: &[&str]) -> Result<Revision, RelationsFault> {
        let change = Change {
            writes: writes.iter().map(|t| tuple(t)).collect(),
            deletes: deletes.iter().map(|t| tuple(t).key).collect(),
            ..Change::default()
        };
        Ok(self.relations.write(change, event()).await?.revision)
    }

    async fn check(&self, key: &str, at_least: Revision) -> Result<bool, RelationsFault> {
        let key: Key = tuple(key).key;
        Ok(self.relations.ask(at_least, move |ask| ask.check(&key)).await?.0)
    }
}

#[tokio::test]
async fn what_is_written_is_asked_and_what_is_wrong_changes_nothing() {
    let w = world().await;
    let first =
        w.write(&["document:1#editor@group:hr#member", "group:hr#member@user:anne"], &[]).await.unwrap();
    assert_eq!(w.check("document:1#viewer@user:anne", first).await, Ok(true));
    assert_eq!(w.check("document:1#viewer@user:bob", first).await, Ok(false));
    let twice = w.write(&["group:hr#member@user:bob"], &["group:hr#member@user:bob"]).await;
    assert!(matches!(twice, Err(RelationsFault::Twice(_))), "{twice:?}");
    let there = w.write(&["group:hr#member@user:bob", "group:hr#member@user:anne"], &[]).await;
    assert!(matches!(there, Err(RelationsFault::Duplicate(_))), "{there:?}");
    assert!(matches!(w.write(&["document:1#viewer@group:hr"], &[]).await, Err(RelationsFault::Ask(_))));
    assert!(matches!(w.write(&[], &[]).await, Err(RelationsFault::Size(_))));
    assert_eq!(w.relations.view().revision(), first);
}

/// F2: what was taken away before something was given out is taken away for whoever has its revision.
#[tokio::test]
async fn f02_a_new_enemy_sees_nothing_that_came_after_he_was_removed() {
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.path().join("t.db").display())).unwrap();
    let here = open(&url, "pep_1").await;
    let elsewhere = open(&url, "pep_2").await;
    here.relations.put_model(MODEL_TEXT.to_owned(), "usr_admin".to_owned(), event()).await.unwrap();
    for round in 0..25 {
        let (member, viewer) =
            (format!("group:{round}#member@user:mallory"), format!("document:{round}#viewer@user:mallory"));
        let editor = format!("document:{round}#editor@group:{round}#member");
        here.write(&[&member, &editor], &[]).await.unwrap();
        // Whoever asks by the way makes whatever might be remembered be remembered.
        assert_eq!(elsewhere.check(&viewer, Revision(0)).await, Ok(true));
        let after = here.write(&[], &[&member]).await.unwrap();
        assert_eq!(elsewhere.check(&viewer, after).await, Ok(false), "round {round}");
        assert_eq!(here.check(&viewer, after).await, Ok(false), "round {round}");
    }
}

/// F2: a state that has not come is waited for and then refused; it is never answered by an earlier one.
#[tokio::test(start_paused = true)]
async fn f02_a_revision_from_the_future_is_refused_and_never_answered_from_the_past() {
    let w = world().await;
    let first = w.write(&["group:hr#member@user:anne"], &[]).await.unwrap();
    let next = Revision(first.0 + 1);
    assert_eq!(w.check("group:hr#member@user:anne", next).await, Err(RelationsFault::Future(next)));
    let (this, key) = (w.relations.clone(), tuple("group:hr#member@user:anne").key);
    let waiting = tokio::spawn(async move { this.ask(next, move |ask| ask.check(&key)).await });
    tokio::task::yield_now().await;
    assert_eq!(w.write(&[], &["group:hr#member@user:anne"]).await, Ok(next));
    assert_eq!(waiting.await.unwrap(), Ok((false, next)));
}

#[test]
fn a_revision_has_one_form() {
    for n in [0, 7, u64::MAX] {
        assert_eq!(Revision::parse(&Revision(n).to_string()), Some(Revision(n)));
    }
    for text in ["", "7", "rev.", "rev.07", "rev.+7", "rev.-1", "REV.7", "rev.7 ", "rev.18446744073709551616"]
    {
        assert_eq!(Revision::parse(text), None, "{text}");
    }
}

#[tokio::test]
async fn a_model_that_is_not_valid_never_replaces_one_that_is() {
    let w = world().await;
    let bad = MODEL_TEXT.replace("editor) but", "editr) but");
    let refused = w.relations.put_model(bad, "usr_admin".to_owned(), event()).await;
    assert!(
        matches!(&refused, Err(RelationsFault::Model(e)) if e[0].line_and_column() == Some((11, 51))),
        "{refused:?}"
    );
    assert_eq!(w.relations.models(None, 10).await.unwrap().len(), 1);
    let other = format!("{MODEL_TEXT}# changed\n");
    assert_eq!(w.relations.put_model(other, "usr_admin".to_owned(), event()).await, Ok(2));
}

#[tokio::test]
async fn the_view_follows_what_others_write_and_is_not_believed_when_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.path().join("t.db").display())).unwrap();
    let (here, elsewhere) = (open(&url, "pep_1").await, open(&url, "pep_2").await);
    let asked = |w: &World| {
        w.relations.view().ask(w.clock.now(), |ask| ask.check(&tuple("group:hr#member@user:anne").key))
    };
    assert_eq!(asked(&elsewhere), Err(RelationsFault::Stale));
    elsewhere.relations.follow().await.unwrap();
    assert_eq!(asked(&elsewhere), Err(RelationsFault::NoModel));
    here.relations.put_model(MODEL_TEXT.to_owned(), "usr_admin".to_owned(), event()).await.unwrap();
    for (writes, deletes, expected) in [
        (&["group:hr#member@user:anne"][..], &[][..], true),
        (&["group:x#member@user:bob"], &["group:hr#member@user:anne"], false),
        (&["group:hr#member@group:x#member"], &[], false),
        (&["group:x#member@user:anne"], &[], true),
    ] {
        let revision = here.write(writes, deletes).await.unwrap();
        elsewhere.relations.follow().await.unwrap();
        assert_eq!((asked(&elsewhere), elsewhere.relations.view().revision()), (Ok(expected), revision));
        assert_eq!(asked(&here), Ok(expected));
    }
    elsewhere.clock.advance(std::time::Duration::from_secs(3));
    assert_eq!(asked(&elsewhere), Err(RelationsFault::Stale));
}

#[tokio::test]
async fn files_replace_what_files_said_and_nothing_else() {
    let w = open(&DatabaseUrl::memory(), "pep_1").await;
    let provided = |tuples: &[&str]| Provided {
        model: Some(MODEL_TEXT.to_owned()),
        tuples: tuples.iter().map(|t| tuple(t)).collect(),
    };
    let one = provided(&["group:hr#member@user:anne", "group:hr#member@user:bob"]);
    assert_eq!(w.relations.provide(one.clone(), event()).await, Ok((Revision(1), 2)));
    assert_eq!(w.relations.provide(one, event()).await, Ok((Revision(1), 0)));
    w.write(&["group:hr#member@user:carl"], &[]).await.unwrap();
    let other = provided(&["group:hr#member@user:bob", "group:hr#member@user:carl"]);
    assert_eq!(w.relations.provide(other, event()).await, Ok((Revision(3), 1)));
    assert_eq!(w.relations.provide(provided(&[]), event()).await, Ok((Revision(4), 1)));
    assert_eq!(w.check("group:hr#member@user:carl", Revision(4)).await, Ok(true));
    let bad = w.relations.provide(provided(&["group:hr#member@document:1"]), event()).await;
    assert!(matches!(bad, Err(RelationsFault::Ask(_))), "{bad:?}");
}

#[tokio::test]
async fn a_provider_says_which_groups_and_takes_back_only_its_own() {
    let w = world().await;
    w.write(&["group:by-hand#member@user:usr_a"], &[]).await.unwrap();
    let said = |of: &'static str, names: &[&str]| {
        let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
        w.store.transact::<_, StoreError>(move |tx| groups(tx, (of, "usr_a"), &names, now(), &event()))
    };
    let is = |group: &'static str| {
        w.relations.ask(Revision(0), move |ask| {
            ask.objects(&User::parse("user:usr_a").unwrap(), "member", "group")
                .map(|all| all.contains(&format!("group:{group}")))
        })
    };
    said("corp", &["hr", "by-hand", "no name:*"]).await.unwrap();
    said("else", &["ops"]).await.unwrap();
    assert!(is("hr").await.unwrap().0 && is("ops").await.unwrap().0);
    said("corp", &[]).await.unwrap();
    assert!(!is("hr").await.unwrap().0 && is("ops").await.unwrap().0 && is("by-hand").await.unwrap().0);
}

#[tokio::test]
async fn policies_see_what_the_subject_is_to_the_resource_and_where_it_belongs() {
    let w = world().await;
    let mut until = tuple("document:2#viewer@user:*");
    let context = prokura_oauth::json::obj([("until", "1970-01-12T14:00:00Z".into())]);
    until.condition = Some(Arc::new(prokura_relations::Attached { name: "before".into(), context }));
    w.write(&["document:1#editor@group:hr#member", "group:hr#member@user:anne"], &[]).await.unwrap();
    w.relations.write(Change { writes: vec![until], ..Change::default() }, event()).await.unwrap();
    let kinds = Kinds {
        ask: BTreeMap::from([(
            "Document".to_owned(),
            vec!["viewer".to_owned(), "editor".to_owned(), "owner".to_owned()],
        )]),
        parents: BTreeMap::from([("Group".to_owned(), "member".to_owned())]),
        types: BTreeMap::new(),
    };
    let facts = Facts::new(w.relations.view(), kinds);
    let ask = |subject: (&str, &str), resource: (&str, &str), at: Timestamp| {
        let entity = |(kind, id): (&str, &str)| Entity::bare(EntityId::new(kind, id).unwrap());
        let (subject, resource) = (entity(subject), entity(resource));
        let question = Question {
            subject: &subject,
            actor: None,
            chain: &[],
            grant: None,
            action: "view",
            arguments: None,
            resource: &resource,
            context: &Object::default(),
            directory: &NoEntities,
            now: at,
        };
        let (subject, resource) = facts.of(&question)?;
        let relations = resource.attributes.get("relations").map(|r| String::from_utf8(r.to_vec()).unwrap());
        Ok::<_, RelationsFault>((
            relations,
            subject.parents.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ))
    };
    let (anne, bob) = (("User", "anne"), ("User", "bob"));
    let hr = vec!["Group::\"hr\"".to_owned()];
    assert_eq!(ask(anne, ("Document", "1"), now()), Ok((Some(r#"["viewer","editor"]"#.into()), hr.clone())));
    assert_eq!(ask(bob, ("Document", "1"), now()), Ok((Some("[]".into()), vec![])));
    assert_eq!(ask(anne, ("Tool", "crm/read"), now()), Ok((None, hr)));
    assert_eq!(ask(("Agent", "agt_x"), ("Document", "1"), now()), Ok((Some("[]".into()), vec![])));
    // The condition holds until two o'clock; now it is 13:46:40.
    assert_eq!(ask(bob, ("Document", "2"), now()), Ok((Some(r#"["viewer"]"#.into()), vec![])));
    w.clock.advance(std::time::Duration::from_secs(3600));
    w.relations.follow().await.unwrap();
    assert_eq!(ask(bob, ("Document", "2"), w.clock.now()), Ok((Some("[]".into()), vec![])));
    let late = Timestamp::from_seconds(2_000_000);
    assert_eq!(ask(bob, ("Document", "2"), late), Err(RelationsFault::Stale));
}
