//! Functions that call themselves, found in the text: the interpreter finds rules that do, and follows functions until its
//! stack is full. Asked only where the virtual machine, which knows better, does not take the policies.

use std::collections::{BTreeMap, BTreeSet};

/// The name of a function that calls itself, directly or not. Functions of the same name in different packages count as
/// one.
pub(super) fn recursive<'m>(modules: impl Iterator<Item = &'m str>) -> Option<String> {
    let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for module in modules {
        for statement in statements(&code(module)) {
            let mut named = called(&statement);
            if let Some(head) = named.next().filter(|head| begins_with(&statement, head)) {
                calls.entry(head).or_default().extend(named);
            }
        }
    }
    calls.keys().find(|function| reaches(&calls, function)).cloned()
}

fn begins_with(statement: &str, head: &str) -> bool {
    statement.trim_start().trim_start_matches("default ").trim_start().starts_with(head)
}

fn reaches(calls: &BTreeMap<String, BTreeSet<String>>, function: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), calls.get(function).cloned().unwrap_or_default());
    while let Some(next) = open.pop_first() {
        if next == function {
            return true;
        }
        if seen.insert(next.clone()) {
            open.extend(calls.get(&next).into_iter().flatten().filter(|f| !seen.contains(*f)).cloned());
        }
    }
    false
}

/// The text without comments and with empty strings.
fn code(module: &str) -> String {
    let (mut code, mut chars) = (String::with_capacity(module.len()), module.chars());
    while let Some(c) = chars.next() {
        match c {
            '#' => {
                chars.by_ref().find(|c| *c == '\n');
                code.push('\n');
            }
            '`' => {
                chars.by_ref().find(|c| *c == '`');
                code.push('"');
            }
            '"' => {
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    if c == '\\' {
                        chars.next();
                    }
                }
                code.push('"');
            }
            c => code.push(c),
        }
    }
    code
}

/// What stands between two line ends outside of all brackets, with the bracketed lines that belong to it; an `else` or an
/// indented line belongs to what came before.
fn statements(code: &str) -> Vec<String> {
    let (mut statements, mut depth) = (Vec::<String>::new(), 0_i32);
    for line in code.lines() {
        let continues = depth > 0 || line.trim_start().starts_with("else") || line.trim().is_empty();
        match statements.last_mut().filter(|_| continues || ends_open(statements_end(code, line))) {
            Some(last) => {
                last.push('\n');
                last.push_str(line);
            }
            None => statements.push(line.to_owned()),
        }
        for c in line.chars() {
            match c {
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth -= 1,
                _ => {}
            }
        }
    }
    statements
}

/// What comes before a line.
fn statements_end<'c>(code: &'c str, line: &str) -> &'c str {
    let at = (line.as_ptr() as usize).saturating_sub(code.as_ptr() as usize);
    code.get(..at).unwrap_or_default()
}

/// Whether a statement cannot be over yet: it ends with a word or sign that asks for more.
fn ends_open(before: &str) -> bool {
    let before = before.trim_end();
    before.ends_with(" if") || before.ends_with('=') || before.ends_with(',')
}

/// Names that stand before an opening bracket, by their last part: `data.p.f(` is `f`.
fn called(statement: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = statement.match_indices('(').filter_map(move |(at, _)| {
        let before = &statement[..at];
        let begin = before.rfind(|c| !is_part(c)).map_or(0, |i| i + 1);
        (begin < at).then(|| before[begin..].to_owned())
    });
    named.collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_call_themselves_are_found() {
        for module in [
            "f(x) if f(x)",
            "f(x) if {\n  f(x) with input as 1\n}",
            "f(x) := y if\n  y := g(x)\ng(x) := y if { y := data.p.f(x) }",
            "f(x) := 1 if x == 2\nelse := f(x)",
            "default f(_) := false\nf(x) if { g(x) }\ng(x) if { h(x) }\nh(x) if g(x)",
        ] {
            assert!(recursive([module].into_iter()).is_some(), "{module}");
        }
        for module in [
            "f(x) if g(x)\ng(x) if count(x) == 1",
            "allow if f(1)\nf(x) if x == 1 # f(x)",
            "f(x) if x == \"f(\\\"x)\"\ng(x) if f(x)",
            "allow if {\n  f(1)\n  f(2)\n}\nf(x) if x == `f(1)`",
        ] {
            assert_eq!(recursive([module].into_iter()), None, "{module}");
        }
    }
}
