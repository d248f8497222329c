//! Who has which relation to what, among ten million tuples: in memory and in SQLite.
//!
//! Users are in eight groups, some groups in others; documents stand in folders, five deep; groups see folders. The bare
//! neighbour is one look for a tuple in the same index.

use crate::Size;
use anyhow::{Context, Result, ensure};
use prokura_core::{Clock, PointId, SystemClock};
use prokura_decider::relations::{Provided, Relations, Revision, row};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_relations::{Ask, Index, Key, Model, Named, Tuple, Tuples, User};
use prokura_store::{DatabaseUrl, RelationWrite, Store, StoreError};
use std::sync::Arc;
use std::time::Instant;

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type document
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
";

/// Numbers that look drawn, and are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// How many there are of each, for so many tuples.
struct Shape {
    users: u64,
    groups: u64,
    folders: u64,
    documents: u64,
}

impl Shape {
    fn of(tuples: u64) -> Self {
        // Eight memberships a user, two tuples a folder, one and a half a document.
        Self { users: tuples / 20, groups: tuples / 200, folders: tuples / 40, documents: tuples * 11 / 30 }
    }

    fn tuples(&self) -> impl Iterator<Item = Tuple> + '_ {
        let mut draw = Draw(7);
        let one = |user: String, relation: &str, object: String| Tuple::parse(&user, relation, &object).ok();
        let members = (0..self.users * 8).map(move |i| {
            let group = draw.below(self.groups);
            one(format!("user:{}", i / 8), "member", format!("group:{group}"))
        });
        let mut draw = Draw(11);
        let nested = (1..self.groups / 4).map(move |i| {
            let inner = i + draw.below(self.groups - i);
            one(format!("group:{inner}#member"), "member", format!("group:{}", i - 1))
        });
        let mut draw = Draw(13);
        let folders = (1..self.folders).flat_map(move |i| {
            let (parent, group) = (i / 16, draw.below(self.groups));
            [
                one(format!("folder:{parent}"), "parent", format!("folder:{i}")),
                one(format!("group:{group}#member"), "viewer", format!("folder:{i}")),
            ]
        });
        let mut draw = Draw(17);
        let documents = (0..self.documents).flat_map(move |i| {
            let (folder, user) = (draw.below(self.folders), draw.below(self.users));
            let own = (i % 2 == 0)
                .then(|| one(format!("user:{user}"), "viewer", format!("document:{i}")))
                .flatten();
            [one(format!("folder:{folder}"), "parent", format!("document:{i}")), own]
        });
        members.chain(nested).chain(folders).chain(documents).flatten()
    }
}

/// What a process holds in memory, in bytes.
fn resident() -> Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    Ok(pages.split(' ').nth(1).context("statm")?.parse::<usize>()? * 4096)
}

/// CPU time of this thread, in microseconds.
fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split(' ').next().context("schedstat")?.parse::<f64>()? / 1000.0)
}

