//! The search against one that knows nothing of searching: all relations of all objects at once, by the rules themselves.
//!
//! Models and tuples are drawn at random; `PROKURA_WORLDS` says how many worlds. The naive evaluator computes the well-founded
//! semantics (Van Gelder, Ross, Schlipf 1991): for a user, what is surely given and what may be given, from below, in turns,
//! until neither changes. It has no path, no depth, no order and nothing that it remembers.
//!
//! F1: CVE-2025-25196, CVE-2025-46331, CVE-2025-48371 and CVE-2024-56323 of OpenFGA were wrong answers in odd combinations of
//! usersets, wildcards, exclusions and what had been remembered.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value, reason = "tests")]

use prokura_core::{Rng, SeededRng};
use prokura_oauth::json::{Object, Value, obj};
use prokura_relations::{
    Ask, AskError, Index, Key, Limits, Model, RelationId, Rewrite, Subjects, Tuple, User, UserFilter,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Draws numbers.
struct Dice(SeededRng);

impl Dice {
    fn below(&self, most: usize) -> usize {
        let mut bytes = [0_u8; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % most as u64) as usize
    }

    fn of<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn one_in(&self, n: usize) -> bool {
        self.below(n) == 0
    }
}

const RELATIONS: &[&str] = &["r0", "r1", "r2", "r3"];
const OBJECTS: &[&str] = &["group:1", "group:2", "group:3", "doc:1", "doc:2", "doc:3"];
const USERS: &[&str] = &["user:a", "user:b", "user:*", "group:1#r0", "group:2#r1", "doc:1#r0", "doc:2#r2"];

fn restriction(dice: &Dice) -> String {
    let base = match dice.below(6) {
        0 | 1 => "user".to_owned(),
        2 => "user:*".to_owned(),
        3 => "group".to_owned(),
        n => format!("{}#{}", if n == 4 { "group" } else { "doc" }, dice.of(RELATIONS)),
    };
    if dice.one_in(6) { format!("{base} with small") } else { base }
}

fn operand(dice: &Dice, first: bool, depth: usize) -> String {
    match dice.below(8) {
        0..=2 if first => {
            let all: BTreeSet<_> = (0..=dice.below(3)).map(|_| restriction(dice)).collect();
            format!("[{}]", all.into_iter().collect::<Vec<_>>().join(", "))
        }
        3 => format!("{} from parent", dice.of(RELATIONS)),
        4 | 5 if depth < 2 => format!("({})", rewrite(dice, first, depth + 1)),
        _ => (*dice.of(RELATIONS)).to_owned(),
    }
}

fn rewrite(dice: &Dice, first: bool, depth: usize) -> String {
    let base = operand(dice, first, depth);
    match dice.below(6) {
        0 | 1 => format!("{base} or {}", operand(dice, false, depth)),
        2 => format!("{base} and {}", operand(dice, false, depth)),
        3 => format!("{base} but not {}", operand(dice, false, depth)),
        _ => base,
    }
}

fn model(dice: &Dice) -> Option<Model> {
    let mut text = "model\n  schema 1.1\ntype user\n".to_owned();
    for kind in ["group", "doc"] {
        text.push_str(&format!("type {kind}\n  relations\n    define parent: [group, doc]\n"));
        for relation in RELATIONS {
            let rewrite = if dice.one_in(3) { operand(dice, true, 9) } else { rewrite(dice, true, 0) };
            text.push_str(&format!("    define {relation}: {rewrite}\n"));
        }
    }
    text.push_str("condition small(x: int) {\n  x < 10\n}\n");
    Model::from_dsl(&text).ok()
}

fn tuples(dice: &Dice, model: &Model) -> Vec<Tuple> {
    let mut found = BTreeMap::new();
    for _ in 0..dice.below(28) {
        let parent = dice.one_in(4);
        let (relation, user) = if parent {
            ("parent", *dice.of(OBJECTS))
        } else {
            (*dice.of(RELATIONS), *dice.of(&[USERS, OBJECTS].concat()))
        };
        let object: &str = dice.of::<&str>(OBJECTS);
        let mut tuple = Tuple::parse(user, relation, object).unwrap();
        if dice.one_in(4) {
            let context = obj([("x", Value::from(if dice.one_in(2) { 5_i64 } else { 50 }))]);
            tuple.condition = Some(Arc::new(prokura_relations::Attached { name: "small".into(), context }));
        }
        if model.allows(&tuple).is_ok() {
            found.insert(tuple.key.clone(), tuple);
        }
    }
    found.into_values().collect()
}

/// What is given to one user: pairs of an object and a relation.
type Given = BTreeSet<(String, u32)>;

struct Naive<'a> {
    model: &'a Model,
    tuples: &'a [Tuple],
    user: &'a User,
}

