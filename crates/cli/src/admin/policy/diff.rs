//! `prokura policy diff`: what two versions have in common, and for which questions their answers differ.

use super::test::{invalid, table};
use super::versions::named;
use super::{AdminArgs, line};
use crate::failure::Failure;
use crate::show::{plain, print, source};
use prokura_decider::languages;
use prokura_decider::text::SetText;
use prokura_oauth::json::{Value, obj};
use prokura_policy::pdp::{Engine, Ruling};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Lines around a difference that are shown too.
const AROUND: usize = 2;
/// So many lines of one file are compared line by line; longer ones as a whole.
const LONGEST: usize = 4000;

/// A line of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

pub(super) async fn diff(args: &AdminArgs, a: &str, b: &str, tables: &[PathBuf]) -> Result<(), Failure> {
    let ((a_name, a), (b_name, b)) = (named(args, a).await?, named(args, b).await?);
    if !args.json {
        print(format!("--- {}\n+++ {}", plain(&a_name), plain(&b_name)))?;
    }
    files(&a, &b, args.json)?;
    if tables.is_empty() {
        return Ok(());
    }
    let engine = |text: &SetText| -> Result<Arc<dyn Engine>, Failure> {
        languages::engine("policies", text).map_err(|problems| invalid("policies", text, &problems))
    };
    answers(&*engine(&a)?, &*engine(&b)?, tables, args.json)
}

fn files(a: &SetText, b: &SetText, json: bool) -> Result<(), Failure> {
    // Files that are named one by one come without a schema; all of its lines would stand there as gone.
    let one_sided = a.schema.is_some() != b.schema.is_some();
    let of = |set: &SetText| {
        let schema = set.schema.iter().filter(|_| !one_sided);
        set.files.iter().chain(schema).map(|f| f.name.clone()).collect::<BTreeSet<_>>()
    };
    let text = |set: &SetText, name: &str| {
        set.files
            .iter()
            .chain(&set.schema)
            .find(|f| f.name == name)
            .map(|f| f.text.clone())
            .unwrap_or_default()
    };
    // Two files that are compared are compared whatever they are called.
    let single = (a.files.len(), b.files.len()) == (1, 1) && a.files[0].name != b.files[0].name;
    let names: BTreeSet<String> =
        if single { BTreeSet::new() } else { of(a).union(&of(b)).cloned().collect() };
    let mut same = true;
    let pairs = names.into_iter().map(|n| (text(a, &n), text(b, &n), n));
    let only = single.then(|| (a.files[0].text.clone(), b.files[0].text.clone(), b.files[0].name.clone()));
    for (old, new, name) in pairs.chain(only).filter(|(old, new, _)| old != new) {
        same = false;
        let lines = compare(&old, &new);
        if json {
            let part = |wanted: fn(&Line<'_>) -> Option<String>| {
                lines.iter().filter_map(wanted).map(Value::from).collect()
            };
            line(&obj([
                ("file", name.as_str().into()),
                ("removed", part(|l| if let Line::Gone(t) = l { Some((*t).to_owned()) } else { None })),
                ("added", part(|l| if let Line::New(t) = l { Some((*t).to_owned()) } else { None })),
            ]))?;
        } else {
            print(format!("@@ {}", plain(&name)))?;
            told(&lines)?;
        }
    }
    if one_sided && !json {
        let (has, not) = if a.schema.is_some() { ("first", "second") } else { ("second", "first") };
        return print(format!("@@ the {has} has a schema, the {not} has none"));
    }
    if same && !json { print("The texts are the same.") } else { Ok(()) }
}

fn told(lines: &[Line<'_>]) -> Result<(), Failure> {
    let near = |at: usize| {
        let (from, to) = (at.saturating_sub(AROUND), (at + AROUND + 1).min(lines.len()));
        lines[from..to].iter().any(|l| !matches!(l, Line::Same(_)))
    };
    let mut skipped = false;
    for (at, line) in lines.iter().enumerate() {
        if !near(at) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            print("  …")?;
        }
        match line {
            Line::Same(text) => print(format!("  {}", source(text)))?,
            Line::Gone(text) => print(format!("- {}", source(text)))?,
            Line::New(text) => print(format!("+ {}", source(text)))?,
        }
    }
    Ok(())
}

/// The lines of both, those in common once: by the longest common subsequence.
fn compare<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    if old.len().max(new.len()) > LONGEST {
        return old.into_iter().map(Line::Gone).chain(new.into_iter().map(Line::New)).collect();
    }
    let wide = new.len() + 1;
    let mut longest = vec![0_u16; (old.len() + 1) * wide];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * wide + j] = if old[i] == new[j] {
                longest[(i + 1) * wide + j + 1] + 1
            } else {
                longest[(i + 1) * wide + j].max(longest[i * wide + j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::with_capacity(old.len().max(new.len())));
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len()
            || (i < old.len() && longest[(i + 1) * wide + j] >= longest[i * wide + j + 1])
        {
            lines.push(Line::Gone(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
    lines
}

/// Which cases of the tables are answered otherwise.
fn answers(a: &dyn Engine, b: &dyn Engine, tables: &[PathBuf], json: bool) -> Result<(), Failure> {
    let (mut asked, mut changed) = (0, 0);
    for file in tables {
        let table = table(file)?;
        let (before, after) = (table.run(&[a]), table.run(&[b]));
        for (before, after) in before.iter().zip(&after) {
            asked += 1;
            let (was, is) =
                (word(before.ruling.as_ref(), &before.wrong), word(after.ruling.as_ref(), &after.wrong));
            if was == is {
                continue;
            }
            changed += 1;
            let case = before.case.name.as_str();
            if json {
                line(&obj([
                    ("case", case.into()),
                    ("before", was.as_str().into()),
                    ("after", is.as_str().into()),
                ]))?;
            } else {
                print(format!("  {}: {} -> {}", plain(case), plain(&was), plain(&is)))?;
            }
        }
    }
    if json { Ok(()) } else { print(format!("{changed} of {asked} answers differ.")) }
}

/// An answer, so that two can be compared: what is permitted, with which duties; of rows, how they are not as expected.
fn word(ruling: Option<&Ruling>, wrong: &[String]) -> String {
    let Some(ruling) = ruling else {
        return if wrong.is_empty() { "rows as expected".to_owned() } else { wrong.join("; ") };
    };
    let duties: Vec<_> = ruling.obligations.iter().filter_map(prokura_policy::pdp::to_object).collect();
    let duties: Vec<_> = duties.iter().map(|d| String::from_utf8_lossy(&d.to_vec()).into_owned()).collect();
    match (ruling.permitted, duties.is_empty()) {
        (false, _) => "deny".to_owned(),
        (true, true) => "permit".to_owned(),
        (true, false) => format!("permit with {}", duties.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_stands_once_and_the_rest_is_gone_or_new() {
        use Line::{Gone, New, Same};
        assert_eq!(compare("a\nb\nc", "a\nx\nc"), [Same("a"), Gone("b"), New("x"), Same("c")]);
        assert_eq!(compare("", "a"), [New("a")]);
        assert_eq!(compare("a", ""), [Gone("a")]);
        assert_eq!(compare("a\nb", "b\na\nb"), [New("b"), Same("a"), Same("b")]);
        let long = "x\n".repeat(LONGEST + 1);
        assert_eq!(compare(&long, "x").len(), LONGEST + 2);
    }
}