/// Median, 99th percentile and CPU of each, in microseconds.
fn timed(rounds: u64, mut one: impl FnMut(u64) -> Result<()>) -> Result<(f64, f64, f64)> {
    let (before, mut all) = (cpu()?, Vec::new());
    for i in 0..rounds {
        let begun = Instant::now();
        one(i)?;
        all.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    let each = (cpu()? - before) / rounds as f64;
    all.sort_by(f64::total_cmp);
    Ok((all[all.len() / 2], all[all.len() * 99 / 100], each))
}

fn told(what: &str, (median, p99, cpu): (f64, f64, f64)) {
    println!("| {what} | {median:.1} | {p99:.1} | {cpu:.1} |");
}

fn key(draw: &mut Draw, shape: &Shape) -> Result<Key> {
    let (user, document) = (draw.below(shape.users), draw.below(shape.documents));
    Ok(Key::parse(&format!("user:{user}"), "viewer", &format!("document:{document}"))?)
}

pub async fn measure(size: Size) -> Result<()> {
    let tuples: u64 = if size.rounds > 3 { 10_000_000 } else { 200_000 };
    let shape = Shape::of(tuples);
    println!(
        "\n### Relations: {tuples} tuples (budgets: check 50 µs median in memory, 600 µs p99 from SQLite)\n"
    );
    println!("| | median µs | p99 µs | CPU µs |\n|-|-|-|-|");
    memory(&shape)?;
    sqlite(&shape).await
}

fn memory(shape: &Shape) -> Result<()> {
    let model = Model::from_dsl(MODEL).map_err(|e| anyhow::anyhow!("{}", e[0]))?;
    let before = resident()?;
    let index = Index::load(shape.tuples())?;
    let bytes = resident()? - before;
    let mut draw = Draw(1);
    let bare = timed(20_000, |_| {
        let key = key(&mut draw, shape)?;
        std::hint::black_box(index.tuple(
            Named::Text(key.object.as_str()),
            "viewer",
            Named::Text(&key.user.name()),
            "",
        )?);
        Ok(())
    })?;
    told("memory: one tuple is looked for", bare);
    let (mut draw, mut given) = (Draw(2), 0);
    let check = timed(20_000, |_| {
        given += u32::from(Ask::new(&model, &index).check(&key(&mut draw, shape)?)?);
        Ok(())
    })?;
    told("memory: check", check);
    let (mut draw, mut listed) = (Draw(3), 0);
    let list = timed(200, |_| {
        let user = User::parse(&format!("user:{}", draw.below(shape.users)))?;
        listed += Ask::new(&model, &index).objects(&user, "viewer", "document")?.len();
        Ok(())
    })?;
    told("memory: list objects", list);
    ensure!(given > 0 && listed > 0, "nothing is given");
    println!(
        "\n{} tuples in {} MB of memory; of 20,000 checks {given} say yes; lists have {} objects.\n",
        index.len(),
        bytes >> 20,
        listed / 200
    );
    println!("| | median µs | p99 µs | CPU µs |\n|-|-|-|-|");
    Ok(())
}

async fn sqlite(shape: &Shape) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.path().join("t.db").display()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(&url, PointId::parse("pep_bench")?, Arc::clone(&clock)).await?;
    let trace = prokura_core::TraceId::random(&prokura_core::SystemRng);
    let event = Event::new(EventKind::Administration, "relation:files", Outcome::Permit, clock.now(), trace);
    let relations = Relations::new(store.clone(), Arc::clone(&clock));
    relations.provide(Provided { model: Some(MODEL.to_owned()), tuples: Vec::new() }, event).await?;
    let all: Vec<_> = shape.tuples().collect();
    for some in all.chunks(100_000) {
        let write = RelationWrite {
            writes: some.iter().map(row).collect(),
            on_duplicate: prokura_store::OnConflict::Ignore,
            ..RelationWrite::default()
        };
        let now = clock.now();
        store
            .transact::<_, StoreError>(move |tx| tx.write_relations(&write, "", now))
            .await?
            .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    }
    drop(all);
    // Within one reading transaction, as the store's own threads ask.
    let (users, documents) = (shape.users, shape.documents);
    let asked = relations.ask(Revision(0), move |ask| {
        let (mut draw, mut times) = (Draw(2), Vec::new());
        for i in 0..3000 {
            let text = (format!("user:{}", draw.below(users)), format!("document:{}", draw.below(documents)));
            let key = Key::parse(&text.0, "viewer", &text.1)?;
            let begun = Instant::now();
            std::hint::black_box(ask.check(&key)?);
            if i >= 1000 {
                times.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        Ok(times)
    });
    let (mut times, _) = asked.await?;
    times.sort_by(f64::total_cmp);
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("| SQLite: check, within a transaction | {median:.1} | {p99:.1} | |");
    Ok(())
}