impl Naive<'_> {
    fn id(&self, object: &str, relation: &str) -> Option<RelationId> {
        self.model.find(object.split_once(':').unwrap().0, relation)
    }

    fn number(&self, object: &str, relation: &str) -> Option<(String, u32)> {
        let id = self.id(object, relation)?;
        let at = self.all().into_iter().position(|i| i == id)?;
        Some((object.to_owned(), at as u32))
    }

    fn all(&self) -> Vec<RelationId> {
        let mut all: Vec<_> = self.model.kinds().flat_map(|k| k.relations.values().copied()).collect();
        all.sort();
        all
    }

    fn holds(tuple: &Tuple) -> bool {
        tuple.condition.as_ref().is_none_or(|c| c.context.get("x").and_then(Value::as_i64).unwrap() < 10)
    }

    /// One step: what follows where `yes` is given and nothing outside of `maybe` is.
    fn step(&self, yes: &Given, maybe: &Given) -> Given {
        let mut next = Given::new();
        for object in OBJECTS {
            let kind = self.model.kind(object.split_once(':').unwrap().0).unwrap();
            for (name, id) in &kind.relations {
                let itself =
                    matches!(self.user, User::Userset(o, r) if o.as_str() == *object && **r == **name);
                if itself || self.given(object, *id, &self.model.relation(*id).rewrite, yes, maybe) {
                    next.insert(self.number(object, name).unwrap());
                }
            }
        }
        next
    }

    fn given(&self, object: &str, id: RelationId, rewrite: &Rewrite, yes: &Given, maybe: &Given) -> bool {
        let has =
            |object: &str, relation: &str| self.number(object, relation).is_some_and(|n| yes.contains(&n));
        let name = |id: RelationId| self.model.relation(id).name.to_string();
        let of = |relation: &str| {
            let relation = relation.to_owned();
            let fits = move |t: &&Tuple| {
                t.key.object.as_str() == object && *t.key.relation == *relation && Self::holds(t)
            };
            self.tuples.iter().filter(fits)
        };
        match rewrite {
            Rewrite::Direct => of(&name(id)).any(|t| {
                let everybody = matches!((self.user, &t.key.user), (User::Object(u), User::Everybody(k)) if u.kind() == &**k);
                t.key.user == *self.user
                    || everybody
                    || matches!(&t.key.user, User::Userset(o, r) if has(o.as_str(), r))
            }),
            Rewrite::Computed(other) => has(object, &name(*other)),
            Rewrite::From { tupleset, relation, .. } => {
                of(&name(*tupleset)).any(|t| matches!(&t.key.user, User::Object(o) if has(o.as_str(), relation)))
            }
            Rewrite::Union(all) => all.iter().any(|r| self.given(object, id, r, yes, maybe)),
            Rewrite::Intersection(all) => all.iter().all(|r| self.given(object, id, r, yes, maybe)),
            Rewrite::Exclusion(base, less) => {
                // What may be given takes away; the two change sides within it.
                self.given(object, id, base, yes, maybe) && !self.given(object, id, less, maybe, yes)
            }
        }
    }

    fn fixpoint(&self, maybe: &Given) -> Given {
        let mut yes = Given::new();
        loop {
            let next = self.step(&yes, maybe);
            if next == yes {
                return yes;
            }
            yes = next;
        }
    }

    /// What is surely given, and what may be.
    fn solve(&self) -> (Given, Given) {
        let everything =
            OBJECTS.iter().flat_map(|o| (0..self.all().len()).map(move |i| ((*o).to_owned(), i as u32)));
        let mut maybe: Given = everything.collect();
        loop {
            let sure = self.fixpoint(&maybe);
            let next = self.fixpoint(&sure);
            if next == maybe {
                return (sure, maybe);
            }
            maybe = next;
        }
    }
}

