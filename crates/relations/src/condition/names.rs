//! Which names an expression takes from outside.

use cel::common::ast::{EntryExpr, Expr};
use cel::parser::Expression;

/// The names that are bound nowhere in the expression.
pub(crate) fn free(expression: &Expression) -> impl Iterator<Item = &str> {
    let mut found = Vec::new();
    walk(&expression.expr, &mut Vec::new(), &mut found);
    found.into_iter()
}

/// What CEL itself calls so: the names of its types.
const KNOWN: &[&str] =
    &["bool", "int", "uint", "double", "string", "bytes", "list", "map", "type", "null_type", "google"];

fn walk<'e>(expression: &'e Expr, bound: &mut Vec<&'e str>, found: &mut Vec<&'e str>) {
    match expression {
        Expr::Unspecified | Expr::Literal(_) => {}
        Expr::Ident(name) => {
            if !bound.contains(&name.as_str()) && !KNOWN.contains(&name.as_str()) {
                found.push(name);
            }
        }
        Expr::Call(call) => {
            let target = call.target.iter().map(|t| &t.expr);
            target.chain(call.args.iter().map(|a| &a.expr)).for_each(|e| walk(e, bound, found));
        }
        Expr::List(list) => list.elements.iter().for_each(|e| walk(&e.expr, bound, found)),
        Expr::Map(map) => map.entries.iter().for_each(|e| entry(&e.expr, bound, found)),
        Expr::Struct(of) => of.entries.iter().for_each(|e| entry(&e.expr, bound, found)),
        Expr::Select(select) => walk(&select.operand.expr, bound, found),
        Expr::Comprehension(of) => {
            walk(&of.iter_range.expr, bound, found);
            walk(&of.accu_init.expr, bound, found);
            let before = bound.len();
            bound.push(&of.iter_var);
            bound.extend(of.iter_var2.as_deref());
            bound.push(&of.accu_var);
            for inner in [&of.loop_cond, &of.loop_step, &of.result] {
                walk(&inner.expr, bound, found);
            }
            bound.truncate(before);
        }
    }
}

fn entry<'e>(entry: &'e EntryExpr, bound: &mut Vec<&'e str>, found: &mut Vec<&'e str>) {
    match entry {
        EntryExpr::StructField(field) => walk(&field.value.expr, bound, found),
        EntryExpr::MapEntry(both) => {
            walk(&both.key.expr, bound, found);
            walk(&both.value.expr, bound, found);
        }
    }
}
