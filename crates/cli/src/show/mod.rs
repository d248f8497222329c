//! How answers look: tables for people, JSON for machines, the chain always drawn the same way.

mod chain;
mod names;
mod steps;
mod table;
mod time;

pub(crate) use chain::{chain, outcome};
pub(crate) use names::Names;
pub(crate) use steps::{Steps, claims, whole};
pub(crate) use table::Table;
pub(crate) use time::{ahead, exact, moment, until};

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;

/// Prints what was asked for. A reader who has gone away wants no more.
#[allow(clippy::needless_pass_by_value, reason = "what is printed is done with")]
pub(crate) fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::refused(e)),
        _ => Ok(()),
    }
}

/// Prints an answer for machines, one line.
pub(crate) fn json(answer: &impl Serialize) -> Result<(), Failure> {
    print(serde_json::to_string(answer).map_err(Failure::refused)?)
}

/// An identifier, shortened in the middle.
pub(crate) fn short(id: &str) -> String {
    let letters: Vec<char> = id.chars().collect();
    if letters.len() <= 14 {
        return id.to_owned();
    }
    let (head, tail) = (&letters[..6], &letters[letters.len() - 4..]);
    format!("{}…{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// What came from outside, without what a terminal would obey or hide.
pub(crate) fn plain(text: &str) -> String {
    prokura_ui::Shown::name(text).to_string()
}
