//! What a decision costs with many policies that have nothing to do with it, beside Cedar by itself; and what it costs to
//! say which of 500 tools a list may show.

use crate::Size;
use crate::table::{keep, median};
use anyhow::{Context as _, Result, ensure};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity as CedarEntity, EntityUid, Request, RestrictedExpression,
};
use prokura_core::Timestamp;
use prokura_engines::cedar::{CedarEngine, Source};
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::{Aim, Effect, Engine, Entity, EntityId, Filter, Listed, NoEntities, Question};
use std::collections::HashMap;
use std::time::Instant;

const TOOLS: usize = 500;

/// Seven policies that have something to do with it: a manager, through an agent, sees and changes her own staff.
const STAFF: &str = r#"
permit(principal in Role::"manager", action in [Action::"view", Action::"modify"], resource is Employee)
when { resource.manager == principal };
permit(principal in Role::"manager", action == Action::"delete", resource is Employee)
when { resource.manager == principal };
permit(principal in Role::"manager", action == Action::"export", resource is Tool);
forbid(principal, action == Action::"delete", resource) when { context has actor };
forbid(principal, action, resource) when { context has actor && !(context.scopes.contains("staff")) };
forbid(principal, action == Action::"modify", resource)
unless { context.arguments has salary && context.arguments.salary <= 100000 };
forbid(principal, action == Action::"export", resource) when { context.arguments has all };
"#;

/// And so many that do not.
fn policies(besides: usize) -> String {
    let mut text = STAFF.to_owned();
    for n in 0..besides {
        text += &format!(
            "permit(principal in Role::\"role{}\", action == Action::\"action{n}\", resource is Thing{})\n\
             when {{ resource.owner == principal && context.arguments has x{n} }};\n",
            n % 97,
            n % 13
        );
    }
    text
}

fn reference(kind: &str, id: &str) -> Value {
    let named = obj([("type", kind.into()), ("id", id.into())]);
    obj([("__entity", named.into())]).into()
}

/// What a question is made of.
struct Parts {
    subject: Entity,
    actor: Entity,
    chain: Vec<EntityId>,
    resource: Entity,
    arguments: Object,
    context: Object,
}

impl Parts {
    fn new() -> Result<Self> {
        let id = |kind: &str, id: &str| EntityId::new(kind, id);
        Ok(Self {
            subject: Entity {
                id: id("User", "usr_mo")?,
                attributes: obj([("name", "Mo".into())]),
                parents: vec![id("Role", "manager")?, id("Group", "hr")?],
            },
            actor: Entity::bare(id("Agent", "agt_planner")?),
            chain: vec![id("Agent", "agt_planner")?],
            resource: Entity {
                id: id("Employee", "e7")?,
                attributes: obj([("manager", reference("User", "usr_mo"))]),
                parents: Vec::new(),
            },
            arguments: obj([("id", "e7".into()), ("salary", 50_000.into())]),
            context: obj([
                ("scopes", Value::Array(vec!["staff".into()])),
                ("server", reference("Server", "hr")),
            ]),
        })
    }

    fn question<'a>(&'a self, action: &'a str) -> Question<'a> {
        Question {
            subject: &self.subject,
            actor: Some(&self.actor),
            chain: &self.chain,
            grant: Some("gra_1"),
            action,
            arguments: Some(&self.arguments),
            resource: &self.resource,
            context: &self.context,
            directory: &NoEntities,
            now: Timestamp::from_seconds(1_800_000_000),
        }
    }
}

