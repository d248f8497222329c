//! Bugs put in on purpose, one at a time, each of which a named test must catch.

mod copy;
mod hunt;

use crate::report::table;
use crate::workspace::{File, files, root};
use anyhow::{Context, Result, ensure};
use hunt::{Hunt, Verdict};
use serde::Deserialize;

/// A bug to put in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bug {
    /// The row of the attack matrix, or the promise, that it breaks.
    pub(crate) row: String,
    /// Where it goes, relative to the root.
    file: String,
    /// What stands there now, exactly once.
    find: String,
    /// What takes its place.
    replace: String,
    /// Who must catch it: `package:target:name`.
    test: String,
}

#[derive(Deserialize)]
struct List {
    bug: Vec<Bug>,
}

impl Bug {
    /// Package, target, and the name of the test without its modules.
    fn test(&self) -> Result<(&str, &str, &str)> {
        let mut parts = self.test.splitn(3, ':');
        let mut next = || parts.next().filter(|p| !p.is_empty());
        let named = next().zip(next()).zip(next()).map(|((package, target), name)| (package, target, name));
        named.with_context(|| format!("{}: not `package:target:name`", self.test))
    }

    /// The name of the test alone.
    pub(crate) fn test_name(&self) -> &str {
        self.test.rsplit(':').next().unwrap_or_default()
    }

    /// The file with the bug in it.
    fn put_into(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.find).count() {
            1 if self.find != self.replace => Ok(text.replacen(&self.find, &self.replace, 1)),
            1 => Err("it changes nothing".to_owned()),
            n => Err(format!("`{}` stands {n} times in {}", self.find.trim(), self.file)),
        }
    }

    /// Why it cannot be put in and caught, as far as can be seen without a compiler.
    fn trouble(&self, files: &[File]) -> Option<String> {
        let file = files.iter().find(|f| f.path == self.file);
        let Some(file) = file else { return Some(format!("there is no {}", self.file)) };
        if let Err(why) = self.put_into(&file.text) {
            return Some(why);
        }
        let Ok((package, target, name)) = self.test() else { return Some(format!("{}: no test", self.test)) };
        let Some(home) = home(package, files) else { return Some(format!("there is no package {package}")) };
        let place = match target {
            "lib" | "bin" => format!("{home}/src/"),
            other => format!("{home}/tests/{other}"),
        };
        let head = format!("fn {name}(");
        let exists = files.iter().any(|f| f.path.starts_with(&place) && f.text.contains(&head));
        (!exists).then(|| format!("there is no test {}", self.test))
    }
}

/// The folder of a package.
fn home<'a>(package: &str, files: &'a [File]) -> Option<&'a str> {
    let line = format!("name = \"{package}\"\n");
    let manifest = |f: &&File| f.path.ends_with("/Cargo.toml") && f.text.contains(&line);
    files.iter().find(manifest).map(File::home)
}

/// All bugs, in the order of the files that list them.
pub(crate) fn bugs(files: &[File]) -> Result<Vec<Bug>> {
    let mut bugs = Vec::new();
    for list in files.iter().filter(|f| f.path.starts_with("tests/seeded/") && f.path.ends_with(".toml")) {
        let parsed: List = toml::from_str(&list.text).with_context(|| list.path.clone())?;
        bugs.extend(parsed.bug);
    }
    Ok(bugs)
}

/// `cargo xtask seeded`.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    let checks_only = words.iter().any(|w| w == "--check");
    let prefixes: Vec<&String> = words.iter().filter(|w| !w.starts_with("--")).collect();
    let files = files(&root())?;
    let mut bugs = bugs(&files)?;
    bugs.retain(|b| prefixes.is_empty() || prefixes.iter().any(|p| b.row.starts_with(*p)));
    ensure!(!bugs.is_empty(), "no bug has such a row");
    let troubles = troubles(&bugs, &files);
    troubles.iter().for_each(|line| println!("{line}"));
    if checks_only || !troubles.is_empty() {
        println!("{} passed, {} failed", bugs.len() - troubles.len(), troubles.len());
        return Ok(troubles.is_empty());
    }
    hunt(&bugs)
}

fn troubles(bugs: &[Bug], files: &[File]) -> Vec<String> {
    bugs.iter().filter_map(|b| b.trouble(files).map(|why| format!("{}: {why}", b.row))).collect()
}

fn hunt(bugs: &[Bug]) -> Result<bool> {
    let hunt = Hunt::begin(&root(), bugs)?;
    let mut rows = Vec::new();
    for (n, bug) in bugs.iter().enumerate() {
        let verdict = hunt.seek(bug)?;
        println!("{:>3}/{} {:<8} {:<60} {}", n + 1, bugs.len(), bug.row, bug.test_name(), verdict.word());
        rows.push((bug, verdict));
    }
    let missed: Vec<_> = rows.iter().filter(|(_, v)| *v != Verdict::Caught).collect();
    let row = |(bug, verdict): &&(&Bug, Verdict)| {
        [&bug.row, &bug.file, bug.find.trim(), verdict.word()].map(|s| s.replace('\n', " ")).to_vec()
    };
    print!("\n{}", table(&missed.iter().map(row).collect::<Vec<_>>()));
    println!("{} passed, {} failed", rows.len() - missed.len(), missed.len());
    Ok(missed.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seeded_bug_can_be_put_in_and_its_test_exists() {
        let files = files(&root()).unwrap();
        let bugs = bugs(&files).unwrap();
        assert!(bugs.len() > 100);
        assert_eq!(troubles(&bugs, &files), Vec::<String>::new());
    }

    fn bug(find: &str, test: &str) -> Bug {
        let [row, file, replace] = ["a01", "crates/core/src/x.rs", "c"].map(str::to_owned);
        Bug { row, file, find: find.into(), replace, test: test.into() }
    }

    const NAME: &str = "[package]\nname = \"prokura-core\"\n";

    fn core(path: &str, text: &str) -> File {
        File { path: format!("crates/core/{path}"), text: text.into() }
    }

    #[test]
    fn what_stands_twice_or_never_is_no_place_for_a_bug() {
        let files = [core("src/x.rs", "a b b"), core("tests/t/m.rs", "fn n() {"), core("Cargo.toml", NAME)];
        let trouble = |find| bug(find, "prokura-core:t:n").trouble(&files);
        assert_eq!(trouble("a"), None);
        assert_eq!(trouble("b").as_deref(), Some("`b` stands 2 times in crates/core/src/x.rs"));
        assert_eq!(trouble("d").as_deref(), Some("`d` stands 0 times in crates/core/src/x.rs"));
    }

    #[test]
    fn a_test_is_looked_for_where_it_is_said_to_be() {
        let files =
            [core("src/x.rs", "a fn unit() {"), core("tests/t.rs", "fn n() {"), core("Cargo.toml", NAME)];
        let trouble = |test| bug("a", test).trouble(&files);
        assert_eq!(trouble("prokura-core:t:n"), None);
        assert_eq!(trouble("prokura-core:lib:unit"), None);
        assert!(trouble("prokura-core:t:unit").is_some());
        assert!(trouble("prokura-other:t:n").is_some());
        assert!(trouble("prokura-core:n").is_some());
    }
}
