//! The walk over a rule: Cedar's semantics, on entities that nobody copied and arguments that nobody converted.
//!
//! It is compared with Cedar's own evaluator, on Cedar's own suites and on random policies (`docs/policy-conformance.md`).
//! Beyond it goes what Cedar has no value for (see [`value`](super::value)), and what is [left](Left) open.

use super::code::{Node, Op};
use super::fail::{Fail, Stop};
use super::session::Session;
use super::value::{Reading, Uid, Val, apply, call, equal, has, overlap, subset};
use cedar_policy_core::ast::{BinaryOp, UnaryOp, Var};
use cedar_policy_core::evaluator::binary_relation;
use cedar_policy_core::extensions::Extensions;
use prokura_oauth::json::{Object, Value as Json};
use prokura_policy::pdp::DECLARED;
use std::rc::Rc;

/// The member of an entity's attributes that holds its tags; no attribute can have this name.
const TAGS: &str = "__tags";

type Walked<'a> = Result<Val<'a>, Stop>;

impl<'a> Session<'a> {
    /// The value of an expression.
    pub(super) fn walk(&self, node: &'a Node) -> Walked<'a> {
        match &node.op {
            Op::Bool(b) => Ok(Val::Bool(*b)),
            Op::Long(n) => Ok(Val::Long(*n)),
            Op::Str(s) => Ok(Val::Str(s)),
            Op::Entity(name) => Ok(Val::Entity(name.uid())),
            Op::Const(value) => Ok(Val::Const(value)),
            Op::Var(var) => self.var(*var),
            Op::If(parts) => {
                let [test, then, otherwise] = &**parts;
                self.walk(if self.walk(test)?.bool()? { then } else { otherwise })
            }
            Op::And(all) => self.chain(all, false),
            Op::Or(any) => self.chain(any, true),
            Op::Unary(op, argument) => unary(*op, self.walk(argument)?),
            Op::Binary(op, pair) => self.binary(*op, self.walk(&pair[0])?, self.walk(&pair[1])?),
            Op::Call { name, arguments, decimals } => self.call(name, arguments, *decimals),
            Op::Get(of, name) => self.get(self.base(of)?, name),
            Op::Has(of, path) => self.has(self.base(of)?, path),
            Op::Like(of, pattern) => Ok(Val::Bool(pattern.wildcard_match(self.walk(of)?.str()?))),
            Op::Is(of, kind) => Ok(Val::Bool(self.walk(of)?.entity()?.kind == &**kind)),
            Op::Set(items) => {
                let items = items.iter().map(|item| self.walk(item)).collect::<Result<_, _>>()?;
                Ok(Val::Set(Rc::new(items)))
            }
            Op::Record(members) => {
                let member = |(name, node): &'a (Box<str>, Node)| Ok((&**name, self.walk(node)?));
                Ok(Val::Record(Rc::new(members.iter().map(member).collect::<Result<_, Stop>>()?)))
            }
        }
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, node: &'a Node) -> Result<bool, Stop> {
        self.walk(node)?.bool()
    }

    fn var(&self, var: Var) -> Walked<'a> {
        match var {
            Var::Principal => Ok(Val::Entity(self.subject())),
            Var::Action => Ok(Val::Entity(self.action)),
            Var::Resource if self.left.resource => Err(Stop::Open),
            Var::Resource => Ok(Val::Entity(self.resource())),
            Var::Context => self.whole(),
        }
    }

