//! Conditions on rows: what the rules leave when everything but the resource is known.
//!
//! Each expression is divided in two: when it is true, and when it is false. Where it is neither it fails, and a rule that
//! fails permits nothing, or denies. What does not speak of the resource is computed once; what cannot be said of a row's
//! attributes alone is asked row by row, never left out.

use super::CedarEngine;
use super::code::{Node, Op};
use super::fail::Stop;
use super::rule::{Duty, Rule, Whom};
use super::session::{Left, Lent, Session};
use super::value::{Uid, Val};
use cedar_policy_core::ast::{BinaryOp, UnaryOp, Var};
use prokura_core::Selector;
use prokura_oauth::json::{Value as Json, obj};
use prokura_policy::pdp::{Comparison, Entity, EntityId, Filter, Question};

/// When an expression is true, and when it is false.
struct Split {
    holds: Filter,
    fails: Filter,
}

impl CedarEngine {
    pub(super) fn rows(&self, question: &Question<'_>, kind: &str) -> Filter {
        // Stands for any row; nobody looks at it.
        let Ok(id) = EntityId::new(kind, "?") else { return Filter::Nothing };
        let row = Entity::bare(id);
        let open = Question { resource: &row, ..*question };
        let lent = Lent::default();
        let mut session = self.ask(&open, question.action, &lent);
        session.left = Left { resource: true, ..Left::default() };
        let found = self.lists.find(&session);
        let (mut permits, mut others) = (Vec::new(), Vec::new());
        for rule in self.of(&found) {
            let Some(split) = rule_split(&session, rule) else { continue };
            match &rule.duty {
                Duty::Permit => permits.push(split.holds),
                Duty::Forbid => others.push(split.fails),
                // Where it obliges, the enforcer has to hear of it.
                Duty::Oblige(_) => others.push(any([split.fails, Filter::Ask])),
            }
        }
        all(std::iter::once(any(permits)).chain(others))
    }
}

/// What a rule leaves; nothing if it is not about the question.
fn rule_split<'a>(session: &Session<'a>, rule: &'a Rule) -> Option<Split> {
    if !rule.action.meets(session) || !rule.principal.meets(session, session.subject()) {
        return None;
    }
    let head = resource(session, &rule.resource);
    let body = rule.body.as_ref().map_or_else(Split::always, |body| split(session, body));
    Some(head.and(body))
}

/// What the head says of the row.
fn resource(session: &Session<'_>, whom: &Whom) -> Split {
    let kind = session.resource().kind;
    match whom {
        Whom::Anybody => Split::always(),
        Whom::Is(name) => Split::of_id(kind, name.uid()),
        Whom::Kind(wanted) => Split::from(**wanted == *kind),
        // What a row belongs to does not stand in it.
        Whom::In(_) => Split::asked(),
        Whom::KindIn(wanted, _) if **wanted != *kind => Split::from(false),
        Whom::KindIn(..) => Split::asked(),
    }
}

/// A filter with more parts than this costs more than asking.
const LARGEST: usize = 4096;

fn split<'a>(session: &Session<'a>, node: &'a Node) -> Split {
    match session.holds(node) {
        Ok(known) => return Split::from(known),
        Err(Stop::Failed(_)) => return Split::never(),
        Err(Stop::Open) => {}
    }
    let split = open(session, node);
    if size(&split.holds) + size(&split.fails) > LARGEST { Split::asked() } else { split }
}

fn size(filter: &Filter) -> usize {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().map(size).sum::<usize>() + 1,
        Filter::Not(part) => size(part) + 1,
        _ => 1,
    }
}

