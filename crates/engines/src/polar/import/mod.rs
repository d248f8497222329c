//! From Polar to Cedar: what can be carried over, and what a person has to.
//!
//! A rule that is carried over permits exactly what it did, given what the report says beside it. A rule that is not stands in
//! the result as a comment with its place, and in the report with the reason: nothing is lost without a word.
//!
//! What is carried over: `allow`, `deny` and `obligation` whose conditions compare fields, look into lists, ask for kinds,
//! and call rules that do the same; resource blocks with their roles, permissions and relations, where a rule asks
//! `has_permission` or `has_role`.

mod body;
mod cedar;
mod goals;
mod model;
mod paths;
mod roles;

use super::load::placed;
use super::terms::{line_of, text_of};
use crate::languages::{Carried, How, Imported};
use body::Reader;
use cedar::Policy;
use model::Model;
use polar_core::parser::{Line, parse_lines};
use polar_core::rules::Rule;
use polar_core::sources::Source;
use prokura_policy::pdp::EngineError;
use std::fmt::Write as _;

/// Reads a file of Polar and writes what of it can be said in Cedar.
///
/// # Errors
/// Why it is no Polar, with line and column.
pub fn import(file: &str, text: &str) -> Result<Imported, EngineError> {
    let lines = parse_lines(Source::new_with_name(file, text)).map_err(|e| placed(file, &e))?;
    let model = Model::of(&lines);
    let reader = Reader::new(&model);
    let mut made: Vec<(usize, String, Result<Vec<Policy>, String>)> = Vec::new();
    for line in &lines {
        if let Line::Rule(rule) = line
            && is_asked(rule)
        {
            made.push((line_of(rule), head(rule), reader.policies(rule)));
        }
    }
    // Only now is it known which of the others were needed.
    let used = reader.used();
    let mut report: Vec<(usize, Carried)> = Vec::new();
    let mut cedar = String::new();
    for (line, rule, result) in made {
        let place = format!("{file}:{line}");
        let how = match result {
            Ok(policies) => {
                policies.iter().for_each(|policy| policy.write(&place, &mut cedar));
                let mut given: Vec<String> = policies.iter().flat_map(|p| p.given.clone()).collect();
                given.sort();
                given.dedup();
                How::Over(policies.len(), given)
            }
            Err(why) => How::ByHand(why),
        };
        report.push((line, Carried { place, rule, how }));
    }
    for line in &lines {
        report.extend(other(file, text, line, &used));
    }
    report.sort_by_key(|(line, _)| *line);
    let report: Vec<Carried> = report.into_iter().map(|(_, carried)| carried).collect();
    for carried in &report {
        comment(carried, &lines, file, &mut cedar);
    }
    Ok(Imported { cedar, report })
}

fn is_asked(rule: &Rule) -> bool {
    match (rule.name.0.as_str(), rule.params.len()) {
        ("allow" | "deny", arguments) => arguments == 3 || arguments == 4,
        ("obligation", arguments) => arguments == 5 || arguments == 6,
        _ => false,
    }
}

/// What becomes of a line that is asked for by no name.
fn other(file: &str, text: &str, line: &Line, used: &body::Used) -> Option<(usize, Carried)> {
    let (at, rule, how) = match line {
        Line::Rule(rule) if is_asked(rule) => return None,
        Line::Rule(rule) => {
            let how = match used.rules.contains(&line_of(rule)) {
                true => How::Within,
                false => How::ByHand(unused(rule)),
            };
            (line_of(rule), head(rule), how)
        }
        Line::RuleType(rule) => {
            let why = "a rule type declares and decides nothing; Cedar's schema does";
            (line_of(rule), format!("type {}", head(rule)), How::ByHand(why.to_owned()))
        }
        Line::Query(_) => {
            let why = "a query tests: put it into a table of cases";
            (line_with(text, "?="), "?= …".to_owned(), How::ByHand(why.to_owned()))
        }
        Line::ResourceBlock { resource, productions, .. } => {
            let name = resource.to_string();
            // A block that says nothing but that there is such a kind has nothing to carry over.
            let how = match used.blocks.contains(&name) || productions.is_empty() {
                true => How::Within,
                false => {
                    How::ByHand("no rule that was carried over asks for its permissions or roles".to_owned())
                }
            };
            (line_with(text, &format!("{name} {{")), format!("{name} {{ … }}"), how)
        }
    };
    Some((at, Carried { place: format!("{file}:{at}"), rule, how }))
}

fn unused(rule: &Rule) -> String {
    match rule.name.0.as_str() {
        "has_role" | "has_relation" => {
            "it asks the application's own data: give resources the fields that the report names"
        }
        "allow_field" | "allow_request" => {
            "fields are kept by obligations (`@drop`, `@only`), and requests are actions"
        }
        _ => "no rule that was carried over needs it",
    }
    .to_owned()
}

fn line_with(text: &str, what: &str) -> usize {
    text.lines().position(|line| line.contains(what)).map_or(1, |at| at + 1)
}

fn head(rule: &Rule) -> String {
    let text = text_of(rule).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default().trim_end_matches(';').trim();
    if first.is_empty() { rule.name.0.clone() } else { first.to_owned() }
}

/// What a person has to carry over stands as it was.
fn comment(carried: &Carried, lines: &[Line], file: &str, cedar: &mut String) {
    let How::ByHand(why) = &carried.how else { return };
    let whole = lines.iter().find_map(|line| match line {
        Line::Rule(rule) if format!("{file}:{}", line_of(rule)) == carried.place => text_of(rule),
        _ => None,
    });
    let _ = writeln!(cedar, "// {}: by hand, because {why}", carried.place);
    for line in whole.unwrap_or(&carried.rule).lines() {
        let _ = writeln!(cedar, "//   {line}");
    }
    cedar.push('\n');
}