/// The same request as Cedar has it, made once: the bare engine is not charged for making it.
fn bare() -> Result<(Request, Entities)> {
    let uid = |text: &str| text.parse::<EntityUid>().context("a name");
    let text = |t: &str| RestrictedExpression::new_string(t.to_owned());
    let arguments =
        [("id".to_owned(), text("e7")), ("salary".to_owned(), RestrictedExpression::new_long(50_000))];
    let context = Context::from_pairs([
        ("actor".to_owned(), RestrictedExpression::new_entity_uid(uid("Agent::\"agt_planner\"")?)),
        ("scopes".to_owned(), RestrictedExpression::new_set([text("staff")])),
        ("arguments".to_owned(), RestrictedExpression::new_record(arguments)?),
    ])?;
    let (user, employee) = (uid("User::\"usr_mo\"")?, uid("Employee::\"e7\"")?);
    let manager = HashMap::from([("manager".to_owned(), RestrictedExpression::new_entity_uid(user.clone()))]);
    let parents = [uid("Role::\"manager\"")?, uid("Group::\"hr\"")?].into();
    let entities = Entities::from_entities(
        [
            CedarEntity::new(user.clone(), HashMap::new(), parents)?,
            CedarEntity::new(employee.clone(), manager, [].into())?,
        ],
        None,
    )?;
    Ok((Request::new(user, uid("Action::\"modify\"")?, employee, context, None)?, entities))
}

/// CPU time of this thread, in microseconds.
fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split(' ').next().context("schedstat")?.parse::<f64>()? / 1000.0)
}

/// CPU and wall time of one of them, in microseconds.
fn round(times: usize, mut what: impl FnMut() -> bool) -> Result<(f64, f64)> {
    let (before, begun) = (cpu()?, Instant::now());
    for _ in 0..times {
        ensure!(std::hint::black_box(what()), "not what is measured");
    }
    let each = times as f64;
    Ok(((cpu()? - before) / each, begun.elapsed().as_secs_f64() * 1e6 / each))
}

type Subject<'a> = (String, usize, Box<dyn FnMut() -> bool + 'a>);

pub fn measure(size: Size) -> Result<()> {
    println!("\n### A decision in Cedar (budgets: 10 µs CPU with 10,000 policies; 500 tools in 1 ms)\n");
    let (parts, (request, entities)) = (Parts::new()?, bare()?);
    let engine = |besides: usize| {
        CedarEngine::load(&[Source::new("bench", policies(besides))], None)
            .map_err(|e| anyhow::anyhow!("{e:?}"))
    };
    let engines = [(7, engine(0)?), (10_007, engine(10_000)?)];
    let names: Vec<String> =
        (0..TOOLS).map(|n| if n % 2 == 0 { format!("action{n}") } else { "view".into() }).collect();
    let listed: Vec<Listed<'_>> =
        names.iter().map(|action| Listed { action, aim: Aim::At(&parts.resource), tool: None }).collect();
    let mut subjects: Vec<Subject<'_>> = Vec::new();
    for (many, engine) in &engines {
        let few = if *many > 100 { size.few / 10 } else { size.few * 10 };
        let question = parts.question("modify");
        let (request, entities) = (&request, &entities);
        subjects.push((
            format!("through our index, {many} policies"),
            size.many,
            Box::new(move || engine.decide(&question).effect == Effect::Permit),
        ));
        subjects.push((
            format!("Cedar by itself, {many} policies, request ready made"),
            few,
            Box::new(move || {
                let response = Authorizer::new().is_authorized(request, engine.policies(), entities);
                response.decision() == Decision::Allow
            }),
        ));
        let (listed, question) = (&listed, parts.question(""));
        subjects.push((
            format!("which of {TOOLS} tools a list shows, {many} policies"),
            size.few,
            Box::new(move || {
                let shown = engine.visible(&question, listed);
                shown.iter().filter(|e| **e == Effect::Permit).count() == TOOLS / 2
            }),
        ));
        let question = parts.question("view");
        subjects.push((
            format!("the condition on rows, {many} policies"),
            size.many,
            Box::new(move || matches!(engine.filter(&question, "Employee"), Filter::Is(..))),
        ));
    }
    println!("| | CPU µs | wall µs |\n|-|-|-|");
    let mut rows = Vec::new();
    for (name, times, mut what) in subjects {
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for at in 0..=size.rounds {
            let (c, w) = round(times, &mut what)?;
            // The first round only warms up.
            if at > 0 {
                cpu.push(c);
                wall.push(w);
            }
        }
        println!("| {name} | {:.2} | {:.2} |", median(&cpu), median(&wall));
        rows.push(serde_json::json!({ "name": name, "cpu_us": cpu, "wall_us": wall }));
    }
    keep("cedar", &serde_json::json!({ "load": crate::load(), "rows": rows, "notes": [] }))
}
