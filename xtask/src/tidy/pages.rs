//! What pages point at is there: files, headings, places in the source.

use crate::workspace::File;
use std::collections::{BTreeMap, BTreeSet};

/// What pages point at and is not there.
pub(super) fn broken(files: &[File]) -> Vec<String> {
    let paths: BTreeSet<&str> = files.iter().map(|f| f.path.as_str()).collect();
    let pages: BTreeMap<&str, &File> = files.iter().filter(is_page).map(|f| (f.path.as_str(), f)).collect();
    let there = |path: &str| {
        let within = format!("{}/", path.trim_end_matches('/'));
        paths.contains(path)
            || crate::workspace::root().join(path).is_file()
            || paths.iter().any(|p| p.starts_with(&within))
    };
    let mut broken = Vec::new();
    for page in pages.values() {
        let prose = prose(&page.text);
        for (at, link) in links(&prose) {
            let (path, heading) = target(&page.path, link);
            let known = heading.is_empty()
                || pages.get(path.as_str()).is_none_or(|to| headings(&to.text).contains(heading));
            if !there(&path) || !known {
                broken.push(format!("{}:{}: `{link}` leads nowhere", page.path, line_of(&prose, at)));
            }
        }
        for (at, source) in sources(&prose) {
            let end = format!("/{source}");
            if !paths.iter().any(|p| *p == source || p.ends_with(&end)) {
                broken.push(format!("{}:{}: there is no `{source}`", page.path, line_of(&prose, at)));
            }
        }
    }
    broken
}

/// The number of the line that has the byte.
fn line_of(prose: &str, at: usize) -> usize {
    prose[..at].matches('\n').count() + 1
}

fn is_page(file: &&File) -> bool {
    file.path.ends_with(".md")
}

/// The text with what stands in fences blanked, so that places stay.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.split_inclusive('\n').map(|line| {
        let fence = line.trim_start().starts_with("```");
        let keep = !fenced && !fence;
        fenced ^= fence;
        if keep { line.to_owned() } else { line.replace(|c| c != '\n', " ") }
    });
    lines.collect()
}

/// Links to something of ours, and where they stand.
fn links(prose: &str) -> impl Iterator<Item = (usize, &str)> {
    prose.match_indices("](").filter_map(|(at, _)| {
        let (link, _) = prose[at + 2..].split_once(')')?;
        let foreign = link.contains(':') || link.contains(char::is_whitespace);
        (!foreign && !link.is_empty()).then_some((at, link))
    })
}

/// The file that a link on a page leads to, and the heading there.
fn target<'a>(page: &str, link: &'a str) -> (String, &'a str) {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() {
        return (page.to_owned(), heading);
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    (parts.join("/"), heading)
}

/// The names by which headings of a page are linked to.
fn headings(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let titles = prose.lines().filter(|l| l.starts_with('#')).map(|l| l.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    titles.map(|t| t.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// Files of Rust that are named with their folder, and where.
fn sources(prose: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    prose.split('`').filter_map(move |piece| {
        let here = at;
        at += piece.len() + 1;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
        let file = piece.ends_with(".rs") && piece.contains('/') && piece.chars().all(plain);
        file.then_some((here, piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pages: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> =
            pages.iter().map(|(p, t)| File { path: (*p).into(), text: (*t).into() }).collect();
        broken(&files)
    }

    #[test]
    fn a_link_leads_to_a_file_a_folder_or_a_heading() {
        let page = "[a](../b.md#two-words) [c](#one) [d](d/) [e](https://x.example/f.md)\n# One\n";
        let there = [("a/p.md", page), ("b.md", "## Two `words`\n"), ("a/d/e.rs", "")];
        assert_eq!(found(&there), Vec::<String>::new());
        assert_eq!(found(&[("a/p.md", "\n[a](b.md)")]), ["a/p.md:2: `b.md` leads nowhere"]);
        let gone = [("p.md", "[a](b.md#three)"), ("b.md", "```\n# three\n```\n")];
        assert_eq!(found(&gone), ["p.md:1: `b.md#three` leads nowhere"]);
    }

    #[test]
    fn a_source_that_is_named_with_its_folder_is_there() {
        let there = [("p.md", "in `core/src/a.rs`, `a.rs` and `*/b.rs`"), ("crates/core/src/a.rs", "")];
        assert_eq!(found(&there), Vec::<String>::new());
        assert_eq!(found(&[("p.md", "`core/src/a.rs`")]), ["p.md:1: there is no `core/src/a.rs`"]);
    }
}