    /// That of which a member is wanted: the context need not be put together for it.
    fn base(&self, node: &'a Node) -> Walked<'a> {
        if matches!(node.op, Op::Var(Var::Context)) { Ok(Val::Context) } else { self.walk(node) }
    }

    /// A conjunction is decided by the first `false`, a disjunction by the first `true`; what comes after is not looked at.
    fn chain(&self, parts: &'a [Node], decides: bool) -> Walked<'a> {
        let mut open = false;
        for part in parts {
            match self.holds(part) {
                Ok(value) if value == decides => return Ok(Val::Bool(decides)),
                Ok(_) => {}
                Err(Stop::Open) if self.left.eager => open = true,
                Err(stop) if !open => return Err(stop),
                // What fails only if what is open lets it.
                Err(_) => {}
            }
        }
        if open { Err(Stop::Open) } else { Ok(Val::Bool(!decides)) }
    }

    fn binary(&self, op: BinaryOp, a: Val<'a>, b: Val<'a>) -> Walked<'a> {
        match op {
            BinaryOp::Eq => equal(&a, &b).map(Val::Bool),
            BinaryOp::Less | BinaryOp::LessEq => compare(op, a, b),
            BinaryOp::Add => arithmetic(i64::checked_add, a, b),
            BinaryOp::Sub => arithmetic(i64::checked_sub, a, b),
            BinaryOp::Mul => arithmetic(i64::checked_mul, a, b),
            BinaryOp::In => self.within(a.entity()?, b),
            BinaryOp::Contains => Ok(Val::Bool(has(&a.set()?, &b)?)),
            BinaryOp::ContainsAll => Ok(Val::Bool(subset(&b.set()?, &a.set()?)?)),
            BinaryOp::ContainsAny => Ok(Val::Bool(overlap(&a.set()?, &b.set()?)?)),
            BinaryOp::HasTag => match self.tag(a.entity()?, b.str()?) {
                Err(Stop::Failed(_)) => Ok(Val::Bool(false)),
                found => found.map(|_| Val::Bool(true)),
            },
            BinaryOp::GetTag => self.tag(a.entity()?, b.str()?),
        }
    }

    fn within(&self, a: Uid<'a>, b: Val<'a>) -> Walked<'a> {
        match b.seen()? {
            Val::Entity(b) => Ok(Val::Bool(self.is_in(a, b))),
            Val::Set(any) => {
                let any = any.iter().map(|v| v.clone().entity()).collect::<Result<Vec<_>, _>>()?;
                Ok(Val::Bool(any.into_iter().any(|b| self.is_in(a, b))))
            }
            other => Err(other.is_not("an entity or a Set of them")),
        }
    }

    fn call(&self, name: &cedar_policy_core::ast::Name, arguments: &'a [Node], decimals: bool) -> Walked<'a> {
        let arguments =
            arguments.iter().map(|a| self.walk(a)?.core(decimals)).collect::<Result<Vec<_>, Stop>>()?;
        Ok(taken(apply(name, &arguments)?))
    }

    /// A member of a record, or an attribute of an entity.
    pub(super) fn get(&self, of: Val<'a>, name: &'a str) -> Walked<'a> {
        self.find(of, name)?.ok_or_else(|| Fail::Absent(name.to_owned()).into())
    }

    fn has(&self, of: Val<'a>, path: &'a [Box<str>]) -> Walked<'a> {
        let mut at = of;
        for name in path {
            // Of what is not known, nothing is there: that is no failure here.
            match self.find(at, name) {
                Ok(Some(found)) => at = found,
                Ok(None) | Err(Stop::Failed(Fail::Unknown(_))) => return Ok(Val::Bool(false)),
                Err(stop) => return Err(stop),
            }
        }
        Ok(Val::Bool(true))
    }

    fn find(&self, of: Val<'a>, name: &'a str) -> Result<Option<Val<'a>>, Stop> {
        match of.seen()? {
            Val::Context => self.context(name),
            Val::Members(object, reading) => Ok(member(object, name, reading)),
            Val::Record(members) => Ok(members.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())),
            Val::Entity(uid) => match self.entity(uid) {
                Some(entity) if name != TAGS => Ok(member(&entity.attributes, name, Reading::Escapes)),
                Some(_) => Ok(None),
                None => Err(Fail::Unknown(uid.to_string()).into()),
            },
            other => Err(other.is_not("an entity or a record")),
        }
    }

    /// A tag of an entity (RFC 82 of Cedar).
    fn tag(&self, of: Uid<'a>, name: &str) -> Walked<'a> {
        let entity = self.entity(of).ok_or_else(|| Fail::Unknown(of.to_string()))?;
        let tags = match entity.attributes.get(TAGS) {
            Some(Json::Object(tags)) => tags,
            _ => return Err(Fail::Absent(name.to_owned()).into()),
        };
        member(tags, name, Reading::Escapes).ok_or_else(|| Fail::Absent(name.to_owned()).into())
    }

    /// A member of the context: what the question says by itself first, then what else is known.
    fn context(&self, name: &str) -> Result<Option<Val<'a>>, Stop> {
        let question = &self.question;
        Ok(match name {
            "arguments" if self.left.arguments => return Err(Stop::Open),
            "arguments" => question.arguments.map(|a| Val::Members(a, Reading::Plain)),
            "actor" => question.actor.map(|a| Val::Entity(Uid::of(&a.id))),
            "chain" => {
                let chain = question.chain.iter().map(|id| Val::Entity(Uid::of(id))).collect();
                Some(Val::Set(Rc::new(chain)))
            }
            "grant" => question.grant.map(Val::Str),
            "now" => Some(self.now()?),
            "tool" if self.tool.is_some() => self.tool.map(|t| Val::Members(t, Reading::Escapes)),
            _ => question.context.get(name).and_then(|v| present(v, reading(name))),
        })
    }

    fn now(&self) -> Walked<'a> {
        let epoch = call("datetime", &["1970-01-01".into()])?;
        let since = format!("{}ms", self.question.now.micros().div_euclid(1000));
        let since = call("duration", &[since.as_str().into()])?;
        call("offset", &[epoch, since]).map(Val::Ext)
    }

    /// The context as a record, where it is compared as a whole.
    fn whole(&self) -> Walked<'a> {
        let mut own = vec!["arguments", "actor", "chain", "grant", "now"];
        own.extend(self.tool.map(|_| "tool"));
        let others = self.question.context.iter().filter(|(n, _)| !own.contains(n));
        let mut members: Vec<_> = others.filter_map(|(n, v)| Some((n, present(v, reading(n))?))).collect();
        for name in own {
            members.extend(self.context(name)?.map(|v| (name, v)));
        }
        Ok(Val::Record(Rc::new(members)))
    }
}

