//! Policy sets at work: files, versions, several processes, what is broken, and everybody who calls meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its world does not hold")]

use prokura_config::Config;
use prokura_core::{Clock, ManualClock, PointId, SeededRng, Timestamp, UserId};
use prokura_decider::text::SetText;
use prokura_decider::{Build, Decider, Keeper, KeeperError, KeeperOptions, activated};
use prokura_ledger::Filter;
use prokura_oauth::json::Object;
use prokura_policy::pdp::{Effect, Engine, EngineError, Entity, EntityId, Finding, Question, RuleRef};
use prokura_store::{DatabaseUrl, PolicyActivation, Store, StoreError, StoredEntity, Tx, User};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A language for tests: `permit ACTION` in each line; every other line is an error.
#[derive(Debug)]
struct Lines {
    set: String,
    permits: Vec<String>,
}

impl Engine for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        if !self.permits.iter().any(|p| p == question.action) {
            return Finding::silent();
        }
        // Every rule of the version speaks, so that a test sees which one was asked.
        let rule =
            |p: &String| RuleRef { set: self.set.as_str().into(), rule: p.as_str().into(), note: None };
        Finding {
            effect: Effect::Permit,
            rules: self.permits.iter().map(rule).collect(),
            ..Finding::silent()
        }
    }
}

fn build() -> Build {
    Arc::new(|set, text: &SetText| {
        let lines =
            text.files.iter().flat_map(|f| f.text.lines().enumerate().map(|(n, l)| (&f.name, n + 1, l)));
        let (mut permits, mut problems) = (Vec::new(), Vec::new());
        for (file, n, line) in lines {
            match line.strip_prefix("permit ") {
                Some(action) => permits.push(action.to_owned()),
                None => {
                    problems.push(EngineError { place: format!("{file}:{n}:1"), why: format!("`{line}`?") })
                }
            }
        }
        if problems.is_empty() {
            Ok(Arc::new(Lines { set: set.into(), permits }) as Arc<dyn Engine>)
        } else {
            Err(problems)
        }
    })
}

struct World {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

struct Process {
    store: Store,
    decider: Arc<Decider>,
    keeper: Arc<Keeper>,
}

impl World {
    fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("staff.cedar"), policy).unwrap();
        std::fs::write(folder.path().join("staff.json"), "[]").unwrap();
        Self { folder, clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000))) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, policy: &str) {
        std::fs::write(self.path("staff.cedar"), policy).unwrap();
    }

    async fn start(&self, point: &str, more: &str) -> Result<Process, KeeperError> {
        self.start_with(point, &self.path("staff.cedar"), more).await
    }

    async fn start_with(&self, point: &str, policies: &Path, more: &str) -> Result<Process, KeeperError> {
        let text = format!(
            "issuer = \"http://localhost:9400\"\ndatabase = \"sqlite:x.db\"\n{more}\n[[policy.entities]]\nfiles = [{:?}]\n\
             [[policy.set]]\nname = \"staff\"\nlanguage = \"cedar\"\nfiles = [{policies:?}]\n\
             [[group]]\nname = \"hr\"\nmembers = [\"Alice\"]\n[[role]]\nname = \"manager\"\nmembers = [\"group:hr\", \"bob\"]",
            self.path("staff.json"),
        );
        let config = Arc::new(Config::parse(&text).unwrap());
        let url = DatabaseUrl::parse(&format!("sqlite:{}", self.path("p.db").display())).unwrap();
        let clock: Arc<dyn Clock> = self.clock.clone();
        let store = Store::open(&url, PointId::parse(point).unwrap(), Arc::clone(&clock)).await.unwrap();
        let decider = Arc::<Decider>::default();
        let rng = Arc::new(SeededRng::new(1));
        let (remotes, layers) = (HashMap::new(), Vec::new());
        let options = KeeperOptions {
            config,
            store: store.clone(),
            clock,
            rng,
            build: build(),
            remotes,
            layers,
            adopts: true,
        };
        let keeper = Keeper::open(options, Arc::clone(&decider)).await?;
        Ok(Process { store, decider, keeper })
    }
}

