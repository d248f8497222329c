//! Which test shows which row of the attack matrix. The rows stand in `tests/attacks.toml`; tests are named by theirs.

use crate::seeded;
use crate::workspace::File;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const ROWS: &str = "tests/attacks.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    /// The names of the sections, by letter.
    section: BTreeMap<String, String>,
    /// What is tried, by row.
    row: BTreeMap<String, String>,
    /// Why a row has no test.
    without: BTreeMap<String, String>,
}

/// A test that is named by its row.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown<'a> {
    row: &'a str,
    test: &'a str,
    path: &'a str,
}

/// The page.
pub(super) fn page(files: &[File]) -> Result<String> {
    let list = files.iter().find(|f| f.path == ROWS).with_context(|| format!("{ROWS} is missing"))?;
    let matrix: Matrix = toml::from_str(&list.text).context(ROWS)?;
    let shown: BTreeSet<Shown<'_>> = files.iter().filter(|f| f.is_rust()).flat_map(tests).collect();
    matrix.fits(&shown)?;
    let bugs = seeded::bugs(files)?;
    let mut caught: BTreeMap<&str, usize> = BTreeMap::new();
    for bug in &bugs {
        *caught.entry(bug.test_name()).or_default() += 1;
    }
    Ok(matrix.page(&shown, &caught))
}

impl Matrix {
    fn fits(&self, shown: &BTreeSet<Shown<'_>>) -> Result<()> {
        if let Some(stray) = shown.iter().find(|s| !self.row.contains_key(s.row)) {
            bail!("{}: {} is named by a row that {ROWS} does not have", stray.path, stray.test);
        }
        if let Some(row) = self.without.keys().find(|r| shown.iter().any(|s| s.row == **r)) {
            bail!("{ROWS}: {row} has a test and a reason to have none");
        }
        let is_told = |r: &&String| self.without.contains_key(*r) || shown.iter().any(|s| s.row == **r);
        if let Some(row) = self.row.keys().find(|r| !is_told(r)) {
            bail!("{ROWS}: {row} has neither a test nor a reason to have none");
        }
        Ok(())
    }

    fn page(&self, shown: &BTreeSet<Shown<'_>>, caught: &BTreeMap<&str, usize>) -> String {
        let tested = self.row.len() - self.without.len();
        let mut page = format!(
            "# Attacks and the tests that show them refused\n\n\
             Generated from `{ROWS}` and the names of the tests by `cargo xtask generate`: {tested} of {} rows have a\n\
             test. *Bugs* says how many bugs are seeded for a test in `tests/seeded`, each of which it has to catch\n\
             (`cargo xtask seeded`).\n",
            self.row.len()
        );
        for (letter, name) in &self.section {
            page.push_str(&format!(
                "\n## {}. {name}\n| Row | Attack | Test | Bugs |\n|-|-|-|-|\n",
                letter.to_uppercase()
            ));
            for (row, title) in self.row.iter().filter(|(row, _)| row.starts_with(letter.as_str())) {
                page.push_str(&self.lines(row, title, shown, caught));
            }
        }
        page
    }

    fn lines(
        &self,
        row: &str,
        title: &str,
        shown: &BTreeSet<Shown<'_>>,
        caught: &BTreeMap<&str, usize>,
    ) -> String {
        let number = row.to_uppercase();
        if let Some(why) = self.without.get(row) {
            return format!("| {number} | {title} | *none: {why}* | |\n");
        }
        let mut lines = String::new();
        for (n, s) in shown.iter().filter(|s| s.row == row).enumerate() {
            let (number, title) = if n == 0 { (number.as_str(), title) } else { ("", "") };
            let bugs = caught.get(s.test).map(ToString::to_string).unwrap_or_default();
            lines.push_str(&format!("| {number} | {title} | [`{}`](../{}) | {bugs} |\n", s.test, s.path));
        }
        lines
    }
}

/// The tests of a file whose names begin with a row.
fn tests(file: &File) -> Vec<Shown<'_>> {
    file.text.lines().filter_map(function).map(|(row, test)| Shown { row, test, path: &file.path }).collect()
}

/// The row and the name of a test, if one begins on this line.
fn function(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("pub(crate) ").unwrap_or(rest);
    let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
    let name = rest.split('(').next()?;
    row(name).map(|row| (row, name))
}

/// `e05` of `e05_batch`.
fn row(name: &str) -> Option<&str> {
    let bytes = name.as_bytes();
    let is_row = bytes.len() > 4
        && bytes[0].is_ascii_lowercase()
        && bytes[1..3].iter().all(u8::is_ascii_digit)
        && bytes[3] == b'_';
    is_row.then(|| &name[..3])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: &str =
        "[section]\na = \"Tokens\"\n[row]\na01 = \"theft\"\na02 = \"loss\"\n[without]\na02 = \"later\"\n";
    const TEST: &str = "    async fn a01_stolen() {\n";

    fn page_of(matrix: &str, test: &str) -> Result<String> {
        let bug = "[[bug]]\nrow = \"a01\"\nfile = \"x\"\nfind = \"a\"\nreplace = \"b\"\ntest = \"c:t:a01_stolen\"\n";
        let files = [(ROWS, matrix), ("crates/c/tests/t.rs", test), ("tests/seeded/c.toml", bug)];
        super::page(&files.map(|(path, text)| File { path: path.into(), text: text.into() }))
    }

    #[test]
    fn a_row_shows_its_tests_and_their_bugs_or_why_it_has_none() {
        let page = page_of(MATRIX, TEST).unwrap();
        assert!(page.contains("1 of 2 rows"), "{page}");
        assert!(page.contains("| A01 | theft | [`a01_stolen`](../crates/c/tests/t.rs) | 1 |\n"), "{page}");
        assert!(page.contains("| A02 | loss | *none: later* | |\n"), "{page}");
    }

    #[test]
    fn rows_and_tests_must_know_each_other() {
        let said = |matrix: &str, test: &str| page_of(matrix, test).unwrap_err().to_string();
        assert!(said(MATRIX, "fn a03_x() {").contains("a03_x"));
        assert!(said(MATRIX, "").contains("a01 has neither"));
        assert!(said(MATRIX, &format!("{TEST}fn a02_x() {{")).contains("a02 has a test and"));
    }

    #[test]
    fn only_rows_are_rows() {
        assert_eq!(
            ["a01_x", "b1_x", "json", "a01x_", "x509_a"].map(row),
            [Some("a01"), None, None, None, None]
        );
    }
}
