//! An evaluator that knows nothing of ours nor of Cedar's: every policy, from the left to the right, on the trees that the
//! policies were written from.

use super::policy::{Does, E, Head, Id, Policy, Thing, V};
use std::collections::BTreeSet;

/// A request.
pub(crate) struct Asked<'a> {
    pub(crate) principal: &'a Thing,
    pub(crate) action: Id,
    pub(crate) resource: &'a Thing,
    pub(crate) arguments: &'a [(&'static str, V)],
    pub(crate) scopes: &'a [V],
    pub(crate) known: &'a [Thing],
}

/// A value that is computed with.
#[derive(Debug, Clone)]
enum R {
    Bool(bool),
    /// Ten-thousandths: whole numbers are Longs, the others decimals.
    Number(i64),
    /// A number that cannot be computed with, until somebody does.
    Odd,
    Text(&'static str),
    Who(Id),
    Many(Vec<R>),
    /// An object among arguments, which looks like a reference and is none.
    Object(Id),
    Arguments,
}

struct Failed;

/// What every policy comes to, in the words of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) permits: BTreeSet<usize>,
    pub(crate) forbids: BTreeSet<usize>,
    pub(crate) obliges: BTreeSet<usize>,
    pub(crate) failed: BTreeSet<usize>,
}

pub(crate) fn answer(policies: &[Policy], asked: &Asked<'_>) -> Answer {
    let none = BTreeSet::new;
    let mut answer = Answer { permits: none(), forbids: none(), obliges: none(), failed: none() };
    for (number, policy) in policies.iter().enumerate() {
        let into = match (asked.applies(policy), policy.does) {
            (Ok(false), _) => continue,
            (Err(Failed), _) => &mut answer.failed,
            (Ok(true), Does::Permit) => &mut answer.permits,
            (Ok(true), Does::Forbid) => &mut answer.forbids,
            (Ok(true), Does::Oblige) => &mut answer.obliges,
        };
        into.insert(number);
    }
    answer
}

