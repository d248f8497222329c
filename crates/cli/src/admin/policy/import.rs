//! `prokura policy import`: Cedar on standard output, and what became of each rule on standard error.

use crate::failure::Failure;
use crate::show::{json, print};
use clap::Subcommand;
use prokura_engines::languages::{Carried, How, Imported, import_polar};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The language that is left
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Read Polar, the language of Oso's deprecated library, and write Cedar
    Polar {
        /// The file
        file: PathBuf,
        /// Print one object with the Cedar and the report
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    place: &'a str,
    rule: &'a str,
    outcome: &'static str,
    policies: usize,
    given: &'a [String],
    because: Option<&'a str>,
}

#[derive(Serialize)]
struct Report<'a> {
    cedar: &'a str,
    rules: Vec<Line<'a>>,
}

impl<'a> Line<'a> {
    fn of(carried: &'a Carried) -> Self {
        let (outcome, policies, given, because) = match &carried.how {
            How::Over(policies, given) => ("carried over", *policies, given.as_slice(), None),
            How::Within => ("within others", 0, &[][..], None),
            How::ByHand(why) => ("by hand", 0, &[][..], Some(why.as_str())),
        };
        Self { place: &carried.place, rule: &carried.rule, outcome, policies, given, because }
    }
}

impl ImportCommand {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let Self::Polar { file, json: as_json } = self;
        let text =
            std::fs::read_to_string(file).map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?;
        let imported = import_polar(&named(file), &text).map_err(Failure::usage)?;
        if *as_json {
            let rules = imported.report.iter().map(Line::of).collect();
            json(&Report { cedar: &imported.cedar, rules })?;
        } else {
            imported.report.iter().map(Line::of).for_each(|line| tell(&line));
            print(imported.cedar.trim_end())?;
        }
        whole(&imported)
    }
}

fn named(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

fn tell(line: &Line<'_>) {
    let outcome = match line.policies {
        0 | 1 => line.outcome.to_owned(),
        many => format!("{} ({many})", line.outcome),
    };
    eprintln!("{:<24} {outcome:<18} {}", line.place, line.rule);
    line.given.iter().for_each(|given| eprintln!("{:24} given that {given}", ""));
    if let Some(why) = line.because {
        eprintln!("{:24} because {why}", "");
    }
}

/// A script must see that something is left to do.
fn whole(imported: &Imported) -> Result<(), Failure> {
    let by_hand = imported.report.iter().filter(|c| matches!(c.how, How::ByHand(_))).count();
    match by_hand {
        0 => Ok(()),
        left => Err(Failure::refused(format!(
            "{left} of {} are left to be carried over by hand; they stand as comments in the Cedar",
            imported.report.len()
        ))),
    }
}
