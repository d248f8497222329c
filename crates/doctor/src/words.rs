//! The report for people.

use crate::group::{Group, Level};
use crate::report::{Finding, Protection, Report};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Text of the other side as it may stand on a terminal: escaped, at most 120 characters, in backquotes.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 120;
    let mut letters = text.chars();
    let shown: String = letters.by_ref().take(MOST).flat_map(escaped).collect();
    if letters.next().is_some() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

/// What a terminal would obey, or a reader not see, is written out.
fn escaped(c: char) -> Box<dyn Iterator<Item = char>> {
    let unseen =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    if c.is_control() || unseen { Box::new(c.escape_default()) } else { Box::new(std::iter::once(c)) }
}

/// Whether the content is a web page.
pub(crate) fn looks_like_a_page(body: &[u8]) -> bool {
    let head = body.get(..512).unwrap_or(body);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.contains("<!doctype html") || head.contains("<html")
}

/// The report as text, the verdict first.
pub fn text(report: &Report) -> String {
    let mut out = verdict(report);
    if let Some(trouble) = &report.trouble {
        let _ = write!(out, "\n  {}\n  To mend it: {}\n", trouble.what, trouble.mend);
    } else {
        out.push_str(&facts(report));
    }
    for group in groups(report) {
        let _ = write!(out, "\n{}\n", group.title());
        for finding in report.findings.iter().filter(|f| f.check.row().group == group) {
            out.push_str(&one(finding));
        }
    }
    if report.trouble.is_none() {
        out.push_str(&unseen(report));
    }
    out.truncate(out.trim_end().len());
    out
}

fn verdict(report: &Report) -> String {
    let (must, should) = (report.count(Level::Must), report.count(Level::Should));
    let url = &report.url;
    let rules = |n| if n == 1 { "1 rule".to_owned() } else { format!("{n} rules") };
    match (&report.trouble, must, should) {
        (Some(_), ..) => format!("{url} could not be examined."),
        (None, 0, 0) => format!("{url} is right, as far as could be seen."),
        (None, 0, n) => format!("{url} keeps what it must, and breaks {} that it should keep.", rules(n)),
        (None, m, 0) => format!("{url} breaks {} that it must keep.", rules(m)),
        (None, m, n) => format!("{url} breaks {} that it must keep, and {n} that it should.", rules(m)),
    }
}

fn facts(report: &Report) -> String {
    let mut parts = vec![match report.protection {
        Protection::Token => "It asks for a token".to_owned(),
        Protection::Open => "It asks for no token".to_owned(),
        Protection::Unknown => "Whether it asks for a token was not seen".to_owned(),
    }];
    if !report.issuers.is_empty() {
        parts.push(format!("names {} to get one", report.issuers.join(" and ")));
    }
    if !report.versions.is_empty() {
        parts.push(format!("speaks MCP {}", report.versions.join(", ")));
    }
    format!(
        "\n{}. {} checks held, {} requests were made.\n",
        parts.join(", "),
        report.held.len(),
        report.requests
    )
}

fn groups(report: &Report) -> Vec<Group> {
    let mut all: Vec<_> = report.findings.iter().map(|f| f.check.row().group).collect();
    all.dedup();
    all
}

fn one(finding: &Finding) -> String {
    let row = finding.check.row();
    let rows = [
        ("at", finding.at.as_str()),
        ("expected", finding.expected.as_str()),
        ("received", finding.received.as_str()),
        ("section", row.section),
        ("mend", row.mend),
    ];
    let mut out = format!("  {:<7} {} ({})\n", row.level.to_string(), row.holds, row.id);
    for (name, value) in rows {
        let _ = writeln!(out, "          {name:<9} {value}");
    }
    out
}

/// What could not be seen, by reason.
fn unseen(report: &Report) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (check, why) in &report.unseen {
        reasons.entry(why).or_default().push(check.id());
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut out = "\nNot seen\n".to_owned();
    for (why, checks) in reasons {
        let shown = if checks.len() > 3 { format!("{} checks", checks.len()) } else { checks.join(", ") };
        let _ = writeln!(out, "  {shown}: {why}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Trouble;
    use crate::table::Check;

    fn report() -> Report {
        Report {
            url: "https://mcp.example/mcp".into(),
            trouble: None,
            protection: Protection::Token,
            issuers: vec!["https://as.example".into()],
            versions: vec!["2026-07-28".into()],
            findings: Vec::new(),
            held: vec![Check::Https],
            unseen: Vec::new(),
            requests: 40,
        }
    }

    #[test]
    fn what_a_tired_person_reads() {
        let found = |check, received: &str| Finding {
            check,
            at: "https://mcp.example/mcp".into(),
            expected: "`https://mcp.example/mcp`".into(),
            received: received.into(),
        };
        let mut flawed = report();
        flawed.findings = vec![
            found(Check::ChallengeScope, "no `scope`"),
            found(Check::ResourceIdentity, "`https://mcp.example`"),
            found(Check::ResourceForm, "x"),
        ];
        let why = "a token is needed";
        flawed.unseen =
            vec![(Check::TokenWorks, why.into()), (Check::TokenQuery, why.into()), (Check::Get, "x".into())];
        let trouble = Trouble { word: "tls", what: "no TLS".into(), mend: "renew it".into() };
        let unreachable = Report { trouble: Some(trouble), held: Vec::new(), ..report() };
        let all = [report(), flawed, unreachable].map(|r| text(&r)).join("\n=====\n");
        insta::assert_snapshot!(all);
    }

    #[test]
    fn what_a_server_says_cannot_steer_the_terminal() {
        assert_eq!(quoted("a\u{1b}[2Jb\n\u{202e}"), "`a\\u{1b}[2Jb\\n\\u{202e}`");
        assert!(quoted(&"é".repeat(1000)).chars().count() < 130);
    }
}
