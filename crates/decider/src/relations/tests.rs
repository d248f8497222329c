use super::*;
use prokura_core::{ManualClock, PointId, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::json::{Object, obj};
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

pub(super) struct World {
    pub(super) relations: Relations,
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

pub(super) fn now() -> Timestamp {
    Timestamp::from_seconds(1_000_000)
}

async fn open(url: &DatabaseUrl, point: &str) -> World {
    let clock = Arc::new(ManualClock::new(now()));
    let store = Store::open(url, PointId::parse(point).unwrap(), clock.clone()).await.unwrap();
    World { relations: Relations::new(store.clone(), clock.clone()), clock, store }
}

pub(super) async fn world() -> World {
    let w = open(&DatabaseUrl::memory(), "pep_1").await;
    w.relations.put_model(MODEL_TEXT.to_owned(), "usr_admin".to_owned(), event()).await.unwrap();
    w
}

pub(super) fn tuple(text: &str) -> Tuple {
    let (object, rest) = text.split_once('#').unwrap();
    let (relation, user) = rest.split_once('@').unwrap();
    Tuple::parse(user, relation, object).unwrap()
}

impl World {
    pub(super) async fn write(&self, writes: &[&str], deletes: &[&str]) -> Result<Revision, RelationsFault> {
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
    let mut w = world().await;
    let other = PROVIDERS.split_once("    [[identity_provider]]").unwrap().1;
    let other = other.replace("\"corp\"", "\"else\"").replace("idp.example", "idp.else.example");
    let both = format!("{PROVIDERS}    [[identity_provider]]{other}");
    w.relations = w.relations.with_vouching(Vouching::of(&prokura_config::Config::parse(&both).unwrap()));
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

const PROVIDERS: &str = r#"
    issuer = "http://localhost:9400"
    database = "sqlite:x.db"
    [relations]
    provider_groups = true
    [[identity_provider]]
    name = "corp"
    title = "Corp"
    issuer = "https://idp.example"
    client_id = "prokura"
    client_secret = { env = "S" }
    groups = { "g-hr" = "hr", "g-ops" = "ops" }
    groups_last = "1h"
"#;

/// What a provider said of groups counts for as long as it says, to the second, in every way to ask; nobody has to sign in.
#[tokio::test]
async fn f02_what_a_provider_said_of_groups_is_over_when_it_is_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.path().join("t.db").display())).unwrap();
    let config = prokura_config::Config::parse(PROVIDERS).unwrap();
    let mut w = open(&url, "pep_1").await;
    w.relations = w.relations.with_vouching(Vouching::of(&config));
    w.relations.put_model(MODEL_TEXT.to_owned(), "usr_admin".to_owned(), event()).await.unwrap();
    w.write(&["document:1#editor@group:hr#member"], &[]).await.unwrap();
    let said = |names: &[&str]| {
        let (names, at) = (names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(), w.clock.now());
        w.store.transact::<_, StoreError>(move |tx| groups(tx, ("corp", "usr_a"), &names, at, &event()))
    };
    let user = || User::parse("user:usr_a").unwrap();
    let asked = || async {
        let database = w.relations.ask(Revision(0), move |ask| {
            let checked = ask.check(&tuple("document:1#viewer@user:usr_a").key)?;
            let groups = ask.objects(&user(), "member", "group")?;
            Ok((checked, groups, ask.objects(&user(), "viewer", "document")?.len()))
        });
        let database = database.await.unwrap().0;
        w.relations.follow().await.unwrap();
        let view = w.relations.view().ask(w.clock.now(), |ask| {
            let checked = ask.check(&tuple("document:1#viewer@user:usr_a").key)?;
            let groups = ask.objects(&user(), "member", "group")?;
            Ok((checked, groups, ask.objects(&user(), "viewer", "document")?.len()))
        });
        assert_eq!(database, view.unwrap());
        database
    };
    let (in_hr, none) = ((true, vec!["group:hr".to_owned()], 1), (false, vec![], 0));
    // A group that the provider does not name as ours is nobody's.
    said(&["hr", "board"]).await.unwrap();
    assert_eq!(asked().await, in_hr);
    w.clock.advance(Duration::from_secs(3599));
    assert_eq!(asked().await, in_hr);
    w.clock.advance(Duration::from_secs(1));
    // The view alone, without having looked again since: what has ended has ended.
    let view = w.relations.view();
    let checked = view.ask(w.clock.now(), |ask| ask.check(&tuple("document:1#viewer@user:usr_a").key));
    assert_eq!(checked, Ok(false));
    assert_eq!(asked().await, none);
    // Said again, it counts again, from then on.
    said(&["hr"]).await.unwrap();
    w.clock.advance(Duration::from_secs(1800));
    said(&["hr"]).await.unwrap();
    w.clock.advance(Duration::from_secs(1801));
    assert_eq!(asked().await, in_hr);
    w.clock.advance(Duration::from_secs(1799));
    assert_eq!(asked().await, none);
    // It goes when somebody tidies up, on record, and whoever follows hears it.
    let before = w.store.read::<_, StoreError>(|tx| tx.relation_revision()).await.unwrap();
    w.relations.tidy(Duration::from_secs(86_400), &event()).await.unwrap();
    let (after, left) = w
        .store
        .read::<_, StoreError>(|tx| {
            Ok((tx.relation_revision()?, tx.relation_tuples(("", "", "user:usr_a", ""), None, 10)?))
        })
        .await
        .unwrap();
    assert_eq!((after, left.len()), (before + 1, 0));
    // A provider that is not configured any more vouches for nobody.
    said(&["hr"]).await.unwrap();
    assert_eq!(asked().await, in_hr);
    w.relations = w.relations.clone().with_vouching(Vouching::default());
    let key = tuple("document:1#viewer@user:usr_a").key;
    assert!(!w.relations.ask(Revision(0), move |ask| ask.check(&key)).await.unwrap().0);
}

#[tokio::test]
async fn f02_a_view_that_needs_what_was_forgotten_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.path().join("t.db").display())).unwrap();
    let (here, elsewhere) = (open(&url, "pep_1").await, open(&url, "pep_2").await);
    here.relations.put_model(MODEL_TEXT.to_owned(), "usr_admin".to_owned(), event()).await.unwrap();
    here.write(&["group:hr#member@user:anne"], &[]).await.unwrap();
    elsewhere.relations.follow().await.unwrap();
    here.write(&["group:hr#member@user:bob"], &["group:hr#member@user:anne"]).await.unwrap();
    here.clock.advance(Duration::from_secs(3601));
    here.relations.tidy(Duration::from_secs(3600), &event()).await.unwrap();
    let last = here.write(&["group:hr#member@user:carl"], &[]).await.unwrap();
    elsewhere.relations.follow().await.unwrap();
    let view = elsewhere.relations.view();
    for (who, is) in [("anne", false), ("bob", true), ("carl", true)] {
        let key = tuple(&format!("group:hr#member@user:{who}")).key;
        assert_eq!(view.ask(elsewhere.clock.now(), |ask| ask.check(&key)), Ok(is), "{who}");
    }
    assert_eq!((view.revision(), view.len()), (last, 2));
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

