//! The decision core against an evaluator that walks every policy: no index, nothing kept from one question to the next
//! (`naive.rs`), and, for a part of the questions, against Cedar's own authorizer (`plain.rs`). `PROKURA_CASES` says how many
//! questions are asked; a disagreement prints the policies, and its number makes it again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod naive;
mod partial;
mod plain;
mod policy;
mod staff;
mod write;

use naive::{Answer, Asked};
use policy::{ACTION_GROUPS, ACTIONS, DOCS, Dice, Does, GROUPS, Id, Policy, Thing, USERS, V};
use prokura_core::Timestamp;
use prokura_engines::cedar::{CedarEngine, Source};
use prokura_oauth::json::{Number, Object, Value, obj};
use prokura_policy::pdp::{Aim, Directory, Effect, Engine, Entity, EntityId, Finding, Listed, Met, Question};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// As many questions where nothing else is said: seconds.
const CASES: u64 = 40_000;
/// As many at most: a minute and a half without optimisation.
const MOST: u64 = 1_000_000;
/// So many questions to each set of policies.
const EACH: u64 = 500;

fn cases() -> u64 {
    std::env::var("PROKURA_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES).min(MOST)
}

fn json(v: &V) -> Value {
    match v {
        V::Bool(b) => Value::Bool(*b),
        V::Number(text, _) => Value::Number(Number::parse(text).unwrap()),
        V::Text(text) => (*text).into(),
        V::Who((kind, id)) => {
            let named = obj([("type", (*kind).into()), ("id", (*id).into())]);
            obj([("__entity", named.into())]).into()
        }
        V::Many(items) => Value::Array(items.iter().map(json).collect()),
        V::Null => Value::Null,
    }
}

fn members(all: &[(&'static str, V)]) -> Object {
    all.iter().map(|(name, v)| (*name, json(v))).collect()
}

fn entity(thing: &Thing) -> Entity {
    let name = |(kind, id): &Id| EntityId::new(kind, id).unwrap();
    Entity {
        id: name(&thing.id),
        attributes: members(&thing.attributes),
        parents: thing.parents.iter().map(name).collect(),
    }
}

struct Known(HashMap<EntityId, Arc<Entity>>);

impl Directory for Known {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(self.0.values().cloned())
    }

    fn revision(&self) -> u64 {
        0
    }
}

/// A world: policies, whom they know, and the engine that was made of them.
struct World {
    policies: Vec<Policy>,
    text: String,
    engine: CedarEngine,
    known: Vec<Thing>,
    directory: Known,
}

impl World {
    fn of(dice: &mut Dice) -> Self {
        let policies: Vec<Policy> = (0..4 + dice.below(10)).map(|_| dice.policy()).collect();
        let text: String = policies.iter().enumerate().map(|(n, p)| write::policy(n, p)).collect();
        let engine = CedarEngine::load(&[Source::new("random", text.clone())], None)
            .unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        let mut known = Vec::new();
        for (ids, above) in
            [(&USERS[..], &GROUPS[..]), (&DOCS, &GROUPS), (&GROUPS, &GROUPS), (&ACTIONS, &ACTION_GROUPS)]
        {
            for id in ids {
                if !dice.one_in(4) {
                    known.push(dice.thing(*id, above));
                }
            }
        }
        let directory = Known(known.iter().map(entity).map(|e| (e.id.clone(), Arc::new(e))).collect());
        Self { policies, text, engine, known, directory }
    }
}

/// A request, in both forms.
struct Request {
    principal: Thing,
    action: Id,
    resource: Thing,
    arguments: Vec<(&'static str, V)>,
    scopes: Vec<V>,
    subject: Entity,
    target: Entity,
    sent: Object,
    context: Object,
}

impl Request {
    fn of(dice: &mut Dice) -> Self {
        let (user, doc, action) = (dice.of(&USERS), dice.of(&DOCS), dice.of(&ACTIONS));
        let (principal, resource) = (dice.thing(user, &GROUPS), dice.thing(doc, &GROUPS));
        let arguments = dice.members();
        let scopes: Vec<V> = ["x", "xy"].into_iter().filter(|_| dice.one_in(2)).map(V::Text).collect();
        let context = obj([("scopes", Value::Array(scopes.iter().map(json).collect()))]);
        let (subject, target, sent) = (entity(&principal), entity(&resource), members(&arguments));
        Self { principal, action, resource, arguments, scopes, subject, target, sent, context }
    }

    fn question<'a>(&'a self, world: &'a World, resource: &'a Entity) -> Question<'a> {
        Question {
            subject: &self.subject,
            actor: None,
            chain: &[],
            grant: None,
            action: self.action.1,
            arguments: Some(&self.sent),
            resource,
            context: &self.context,
            directory: &world.directory,
            now: Timestamp::from_seconds(0),
        }
    }

    fn naive<'a>(&'a self, world: &'a World) -> Asked<'a> {
        Asked {
            principal: &self.principal,
            action: self.action,
            resource: &self.resource,
            arguments: &self.arguments,
            scopes: &self.scopes,
            known: &world.known,
        }
    }
}

/// What follows from what each policy came to: the effect, the policies that are told, the obligations.
fn follows(policies: &[Policy], answer: &Answer) -> (Effect, BTreeSet<usize>, usize) {
    let unsure = |does: Does| -> BTreeSet<usize> {
        answer.failed.iter().copied().filter(|n| policies[*n].does == does).collect()
    };
    let first = |all: BTreeSet<usize>| all.into_iter().take(1).collect();
    if !answer.forbids.is_empty() {
        return (Effect::Deny, answer.forbids.clone(), 0);
    }
    if !unsure(Does::Forbid).is_empty() {
        return (Effect::Deny, unsure(Does::Forbid), 0);
    }
    if answer.permits.is_empty() {
        return (Effect::Silent, BTreeSet::new(), 0);
    }
    if !unsure(Does::Oblige).is_empty() {
        return (Effect::Deny, first(unsure(Does::Oblige)), 0);
    }
    (Effect::Permit, answer.permits.clone(), answer.obliges.len())
}

fn told(finding: &Finding) -> (Effect, BTreeSet<usize>, usize) {
    let rules = finding.rules.iter().map(|r| r.rule.parse().unwrap()).collect();
    (finding.effect, rules, finding.obligations.len())
}

/// What the filter says of the resource as a row: never more than the decision on it.
fn filtered(world: &World, request: &Request, figures: &mut Figures) -> Result<(), String> {
    let row = Entity { parents: Vec::new(), ..request.target.clone() };
    let question = request.question(world, &row);
    let filter = world.engine.filter(&question, row.id.kind());
    let finding = world.engine.decide(&question);
    let plainly = finding.effect == Effect::Permit && finding.obligations.is_empty();
    match (filter.meets(row.id.id(), &row.attributes), plainly) {
        (Met::Yes, false) => return Err(format!("{filter:?} is met, and the answer is {finding:?}")),
        (Met::Yes, true) => figures.rows += 1,
        // A value of another type than the policy compares with: no row is released by it.
        (Met::No, true) => figures.narrow += 1,
        (Met::No, false) => figures.no_rows += 1,
        (Met::Ask, _) => figures.asked += 1,
    }
    Ok(())
}

/// What is permitted is shown by every list; what a list says is forbidden whatever the arguments is.
fn listed(world: &World, request: &Request, effect: Effect) -> Result<(), String> {
    let question = request.question(world, &request.target);
    // Among others, which must make no difference to it.
    let others: Vec<Entity> = world.known.iter().map(entity).collect();
    let entry = |aim| Listed { action: request.action.1, aim, tool: None };
    let among = others.iter().map(|e| Listed { action: "a1", aim: Aim::At(e), tool: None });
    let among: Vec<_> = among.chain([entry(Aim::At(&request.target)), entry(Aim::Some("Doc"))]).collect();
    let shown = world.engine.visible(&question, &among);
    for (at, aim) in [Aim::At(&request.target), Aim::Some("Doc")].into_iter().enumerate() {
        let alone = world.engine.visible(&question, &[entry(aim)]);
        let shown = &shown[others.len() + at..];
        if shown[0] != alone[0] {
            return Err(format!("a list says {shown:?} of {aim:?}, and alone it says {alone:?}"));
        }
        let fits = match shown[0] {
            Effect::Permit => true,
            Effect::Silent => effect != Effect::Permit,
            Effect::Deny => effect == Effect::Deny,
        };
        if !fits {
            return Err(format!("a list says {shown:?} of {aim:?}, and the answer is {effect:?}"));
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Figures {
    questions: u64,
    permitted: u64,
    denied: u64,
    failed: u64,
    rows: u64,
    no_rows: u64,
    narrow: u64,
    asked: u64,
    plain: u64,
}

fn compare(world: &World, request: &Request, figures: &mut Figures) -> Result<(), String> {
    let question = request.question(world, &request.target);
    let finding = world.engine.decide(&question);
    let answer = naive::answer(&world.policies, &request.naive(world));
    let (ours, theirs) = (told(&finding), follows(&world.policies, &answer));
    if ours != theirs {
        return Err(format!("{ours:?}, and the other says {theirs:?} by {answer:?}; {:?}", finding.problems));
    }
    figures.permitted += u64::from(ours.0 == Effect::Permit);
    figures.denied += u64::from(ours.0 == Effect::Deny);
    figures.failed += u64::from(!answer.failed.is_empty());
    if ours.0 == Effect::Permit || figures.questions.is_multiple_of(16) {
        listed(world, request, ours.0)?;
    }
    if figures.questions.is_multiple_of(8) {
        filtered(world, request, figures)?;
    }
    if figures.questions.is_multiple_of(50) {
        figures.plain += u64::from(plain::agrees(&world.engine, &request.naive(world), &answer)?);
    }
    Ok(())
}

/// Every so manieth world, from the first.
fn run(first: u64, step: u64, questions: u64) -> Figures {
    let (mut figures, mut seed) = (Figures::default(), first);
    while figures.questions < questions {
        let mut dice = Dice::new(seed);
        let world = World::of(&mut dice);
        for number in 0..EACH {
            let request = Request::of(&mut dice);
            if let Err(why) = compare(&world, &request, &mut figures) {
                let Request { principal, action, resource, arguments, scopes, .. } = &request;
                panic!(
                    "world {seed}, question {number}: {why}\n{}\n{principal:?} {action:?} {resource:?} {arguments:?} \
                     {scopes:?}\n{:#?}",
                    world.text, world.known
                );
            }
            figures.questions += 1;
        }
        seed += step;
    }
    figures
}

#[test]
fn f01_no_question_is_answered_otherwise_than_by_walking_every_policy() {
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1, 2, cases() / 2));
        [run(0, 2, cases() / 2), other.join().unwrap()]
    });
    let sum = |of: fn(&Figures) -> u64| halves.iter().map(of).sum::<u64>();
    let questions = sum(|f| f.questions);
    println!("{questions} questions, 0 disagreements: {halves:?}");
    // A generator that makes only what is refused, or what fails, would show nothing.
    assert!(sum(|f| f.permitted) * 20 > questions && sum(|f| f.denied) * 20 > questions, "{halves:?}");
    assert!(sum(|f| f.failed) * 20 > questions && sum(|f| f.failed) * 10 < questions * 9, "{halves:?}");
    assert!(sum(|f| f.rows) * 200 > questions / 8 && sum(|f| f.narrow) < sum(|f| f.rows), "{halves:?}");
    assert!(sum(|f| f.plain) * 400 > questions, "{halves:?}");
}