fn entity(kind: &str, id: &str) -> Entity {
    Entity::bare(EntityId::new(kind, id).unwrap())
}

impl Process {
    /// Who permits it: the rules of the version that was asked.
    async fn asked(&self, action: &str) -> Option<Vec<String>> {
        let (subject, resource) = (entity("User", "alice"), entity("Tool", "crm/read"));
        let in_force = self.decider.in_force();
        let question = Question {
            subject: &subject,
            actor: None,
            chain: &[],
            grant: None,
            action,
            arguments: None,
            resource: &resource,
            context: &Object::default(),
            directory: &**in_force.directory.as_ref().unwrap(),
            now: Timestamp::from_seconds(1),
        };
        let ruling = in_force.ruling(&question).await;
        ruling.permitted.then(|| ruling.rules.iter().map(|r| r.rule.to_string()).collect())
    }

    async fn permits(&self, action: &str) -> bool {
        self.asked(action).await.is_some()
    }

    fn version(&self) -> String {
        self.keeper.status().sets[0].version.clone().unwrap()
    }

    async fn activate(&self, version: &str) {
        let a = PolicyActivation {
            set: "staff".into(),
            version: version.into(),
            at: Timestamp::from_seconds(2),
            by: "operator".into(),
            note: "as before".into(),
        };
        let event = activated(&a, prokura_core::TraceId::random(&SeededRng::new(7)));
        let job = move |tx: &mut Tx<'_>| {
            tx.record(event.clone());
            tx.activate_policy(&a)
        };
        assert!(self.store.transact::<_, StoreError>(job).await.unwrap());
    }

    async fn entry_count(&self) -> usize {
        let found = self.store.read::<_, StoreError>(|tx| tx.entries(&Filter::default())).await.unwrap();
        found.iter().filter(|(_, e)| e.event.action == "policy:activate").count()
    }
}

#[tokio::test]
async fn f02_a_changed_file_is_in_force_once_it_stands_still_and_a_broken_one_never() {
    let world = World::new("permit view");
    let p = world.start("pep_1", "").await.unwrap();
    assert!(p.permits("view").await && !p.permits("modify").await);
    let first = p.version();
    world.write("permit view\npermit modify");
    p.keeper.tick().await;
    assert!(!p.permits("modify").await, "whoever writes may not be done");
    p.keeper.tick().await;
    assert!(p.permits("modify").await);
    assert_ne!(p.version(), first);
    let second = p.version();
    world.write("permit view\nperm modify\npermit x\n???");
    p.keeper.tick().await;
    p.keeper.tick().await;
    p.keeper.tick().await;
    assert!(p.permits("modify").await);
    let status = p.keeper.status();
    let set = &status.sets[0];
    assert_eq!((set.version.as_deref(), set.kept_out), (Some(&*second), 1));
    let places: Vec<_> = set.problems.iter().map(|e| e.place.as_str()).collect();
    assert_eq!(places, ["staff.cedar:2:1", "staff.cedar:4:1"], "all of them, with their places");
    std::fs::remove_file(world.path("staff.cedar")).unwrap();
    p.keeper.reload().await;
    assert!(p.permits("modify").await, "no file is no reason to forget");
    assert_eq!(p.keeper.status().sets[0].kept_out, 2);
    world.write("permit view");
    p.keeper.reload().await;
    assert!(!p.permits("modify").await, "who asks for it does not wait");
    assert_eq!((p.version(), p.keeper.status().sets[0].problems.len()), (first, 0));
    assert_eq!(p.entry_count().await, 3, "each of them is on record");
}

#[tokio::test]
async fn without_a_valid_set_nothing_starts_unless_one_was_in_force_before() {
    let world = World::new("perm");
    let refused = world.start("pep_1", "").await.err().unwrap();
    assert!(matches!(&refused, KeeperError::Invalid { set, .. } if set == "staff"), "{refused}");
    assert!(refused.to_string().contains("staff.cedar:1:1"), "{refused}");
    world.write("permit view");
    drop(world.start("pep_1", "").await.unwrap());
    world.write("perm");
    let p = world.start("pep_2", "").await.unwrap();
    assert!(p.permits("view").await);
    assert_eq!(p.keeper.status().sets[0].problems.len(), 1);
}