fn open<'a>(session: &Session<'a>, node: &'a Node) -> Split {
    match &node.op {
        Op::And(parts) => parts.iter().map(|p| split(session, p)).fold(Split::always(), Split::and),
        Op::Or(parts) => {
            parts.iter().map(|p| split(session, p).not()).fold(Split::always(), Split::and).not()
        }
        Op::Unary(UnaryOp::Not, inner) => split(session, inner).not(),
        Op::If(parts) => {
            let [test, then, otherwise] = &**parts;
            split(session, test).choose(split(session, then), split(session, otherwise))
        }
        Op::Binary(op, pair) => binary(session, *op, &pair[0], &pair[1]),
        Op::Has(of, names) => has(of, names),
        Op::Is(of, kind) if row(of) => Split::from(**kind == *session.resource().kind),
        // An attribute that is a truth value by itself.
        Op::Get(..) => comparison(session, node, Comparison::Equal, Some(Json::Bool(true))),
        _ => Split::asked(),
    }
}

fn binary<'a>(session: &Session<'a>, op: BinaryOp, a: &'a Node, b: &'a Node) -> Split {
    use Comparison::{AtMost, Below, Contains, Equal, OneOf};
    let known = |node: &'a Node| match session.walk(node).and_then(|v| v.seen()) {
        Ok(value) => Ok(json(&value)),
        Err(stop) => Err(stop),
    };
    let (left, right) = (known(a), known(b));
    match (op, left, right) {
        (_, Err(Stop::Failed(_)), _) | (_, _, Err(Stop::Failed(_))) => Split::never(),
        (BinaryOp::Eq, Err(_), Ok(than)) => comparison(session, a, Equal, than),
        (BinaryOp::Eq, Ok(than), Err(_)) => comparison(session, b, Equal, than),
        (BinaryOp::Less, Err(_), Ok(than)) => comparison(session, a, Below, than),
        (BinaryOp::LessEq, Err(_), Ok(than)) => comparison(session, a, AtMost, than),
        (BinaryOp::Less, Ok(than), Err(_)) => comparison(session, b, AtMost, than).not(),
        (BinaryOp::LessEq, Ok(than), Err(_)) => comparison(session, b, Below, than).not(),
        (BinaryOp::Contains, Err(_), Ok(than)) => comparison(session, a, Contains, than),
        (BinaryOp::Contains, Ok(than), Err(_)) => comparison(session, b, OneOf, than),
        _ => Split::asked(),
    }
}

fn comparison(session: &Session<'_>, node: &Node, how: Comparison, than: Option<Json>) -> Split {
    let Some(than) = than.filter(|t| comparable(how, t)) else { return Split::asked() };
    if row(node) {
        return own_id(session, how, &than);
    }
    path(node).map_or_else(Split::asked, |at| {
        let holds = Filter::Is(at, how, than);
        Split { fails: negated(holds.clone()), holds }
    })
}

/// The row itself, compared with entities.
fn own_id(session: &Session<'_>, how: Comparison, than: &Json) -> Split {
    let kind = session.resource().kind;
    match (how, than) {
        (Comparison::Equal, one) => {
            entity(one).map_or_else(|| Split::from(false), |uid| Split::of_id(kind, uid))
        }
        (Comparison::OneOf, Json::Array(many)) => {
            let ids = many.iter().filter_map(entity).map(|uid| Split::of_id(kind, uid).not());
            ids.fold(Split::always(), Split::and).not()
        }
        _ => Split::never(),
    }
}

fn entity(value: &Json) -> Option<Uid<'_>> {
    let Json::Object(object) = value else { return None };
    let Some(Json::Object(named)) = object.get("__entity") else { return None };
    Some(Uid { kind: named.str("type")?, id: named.str("id")? })
}

/// Whether a row can be compared so with this value: what is no text, number, truth value or entity has to be asked.
fn comparable(how: Comparison, than: &Json) -> bool {
    match (how, than) {
        (Comparison::OneOf, Json::Array(many)) => many.iter().all(|one| comparable(Comparison::Equal, one)),
        (Comparison::OneOf, _) => false,
        (_, Json::Object(_)) => entity(than).is_some(),
        (_, Json::Array(_) | Json::Null) => false,
        _ => true,
    }
}