impl Asked<'_> {
    fn thing(&self, id: Id) -> Option<&Thing> {
        [self.principal, self.resource].into_iter().chain(self.known).find(|t| t.id == id)
    }

    /// Whether `a` is below `b`, by trying every way up.
    fn is_in(&self, a: Id, b: Id, seen: &mut Vec<Id>) -> bool {
        if a == b {
            return true;
        }
        if seen.contains(&a) {
            return false;
        }
        seen.push(a);
        self.thing(a).is_some_and(|t| t.parents.iter().any(|p| self.is_in(*p, b, seen)))
    }

    fn head(&self, head: &Head, id: Id) -> bool {
        match head {
            Head::Any => true,
            Head::Is(who) => *who == id,
            Head::In(any) => any.iter().any(|g| self.is_in(id, *g, &mut Vec::new())),
            Head::Kind(kind) => *kind == id.0,
            Head::KindIn(kind, group) => *kind == id.0 && self.is_in(id, *group, &mut Vec::new()),
        }
    }

    fn applies(&self, policy: &Policy) -> Result<bool, Failed> {
        let heads = [
            (&policy.principal, self.principal.id),
            (&policy.action, self.action),
            (&policy.resource, self.resource.id),
        ];
        if !heads.into_iter().all(|(head, id)| self.head(head, id)) {
            return Ok(false);
        }
        for when in &policy.when {
            if !self.bool(when)? {
                return Ok(false);
            }
        }
        for unless in &policy.unless {
            if self.bool(unless)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn bool(&self, e: &E) -> Result<bool, Failed> {
        match self.value(e)? {
            R::Bool(b) => Ok(b),
            _ => Err(Failed),
        }
    }

    fn long(&self, e: &E) -> Result<i64, Failed> {
        match self.value(e)? {
            R::Number(n) if n % 10_000 == 0 => Ok(n),
            _ => Err(Failed),
        }
    }

    fn who(&self, e: &E) -> Result<Id, Failed> {
        match self.value(e)? {
            R::Who(id) => Ok(id),
            _ => Err(Failed),
        }
    }

    fn member(&self, of: &R, name: &str) -> Result<Option<R>, Failed> {
        let members = match of {
            R::Arguments => self.arguments,
            R::Who(id) => &self.thing(*id).ok_or(Failed)?.attributes,
            R::Object(_) => &[][..],
            _ => return Err(Failed),
        };
        let plain = matches!(of, R::Arguments);
        Ok(members.iter().find(|(n, v)| *n == name && *v != V::Null).map(|(_, v)| taken(v, plain)))
    }

    fn value(&self, e: &E) -> Result<R, Failed> {
        Ok(match e {
            E::Lit(v) => taken(v, false),
            E::Principal => R::Who(self.principal.id),
            E::Action => R::Who(self.action),
            E::Resource => R::Who(self.resource.id),
            E::Arguments => R::Arguments,
            E::Scopes => R::Many(self.scopes.iter().map(|v| taken(v, false)).collect()),
            E::Get(of, name) => self.member(&self.value(of)?, name)?.ok_or(Failed)?,
            E::Has(of, name) => match self.value(of)? {
                R::Who(id) if self.thing(id).is_none() => R::Bool(false),
                of => R::Bool(self.member(&of, name)?.is_some()),
            },
            E::Eq(a, b) => R::Bool(equal(&self.value(a)?, &self.value(b)?)?),
            E::Less(a, b) => R::Bool(self.long(a)? < self.long(b)?),
            E::AtMost(a, b) => R::Bool(self.long(a)? <= self.long(b)?),
            E::In(a, b) => self.within(self.who(a)?, b)?,
            E::Contains(a, b) => match (self.value(a)?, self.value(b)?) {
                (R::Many(items), one) => {
                    let found: Vec<bool> = items.iter().map(|i| equal(i, &one)).collect::<Result<_, _>>()?;
                    R::Bool(found.contains(&true))
                }
                _ => return Err(Failed),
            },
            E::Like(a, pattern) => match self.value(a)? {
                R::Text(text) => R::Bool(like(text, pattern)),
                _ => return Err(Failed),
            },
            E::Is(a, kind) => R::Bool(self.who(a)?.0 == *kind),
            E::And(a, b) => R::Bool(self.bool(a)? && self.bool(b)?),
            E::Or(a, b) => R::Bool(self.bool(a)? || self.bool(b)?),
            E::Not(a) => R::Bool(!self.bool(a)?),
            E::If(a, b, c) => self.value(if self.bool(a)? { b } else { c })?,
            E::List(items) => R::Many(items.iter().map(|i| self.value(i)).collect::<Result<_, _>>()?),
        })
    }

    fn within(&self, a: Id, b: &E) -> Result<R, Failed> {
        let any = match self.value(b)? {
            R::Many(items) => items,
            one => vec![one],
        };
        let mut found = false;
        for group in any {
            let R::Who(group) = group else { return Err(Failed) };
            found |= self.is_in(a, group, &mut Vec::new());
        }
        Ok(R::Bool(found))
    }
}

/// In arguments, a reference is an object like any other.
fn taken(v: &V, plain: bool) -> R {
    match v {
        V::Bool(b) => R::Bool(*b),
        V::Number(_, counts) => counts.map_or(R::Odd, R::Number),
        V::Text(text) => R::Text(text),
        V::Who(id) if plain => R::Object(*id),
        V::Who(id) => R::Who(*id),
        V::Many(items) => R::Many(items.iter().map(|i| taken(i, plain)).collect()),
        V::Null => R::Odd,
    }
}

fn equal(a: &R, b: &R) -> Result<bool, Failed> {
    Ok(match (a, b) {
        (R::Odd, _) | (_, R::Odd) => return Err(Failed),
        (R::Bool(a), R::Bool(b)) => a == b,
        (R::Number(a), R::Number(b)) => a == b,
        (R::Text(a), R::Text(b)) => a == b,
        (R::Who(a), R::Who(b)) | (R::Object(a), R::Object(b)) => a == b,
        (R::Many(a), R::Many(b)) => {
            let all = |a: &[R], b: &[R]| a.iter().all(|x| b.iter().any(|y| equal(x, y).unwrap_or(false)));
            all(a, b) && all(b, a)
        }
        _ => false,
    })
}

/// Patterns of this test: at most one star, at an end; `\*` is a star.
fn like(text: &str, pattern: &str) -> bool {
    match pattern {
        "x\\*" => text == "x*",
        _ => match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(end), _) => text.ends_with(end),
            (_, Some(start)) => text.starts_with(start),
            _ => text == pattern,
        },
    }
}