#[tokio::test]
async fn f02_what_an_administrator_puts_in_force_holds_everywhere_until_files_change() {
    let world = World::new("permit view");
    let one = world.start("pep_1", "").await.unwrap();
    // A machine with a copy of the files that nobody changes.
    std::fs::copy(world.path("staff.cedar"), world.path("copy.cedar")).unwrap();
    let first = one.version();
    world.write("permit modify");
    one.keeper.reload().await;
    let second = one.version();
    one.activate(&first).await;
    one.keeper.follow().await.unwrap();
    assert!(one.permits("view").await && !one.permits("modify").await);
    one.keeper.reload().await;
    assert_eq!(one.version(), first, "the files are as they were when it was put in force");
    // Another process, and this one again, start with it.
    let two = world.start("pep_2", "").await.unwrap();
    assert_eq!(two.version(), first);
    one.activate(&second).await;
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while two.version() != second {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            two.keeper.follow().await.unwrap();
        }
    })
    .await
    .unwrap();
    assert!(two.permits("modify").await);
    world.write("permit delete");
    two.keeper.reload().await;
    assert!(two.permits("delete").await && !two.permits("modify").await);
}

#[tokio::test]
async fn a_version_that_cannot_be_used_here_does_not_replace_one_that_can() {
    let world = World::new("permit view");
    let p = world.start("pep_1", "").await.unwrap();
    let first = p.version();
    // As another program with another language would keep it.
    let odd = prokura_store::PolicyVersion {
        set: "staff".into(),
        version: "f".repeat(64),
        language: "cedar".into(),
        texts: r#"{"files":[{"name":"staff.cedar","text":"from the future"}]}"#.into(),
        at: Timestamp::from_seconds(2),
        by: "operator".into(),
        note: String::new(),
    };
    p.store.transact::<_, StoreError>(move |tx| tx.put_policy_version(&odd)).await.unwrap();
    p.activate(&"f".repeat(64)).await;
    p.keeper.follow().await.unwrap();
    assert!(p.permits("view").await);
    let status = p.keeper.status();
    assert_eq!((status.sets[0].version.as_deref(), status.sets[0].behind.len()), (Some(&*first), 1));
    let refused = world.start("pep_2", "").await.err().unwrap();
    assert!(matches!(refused, KeeperError::Unusable { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f02_a_call_sees_the_old_set_or_the_new_one_as_a_whole() {
    let world = World::new("permit view\npermit a");
    let p = Arc::new(world.start("pep_1", "").await.unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (p, done) = (Arc::clone(&p), Arc::clone(&done));
            tokio::spawn(async move {
                let mut seen = [0_u32; 2];
                while !done.load(Ordering::Relaxed) || seen.contains(&0) {
                    match p.asked("view").await.expect("view is in both").as_slice() {
                        [view, a] if view == "view" && a == "a" => seen[0] += 1,
                        [b, c, view] if b == "b" && c == "c" && view == "view" => seen[1] += 1,
                        odd => panic!("neither the old nor the new: {odd:?}"),
                    }
                    tokio::task::yield_now().await;
                    if done.load(Ordering::Relaxed) && seen.iter().any(|n| *n > 0) {
                        break;
                    }
                }
                seen
            })
        })
        .collect();
    for round in 0..40 {
        world.write(if round % 2 == 0 { "permit b\npermit c\npermit view" } else { "permit view\npermit a" });
        p.keeper.reload().await;
        let broken = ["perm", "", "permit view\n\u{0}"][round % 3];
        if !broken.is_empty() {
            world.write(broken);
            p.keeper.reload().await;
        }
    }
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        let seen = caller.await.unwrap();
        assert!(seen.iter().sum::<u32>() > 0);
    }
}

#[tokio::test]
async fn a_set_that_only_reports_is_asked_and_changes_nothing() {
    let world = World::new("permit view");
    let p = world.start("pep_1", "[policy]\nmode = \"report_only\"").await.unwrap();
    assert_eq!(p.asked("modify").await, Some(Vec::new()), "nobody who counts was asked");
    let in_force = p.decider.in_force();
    assert!(!in_force.counts() && !in_force.is_empty());
    assert_eq!(in_force.set.as_deref(), Some(&*format!("staff@{} (reports)", &p.version()[..12])));
}

#[tokio::test]
async fn f04_the_directory_follows_users_groups_and_entities() {
    let world = World::new("permit view");
    let p = world.start("pep_1", "").await.unwrap();
    let user = |name: &str| User {
        id: UserId::parse(format!("usr_{name}")).unwrap(),
        name: name.into(),
        display_name: format!("The {name}"),
        password_hash: None,
        email: None,
        disabled: false,
        created_at: Timestamp::from_seconds(1),
    };
    let parents = |kind: &str, id: &str| {
        let directory = p.decider.in_force().directory.clone().unwrap();
        let known = directory.entity(&EntityId::new(kind, id).unwrap())?;
        Some(known.parents.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(parents("User", "usr_alice"), None);
    assert_eq!(parents("Group", "hr").unwrap(), ["Role::\"manager\""]);
    for name in ["alice", "bob", "group:hr"] {
        let user = user(&name.replace(':', "_"));
        let user = User { name: name.into(), ..user };
        assert!(p.store.transact::<_, StoreError>(move |tx| tx.insert_user(&user)).await.unwrap());
    }
    p.keeper.follow().await.unwrap();
    assert_eq!(parents("User", "usr_alice").unwrap(), ["Group::\"hr\""]);
    assert_eq!(parents("User", "usr_bob").unwrap(), ["Role::\"manager\""]);
    assert!(parents("User", "usr_group_hr").unwrap().is_empty(), "a name that looks like a group is none");
    // What is told adds to users, and replaces nothing that is known for sure.
    let told = r#"[{"uid":{"type":"User","id":"usr_alice"},"attrs":{"login":"root","floor":3},"parents":[{"type":"Team","id":"t"}]}]"#;
    std::fs::write(world.path("staff.json"), told).unwrap();
    p.keeper.reload().await;
    let alice = EntityId::new("User", "usr_alice").unwrap();
    let known = p.decider.in_force().directory.clone().unwrap().entity(&alice).unwrap();
    assert_eq!(known.attributes.str("login"), Some("alice"));
    assert_eq!(known.attributes.get("floor").and_then(|f| f.as_i64()), Some(3));
    assert_eq!(known.parents.len(), 2);
    std::fs::write(world.path("staff.json"), "[{]").unwrap();
    p.keeper.reload().await;
    assert!(p.keeper.status().entities_problem.is_some());
    assert_eq!(parents("User", "usr_alice").unwrap().len(), 2, "what was known stays known");
    let stored = StoredEntity {
        kind: "Employee".into(),
        id: "e7".into(),
        entity: r#"{"uid":{"type":"Employee","id":"e7"},"parents":[{"type":"Team","id":"t"}]}"#.into(),
        at: Timestamp::from_seconds(3),
        by: "operator".into(),
    };
    p.store.transact::<_, StoreError>(move |tx| tx.put_policy_entity(&stored)).await.unwrap();
    p.keeper.follow().await.unwrap();
    assert_eq!(parents("Employee", "e7").unwrap(), ["Team::\"t\""]);
    // Who is disabled is in no group.
    let (id, now) = (UserId::parse("usr_alice").unwrap(), world.clock.now());
    p.store
        .transact::<_, StoreError>(move |tx| tx.disable_user(&id, true, "operator", "left", now))
        .await
        .unwrap();
    p.keeper.follow().await.unwrap();
    assert_eq!(parents("User", "usr_alice").unwrap(), ["Team::\"t\""]);
}