/// What a server declares is made of what the caller sent: as in arguments, nobody in it is an entity.
fn reading(name: &str) -> Reading {
    if name == DECLARED { Reading::Plain } else { Reading::Escapes }
}

fn member<'a>(object: &'a Object, name: &str, reading: Reading) -> Option<Val<'a>> {
    object.get(name).and_then(|v| present(v, reading))
}

/// `null` is not there: who executes a call takes it for an argument that was not given.
fn present(value: &Json, reading: Reading) -> Option<Val<'_>> {
    (*value != Json::Null).then_some(Val::Json(value, reading))
}

fn unary<'a>(op: UnaryOp, value: Val<'a>) -> Walked<'a> {
    match op {
        UnaryOp::Not => value.bool().map(|b| Val::Bool(!b)),
        UnaryOp::Neg => value.long()?.checked_neg().map(Val::Long).ok_or_else(|| Fail::Overflow.into()),
        UnaryOp::IsEmpty => Ok(Val::Bool(value.set()?.is_empty())),
    }
}

fn arithmetic<'a>(how: fn(i64, i64) -> Option<i64>, a: Val<'a>, b: Val<'a>) -> Walked<'a> {
    how(a.long()?, b.long()?).map(Val::Long).ok_or_else(|| Fail::Overflow.into())
}

/// Whole numbers here; points in time and durations as Cedar does.
fn compare<'a>(op: BinaryOp, a: Val<'a>, b: Val<'a>) -> Walked<'a> {
    let (a, b) = (a.seen()?, b.seen()?);
    if let (Val::Long(a), Val::Long(b)) = (&a, &b) {
        return Ok(Val::Bool(if op == BinaryOp::Less { a < b } else { a <= b }));
    }
    let (Val::Ext(left), Val::Ext(right)) = (&a, &b) else {
        let odd = if matches!(a, Val::Long(_)) { &b } else { &a };
        return Err(odd.is_not("a Long"));
    };
    let compared = binary_relation(op, left, right, Extensions::all_available());
    compared.map(taken).map_err(|_| a.is_not("what can be compared by `<`"))
}

/// A value that Cedar computed, as one of the walk.
fn taken<'a>(value: cedar_policy_core::ast::Value) -> Val<'a> {
    use cedar_policy_core::ast::{Literal, ValueKind};
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(b)) => Val::Bool(*b),
        ValueKind::Lit(Literal::Long(n)) => Val::Long(*n),
        _ => Val::Ext(value),
    }
}