/// Whether no relation depends on itself through `but not`: then every question has an answer.
fn is_stratified(model: &Model) -> bool {
    fn edges(
        model: &Model,
        id: RelationId,
        rewrite: &Rewrite,
        negative: bool,
        found: &mut Vec<(RelationId, bool)>,
    ) {
        match rewrite {
            Rewrite::Direct => {
                found.extend(model.relation(id).direct.iter().filter_map(|r| match r.subjects {
                    Subjects::Userset(to) => Some((to, negative)),
                    _ => None,
                }))
            }
            Rewrite::Computed(to) => found.push((*to, negative)),
            Rewrite::From { targets, .. } => found.extend(targets.iter().map(|(_, to)| (*to, negative))),
            Rewrite::Union(all) | Rewrite::Intersection(all) => {
                all.iter().for_each(|r| edges(model, id, r, negative, found));
            }
            Rewrite::Exclusion(base, less) => {
                edges(model, id, base, negative, found);
                edges(model, id, less, true, found);
            }
        }
    }
    let all: Vec<_> = model.kinds().flat_map(|k| k.relations.values().copied()).collect();
    let of = |id: RelationId| {
        let mut found = Vec::new();
        edges(model, id, &model.relation(id).rewrite, false, &mut found);
        found
    };
    let reaches = |from: RelationId, to: RelationId| {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(id) = open.pop() {
            if id == to {
                return true;
            }
            if seen.insert(id) {
                open.extend(of(id).iter().map(|(next, _)| *next));
            }
        }
        false
    };
    all.iter().all(|id| of(*id).iter().all(|(next, negative)| !negative || !reaches(*next, *id)))
}

#[derive(Debug, Default)]
struct Counts {
    checks: usize,
    given: usize,
    unsolved: usize,
    lists: usize,
}

fn ask_all(model: &Model, tuples: &[Tuple], user: &User, counts: &mut Counts) {
    let stored = tuples.len() / 2;
    let index = Index::load(tuples.iter().cloned()).unwrap();
    let mut grown = Index::new();
    for tuple in &tuples[..stored] {
        grown.insert(tuple.clone()).unwrap();
    }
    let naive = Naive { model, tuples, user };
    let (sure, maybe) = naive.solve();
    let exact = is_stratified(model);
    let nothing = Object::new();
    let wide = Limits { depth: 120, ..Limits::MEMORY };
    // Memory, half of it sent with the question, and without the way from the user's side.
    let whole = Ask::new(model, &index).limits(wide);
    let half = Ask::new(model, &grown).contextual(&tuples[stored..]).context(&nothing).limits(wide);
    let forward = whole.limits(Limits { groups: 0, ..wide });
    for object in OBJECTS {
        let kind = object.split_once(':').unwrap().0;
        for relation in RELATIONS {
            let key = Key::parse(&user.to_string(), relation, object).unwrap();
            let number = naive.number(object, relation).unwrap();
            for (how, ask) in [("whole", whole), ("half", half), ("forward", forward)] {
                counts.checks += 1;
                let found = ask.check(&key).unwrap_or_else(|e| panic!("{how}: {key}: {e}: {tuples:?}"));
                counts.given += usize::from(found);
                if found {
                    assert!(
                        sure.contains(&number),
                        "{how}: wrongly allowed: {key} in {}",
                        shown(model, tuples)
                    );
                } else if exact {
                    assert!(
                        !maybe.contains(&number),
                        "{how}: wrongly denied: {key} in {}",
                        shown(model, tuples)
                    );
                } else {
                    counts.unsolved += usize::from(sure.contains(&number));
                }
            }
            if object.ends_with('1') {
                lists(&whole, (user, relation, kind), counts);
            }
        }
    }
}

