//! Why it was decided so, and what would permit it.

use super::CedarEngine;
use super::code::{Node, Op};
use super::fail::Stop;
use super::load::place;
use super::rule::{Actions, Duty, Rule, Whom};
use super::session::{Lent, Session};
use super::value::{Uid, Val};
use cedar_policy_core::ast::UnaryOp;
use prokura_policy::pdp::{Condition, Does, Effect, Engine as _, Examined, Explanation, Held, Question};

/// So many rules that would permit are told.
const NEAR: usize = 5;
/// A value is told up to so many characters.
const LONGEST: usize = 200;

impl CedarEngine {
    pub(super) fn examine(&self, question: &Question<'_>) -> Explanation {
        let finding = self.decide(question);
        let lent = Lent::default();
        let session = self.ask(question, question.action, &lent);
        let decided = finding
            .rules
            .iter()
            .filter_map(|named| self.rules.iter().find(|r| r.named == *named))
            .map(|rule| examined(&session, rule))
            .collect();
        let near = if finding.effect == Effect::Permit { Vec::new() } else { self.near(&session) };
        Explanation { finding, decided, near }
    }

    /// Rules that permit this action, those first that miss least.
    fn near<'a>(&'a self, session: &Session<'a>) -> Vec<Examined> {
        let permits = self.rules.iter().filter(|r| r.duty == Duty::Permit && r.action.meets(session));
        let mut near: Vec<Examined> =
            permits.map(|rule| examined(session, rule)).filter(|e| e.missing() > 0).collect();
        near.sort_by_key(Examined::missing);
        near.truncate(NEAR);
        near
    }
}

fn examined<'a>(session: &Session<'a>, rule: &'a Rule) -> Examined {
    let (line, column) = place(&rule.text, rule.begins);
    let mut conditions = Vec::new();
    conditions.extend(whom(session, "principal", &rule.principal, session.subject()));
    conditions.extend(action(session, &rule.action));
    conditions.extend(whom(session, "resource", &rule.resource, session.resource()));
    let body = rule.body.as_ref().map_or(&[][..], Node::clauses);
    conditions.extend(body.iter().map(|clause| condition(session, rule, clause)));
    Examined {
        rule: rule.named.clone(),
        place: format!("{}:{line}:{column}", rule.file),
        does: match rule.duty {
            Duty::Permit => Does::Permit,
            Duty::Forbid => Does::Forbid,
            Duty::Oblige(_) => Does::Oblige,
        },
        conditions,
    }
}

fn held(holds: bool) -> Held {
    if holds { Held::Yes } else { Held::No }
}

fn whom<'a>(session: &Session<'a>, name: &str, whom: &Whom, uid: Uid<'a>) -> Option<Condition> {
    let text = match whom {
        Whom::Anybody => return None,
        Whom::Is(who) => format!("{name} == {}", who.uid()),
        Whom::In(who) => format!("{name} in {}", who.uid()),
        Whom::Kind(kind) => format!("{name} is {kind}"),
        Whom::KindIn(kind, who) => format!("{name} is {kind} in {}", who.uid()),
    };
    let found = vec![(name.to_owned(), uid.to_string())];
    Some(Condition { text, holds: held(whom.meets(session, uid)), found })
}

fn action(session: &Session<'_>, actions: &Actions) -> Option<Condition> {
    let text = match actions {
        Actions::Any => return None,
        Actions::Is(name) => format!("action == {}", name.uid()),
        Actions::In(names) => {
            let names: Vec<String> = names.iter().map(|n| n.uid().to_string()).collect();
            format!("action in [{}]", names.join(", "))
        }
    };
    let found = vec![("action".to_owned(), session.action.to_string())];
    Some(Condition { text, holds: held(actions.meets(session)), found })
}

fn condition<'a>(session: &Session<'a>, rule: &'a Rule, clause: &'a Node) -> Condition {
    let holds = match session.holds(clause) {
        Ok(holds) => held(holds),
        Err(Stop::Failed(fail)) => Held::Failed(fail.to_string()),
        Err(Stop::Open) => Held::Failed("it depends on something that is not known yet".to_owned()),
    };
    let mut found = Vec::new();
    leaves(clause, &mut |leaf| {
        let text = written(rule, leaf);
        let value = session.walk(leaf).map_or_else(|stop| lacking(&stop), |v| shown(&v));
        if !found.iter().any(|(known, _)| *known == text) {
            found.push((text, value));
        }
    });
    Condition { text: written(rule, clause), holds, found }
}

/// The expressions that read something: the longest chains of names.
fn leaves<'a>(node: &'a Node, found: &mut impl FnMut(&'a Node)) {
    let mut each = |all: &'a [Node]| all.iter().for_each(|n| leaves(n, found));
    match &node.op {
        Op::Var(_) | Op::Get(..) => found(node),
        Op::If(parts) => each(&**parts),
        Op::Binary(_, parts) => each(&**parts),
        Op::And(parts) | Op::Or(parts) | Op::Set(parts) | Op::Call { arguments: parts, .. } => each(parts),
        Op::Unary(_, of) | Op::Has(of, _) | Op::Like(of, _) | Op::Is(of, _) => leaves(of, found),
        Op::Record(members) => members.iter().for_each(|(_, n)| leaves(n, found)),
        Op::Bool(_) | Op::Long(_) | Op::Str(_) | Op::Entity(_) | Op::Const(_) => {}
    }
}

/// As it stands in the file, in one line.
fn written(rule: &Rule, node: &Node) -> String {
    let (from, to) = node.at;
    let text = rule.text.get(from..to).unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match &node.op {
        // Of `unless { a }` only `a` is written.
        Op::Unary(UnaryOp::Not, _) if !line.starts_with('!') => format!("not: {line}"),
        _ => line,
    }
}

fn lacking(stop: &Stop) -> String {
    match stop {
        Stop::Failed(fail) => format!("({fail})"),
        Stop::Open => "(not known yet)".to_owned(),
    }
}

fn shown(value: &Val<'_>) -> String {
    let text = render(value);
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

fn render(value: &Val<'_>) -> String {
    match value {
        Val::Bool(b) => b.to_string(),
        Val::Long(n) => n.to_string(),
        Val::Str(s) => format!("{s:?}"),
        Val::Entity(uid) => uid.to_string(),
        Val::Set(items) => {
            let items: Vec<String> = items.iter().take(LONGEST).map(render).collect();
            format!("[{}]", items.join(", "))
        }
        Val::Record(members) => {
            let members: Vec<String> = members.iter().map(|(n, v)| format!("{n}: {}", render(v))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Val::Ext(value) => value.to_string(),
        Val::Const(value) => value.to_string(),
        Val::Context => "context".to_owned(),
        Val::Json(json, _) => match value.clone().seen() {
            Ok(Val::Members(..)) | Err(_) => String::from_utf8_lossy(&json.to_vec()).into_owned(),
            Ok(seen) => render(&seen),
        },
        Val::Members(object, _) => String::from_utf8_lossy(&object.to_vec()).into_owned(),
    }
}
