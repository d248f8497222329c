//! `prokura policy test`: tables of cases, put to policies.

use super::place::Placed;
use super::{AdminArgs, Loaded, Policies, configured, line, read, set_of};
use crate::failure::Failure;
use crate::show::{plain, print};
use prokura_config::PolicySet;
use prokura_decider::languages;
use prokura_decider::text::SetText;
use prokura_engines::table::{Outcome, Table, Tally};
use prokura_oauth::json::{Value, obj};
use prokura_policy::pdp::{Engine, EngineError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn test(
    args: &AdminArgs,
    tables: &[PathBuf],
    names: &[String],
    of: Policies,
) -> Result<(), Failure> {
    let sets = if of.files.is_empty() {
        configured(&Loaded::read(&args.config)?, names)?
    } else {
        vec![set_of(of.files, of.schema)?]
    };
    if sets.is_empty() {
        return Err(Failure::usage(
            "there is no policy set in files: add a `[[policy.set]]`, or use `--policies`",
        ));
    }
    let engines = sets.iter().map(engine).collect::<Result<Vec<_>, _>>()?;
    let engines: Vec<&dyn Engine> = engines.iter().map(|e| &**e).collect();
    let (mut right, mut wrong) = (0, 0);
    for file in tables {
        let table = table(file)?;
        let outcomes = table.run(&engines);
        let tally = Tally::of(&outcomes);
        (right, wrong) = (right + tally.right, wrong + tally.wrong);
        told(file, &outcomes, args.json)?;
    }
    if !args.json {
        print(format!("{right} right, {wrong} wrong."))?;
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::refused("1 case came out otherwise than it must")),
        n => Err(Failure::refused(format!("{n} cases came out otherwise than they must"))),
    }
}

/// Reads a table.
pub(super) fn table(file: &Path) -> Result<Table, Failure> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::usage(format!("`{shown}` cannot be read: {e}")))?;
    Table::read(&shown, &text).map_err(Failure::usage)
}

fn engine(set: &PolicySet) -> Result<Arc<dyn Engine>, Failure> {
    let text = read(set)?;
    languages::engine(&set.name, &text).map_err(|problems| invalid(&set.name, &text, &problems))
}

/// That a set is not valid, with everything that is wrong.
pub(super) fn invalid(set: &str, text: &SetText, problems: &[EngineError]) -> Failure {
    let placed = |problem| Placed { problem, text: Some(text), sort: "error" }.to_string();
    let all: Vec<_> = problems.iter().map(placed).collect();
    Failure::refused(format!("the policies of `{set}` are not valid:\n{}", all.join("\n")))
}

fn told(file: &Path, outcomes: &[Outcome<'_>], json: bool) -> Result<(), Failure> {
    let file = plain(&file.display().to_string());
    if !json {
        print(&file)?;
    }
    for outcome in outcomes {
        if json {
            let wrong: Value = outcome.wrong.iter().map(|w| Value::from(w.as_str())).collect();
            line(&obj([
                ("table", file.as_str().into()),
                ("case", outcome.case.name.as_str().into()),
                ("right", outcome.is_right().into()),
                ("wrong", wrong),
            ]))?;
            continue;
        }
        let mark = if outcome.is_right() { "ok   " } else { "WRONG" };
        print(format!("  {mark} {}", plain(&outcome.case.name)))?;
        for wrong in &outcome.wrong {
            print(format!("        {}", plain(wrong)))?;
        }
    }
    Ok(())
}
