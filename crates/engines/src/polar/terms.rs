//! Walking through what Polar has read.

use polar_core::parser::Line;
use polar_core::resource_block::Production;
use polar_core::rules::Rule;
use polar_core::sources::SourceInfo;
use polar_core::terms::{Operator, Pattern, Term, Value};
use std::collections::BTreeSet;

/// Classes that Polar has by itself.
const BUILT_IN: [&str; 8] =
    ["Boolean", "Dictionary", "Float", "Integer", "List", "String", "Actor", "Resource"];

/// Kinds of entities that lines speak of.
pub(crate) fn classes(lines: &[Line]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in lines {
        match line {
            Line::Rule(rule) | Line::RuleType(rule) => of_rule(rule, &mut found),
            Line::Query(term) => of_term(term, &mut found),
            Line::ResourceBlock { resource, productions, .. } => {
                named(resource, &mut found);
                productions.iter().for_each(|p| of_production(p, &mut found));
            }
        }
    }
    found.retain(|name| !BUILT_IN.contains(&name.as_str()));
    found
}

/// The line on which a rule begins, from 1.
pub(crate) fn line_of(rule: &Rule) -> usize {
    match &rule.source_info {
        SourceInfo::Parser(at) => polar_core::loc_to_pos(&at.source.src, at.left).0 + 1,
        _ => 0,
    }
}

/// The text of a rule as it stands in the file.
pub(crate) fn text_of(rule: &Rule) -> Option<&str> {
    match &rule.source_info {
        SourceInfo::Parser(at) => at.source.src.get(at.left..at.right),
        _ => None,
    }
}

fn of_rule(rule: &Rule, found: &mut BTreeSet<String>) {
    for parameter in &rule.params {
        of_term(&parameter.parameter, found);
        if let Some(specializer) = &parameter.specializer {
            of_term(specializer, found);
        }
    }
    of_term(&rule.body, found);
}

fn of_production(production: &Production, found: &mut BTreeSet<String>) {
    if let Production::Declaration((_, declared)) = production
        && let Value::Dictionary(relations) = declared.value()
    {
        relations.fields.values().for_each(|kind| named(kind, found));
    }
}

fn named(term: &Term, found: &mut BTreeSet<String>) {
    if let Value::Variable(name) = term.value() {
        found.insert(name.0.clone());
    }
}

fn of_term(term: &Term, found: &mut BTreeSet<String>) {
    match term.value() {
        Value::Pattern(Pattern::Instance(literal)) => {
            found.insert(literal.tag.0.clone());
            literal.fields.fields.values().for_each(|t| of_term(t, found));
        }
        Value::Pattern(Pattern::Dictionary(dictionary)) | Value::Dictionary(dictionary) => {
            dictionary.fields.values().for_each(|t| of_term(t, found));
        }
        Value::List(terms) => terms.iter().for_each(|t| of_term(t, found)),
        Value::Call(call) => call.args.iter().for_each(|t| of_term(t, found)),
        Value::Expression(operation) => {
            if operation.operator == Operator::New
                && let Some(Value::Call(made)) = operation.args.first().map(Term::value)
            {
                found.insert(made.name.0.clone());
            }
            operation.args.iter().for_each(|t| of_term(t, found));
        }
        _ => {}
    }
}
