//! Problems of policies as people see them: what is wrong, the line, and a mark under the column.

use crate::show::{plain, source};
use prokura_decider::text::SetText;
use prokura_policy::pdp::EngineError;
use std::fmt;

/// A problem with the line at which it is.
pub(super) struct Placed<'a> {
    pub(super) problem: &'a EngineError,
    pub(super) text: Option<&'a SetText>,
    /// What sort of problem it is.
    pub(super) sort: &'static str,
}

impl fmt::Display for Placed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problem, text, sort } = self;
        write!(f, "{}: {sort}: {}", plain(&problem.place), told(&problem.why))?;
        let Some((file, line, column)) = split(&problem.place) else { return Ok(()) };
        let Some(shown) = text.and_then(|t| t.line(file, line)) else { return Ok(()) };
        // A tab would move the mark.
        let shown = shown.replace('\t', " ");
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "\n  {number} | {}", source(&shown))?;
        if let Some(column) = column.filter(|c| *c <= shown.chars().count() + 1) {
            write!(f, "\n  {margin} | {}^", " ".repeat(column.saturating_sub(1)))?;
        }
        Ok(())
    }
}

/// What is wrong, of which every further line stands below the first.
fn told(why: &str) -> String {
    why.lines().map(plain).collect::<Vec<_>>().join("\n    ")
}

/// `file:line:column` or `file:line`.
pub(super) fn split(place: &str) -> Option<(&str, usize, Option<usize>)> {
    let (before, last) = place.rsplit_once(':')?;
    let last = last.parse().ok()?;
    match before.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?))) {
        Some((file, line)) => Some((file, line, Some(last))),
        None => Some((before, last, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_config::PolicyLanguage;
    use prokura_decider::text::TextFile;

    #[test]
    fn a_problem_shows_its_line_and_a_mark_under_its_column() {
        let file = TextFile { name: "a.cedar".into(), text: "// one\n\tpermit(prinzipal);\n".into() };
        let text = SetText { language: PolicyLanguage::Cedar, files: vec![file], schema: None };
        let said = |place: &str| {
            let problem = EngineError { place: place.into(), why: "there is no `prinzipal`".into() };
            Placed { problem: &problem, text: Some(&text), sort: "error" }.to_string()
        };
        assert_eq!(
            said("a.cedar:2:9"),
            "a.cedar:2:9: error: there is no `prinzipal`\n  2 |  permit(prinzipal);\n    |         ^"
        );
        assert_eq!(said("a.cedar:2"), "a.cedar:2: error: there is no `prinzipal`\n  2 |  permit(prinzipal);");
        assert_eq!(said("b.cedar:2:1"), "b.cedar:2:1: error: there is no `prinzipal`");
        assert_eq!(said("staff"), "staff: error: there is no `prinzipal`");
    }
}
