//! How answers look: tables for people, JSON for machines, the chain always drawn the same way.

mod chain;
mod names;
mod steps;
mod table;
mod time;

pub(crate) use chain::{chain, outcome};
pub(crate) use names::Names;
pub(crate) use steps::{Steps, claims};
pub(crate) use table::Table;
pub(crate) use time::{ahead, exact, moment, until};

use crate::failure::Failure;
use prokura_ui::Shown;
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

/// What came from outside, without what a terminal would obey or hide. All of it: what was cut off could be what matters.
pub(crate) fn plain(text: &str) -> String {
    Shown::whole(text).to_string()
}

/// A value exactly: what of it would not show is written out.
pub(crate) fn value(text: &str) -> String {
    Shown::exact(text).to_string()
}

/// A line of a file as it stands there; in the place of what would not show, a mark, so that columns stay.
pub(crate) fn source(line: &str) -> String {
    let mut letter = [0; 4];
    let shows = |c: char, letter: &mut [u8; 4]| {
        let one: &str = c.encode_utf8(letter);
        matches!(c, ' ' | '\t') || Shown::exact(one).as_str() == one
    };
    line.chars().map(|c| if shows(c, &mut letter) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cut_off_and_nothing_reaches_the_terminal() {
        let long = "x".repeat(300);
        assert_eq!((plain(&long), value(&long), source(&long)), (long.clone(), long.clone(), long));
        assert_eq!(plain("a\u{1b}[31m\u{202e}b"), "a[31mb");
        assert_eq!(value("a\u{200b} b"), "a\\u{200b} b");
        assert_eq!(source("\tif a  == \"\u{1b}\u{202e}b\\d\";"), "\tif a  == \"\u{fffd}\u{fffd}b\\d\";");
    }
}