/// A follower by pages has what the database has, whatever is written while it reads and wherever it begins anew.
#[tokio::test]
async fn f02_a_follower_by_pages_has_what_the_database_has() {
    use prokura_core::Rng as _;
    let w = world().await;
    let rng = prokura_core::SeededRng::new(11);
    let below = |most: u64| {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        u64::from_le_bytes(bytes) % most
    };
    let mut followed = Followed::new(Arc::new(View::default()));
    let mut whole = 0;
    for round in 0..300 {
        for _ in 0..below(4) {
            let key = format!("document:{}#editor@user:{}", below(40), below(40));
            // Many at once make several pages.
            let many: Vec<_> = (0..if below(60) == 0 { 900 } else { 1 })
                .map(|n| {
                    if n == 0 {
                        key.clone()
                    } else {
                        format!("document:{round}-{n}#editor@user:{}", below(40))
                    }
                })
                .collect();
            let many: Vec<_> = many.iter().map(String::as_str).collect();
            if w.write(&many, &[]).await.is_err() {
                w.write(&[], &[&key]).await.unwrap();
            }
        }
        if below(60) == 0 {
            let text = format!("{MODEL_TEXT}# {round}\n");
            w.relations.put_model(text, "usr_admin".to_owned(), event()).await.unwrap();
        }
        if below(60) == 0 {
            w.clock.advance(Duration::from_secs(7200));
            w.relations.tidy(Duration::from_secs(3600), &event()).await.unwrap();
        }
        let (after, model) = followed.asks();
        let page = w.relations.page(Place::parse(&after).unwrap(), model).await.unwrap();
        let read = Page::read(&page.to_object()).unwrap();
        assert_eq!(read, page);
        if followed.take(read, w.clock.now()).unwrap() {
            whole += 1;
            w.relations.follow().await.unwrap();
            let (here, there) = (w.relations.view(), followed.view());
            assert_eq!((here.len(), here.revision()), (there.len(), there.revision()), "round {round}");
            for n in 0..8 {
                let user = User::parse(&format!("user:{n}")).unwrap();
                let of = |view: &View| {
                    view.ask(w.clock.now(), |ask| ask.objects(&user, "editor", "document")).map(|mut all| {
                        all.sort();
                        all
                    })
                };
                assert_eq!(of(&here).unwrap(), of(&there).unwrap(), "round {round}");
            }
        }
    }
    assert!(whole > 50, "{whole}");
}

#[tokio::test]
async fn f02_a_follower_believes_nothing_before_it_has_heard_everything_and_nothing_old() {
    let w = world().await;
    w.write(&["group:hr#member@user:anne"], &[]).await.unwrap();
    let mut followed = Followed::new(Arc::new(View::believed_for(Duration::from_secs(5))));
    let asked = |followed: &Followed, at: Timestamp| {
        followed.view().ask(at, |ask| ask.check(&tuple("group:hr#member@user:anne").key))
    };
    let mut steps = 0;
    loop {
        assert_eq!(asked(&followed, now()), Err(RelationsFault::Stale));
        let (after, model) = followed.asks();
        let page = w.relations.page(Place::parse(&after).unwrap(), model).await.unwrap();
        steps += 1;
        if followed.take(page, now()).unwrap() {
            break;
        }
    }
    // The model, everything, and that nothing changed since.
    assert_eq!(steps, 3);
    assert_eq!(asked(&followed, now()), Ok(true));
    assert_eq!(asked(&followed, now().after(Duration::from_secs(5))), Ok(true));
    assert_eq!(asked(&followed, now().after(Duration::from_secs(6))), Err(RelationsFault::Stale));
    // A model that cannot be read is no model: nothing is believed any more, and everything is asked for anew.
    let bad = obj([
        ("anew", false.into()),
        ("version", 9.into()),
        ("model", "model\n  schema 7".into()),
        ("tuples", prokura_oauth::json::Value::Array(vec![])),
        ("next", "rev.1 1".into()),
        ("all", true.into()),
    ]);
    assert!(followed.take(Page::read(&bad).unwrap(), now()).is_err());
    assert_eq!(asked(&followed, now()), Err(RelationsFault::Stale));
    assert_eq!(followed.asks().0, "");
}
