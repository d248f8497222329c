//! What an expression can cost, before it is evaluated.
//!
//! CEL ends always, but not always soon: a list within a list within a list, or a text that is joined with itself in each
//! step. Here a body that is evaluated for each member of a list builds nothing that is larger than what it was given; then
//! the work is at most that of one pass, times the longest list for each body within a body.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};
use prokura_oauth::json::{Object, Value};

/// How many parts may stand within each other: so many frames of the stack it takes to evaluate them.
pub(super) const TALLEST: u32 = 16;
/// How many bodies may stand within each other.
const DEEPEST: u32 = 2;
/// How much may be walked through: nodes of the expression × bytes of the input, for each member of the lists.
const MOST: u64 = 64 << 20;

/// How large an input is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    bytes: u64,
    longest: u64,
}

impl Size {
    pub(super) fn add_object(&mut self, object: &Object) {
        self.longest = self.longest.max(object.len() as u64);
        for (name, value) in object {
            self.bytes += name.len() as u64 + 1;
            self.add(value);
        }
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.bytes += 8,
            Value::String(text) => self.bytes += text.len() as u64 + 1,
            Value::Array(all) => {
                self.longest = self.longest.max(all.len() as u64);
                self.bytes += 1;
                all.iter().for_each(|value| self.add(value));
            }
            Value::Object(object) => self.add_object(object),
        }
    }
}

/// What an expression can cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    nodes: u64,
    /// How often something is joined with something.
    joins: u64,
    /// How many bodies stand within each other.
    depth: u32,
    /// The longest list that the expression itself writes.
    longest: u64,
}

impl Cost {
    /// The cost of an expression, or why nobody can tell.
    pub(super) fn of(expression: &Expr) -> Result<Self, &'static str> {
        let mut cost = Self::default();
        cost.add(expression, 0)?;
        Ok(cost)
    }

    /// Whether it can be evaluated over so much.
    pub(super) fn fits(&self, size: &Size) -> bool {
        let longest = size.longest.max(self.longest).max(1).saturating_mul(self.joins + 1);
        let once = self.nodes.saturating_mul(size.bytes.max(1)).saturating_mul(self.joins + 1);
        once.saturating_mul(longest.saturating_pow(self.depth)) <= MOST
    }

    fn add(&mut self, expression: &Expr, bodies: u32) -> Result<(), &'static str> {
        self.nodes += 1;
        self.depth = self.depth.max(bodies);
        match expression {
            Expr::Unspecified => Err("cannot be read"),
            Expr::Ident(_) | Expr::Literal(_) => Ok(()),
            Expr::Select(select) => self.add(&select.operand.expr, bodies),
            Expr::Comprehension(of) => self.comprehension(of, bodies),
            Expr::List(list) => {
                self.longest = self.longest.max(list.elements.len() as u64);
                built(bodies, list.elements.iter().map(|e| &e.expr))?;
                list.elements.iter().try_for_each(|e| self.add(&e.expr, bodies))
            }
            Expr::Map(map) => {
                self.longest = self.longest.max(map.entries.len() as u64);
                let parts: Vec<_> = map.entries.iter().flat_map(|e| entry(&e.expr)).collect();
                built(bodies, parts.iter().copied())?;
                parts.into_iter().try_for_each(|e| self.add(e, bodies))
            }
            Expr::Struct(_) => Err("makes a message, which there is not"),
            Expr::Call(call) => {
                self.called(&call.func_name, bodies, call.args.iter().map(|a| &a.expr))?;
                let target = call.target.iter().map(|t| &t.expr);
                target.chain(call.args.iter().map(|a| &a.expr)).try_for_each(|e| self.add(e, bodies))
            }
        }
    }

    fn called<'e>(
        &mut self,
        name: &str,
        bodies: u32,
        arguments: impl Iterator<Item = &'e Expr>,
    ) -> Result<(), &'static str> {
        match name {
            operators::ADD if bodies > 0 => Err("joins something for each member of a list"),
            operators::ADD => {
                self.joins += 1;
                Ok(())
            }
            "matches" if !arguments.last().is_some_and(is_plain_pattern) => {
                Err("matches a pattern that it does not name, or that counts")
            }
            _ => Ok(()),
        }
    }

    fn comprehension(&mut self, of: &ComprehensionExpr, bodies: u32) -> Result<(), &'static str> {
        if bodies == DEEPEST {
            return Err("walks through lists within lists within lists");
        }
        self.add(&of.iter_range.expr, bodies)?;
        self.add(&of.accu_init.expr, 0)?;
        self.step(of, &of.loop_cond.expr, bodies + 1)?;
        self.step(of, &of.loop_step.expr, bodies + 1)?;
        self.add(&of.result.expr, bodies)
    }

    /// A step of a body. What the language itself adds to what it collects is no joining: a member for a member.
    fn step(&mut self, of: &ComprehensionExpr, step: &Expr, bodies: u32) -> Result<(), &'static str> {
        let Expr::Call(call) = step else { return self.add(step, bodies) };
        let collects = |e: &Expr| matches!(e, Expr::Ident(name) if *name == of.accu_var);
        let mut arguments = call.args.iter().map(|a| &a.expr);
        match (call.func_name.as_str(), call.args.first()) {
            (operators::ADD, Some(first)) if collects(&first.expr) => {
                self.nodes += 1;
                arguments.skip(1).try_for_each(|e| match e {
                    Expr::List(one) => one.elements.iter().try_for_each(|e| self.add(&e.expr, bodies)),
                    other => self.add(other, bodies),
                })
            }
            (operators::CONDITIONAL, _) => arguments.try_for_each(|e| self.step(of, e, bodies)),
            _ => self.add(step, bodies),
        }
    }
}

/// Whether more parts than `most` stand within each other.
pub(super) fn is_taller(expression: &Expr, most: u32) -> bool {
    let Some(most) = most.checked_sub(1) else { return true };
    let taller = |e: &Expr| is_taller(e, most);
    match expression {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => false,
        Expr::Select(select) => taller(&select.operand.expr),
        Expr::Call(call) => {
            call.target.iter().any(|t| taller(&t.expr)) || call.args.iter().any(|a| taller(&a.expr))
        }
        Expr::List(list) => list.elements.iter().any(|e| taller(&e.expr)),
        Expr::Map(map) => map.entries.iter().flat_map(|e| entry(&e.expr)).any(taller),
        Expr::Struct(of) => of.entries.iter().flat_map(|e| entry(&e.expr)).any(taller),
        Expr::Comprehension(of) => {
            let parts = [&of.iter_range, &of.accu_init, &of.loop_cond, &of.loop_step, &of.result];
            parts.into_iter().any(|part| taller(&part.expr))
        }
    }
}

/// Within a body only what is the same each time may be built.
fn built<'e>(bodies: u32, mut parts: impl Iterator<Item = &'e Expr>) -> Result<(), &'static str> {
    if bodies == 0 || parts.all(|part| matches!(part, Expr::Literal(_))) {
        return Ok(());
    }
    Err("builds something for each member of a list")
}

fn entry(entry: &EntryExpr) -> Vec<&Expr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value.expr],
        EntryExpr::MapEntry(both) => vec![&both.key.expr, &both.value.expr],
    }
}

/// A pattern that is written out, and repeats nothing a counted number of times: such a one is small when it is compiled.
fn is_plain_pattern(pattern: &Expr) -> bool {
    match pattern {
        Expr::Literal(LiteralValue::String(text)) => !text.inner().contains('{'),
        _ => false,
    }
}
