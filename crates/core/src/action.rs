//! Actions: what is done at a resource.

use std::fmt;

/// What sort of thing is acted on (MCP: tools, resources, prompts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// A tool is called.
    Tool,
    /// A resource is read or watched.
    Resource,
    /// A prompt is fetched.
    Prompt,
}

impl ActionKind {
    /// The word before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Resource => "resource",
            Self::Prompt => "prompt",
        }
    }
}

/// One action: a kind and the exact name of the tool or prompt, or URI of the resource. Names are compared
/// byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// What sort of thing is acted on.
    pub kind: ActionKind,
    /// Its name or URI, exactly as the client sent it.
    pub name: String,
}

impl Action {
    /// A tool call.
    pub fn tool(name: impl Into<String>) -> Self {
        Self { kind: ActionKind::Tool, name: name.into() }
    }

    /// A resource read.
    pub fn resource(uri: impl Into<String>) -> Self {
        Self { kind: ActionKind::Resource, name: uri.into() }
    }

    /// A prompt fetch.
    pub fn prompt(name: impl Into<String>) -> Self {
        Self { kind: ActionKind::Prompt, name: name.into() }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.name)
    }
}

/// Which actions a scope bundles: `tool:read_report`, `resource:report/*`, `prompt:*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionPattern {
    kind: ActionKind,
    name: String,
    prefix: bool,
}

/// An action pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no action: write `tool:NAME`, `resource:URI` or `prompt:NAME`; a `*` may stand at the end only"
)]
pub struct InvalidAction(String);

impl ActionPattern {
    /// Reads a pattern from configuration.
    ///
    /// # Errors
    /// [`InvalidAction`] if the kind is unknown, the name empty, or a `*` stands elsewhere than at the end.
    pub fn parse(s: &str) -> Result<Self, InvalidAction> {
        let invalid = || InvalidAction(s.to_owned());
        let (kind, name) = s.split_once(':').ok_or_else(invalid)?;
        let kind = match kind {
            "tool" => ActionKind::Tool,
            "resource" => ActionKind::Resource,
            "prompt" => ActionKind::Prompt,
            _ => return Err(invalid()),
        };
        let (name, prefix) = name.strip_suffix('*').map_or((name, false), |n| (n, true));
        if name.contains('*') || (name.is_empty() && !prefix) {
            return Err(invalid());
        }
        Ok(Self { kind, name: name.to_owned(), prefix })
    }

    /// Whether some action is bundled by both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let begins = |a: &Self, b: &Self| a.prefix && b.name.starts_with(&a.name);
        self.kind == other.kind && (self.name == other.name || begins(self, other) || begins(other, self))
    }

    /// Whether `action` is one of those bundled.
    pub fn matches(&self, action: &Action) -> bool {
        self.kind == action.kind
            && if self.prefix { action.name.starts_with(&self.name) } else { action.name == self.name }
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.kind.as_str(), self.name, if self.prefix { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_bytes_and_never_folds_case_or_space() {
        let p = ActionPattern::parse("tool:read_report").unwrap();
        assert!(p.matches(&Action::tool("read_report")));
        for other in ["Read_report", "read_report ", "read_report\u{200b}", "read_reports", ""] {
            assert!(!p.matches(&Action::tool(other)), "{other:?}");
        }
        assert!(!p.matches(&Action::prompt("read_report")));
    }

    #[test]
    fn patterns_overlap_where_one_action_is_in_both() {
        let p = |text| ActionPattern::parse(text).unwrap();
        for (a, b, both) in [
            ("tool:read_*", "tool:read_report", true),
            ("tool:read_*", "tool:r*", true),
            ("tool:a", "tool:a", true),
            ("tool:a", "tool:ab", false),
            ("tool:a*", "tool:b*", false),
            ("tool:*", "prompt:*", false),
        ] {
            assert_eq!((p(a).overlaps(&p(b)), p(b).overlaps(&p(a))), (both, both), "{a} {b}");
        }
    }

    #[test]
    fn a_star_stands_at_the_end_only() {
        assert!(ActionPattern::parse("resource:report/*").unwrap().matches(&Action::resource("report/q3")));
        for bad in ["tool:", "tool", "file:x", "tool:*x", "tool:a*b", "tool:**"] {
            assert!(ActionPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
