//! Running a table.

use super::Table;
use super::case::{Case, Expected};
use super::known::Known;
use super::member::Who;
use prokura_core::Obligation;
use prokura_policy::pdp::{Engine, Entity, Question, Ruling, to_object};
use std::sync::Arc;

/// What came of a case.
#[derive(Debug, Clone)]
pub struct Outcome<'t> {
    /// The case.
    pub case: &'t Case,
    /// What was ruled; none for rows, of which each has its own.
    pub ruling: Option<Ruling>,
    /// In what it is not as it must be; nothing where it is.
    pub wrong: Vec<String>,
}

impl Outcome<'_> {
    /// Whether it is as it must be.
    pub fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// How many were right, and how many not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Right.
    pub right: usize,
    /// Wrong.
    pub wrong: usize,
}

impl Tally {
    /// Of these.
    pub fn of(outcomes: &[Outcome<'_>]) -> Self {
        let right = outcomes.iter().filter(|outcome| outcome.is_right()).count();
        Self { right, wrong: outcomes.len() - right }
    }
}

impl Table {
    /// Puts every case to these engines together.
    pub fn run(&self, engines: &[&dyn Engine]) -> Vec<Outcome<'_>> {
        self.run_by(|question| Ruling::of(engines.iter().map(|engine| engine.decide(question))))
    }

    /// Puts every case to whoever rules.
    pub fn run_by(&self, mut rule: impl FnMut(&Question<'_>) -> Ruling) -> Vec<Outcome<'_>> {
        self.cases.iter().map(|case| self.outcome(case, &mut rule)).collect()
    }

    fn outcome<'t>(&'t self, case: &'t Case, rule: &mut impl FnMut(&Question<'_>) -> Ruling) -> Outcome<'t> {
        if let Expected::Rows { kind, left } = &case.expected {
            return Outcome { case, ruling: None, wrong: self.wrong_rows(case, kind, left, rule) };
        }
        // Reading a case makes sure that it has one.
        let Some(resource) = &case.resource else {
            return Outcome { case, ruling: None, wrong: vec!["it has no resource".to_owned()] };
        };
        let ruling = case.ask(&self.known, &found(&self.known, resource), rule);
        Outcome { case, wrong: wrong(case, &ruling), ruling: Some(ruling) }
    }

    fn wrong_rows(
        &self,
        case: &Case,
        kind: &str,
        left: &[String],
        rule: &mut impl FnMut(&Question<'_>) -> Ruling,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for row in self.known.of_kind(kind) {
            let ruling = case.ask(&self.known, row, rule);
            let expected = left.iter().any(|id| id == row.id.id());
            if ruling.permitted != expected {
                let not = if expected { "not left" } else { "left" };
                wrong.push(format!("{} is {not}", row.id));
            }
            wrong.extend(unexpected_problems(case, &ruling));
        }
        let is_known = |id: &&String| !self.known.of_kind(kind).any(|row| row.id.id() == **id);
        wrong.extend(left.iter().filter(is_known).map(|id| format!("there is no {kind}::\"{id}\"")));
        wrong
    }
}

impl Case {
    /// What is ruled of it about `resource`.
    fn ask(
        &self,
        known: &Known,
        resource: &Entity,
        rule: &mut impl FnMut(&Question<'_>) -> Ruling,
    ) -> Ruling {
        let subject = found(known, &self.subject);
        let actor = self.actor.as_ref().map(|who| found(known, who));
        rule(&Question {
            subject: &subject,
            actor: actor.as_deref(),
            chain: &self.chain,
            grant: self.grant.as_deref(),
            action: &self.action,
            arguments: self.arguments.as_ref(),
            resource,
            context: &self.context,
            directory: known,
            now: self.now,
        })
    }
}

fn found(known: &Known, who: &Who) -> Arc<Entity> {
    match who {
        Who::Named(id) => known.or_bare(id),
        Who::Described(entity) => Arc::new(entity.clone()),
    }
}

fn wrong(case: &Case, ruling: &Ruling) -> Vec<String> {
    let (permit, rules, obligations) = match &case.expected {
        Expected::Permit { rules, obligations } => (true, rules, &obligations[..]),
        Expected::Deny { rules } => (false, rules, &[][..]),
        Expected::Rows { .. } => return Vec::new(),
    };
    let mut wrong = unexpected_problems(case, ruling);
    if ruling.permitted != permit {
        let is = if permit { "it is denied" } else { "it is permitted" };
        let by: Vec<_> = ruling.rules.iter().map(|rule| &*rule.rule).collect();
        let by =
            if by.is_empty() { "no rule speaks of it".to_owned() } else { format!("by {}", by.join(", ")) };
        wrong.push(format!("{is}: {by}"));
        return wrong;
    }
    let decided = |name: &&String| ruling.rules.iter().any(|rule| *rule.rule == ***name);
    wrong
        .extend(rules.iter().filter(|name| !decided(name)).map(|name| format!("`{name}` did not decide it")));
    wrong.extend(without(obligations, &ruling.obligations).map(|o| format!("it lacks {}", told(o))));
    wrong.extend(without(&ruling.obligations, obligations).map(|o| format!("it also demands {}", told(o))));
    if case.fails && ruling.problems.is_empty() {
        wrong.push("nothing went wrong".to_owned());
    }
    wrong
}

fn unexpected_problems(case: &Case, ruling: &Ruling) -> Vec<String> {
    if case.fails { Vec::new() } else { ruling.problems.clone() }
}

fn without<'a>(all: &'a [Obligation], others: &'a [Obligation]) -> impl Iterator<Item = &'a Obligation> {
    all.iter().filter(|o| !others.contains(o))
}

fn told(obligation: &Obligation) -> String {
    let object = to_object(obligation).map(prokura_oauth::json::Value::from);
    object.map_or_else(|| format!("{obligation:?}"), |object| object.to_string())
}
