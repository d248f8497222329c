//! Loading policies, and saying what is wrong with them.

use super::host::one_line;
use super::{Asked, Polar, What, terms};
use polar_core::diagnostic::Diagnostic;
use polar_core::error::PolarError;
use polar_core::parser::{Line, parse_lines};
use polar_core::polar::Polar as Library;
use polar_core::rules::Rule;
use polar_core::sources::{Context, Source};
use polar_core::terms::{ExternalInstance, Symbol, Term, Value};
use prokura_policy::pdp::EngineError;
use std::collections::BTreeSet;

type File = (String, String);

/// Polar allows `allow` three arguments unless it is told of more.
const PRELUDE: &str = "type allow(_subject, _action, _resource, _request);\n";

pub(super) fn load(set: &str, files: &[File]) -> Result<Polar, Vec<EngineError>> {
    let (lines, wrong) = parsed(files);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let asked = asked(&lines);
    if asked.is_empty() {
        let why =
            "there is no rule `allow(subject, action, resource)`, `deny(…)` or `obligation(…)`: write one";
        let place = files.first().map_or_else(|| set.to_owned(), |(name, _)| name.clone());
        return Err(vec![EngineError { place, why: why.to_owned() }]);
    }
    let classes = terms::classes(&lines);
    let library = library(&classes, files)?;
    Ok(Polar { set: set.into(), library, classes, asked: asked.into_iter().collect() })
}

fn parsed(files: &[File]) -> (Vec<Line>, Vec<EngineError>) {
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for (name, text) in files {
        match parse_lines(Source::new_with_name(name, text)) {
            Ok(read) => {
                wrong.extend(read.iter().filter_map(|line| queried(name, line)));
                lines.extend(read);
            }
            Err(e) => wrong.push(placed(name, &e)),
        }
    }
    (lines, wrong)
}

/// A query in a file was Oso's way to test; here it would be asked of nobody known.
fn queried(file: &str, line: &Line) -> Option<EngineError> {
    let Line::Query(_) = line else { return None };
    let why = "a query `?= …` is not asked when policies are loaded: put it into a table of cases";
    Some(EngineError { place: file.to_owned(), why: why.to_owned() })
}

fn asked(lines: &[Line]) -> BTreeSet<Asked> {
    let rules = lines.iter().filter_map(|line| match line {
        Line::Rule(rule) => Some(rule),
        _ => None,
    });
    rules.filter_map(asked_by).collect()
}

fn asked_by(rule: &Rule) -> Option<Asked> {
    let all = [What::Allow, What::Deny, What::Obligation];
    let what = all.into_iter().find(|what| what.name() == rule.name.0)?;
    let with_request = rule.params.len() == what.arguments() + 1;
    (with_request || rule.params.len() == what.arguments()).then_some(Asked { what, with_request })
}

fn library(classes: &BTreeSet<String>, files: &[File]) -> Result<Library, Vec<EngineError>> {
    let mut library = Library::new();
    library.set_ignore_no_allow_warning(true);
    for class in classes {
        register(&library, class).map_err(|e| vec![placed(class, &e)])?;
    }
    let prelude = std::iter::once(Source::new_with_name("prelude", PRELUDE));
    let sources = prelude.chain(files.iter().map(|(name, text)| Source::new_with_name(name, text))).collect();
    let wrong: Vec<_> = library
        .diagnostic_load(sources)
        .iter()
        .filter_map(|diagnostic| match diagnostic {
            Diagnostic::Error(e) => Some(placed("polar", e)),
            Diagnostic::Warning(_) => None,
        })
        .collect();
    if wrong.is_empty() { Ok(library) } else { Err(wrong) }
}

/// Makes a kind known as a class of which nothing is inherited.
fn register(library: &Library, class: &str) -> Result<(), Box<PolarError>> {
    let instance = ExternalInstance {
        instance_id: library.get_external_id(),
        constructor: None,
        repr: Some(class.to_owned()),
        class_repr: Some(class.to_owned()),
        class_id: None,
    };
    library.register_constant(Symbol::new(class), Term::from(Value::ExternalInstance(instance)))?;
    Ok(library.register_mro(Symbol::new(class), Vec::new())?)
}

pub(crate) fn placed(file: &str, error: &PolarError) -> EngineError {
    let place = error.get_context().map_or_else(|| file.to_owned(), |at| place_of(file, &at));
    EngineError { place, why: one_line(&error.0.to_string()) }
}

fn place_of(file: &str, at: &Context) -> String {
    let (line, column) = polar_core::loc_to_pos(&at.source.src, at.left);
    let file = at.source.filename.as_deref().unwrap_or(file);
    format!("{file}:{}:{}", line + 1, column + 1)
}