/// What is listed is what is given one by one.
fn lists(ask: &Ask<'_, Index>, (user, relation, kind): (&User, &str, &str), counts: &mut Counts) {
    counts.lists += 1;
    let listed = ask.objects(user, relation, kind).unwrap();
    let each = OBJECTS.iter().filter(|o| o.starts_with(kind)).map(|o| (*o).to_owned());
    let given = |o: &String| ask.check(&Key::parse(&user.to_string(), relation, o).unwrap()).unwrap();
    let expected: Vec<_> = each.filter(given).collect();
    assert_eq!(listed, expected, "{user} {relation} {kind}");
    let object = prokura_relations::ObjectName::parse(&format!("{kind}:1")).unwrap();
    let filter = UserFilter { kind: "user".to_owned(), relation: None };
    for found in ask.users(&object, relation, &filter).unwrap() {
        let key = Key::parse(&found.to_string(), relation, object.as_str()).unwrap();
        assert_eq!(ask.check(&key), Ok(true), "{key}");
    }
}

fn shown(model: &Model, tuples: &[Tuple]) -> String {
    let mut text = String::new();
    for kind in model.kinds() {
        for (name, id) in &kind.relations {
            let relation = model.relation(*id);
            text.push_str(&format!("\n{}#{name}: {:?} {:?}", kind.name, relation.rewrite, relation.direct));
        }
    }
    for tuple in tuples {
        text.push_str(&format!("\n{} {}", tuple.key, Naive::holds(tuple)));
    }
    text
}

fn cases(least: usize) -> usize {
    std::env::var("PROKURA_WORLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(least)
}

#[test]
fn f01_no_search_allows_what_the_rules_do_not_give() {
    let (mut counts, mut worlds, mut seed) = (Counts::default(), 0, 0);
    while worlds < cases(200) {
        seed += 1;
        let dice = Dice(SeededRng::new(seed));
        let Some(model) = model(&dice) else { continue };
        worlds += 1;
        for _ in 0..2 {
            let tuples = tuples(&dice, &model);
            for user in USERS {
                ask_all(&model, &tuples, &User::parse(user).unwrap(), &mut counts);
            }
        }
    }
    println!("{worlds} models: {counts:?}");
    assert!(counts.given * 50 > counts.checks, "too little is given to compare anything: {counts:?}");
}

/// A limit that is reached is an error, and whatever is answered within it is the same as without.
#[test]
fn f01_a_limit_gives_an_error_and_never_another_answer() {
    let (mut worlds, mut seed, mut refused) = (0, 1_000_000, 0);
    while worlds < cases(200) / 2 {
        seed += 1;
        let dice = Dice(SeededRng::new(seed));
        let Some(model) = model(&dice) else { continue };
        worlds += 1;
        let index = Index::load(tuples(&dice, &model)).unwrap();
        let wide = Ask::new(&model, &index).limits(Limits { depth: 120, ..Limits::MEMORY });
        for (user, object) in USERS.iter().flat_map(|u| OBJECTS.iter().map(move |o| (u, o))) {
            for relation in RELATIONS {
                let key = Key::parse(user, relation, object).unwrap();
                for limits in [
                    Limits { depth: 1 + dice.below(4) as u32, ..Limits::MEMORY },
                    Limits { steps: 1 + dice.below(6) as u32, ..Limits::MEMORY },
                ] {
                    match wide.limits(limits).check(&key) {
                        Ok(found) => assert_eq!(Ok(found), wide.check(&key), "{key}"),
                        Err(AskError::TooDeep(_) | AskError::TooMuch(_)) => refused += 1,
                        Err(other) => panic!("{key}: {other}"),
                    }
                }
            }
        }
    }
    assert!(refused > 0);
}
