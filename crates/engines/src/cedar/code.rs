//! A rule as it is walked: Cedar's own syntax tree, with names as plain text and constants computed once.

use super::value::{Uid, call};
use cedar_policy_core::ast::{self, BinaryOp, ExprKind, Literal, UnaryOp, Var};
use std::sync::Arc;

/// How deep expressions may nest, so that no rule can exhaust the stack.
const DEEPEST: usize = 200;

/// A rule that nests too deep, or uses what nothing here can evaluate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotCode {
    #[error("its condition nests deeper than {DEEPEST}: split it into several policies")]
    TooDeep,
    #[error("templates have no place here: write the policy once for each of whom it speaks, or of a group")]
    Template,
}

/// The name of an entity, owned.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) kind: Arc<str>,
    pub(super) id: Arc<str>,
}

impl Name {
    pub(super) fn of(uid: &ast::EntityUID) -> Self {
        let eid: &str = uid.eid().as_ref();
        Self { kind: uid.entity_type().to_string().into(), id: eid.into() }
    }

    pub(super) fn uid(&self) -> Uid<'_> {
        Uid { kind: &self.kind, id: &self.id }
    }
}

/// An expression, and where in its text it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) op: Op,
    /// First byte and the one after the last; both 0 if nobody wrote it.
    pub(super) at: (usize, usize),
}

/// What is computed.
#[derive(Debug)]
pub(super) enum Op {
    Bool(bool),
    Long(i64),
    Str(Box<str>),
    Entity(Name),
    /// A constant of an extension, such as `decimal("1.0")`.
    Const(ast::Value),
    Var(Var),
    If(Box<[Node; 3]>),
    /// All of these, from the left.
    And(Vec<Node>),
    /// Any of these, from the left.
    Or(Vec<Node>),
    Unary(UnaryOp, Box<Node>),
    Binary(BinaryOp, Box<[Node; 2]>),
    /// A function of an extension; numbers that it is given may have to be decimals.
    Call {
        name: ast::Name,
        arguments: Vec<Node>,
        decimals: bool,
    },
    Get(Box<Node>, Box<str>),
    Has(Box<Node>, Vec<Box<str>>),
    Like(Box<Node>, ast::Pattern),
    Is(Box<Node>, Box<str>),
    Set(Vec<Node>),
    Record(Vec<(Box<str>, Node)>),
}

impl Node {
    /// Takes an expression of Cedar's.
    pub(super) fn of(expr: &ast::Expr) -> Result<Self, NotCode> {
        node(expr, DEEPEST)
    }

    /// The conditions that all have to hold: of a conjunction each, else the one.
    pub(super) fn clauses(&self) -> &[Self] {
        match &self.op {
            Op::And(all) => all,
            _ => std::slice::from_ref(self),
        }
    }
}

fn node(expr: &ast::Expr, depth: usize) -> Result<Node, NotCode> {
    let deeper = depth.checked_sub(1).ok_or(NotCode::TooDeep)?;
    let boxed = |e: &ast::Expr| node(e, deeper).map(Box::new);
    let many = |all: &[ast::Expr]| all.iter().map(|e| node(e, deeper)).collect::<Result<Vec<_>, _>>();
    let op = match expr.expr_kind() {
        ExprKind::Lit(literal) => constant(literal),
        ExprKind::Var(var) => Op::Var(*var),
        ExprKind::Slot(_) | ExprKind::Unknown(_) => return Err(NotCode::Template),
        ExprKind::If { test_expr, then_expr, else_expr } => {
            Op::If(Box::new([node(test_expr, deeper)?, node(then_expr, deeper)?, node(else_expr, deeper)?]))
        }
        ExprKind::And { .. } => Op::And(spine(expr, deeper, and)?),
        ExprKind::Or { .. } => Op::Or(spine(expr, deeper, or)?),
        ExprKind::UnaryApp { op, arg } => Op::Unary(*op, boxed(arg)?),
        ExprKind::BinaryApp { op, arg1, arg2 } => {
            Op::Binary(*op, Box::new([node(arg1, deeper)?, node(arg2, deeper)?]))
        }
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            folded(fn_name, args).map_or_else(|| Ok(function(fn_name, many(args)?)), |v| Ok(Op::Const(v)))?
        }
        ExprKind::GetAttr { expr, attr } => Op::Get(boxed(expr)?, attr.as_str().into()),
        ExprKind::HasAttr { expr, attr } => Op::Has(boxed(expr)?, vec![attr.as_str().into()]),
        ExprKind::ExtHasAttr { expr, attrs } => {
            Op::Has(boxed(expr)?, attrs.iter().map(|a| a.as_str().into()).collect())
        }
        ExprKind::Like { expr, pattern } => Op::Like(boxed(expr)?, pattern.clone()),
        ExprKind::Is { expr, entity_type } => Op::Is(boxed(expr)?, entity_type.to_string().into()),
        ExprKind::Set(items) => Op::Set(many(items)?),
        ExprKind::Record(members) => {
            let member =
                |(name, e): (&_, &ast::Expr)| Ok((AsRef::<str>::as_ref(name).into(), node(e, deeper)?));
            Op::Record(members.iter().map(|(k, e)| member((k.as_str(), e))).collect::<Result<_, NotCode>>()?)
        }
    };
    Ok(Node { op, at: expr.source_loc().map_or((0, 0), |loc| (loc.start(), loc.end())) })
}

fn constant(literal: &Literal) -> Op {
    match literal {
        Literal::Bool(b) => Op::Bool(*b),
        Literal::Long(n) => Op::Long(*n),
        Literal::String(s) => Op::Str(s.as_str().into()),
        Literal::EntityUID(uid) => Op::Entity(Name::of(uid)),
    }
}

/// `amount.lessThan(decimal("10.5"))` is meant of an amount of 10 as it is of 10.0.
fn function(name: &ast::Name, arguments: Vec<Node>) -> Op {
    let comparisons = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];
    let decimals = comparisons.contains(&name.to_string().as_str());
    Op::Call { name: name.clone(), arguments, decimals }
}

/// The value of a constructor of constants, if it has one.
fn folded(name: &ast::Name, arguments: &[ast::Expr]) -> Option<ast::Value> {
    let name = name.to_string();
    if !matches!(&*name, "decimal" | "ip" | "datetime" | "duration") {
        return None;
    }
    let [argument] = arguments else { return None };
    let ExprKind::Lit(Literal::String(text)) = argument.expr_kind() else { return None };
    call(&name, &[text.as_str().into()]).ok()
}

type Pair<'a> = Option<(&'a ast::Expr, &'a ast::Expr)>;

fn and(expr: &ast::Expr) -> Pair<'_> {
    match expr.expr_kind() {
        ExprKind::And { left, right } => Some((left, right)),
        _ => None,
    }
}

fn or(expr: &ast::Expr) -> Pair<'_> {
    match expr.expr_kind() {
        ExprKind::Or { left, right } => Some((left, right)),
        _ => None,
    }
}

/// The operands of a chain, from the left: `a && (b && c)` and `(a && b) && c` are the same, so a long chain is not deep.
fn spine(expr: &ast::Expr, depth: usize, pair: fn(&ast::Expr) -> Pair<'_>) -> Result<Vec<Node>, NotCode> {
    let (mut open, mut found) = (vec![expr], Vec::new());
    while let Some(next) = open.pop() {
        match pair(next) {
            Some((left, right)) => open.extend([right, left]),
            None => found.push(node(next, depth)?),
        }
    }
    Ok(found)
}
