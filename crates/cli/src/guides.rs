//! What the pages tell people to type is taken: commands, configurations, policies, tables of cases.

use crate::args::Prokura;
use clap::Parser;
use clap::error::ErrorKind;
use prokura_config::{Config, ConfigError, PolicyLanguage};
use prokura_decider::languages;
use prokura_decider::text::{SetText, TextFile};
use prokura_engines::table::Table as Cases;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A block of a page, or a piece of its prose that is written as code.
struct Block {
    place: String,
    language: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
}

/// Every page that is for those who use it.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    pages_below(&root().join("docs"), &mut pages);
    pages_below(&root().join("examples"), &mut pages);
    pages.retain(|p| !p.components().any(|c| c.as_os_str() == "decisions"));
    pages.sort();
    pages
}

/// The fenced blocks of all pages; prose has the language `prose`.
fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks_of(page, &std::fs::read_to_string(page).unwrap())).collect()
}

fn blocks_of(page: &Path, text: &str) -> Vec<Block> {
    let name = page.strip_prefix(root()).unwrap().display().to_string();
    let block = |line: usize, language: &str| Block {
        place: format!("{name}:{line}"),
        language: language.to_owned(),
        text: String::new(),
    };
    let mut blocks = vec![block(1, "prose")];
    let mut fenced = false;
    for (n, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fenced = !fenced;
            blocks.push(block(n + 2, if fenced { language } else { "prose" }));
        } else {
            let last = blocks.last_mut().unwrap();
            last.text += line;
            last.text += "\n";
        }
    }
    blocks
}

fn all_is_well(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} to mend:\n{}", wrong.len(), wrong.join("\n"));
}

/// The words of each simple command of a script: as a shell has them, without what they are given and where it goes.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let (mut word, mut begun, mut quote) = (String::new(), false, None);
    let text = script.replace("\\\n", " ");
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (None, '#') if !begun => while letters.next_if(|c| *c != '\n').is_some() {},
            (None, c) if c.is_whitespace() || "|;&()<>".contains(c) => {
                if std::mem::take(&mut begun) {
                    all.last_mut().unwrap().push(std::mem::take(&mut word));
                }
                if !c.is_whitespace() || c == '\n' {
                    all.push(Vec::new());
                }
            }
            (None, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    all.last_mut().unwrap().extend(begun.then_some(word));
    all
}

/// Those commands that are ours.
fn ours(script: &str) -> impl Iterator<Item = Vec<String>> {
    let set = |word: &String| word.split_once('=').is_some_and(|(name, _)| !name.contains('-'));
    commands(script).into_iter().filter_map(move |words| {
        let words: Vec<_> = words.into_iter().skip_while(|w| set(w) || w == "$").collect();
        (words.first().is_some_and(|w| w == "prokura" || w.ends_with("/prokura"))).then_some(words)
    })
}

#[test]
fn every_command_that_a_page_shows_is_one() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for block in blocks().iter().filter(|b| ["sh", "console", ""].contains(&b.language.as_str())) {
        for words in ours(&block.text) {
            seen += 1;
            if let Err(e) = Prokura::try_parse_from(&words)
                && !matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
            {
                wrong.push(format!("{}: {}\n{e}", block.place, words.join(" ")));
            }
        }
    }
    all_is_well(&wrong);
    assert!(seen > 100, "only {seen} commands were found");
}

#[test]
fn every_command_that_prose_names_is_one() {
    let unfinished = [
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
    ];
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for block in blocks().iter().filter(|b| b.language == "prose") {
        for code in block.text.split('`').skip(1).step_by(2).filter(|c| c.starts_with("prokura ")) {
            seen += 1;
            // A name in capitals stands for what the reader puts there.
            for words in ours(&code.replace('\n', " ").replace("NUMBER", "1")) {
                if let Err(e) = Prokura::try_parse_from(&words)
                    && !unfinished.contains(&e.kind())
                {
                    wrong.push(format!("{}: {code}\n{e}", block.place));
                }
            }
        }
    }
    all_is_well(&wrong);
    assert!(seen > 50, "only {seen} commands were found");
}

/// The tables of which there are several: `[resource.tools.x]` goes on with one that stood before.
const SEVERAL: [&str; 3] = ["resource", "identity_provider", "authorization_server"];

/// What is wrong with a configuration that a page shows; of a part of one, what no other part can mend.
fn wrong(text: &str) -> Option<String> {
    let mut table: Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(e) => return Some(e.to_string()),
    };
    if table.contains_key("database") && (table.contains_key("issuer") || table.contains_key("address")) {
        return Config::parse(text).err().map(|e| e.to_string());
    }
    let first = text.lines().find(|l| !l.trim().is_empty() && !l.starts_with('#'));
    if !first.is_some_and(|l| l.starts_with('[')) && !table.contains_key("issuer") {
        // The inside of a table that stands further up on the page.
        return None;
    }
    for key in SEVERAL {
        if let Some(Value::Table(begun)) = table.get_mut(key) {
            let one = Value::Table(std::mem::take(begun));
            table.insert(key.to_owned(), Value::Array(vec![one]));
        }
    }
    for (key, value) in [("issuer", "http://localhost:9400"), ("database", "sqlite:prokura.db")] {
        table.entry(key).or_insert(value.into());
    }
    match Config::parse(&toml::to_string(&table).unwrap()).err()? {
        ConfigError::Syntax { message, .. } if message.starts_with("missing field") => None,
        ConfigError::Value { reason, .. } if ELSEWHERE.iter().any(|begins| reason.starts_with(begins)) => {
            None
        }
        error => Some(error.to_string()),
    }
}

/// How it begins when a part speaks of another that is not shown beside it.
const ELSEWHERE: [&str; 4] =
    ["there is no ", "it has no scopes", "no scope opens", "no client of this id may ask"];

#[test]
fn every_configuration_that_a_page_shows_is_taken() {
    let (mut all, mut seen) = (Vec::new(), 0);
    for block in blocks().iter().filter(|b| b.language == "toml" && !b.text.contains("[dependencies]")) {
        seen += 1;
        let found = if block.text.contains("[[cases]]") {
            Cases::read("page.toml", &block.text).err().map(|e| e.to_string())
        } else {
            wrong(&block.text)
        };
        all.extend(found.map(|e| format!("{}: {e}", block.place)));
    }
    all_is_well(&all);
    assert!(seen > 50, "only {seen} configurations were found");
}

#[test]
fn every_policy_that_a_page_shows_is_taken() {
    let languages = [PolicyLanguage::Cedar, PolicyLanguage::Rego, PolicyLanguage::Polar];
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for block in blocks() {
        let Some(language) = languages.iter().find(|l| l.as_str() == block.language) else { continue };
        seen += 1;
        let name = format!("page.{}", block.language);
        let package = *language == PolicyLanguage::Rego && !block.text.contains("package ");
        let text = if package { format!("package prokura\n{}", block.text) } else { block.text };
        let set = SetText { language: *language, files: vec![TextFile { name, text }], schema: None };
        if let Err(problems) = languages::check("page", &set) {
            wrong.extend(problems.iter().map(|p| format!("{}: {}: {}", block.place, p.place, p.why)));
        }
    }
    all_is_well(&wrong);
    assert!(seen > 8, "only {seen} policies were found");
}