/// A known value, as rows write it.
fn json(value: &Val<'_>) -> Option<Json> {
    match value {
        Val::Bool(b) => Some(Json::Bool(*b)),
        Val::Long(n) => Some((*n).into()),
        Val::Str(s) => Some((*s).into()),
        Val::Entity(uid) => {
            let named = obj([("type", uid.kind.into()), ("id", uid.id.into())]);
            Some(obj([("__entity", named.into())]).into())
        }
        Val::Set(items) => {
            let items = items.iter().map(|i| json(&i.clone().seen().ok()?));
            Some(Json::Array(items.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn has(of: &Node, names: &[Box<str>]) -> Split {
    let [name] = names else { return Split::asked() };
    if !row(of) {
        return Split::asked();
    }
    selector(&[name]).map_or_else(Split::asked, |at| {
        let holds = Filter::Has(at);
        Split { fails: negated(holds.clone()), holds }
    })
}

/// Whether an expression is the row itself.
fn row(node: &Node) -> bool {
    matches!(node.op, Op::Var(Var::Resource))
}

/// The place in a row that an expression reads.
fn path(node: &Node) -> Option<Selector> {
    let (mut names, mut at) = (Vec::new(), node);
    while let Op::Get(of, name) = &at.op {
        names.push(&**name);
        at = of;
    }
    names.reverse();
    if row(at) { selector(&names) } else { None }
}

fn selector(names: &[&str]) -> Option<Selector> {
    let text = names.iter().fold("$".to_owned(), |text, name| format!("{text}[\"{name}\"]"));
    Selector::parse(&text).ok()
}

impl From<bool> for Split {
    fn from(known: bool) -> Self {
        if known { Self::always() } else { Self::always().not() }
    }
}

impl Split {
    fn always() -> Self {
        Self { holds: Filter::All, fails: Filter::Nothing }
    }

    /// It fails: neither true nor false.
    fn never() -> Self {
        Self { holds: Filter::Nothing, fails: Filter::Nothing }
    }

    fn asked() -> Self {
        Self { holds: Filter::Ask, fails: Filter::Ask }
    }

    fn of_id(kind: &str, uid: Uid<'_>) -> Self {
        let Some(whole) = Selector::parse("$").ok().filter(|_| uid.kind == kind) else {
            return Self::from(false);
        };
        let holds = Filter::Is(whole, Comparison::Equal, uid.id.into());
        Self { fails: negated(holds.clone()), holds }
    }

    fn not(self) -> Self {
        Self { holds: self.fails, fails: self.holds }
    }

    /// True if both are; false if the first is, or the first is true and the second false.
    fn and(self, then: Self) -> Self {
        let fails = any([self.fails, all([self.holds.clone(), then.fails])]);
        Self { holds: all([self.holds, then.holds]), fails }
    }

    fn choose(self, then: Self, otherwise: Self) -> Self {
        let either =
            |then, otherwise| any([all([self.holds.clone(), then]), all([self.fails.clone(), otherwise])]);
        Self { holds: either(then.holds, otherwise.holds), fails: either(then.fails, otherwise.fails) }
    }
}

fn negated(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn all(parts: impl IntoIterator<Item = Filter>) -> Filter {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Filter::All => {}
            Filter::Nothing => return Filter::Nothing,
            Filter::And(more) => kept.extend(more),
            other => kept.push(other),
        }
    }
    one(kept, Filter::All, Filter::And)
}

fn any(parts: impl IntoIterator<Item = Filter>) -> Filter {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Filter::Nothing => {}
            Filter::All => return Filter::All,
            Filter::Or(more) => kept.extend(more),
            other => kept.push(other),
        }
    }
    one(kept, Filter::Nothing, Filter::Or)
}

fn one(mut kept: Vec<Filter>, none: Filter, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match kept.len() {
        0 => none,
        1 => kept.swap_remove(0),
        _ => many(kept),
    }
}
